"""An item of the one work list: what it is about, and what people have done about it so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bms.model.assets.site import Site
from bms.model.fact import Fact
from bms.model.work.finding import Evidence, Price, Severity


class WorkKind(StrEnum):
    """Where an item comes from."""

    FAULT = "fault"
    """A fault rule has found something."""
    DEVICE_SILENT = "device_silent"
    """A device, a site or all devices give no answer."""
    WRITE_FAILED = "write_failed"
    """A device did not do what was written to it."""
    NOT_GIVEN_BACK = "not_given_back"
    """A point still has our value although it was to be given back."""
    OVERRIDE_STANDING = "override_standing"
    """Somebody has held a point or a site for longer than a day."""
    FEED_STALE = "feed_stale"
    """Weather, prices or emissions are old or missing."""
    WORKER_LOST = "worker_lost"
    """A worker has not been heard of, and nobody owns its site."""
    COMFORT_AT_RISK = "comfort_at_risk"
    """A room in use is too cold, or the plan cannot warm it in time."""
    MEASURE_BELOW = "measure_below"
    """A measure has saved less than was expected of it."""
    EVENT_PROPOSED = "event_proposed"
    """The data show an event that nobody has decided about."""
    DATA_MISSING = "data_missing"
    """A meter or a point gives no values."""


class WorkState(StrEnum):
    """Where an item stands in its life."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    SNOOZED = "snoozed"
    CLOSED = "closed"


class Closing(StrEnum):
    """Why an item is closed."""

    CLEARED = "cleared"
    """By itself: its cause was gone for its delay."""
    REPAIRED = "repaired"
    """By a person who has repaired it; the saving is followed as a measure."""
    NOT_A_FAULT = "not_a_fault"
    """By a person who knows it to be right so; raised again only where it grows."""
    DONE = "done"
    """By a person for whom there is nothing left to do."""


class WorkAct(StrEnum):
    """What was done with an item."""

    OPEN = "open"
    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    SNOOZE = "snooze"
    CLOSE = "close"


GROWN = 1.5
"""What people have called no fault is raised again where it is this many times as large [1]."""
LEAST_DKK = 0.5
"""What costs less in a year [DKK] is told without a price."""
BY_US = "bms"
"""The actor of what happened by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What a source sees wrong at one look.

    ``subject`` is the id of a point, meter, device, measure or event; ``rule`` that of the fault
    rule or what else tells two causes of one kind at one subject apart. It has stood since
    ``since`` and is raised once that is ``delay`` ago; gone for ``clears`` it closes by itself.
    ``dkk_day`` [DKK/day] is what it costs while it stands, where that is known apart from
    ``price``. ``follows`` are the ids of what fails with it; ``root`` is the key of the cause that
    explains this one, which is then no item of its own.
    """

    kind: WorkKind
    site: str
    subject: str
    what: Fact
    since: datetime
    rule: str = ""
    severity: Severity = Severity.MEDIUM
    delay: timedelta = timedelta(0)
    clears: timedelta = timedelta(0)
    look_for: Fact | None = None
    price: Price = Price()
    dkk_day: float | None = None
    confidence: float = 1.0
    comfort_kh_year: float | None = None
    risk: Fact | None = None
    evidence: Evidence | None = None
    follows: tuple[str, ...] = ()
    root: str | None = None

    @property
    def key(self) -> str:
        """One cause has one key for as long as it stands."""
        return cause_key(self.kind, self.site, self.subject, self.rule)

    @property
    def dkk_year(self) -> float | None:
        """What is at stake in a year [DKK]; None where not known."""
        if self.price.dkk_year is not None:
            return self.price.dkk_year
        return None if self.dkk_day is None else 365.0 * self.dkk_day

    @property
    def has_stake(self) -> bool:
        """Whether it is known to cost something."""
        return self.dkk_year is not None and self.dkk_year >= LEAST_DKK

    def part_of(self, site: Site) -> str | None:
        """Which meter or air-handling unit of a site it is at, where there are several."""
        name = self.subject.removeprefix(f"{site.id}/")
        several = ([meter.id for meter in site.meters], [unit.id for unit in site.ventilation])
        return name if any(name in ids and len(ids) > 1 for ids in several) else None

    @property
    def size(self) -> float | None:
        """By how much it is wrong, to compare with itself later: kWh a year, else DKK a year."""
        return self.dkk_year if self.price.kwh_year is None else self.price.kwh_year

    @property
    def rank(self) -> tuple[int, float]:
        """Larger for what is to be done first: by severity, then by what is at stake and how sure
        that is."""
        return self.severity.rank, self.confidence * (self.dkk_year or 0.0)


def cause_key(kind: WorkKind, site: str, subject: str, rule: str = "") -> str:
    """The key of a cause."""
    return "|".join((kind.value, site, subject, rule))


def fault_of(key: str) -> tuple[str, str] | None:
    """Subject and rule of the key of a fault; None for that of another cause.

    >>> fault_of(cause_key(WorkKind.FAULT, "school", "heat", "DH-SLOPE"))
    ('heat', 'DH-SLOPE')
    """
    kind, _, subject, rule = key.split("|", 3)
    return (subject, rule) if kind == WorkKind.FAULT.value else None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkEvent:
    """What ``actor`` did with an item at ``at``; never changed.

    ``note`` is what was said with it. ``until`` is the end of a snooze, ``assignee`` who is to see
    to it, ``closing`` why it was closed, ``measure`` the id of the measure that follows its saving.
    """

    item: str
    site: str
    at: datetime
    act: WorkAct
    actor: str
    note: str = ""
    until: datetime | None = None
    assignee: str | None = None
    closing: Closing | None = None
    measure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """An item with its cause as it was seen last.

    ``gone_since`` is when its cause was first seen to be gone, None while it stands; ``cleared_at``
    when that was so for its delay: from then on the same cause is a new item.
    """

    id: str
    cause: Cause
    opened_at: datetime
    gone_since: datetime | None = None
    cleared_at: datetime | None = None
    events: tuple[WorkEvent, ...] = ()

    @property
    def closed(self) -> WorkEvent | None:
        """How it was closed; None while it is not."""
        return self._last(WorkAct.CLOSE)

    @property
    def acknowledged(self) -> WorkEvent | None:
        """Who acknowledged it first; None where nobody has."""
        acts = (WorkAct.ACKNOWLEDGE, WorkAct.ASSIGN)
        return next((event for event in self.events if event.act in acts), None)

    @property
    def assignee(self) -> str | None:
        """Who is to see to it; None where nobody is."""
        last = self._last(WorkAct.ASSIGN)
        return None if last is None else last.assignee

    def state(self, now: datetime) -> WorkState:
        """Where it stands at ``now``: a snooze that is over leaves it as it was before."""
        if self.closed is not None:
            return WorkState.CLOSED
        if self.snoozed_until(now) is not None:
            return WorkState.SNOOZED
        if self._last(WorkAct.ASSIGN) is not None:
            return WorkState.ASSIGNED
        return WorkState.OPEN if self.acknowledged is None else WorkState.ACKNOWLEDGED

    def snoozed_until(self, now: datetime) -> datetime | None:
        """Until when it sleeps; None where it does not at ``now``."""
        last = self._last(WorkAct.SNOOZE)
        until = None if last is None else last.until
        return until if until is not None and until > now else None

    def _last(self, act: WorkAct) -> WorkEvent | None:
        return next((event for event in reversed(self.events) if event.act is act), None)


def by_what_is_at_stake(items: Iterable[WorkItem]) -> list[WorkItem]:
    """The items, what is to be done first at the front."""
    return sorted(items, key=lambda item: (tuple(-x for x in item.cause.rank), item.opened_at))
