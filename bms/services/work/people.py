"""What people do with an item: acknowledge, assign, let it sleep, close it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bms.errors import ConfigError
from bms.model.assets.site import Site
from bms.model.savings.measure import MeasureKind
from bms.model.work.item import Closing, WorkAct, WorkEvent, WorkItem, WorkKind
from bms.ports.storage.work import WorkStore
from bms.services.assessment.measures import MeasureRequest, enter_measure
from bms.services.assessment.savings_cache import SavingsCache

LONGEST_SNOOZE = timedelta(days=366)
REPAIRABLE = (WorkKind.FAULT, WorkKind.MEASURE_BELOW, WorkKind.COMFORT_AT_RISK)
"""Kinds whose repair saves something that meters can show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """Who says something of an item, when, and what they add to it."""

    actor: str
    at: datetime
    note: str = ""

    def event(self, item: WorkItem, act: WorkAct) -> WorkEvent:
        """What is kept of it."""
        return WorkEvent(
            item=item.id,
            site=item.cause.site,
            at=self.at,
            act=act,
            actor=self.actor,
            note=self.note.strip(),
        )


def acknowledge(work: WorkStore, item_id: str, word: Word) -> WorkItem:
    """Say that somebody has seen it; the first word stands. Raises ``NotFound``, ``ConfigError``
    for an item that is closed."""
    item = _open(work, item_id)
    if item.acknowledged is not None:
        return item
    return _kept(work, word.event(item, WorkAct.ACKNOWLEDGE))


def assign(work: WorkStore, item_id: str, to: str, word: Word) -> WorkItem:
    """Say who sees to it. Raises ``NotFound``, ``ConfigError`` for nobody or a closed item."""
    if not to.strip():
        raise ConfigError("say who is to see to it")
    item = _open(work, item_id)
    return _kept(work, replace(word.event(item, WorkAct.ASSIGN), assignee=to.strip()))


def snooze(work: WorkStore, item_id: str, until: datetime, word: Word) -> WorkItem:
    """Let it sleep. Raises ``NotFound``, ``ConfigError`` for an end that is over or more than a
    year ahead, and for a closed item."""
    if not word.at < until <= word.at + LONGEST_SNOOZE:
        raise ConfigError("let it sleep until a moment that is to come, a year ahead at most")
    item = _open(work, item_id)
    return _kept(work, replace(word.event(item, WorkAct.SNOOZE), until=until.astimezone(UTC)))


def close(
    work: WorkStore,
    item_id: str,
    closing: Closing,
    word: Word,
    *,
    repair: tuple[SavingsCache, str] | None = None,
) -> WorkItem:
    """Close it: what comes back after it had cleared is a new item.

    ``repair`` are the savings and what the repair is called; with them a fault that was repaired
    becomes a measure with its frozen baseline. Raises ``NotFound``, ``ConfigError`` for a closed
    item, for ``cleared``, which items are by themselves, and for no fault without a note.
    """
    if closing is Closing.CLEARED:
        raise ConfigError("an item is cleared by itself; say repaired, not_a_fault or done")
    if closing is Closing.NOT_A_FAULT and not word.note.strip():
        raise ConfigError("say why it is no fault; that is kept for whoever asks next")
    item = _open(work, item_id)
    event = replace(word.event(item, WorkAct.CLOSE), closing=closing)
    if closing is Closing.REPAIRED and repair is not None:
        event = replace(event, measure=_measured(item, word, *repair))
    return _kept(work, event)


def _measured(item: WorkItem, word: Word, cache: SavingsCache, what: str) -> str | None:
    """The id of the measure that follows the saving of a repair; None where meters show none."""
    cause, sites = item.cause, cache.ports.sites
    site = sites.get(cause.site)
    if site is None or cause.kind not in REPAIRABLE:
        return None
    meters = _meters(site, cause.subject)
    if not any(meter.billed for meter in site.meters):
        return None
    asked = MeasureRequest(
        kind=MeasureKind.REPAIR,
        what=what,
        start=word.at,
        author=word.actor,
        meters=meters,
        expected_kwh=cause.price.kwh_year if (cause.price.kwh_year or 0.0) > 0 else None,
    )
    return enter_measure(cache, site, asked).measure.id


def _meters(site: Site, subject: str) -> tuple[str, ...]:
    """The billed meter that a subject names, by itself or by one of its points; all otherwise."""
    of_points: Mapping[str, str | None] = {point.id: point.meter for point in site.points}
    named = of_points.get(subject) or subject.rpartition("/")[2]
    return tuple(meter.id for meter in site.meters if meter.billed and meter.id == named)


def _open(work: WorkStore, item_id: str) -> WorkItem:
    item = work.item(item_id)
    if item.closed is not None:
        raise ConfigError(f"item {item_id} is closed; what comes back later is a new one")
    return item


def _kept(work: WorkStore, event: WorkEvent) -> WorkItem:
    work.add_work_event(event)
    return work.item(event.item)
