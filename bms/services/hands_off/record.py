"""The words of people on their way to the database, and what others have said there since.

A word stands from the moment in which it is on disk beside the journal. The database is told by
whoever takes the word, or by a later tick; telling it twice is telling it once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from bms.errors import GuardError, NotFound, StoreError, StoreUnavailable
from bms.model.clock_reading import ClockReading
from bms.model.control.command import ReleaseReceipt
from bms.model.control.hands_off import HandsOff, SiteMode, SpokenWord, TakenBack
from bms.services.control.ports import ControlPorts
from bms.services.control.trial_block import end_trials
from bms.services.evidence.receipts import record_receipts, unrecorded
from bms.services.off_loop import off_loop

log = logging.getLogger(__name__)

PATIENCE_S = 1.0
"""How long the answer to a person waits for the database [s, real]."""
LONG_OVER = timedelta(days=2)
"""After its end a mark is kept as long: until then the clock may be put back."""

_under_way: set[asyncio.Future[None]] = set()


async def put_on_record(
    ports: ControlPorts,
    words: Iterable[SpokenWord],
    receipts: Sequence[ReleaseReceipt] = (),
    *,
    now: datetime,
    patience_s: float = PATIENCE_S,
) -> bool:
    """Tell the database what was said and done; whether it has these words now.

    After ``patience_s`` [s] the answer is False, and telling goes on in the background. A database
    that is away is logged; the ticks tell it later.
    """

    def work() -> None:
        try:
            record_words(ports)
            ports.ledgers.add_receipts(receipts, now)
        except StoreError:
            ports.journal.note([unrecorded(each, now) for each in receipts])
            raise

    def missing() -> bool:
        waiting = {word.key for word in ports.hands_off.unrecorded()}
        return any(word.key in waiting for word in words)

    task = asyncio.ensure_future(off_loop(work))
    _under_way.add(task)
    task.add_done_callback(_said)
    await asyncio.wait({task}, timeout=patience_s)
    return task.done() and not await off_loop(missing)


def _said(task: asyncio.Future[None]) -> None:
    _under_way.discard(task)
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("what people said stands, but is not in the database yet: %s", error)


async def keep_words(ports: ControlPorts, now: datetime) -> None:
    """A tick: put the journal and the marks back where their files are lost, tell the database what
    it lacks of words and receipts, and follow what was said there since."""
    try:
        await off_loop(ports.journal.keep)
    except GuardError as error:
        log.error("%s", error)
    try:
        await off_loop(ports.hands_off.keep)
    except GuardError as error:
        log.error("what people said stands, but is not on the disk yet: %s", error)
    try:
        await off_loop(record_words, ports)
        await off_loop(follow_database, ports, now)
        await off_loop(record_receipts, ports.ledgers, ports.journal)
    except (StoreError, GuardError) as error:
        log.error("what people said stands, but is not in the database yet: %s", error)


def record_words(ports: ControlPorts) -> None:
    """Tell the database every word that it lacks, in their order. One that it refuses waits for the
    next round, with what else was said of its mark, and spares the others.

    Raises ``StoreUnavailable`` where the database is away, ``GuardError`` where the marks cannot be
    read.
    """
    done: list[str] = []
    refused: set[str] = set()
    try:
        for word in ports.hands_off.unrecorded():
            if word.mark.id in refused:
                continue
            if _is_taken(partial(_record_one, word, ports), _name(word)):
                done.append(word.key)
            else:
                refused.add(word.mark.id)
    finally:
        _note_recorded(done, ports)


def _is_taken(tell: Callable[[], None], what: str) -> bool:
    """Whether the database takes what it is told. Raises ``StoreUnavailable``, ``GuardError``."""
    try:
        tell()
    except (StoreUnavailable, GuardError):
        raise
    except Exception as error:  # whatever is wrong with this word, the next one may be well
        log.error("%s stands, but the database refuses it, and is told again: %s", what, error)
        return False
    return True


def _name(word: SpokenWord) -> str:
    """What a person said, for the log."""
    mark, back = word.mark, word.back
    where = mark.point or mark.site or "the city"
    if back is None:
        return f"{mark.kind.value} of {where} by {mark.actor} ({mark.id})"
    return f"taking back the {mark.kind.value} of {where} by {back.actor} ({mark.id})"


def _note_recorded(keys: Sequence[str], ports: ControlPorts) -> None:
    try:
        ports.hands_off.record(keys)
    except GuardError as error:  # the database will be told again, which changes nothing
        log.error("%s", error)


def _record_one(word: SpokenWord, ports: ControlPorts) -> None:
    mark, back = word.mark, word.back
    override = mark.as_override()
    if back is None and override is not None:
        ports.decisions.add_override(override)
    elif back is None:
        ports.decisions.say_modes(_modes_still_new(mark, ports))
        why = str(mark.reason) or "the site was released"
        for site, trials in ports.trials.trials_of(mark.sites).items():
            if any(known.open(mark.since) for known in trials):
                end_trials(site, ports.trials, at=mark.since, by=mark.actor, reason=why)
    elif override is not None:
        _remove(mark.id, back, ports)
    else:
        ports.decisions.say_modes(_modes_after(mark, back, ports))


def _modes_still_new(mark: HandsOff, ports: ControlPorts) -> list[SiteMode]:
    """The modes of a mark, but for the sites of which the database has a later mark already, as it
    may have refused this one until now."""
    waiting = {word.key for word in ports.hands_off.unrecorded()}
    known = list(ports.hands_off.history().values())
    later = known[next((n for n, m in enumerate(known) if m.id == mark.id), len(known)) + 1 :]
    recorded = (m for m in later if m.mode and SpokenWord(m).key not in waiting)
    newer = {site for m in recorded for site in m.sites}
    return [mode for mode in mark.as_modes() if mode.site not in newer]


def _remove(override_id: str, back: TakenBack, ports: ControlPorts) -> None:
    try:
        ports.decisions.remove_override(override_id, actor=back.actor, at=back.at)
    except NotFound:  # a database that was set back to an earlier state
        log.warning("override %s was taken back, and the database never had it", override_id)


def _modes_after(mark: HandsOff, back: TakenBack, ports: ControlPorts) -> list[SiteMode]:
    """The modes of the sites of a mark once it is taken back: what another mark says, else what
    stood before. Where somebody has set another mode since, nothing is said."""
    marks, said = ports.hands_off.marks(), defaultdict[str, list[SiteMode]](list)
    for word in ports.decisions.modes_said(mark.sites):
        said[word.site].append(word)
    of_marks = {m for known in ports.hands_off.history().values() for m in known.as_modes()}
    after = []
    for own in mark.as_modes():
        words = said[own.site]
        if not words or words[-1] != own:
            continue
        others = [m.mode for m in marks.values() if m.mode and m.covers_site(own.site)]
        earlier = [word.mode for word in words if word not in of_marks]
        mode = (others or earlier or [mark.sites[own.site]])[-1]
        after.append(
            SiteMode(site=own.site, mode=mode, at=back.at, actor=back.actor, reason=back.reason)
        )
    return after


def follow_database(ports: ControlPorts, now: datetime) -> None:
    """Marks that somebody took back from another computer are taken back here; what a database
    that was set back to an earlier state has lost is told again. Raises ``StoreUnavailable``."""
    waiting = {word.key for word in ports.hands_off.unrecorded()}
    marks = ports.hands_off.marks().values()
    recorded = [mark for mark in marks if SpokenWord(mark).key not in waiting]
    if not recorded:
        return
    backs = [
        *_modes_set_since([mark for mark in recorded if mark.mode], now, ports),
        *_overrides_removed([mark for mark in recorded if not mark.mode], now, ports),
    ]
    if backs:
        ports.hands_off.say(backs)
        ports.hands_off.record([word.key for word in backs])


def _modes_set_since(
    marks: Sequence[HandsOff], now: datetime, ports: ControlPorts
) -> Iterable[SpokenWord]:
    if not marks:
        return
    said = defaultdict[str, list[SiteMode]](list)
    for word in ports.decisions.modes_said({site for mark in marks for site in mark.sites}):
        said[word.site].append(word)
    own = {word for mark in ports.hands_off.history().values() for word in mark.as_modes()}
    lost = [
        word
        for mark in marks
        for word in mark.as_modes()
        if mark.covers_site(word.site) and word not in said[word.site]
    ]
    for word in lost:
        _is_taken(partial(ports.decisions.say_modes, [word]), f"the mode of {word.site}")
    for mark in marks:
        for word in mark.as_modes():
            words = said[word.site]
            if word in words and mark.covers_site(word.site) and words[-1] not in own:
                yield taken_back(mark, words[-1].site, words[-1].at, words[-1].actor, "mode")


def _overrides_removed(
    marks: Sequence[HandsOff], now: datetime, ports: ControlPorts
) -> Iterable[SpokenWord]:
    if not marks:
        return
    long_ago = ClockReading(now - LONG_OVER, ports.clock.elapsed())
    removed = ports.decisions.removed_overrides([mark.id for mark in marks])
    for mark in marks:
        override = mark.as_override()
        if override is not None and mark.id not in removed:
            _is_taken(partial(ports.decisions.add_override, override), f"override {mark.id}")
        elif removed.get(mark.id) or not mark.stands(long_ago):
            yield taken_back(mark, None, now, mark.actor, "over")


def taken_back(
    mark: HandsOff, site: str | None, at: datetime, actor: str, reason: str
) -> SpokenWord:
    """The word that a mark is taken back; of a mark of the city for ``site``."""
    if mark.site is not None:
        site = None
    if site is not None:
        mode = mark.sites.get(site)
        mark = replace(mark, sites={} if mode is None else {site: mode})
    return SpokenWord(mark, TakenBack(mark=mark.id, site=site, at=at, actor=actor, reason=reason))
