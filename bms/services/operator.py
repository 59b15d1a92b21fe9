"""The word of people in charge (clause W10): it is written down beside the journal first, then what
we hold is given back, then the database is told. None of it needs a plan or the database."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from bms.errors import ConfigError, GuardError, NotFound
from bms.model.assets.site import Mode, Site
from bms.model.clock_reading import ClockReading
from bms.model.control.command import Override, ReleaseReceipt
from bms.model.control.hands_off import HandsOff, HandsOffKind, SpokenWord
from bms.model.fact import Explained
from bms.services.control.ports import ControlPorts
from bms.services.giving_back.gone_device import GivingBackPorts, give_up_gone
from bms.services.giving_back.many_points import release_leases, release_points, release_sites
from bms.services.hands_off.record import put_on_record, record_words, taken_back
from bms.services.modes.gate import GatePorts, above_allowed, ask_for_auto
from bms.services.off_loop import off_loop

log = logging.getLogger(__name__)

OWNERS_S = 0.5
"""How long a person's word waits for who owns the sites [s, real]."""


@dataclass(frozen=True, slots=True)
class HandedBack:
    """What became of the points, and whether the database has the word for it already; where it
    does not, the word stands all the same and the next ticks bring it there."""

    receipts: list[ReleaseReceipt]
    recorded: bool


async def override(
    site: Site,
    *,
    now: datetime,
    ports: ControlPorts,
    point: str | None,
    until: datetime | None,
    reason: str,
    actor: str,
) -> tuple[Override, HandedBack]:
    """Suspend our writes to a point, or to all of a site (``point`` None), from now on.

    Raises ``NotFound`` for a point that the site does not have, ``GuardError`` where the word can
    be written down neither on disk nor in the database.
    """
    mark = HandsOff(
        id=uuid.uuid4().hex,
        kind=HandsOffKind.OVERRIDE,
        site=site.id,
        point=_writable(site, point),
        since=now,
        until=until,
        actor=actor,
        reason=reason,
        said=ports.clock.elapsed(),
    )
    made = mark.as_override()
    assert made is not None
    return made, await _hand_back(site, mark, now=now, ports=ports)


async def end_override(
    site: Site, override_id: str, *, now: datetime, ports: ControlPorts, actor: str
) -> bool:
    """Take back an override of the site; whether the database knows already.

    Raises ``NotFound`` for one that is not in force.
    """
    mark = await off_loop(_mark_of, site, override_id, now, ports)
    words = [taken_back(mark, None, now, actor, "")]
    await off_loop(ports.hands_off.say, words)
    return await put_on_record(ports, words, now=now)


class NotReady(Explained, ConfigError):
    """A site may not be put to a mode: its site file does not allow it, or the gate is not met."""


async def change_mode(
    site: Site,
    mode: Mode,
    *,
    now: datetime,
    ports: ControlPorts,
    reason: str,
    actor: str,
    agree: bool = False,
) -> HandedBack:
    """Set how far the site is trusted to us; below ``auto`` everything is given back,
    and a switchback trial is over. Every earlier release of the site is taken back with it.

    ``actor`` approves ``auto`` with it; after a step back only who says ``agree``. Raises
    ``NotReady`` for a mode above that of the site file, and for ``auto`` before the gate is met
    (``bms.services.modes.gate``); ``StoreUnavailable`` for ``auto`` without a database.
    """
    if mode is Mode.AUTO:
        backs = await off_loop(_set_to_auto, site, now, ports, reason, actor, agree)
        return HandedBack([], await put_on_record(ports, backs, now=now))
    above = above_allowed(site, mode)
    if above is not None:
        raise NotReady(f"not put to {mode.value}", (above,))
    mark = HandsOff(
        id=uuid.uuid4().hex,
        kind=HandsOffKind.MODE,
        site=site.id,
        point=None,
        since=now,
        until=None,
        actor=actor,
        reason=reason,
        mode=mode,
        sites={site.id: site.mode_by(None)},
    )
    return await _hand_back(site, mark, now=now, ports=ports)


def gate_ports(ports: ControlPorts) -> GatePorts:
    """What the gate before ``auto`` looks at."""
    return GatePorts(ports.plans, ports.readings, ports.decisions, ports.trust, ports.commissioned)


def _set_to_auto(
    site: Site, now: datetime, ports: ControlPorts, reason: str, actor: str, agree: bool
) -> list[SpokenWord]:
    """The words that take the marks of the site back."""
    answer = ask_for_auto(site, gate_ports(ports), now, agree=agree)
    if answer.gaps:
        raise NotReady("not ready for auto", answer.gaps)
    record_words(ports)
    ports.trust.approve(site.id, answer.scope, actor=actor, at=now, reason=reason)
    backs = _earlier_modes(site.id, ports, now, actor, reason)
    ports.hands_off.say(backs)
    return backs


def _earlier_modes(
    site: str, ports: ControlPorts, now: datetime, actor: str, reason: str
) -> list[SpokenWord]:
    """That the marks which set the mode of a site are taken back."""
    return [
        taken_back(mark, site, now, actor, reason)
        for mark in ports.hands_off.marks().values()
        if mark.mode is not None and mark.covers_site(site)
    ]


async def release(
    site: Site,
    *,
    now: datetime,
    ports: ControlPorts,
    actor: str,
    reason: str,
    point: str | None = None,
) -> HandedBack:
    """Give back a site, which is put to ``observe`` so that no tick takes it again; or one point of
    it, which we keep away from as by an override without an end. It stands until somebody takes
    it back (``take_back_release``), or sets the mode of the site.

    Raises ``NotFound`` for a point that the site does not have.
    """
    chosen = None if point is None else _writable(site, point)
    mark = _release_mark(now, actor, reason, [site], site.id, chosen)
    return await _hand_back(site, mark, now=now, ports=ports)


async def release_city(
    sites: Iterable[Site], *, now: datetime, ports: ControlPorts, actor: str, reason: str
) -> HandedBack:
    """Give back every site, devices side by side, and what the journal still holds beyond them."""
    chosen = list(sites)
    mark = _release_mark(now, actor, reason, chosen)
    words = [SpokenWord(mark)]
    refused = await _said(ports, words)
    here = await _not_elsewhere(chosen, ports)
    drivers, journal = ports.drivers, ports.journal
    async with _recorded_where_cut_off(ports, words, now) as receipts:
        told = receipts.append
        await release_sites(here, now=now, drivers=drivers, journal=journal, told=told)
        seen = {receipt.point for receipt in receipts}
        leases = await off_loop(journal.leases)
        others = [lease for point, lease in leases.items() if point not in seen]
        await release_leases(others, now=now, drivers=drivers, journal=journal, told=told)
    return await _recorded(ports, words, receipts, now, refused)


async def declare_gone(
    target: str, site: Site | None, *, now: datetime, ports: ControlPorts, actor: str, reason: str
) -> HandedBack:
    """As ``give_up_gone``, and on record. Raises the same."""
    needs = GivingBackPorts(drivers=ports.drivers, journal=ports.journal, ledgers=ports.ledgers)
    receipts = await give_up_gone(target, site, now=now, ports=needs, actor=actor, reason=reason)
    return HandedBack(receipts, await put_on_record(ports, [], receipts, now=now))


async def take_back_release(
    *,
    site: Site | None,
    point: str | None = None,
    now: datetime,
    ports: ControlPorts,
    actor: str,
    reason: str,
) -> bool:
    """Take the release of a point, a site or (``site`` None) the city back: sites return to the
    mode in which they were before, and the plan acts again. Whether the database knows already.

    A city's release is taken back for one site by naming that. Raises ``NotFound`` where nothing
    is released there.
    """
    marks = await off_loop(ports.hands_off.marks)
    backs = [
        taken_back(mark, None if site is None else site.id, now, actor, reason)
        for mark in marks.values()
        if mark.kind is HandsOffKind.RELEASE and _meant(mark, site, point)
    ]
    if not backs:
        what = point or ("the city" if site is None else site.id)
        raise NotFound(f"no release of {what} stands")
    await off_loop(ports.hands_off.say, backs)
    return await put_on_record(ports, backs, now=now)


def _meant(mark: HandsOff, site: Site | None, point: str | None) -> bool:
    if site is None:
        return mark.site is None
    return mark.point == point and mark.covers_site(site.id)


def _release_mark(
    now: datetime,
    actor: str,
    reason: str,
    sites: Sequence[Site],
    site: str | None = None,
    point: str | None = None,
) -> HandsOff:
    whole = point is None
    return HandsOff(
        id=uuid.uuid4().hex,
        kind=HandsOffKind.RELEASE,
        site=site,
        point=point,
        since=now,
        until=None,
        actor=actor,
        reason=reason,
        mode=Mode.OBSERVE if whole else None,
        sites={each.id: each.mode_by(None) for each in sites} if whole else {},
    )


def _writable(site: Site, point: str | None) -> str | None:
    """The point, if the site can be written there. Raises ``NotFound``."""
    if all(p.write is None or point not in (None, p.id) for p in site.points):
        raise NotFound(f"{site.id} has no writable point {point or ''}".rstrip())
    return point


async def _hand_back(
    site: Site, mark: HandsOff, *, now: datetime, ports: ControlPorts
) -> HandedBack:
    """The mark, then its points, then the database."""
    earlier = []
    if mark.kind is HandsOffKind.MODE:
        why = str(mark.reason)
        earlier = await off_loop(_earlier_modes, site.id, ports, now, mark.actor, why)
    words = [SpokenWord(mark), *earlier]
    refused = await _said(ports, words)
    here = await _not_elsewhere([site], ports)
    chosen = [p for p in site.points if here and mark.covers(site.id, p.id)]
    drivers, journal = ports.drivers, ports.journal
    async with _recorded_where_cut_off(ports, words, now) as receipts:
        told = receipts.append
        await release_points(site, chosen, now=now, drivers=drivers, journal=journal, told=told)
    return await _recorded(ports, words, receipts, now, refused)


async def _not_elsewhere(sites: Sequence[Site], ports: ControlPorts) -> list[Site]:
    """The sites that no other home owns: at the others what stands is the owner's, who gives it
    back as soon as it reads the word in the database. Giving back does not wait for that answer."""

    def look() -> list[Site]:
        return [site for site in sites if not ports.owned.is_elsewhere(site.id)]

    try:
        return await asyncio.wait_for(off_loop(look), OWNERS_S)
    except TimeoutError:
        return list(sites)


async def _said(ports: ControlPorts, words: Sequence[SpokenWord]) -> GuardError | None:
    """Why the disk does not take the words, None where it does. Giving back is more urgent."""
    try:
        await off_loop(ports.hands_off.say, words)
    except GuardError as error:
        log.error("%s", error)
        return error
    return None


@asynccontextmanager
async def _recorded_where_cut_off(
    ports: ControlPorts, words: Sequence[SpokenWord], now: datetime
) -> AsyncIterator[list[ReleaseReceipt]]:
    """A list of receipts that go on record where the block does not come to its end."""
    receipts: list[ReleaseReceipt] = []
    try:
        yield receipts
    except BaseException:
        await put_on_record(ports, words, receipts, now=now)
        raise


async def _recorded(
    ports: ControlPorts,
    words: Sequence[SpokenWord],
    receipts: list[ReleaseReceipt],
    now: datetime,
    refused: GuardError | None,
) -> HandedBack:
    recorded = await put_on_record(ports, words, receipts, now=now)
    if refused is not None and not recorded:
        raise refused
    return HandedBack(receipts, recorded)


def _mark_of(site: Site, override_id: str, now: datetime, ports: ControlPorts) -> HandsOff:
    """The mark of an override, made anew for one that only the database knows of."""
    at = ClockReading(now, ports.clock.elapsed())
    mark = ports.hands_off.marks().get(override_id)
    if mark is not None and mark.mode is None and mark.site == site.id and mark.stands(at):
        return mark
    try:
        known = next(o for o in ports.decisions.overrides(site.id, now) if o.id == override_id)
    except StopIteration:
        raise NotFound(f"no override {override_id} is in force at {site.id}") from None
    return HandsOff(
        id=known.id,
        kind=HandsOffKind.OVERRIDE,
        site=known.site,
        point=known.point,
        since=known.since,
        until=known.until,
        actor=known.actor,
        reason=known.reason,
    )
