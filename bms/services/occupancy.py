"""Bookings and closures: put on record, and laid over the weekly timetable of use."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

from bms.errors import ConfigError, NotFound
from bms.model.assets.equipment import Ventilation
from bms.model.assets.site import Site, Zone
from bms.model.control.booking import Booking, BookingKind
from bms.model.fact import Fact, MessageCode, Moment, Term, TermCode, fact
from bms.model.planning.grid import occupied, timetable_values, ventilation_required
from bms.model.planning.plan import Plan
from bms.model.planning.problem import Numbers
from bms.ports.storage.decisions import DecisionStore

LONGEST = timedelta(days=366)


class BookingFact(MessageCode):
    """What was booked that the weekly timetables do not say."""

    CLOSED = "booked_closed"
    IN_USE = "booked_in_use"


class BookedSpan(MessageCode):
    """From when to when, inside a sentence."""

    WITHIN_DAY = "booked_within_day"
    OVER_DAYS = "booked_over_days"


class Whole(TermCode):
    """What a booking without a zone is for."""

    BUILDING = "whole_building"


@dataclass(frozen=True, slots=True)
class Use:
    """Who is in a site when, as its timetables and what was booked say."""

    site: Site
    bookings: tuple[Booking, ...]

    def in_use(self, zone: Zone, start: datetime, step_s: int, n: int) -> tuple[bool, ...]:
        """Whether the zone is in use at each of ``n`` steps of ``step_s`` [s]."""
        opened = self._open(zone, start, step_s, n)
        booked = self.booked(zone, start, step_s, n)
        return tuple(use or more for use, more in zip(opened, booked, strict=True))

    def people_in(self, zone: Zone, start: datetime, step_s: int, n: int) -> Numbers:
        """Persons expected in a zone at each of ``n`` steps; empty where the site file has no
        number.

        In the hours of the weekly timetable as many as the file says, and beside them those who
        were booked; out of use none. Where a booking does not say how many come it is None: they
        may be more than on other days.
        """
        if zone.people is None:
            return ()
        usual = self._open(zone, start, step_s, n)
        found: list[float | None] = [zone.people if busy else 0.0 for busy in usual]
        for booking in self.bookings:
            here = booking.kind is BookingKind.IN_USE and booking.of(zone.id)
            for k in _steps_of(booking, start, step_s, n, whole=False) if here else ():
                found[k] = _together(found[k], booking.people)
        return tuple(found)

    def ventilated(
        self, unit: Ventilation, start: datetime, step_s: int, n: int
    ) -> tuple[bool, ...]:
        """Whether the unit has to run at each of ``n`` steps.

        In the weekly timetable's hours never longer than its own control runs it: more air than
        people have today is a change of service, which a person decides by changing the unit's
        hours. A booking is such a decision.
        """
        site = self.site
        own = timetable_values(unit.own_run, site, start, step_s, n)
        week = ventilation_required(unit, site, start, step_s, n, use_of=self._open)
        more = ventilation_required(unit, site, start, step_s, n, use_of=self.booked)
        return tuple(
            (wanted and run > 0.0) or booked
            for wanted, run, booked in zip(week, own, more, strict=True)
        )

    def _open(self, zone: Zone, start: datetime, step_s: int, n: int) -> tuple[bool, ...]:
        """The weekly timetable without what was closed; a step that is closed in part is open."""
        use = occupied(zone, self.site, start, step_s, n)
        shut = self._steps(zone, BookingKind.CLOSED, start, step_s, n, whole=True)
        return tuple(each and not closed for each, closed in zip(use, shut, strict=True))

    def booked(self, zone: Zone, start: datetime, step_s: int, n: int) -> tuple[bool, ...]:
        """Whether somebody booked the zone at each of ``n`` steps, in its usual hours or not."""
        return self._steps(zone, BookingKind.IN_USE, start, step_s, n, whole=False)

    def _steps(
        self, zone: Zone, kind: BookingKind, start: datetime, step_s: int, n: int, *, whole: bool
    ) -> tuple[bool, ...]:
        """The steps inside a booking of this kind: wholly, or in part."""
        flags = [False] * n
        for booking in self.bookings:
            if booking.kind is kind and booking.of(zone.id):
                for k in _steps_of(booking, start, step_s, n, whole=whole):
                    flags[k] = True
        return tuple(flags)

    def facts(self, start: datetime, end: datetime) -> tuple[Fact, ...]:
        """Returns a fact for each booking that touches ``[start, end)``."""
        return tuple(
            _describe(self.site, booking)
            for booking in self.bookings
            if booking.start < end and booking.end > start
        )


def use_of(site: Site, decisions: DecisionStore, start: datetime, end: datetime) -> Use:
    """The use of a site in ``[start, end)`` and as long after as its ventilation starts ahead.

    Raises ``StoreUnavailable``.
    """
    lead = timedelta(minutes=max((unit.lead_min for unit in site.ventilation), default=0))
    return Use(site, tuple(decisions.bookings(site.id, start, end + lead)))


def outdated(plan: Plan, use: Use, now: datetime) -> bool:
    """Whether the plan asked for another use of a zone, or for another number of people where it
    counts them, than what is known now, from ``now`` on."""
    problem = plan.problem
    passed = max(0, int((now - problem.start).total_seconds() // problem.step_s))
    zones = {zone.id: zone for zone in use.site.zones}
    for task in problem.zones:
        if task.id in zones:
            grid = (zones[task.id], problem.start, problem.step_s, len(task.occupied))
            if use.in_use(*grid)[passed:] != task.occupied[passed:]:
                return True
            if task.people and use.people_in(*grid)[passed:] != task.people[passed:]:
                return True
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingRequest:
    """What a person wants to have booked or closed: a zone, or all of the site (``zone`` None).

    ``people`` is how many come, beside those of an ordinary week.
    """

    zone: str | None
    start: datetime
    end: datetime
    kind: BookingKind
    reason: str
    author: str
    people: float | None = None


def book(
    site: Site, decisions: DecisionStore, request: BookingRequest, *, now: datetime
) -> Booking:
    """Keep a booking or closure; the plan is made again within one tick.

    Raises ``NotFound`` for a zone that the site does not have, ``ConfigError`` for a time that is
    over, empty or longer than a year, without a reason or author, and for a number of people that
    cannot be.
    """
    _check(site, request, now)
    _check_people(site, request.zone, request.kind, request.people)
    made = Booking(
        id=uuid.uuid4().hex,
        site=site.id,
        zone=request.zone,
        start=request.start,
        end=request.end,
        kind=request.kind,
        reason=request.reason,
        author=request.author,
        made_at=now,
        people=request.people,
    )
    decisions.add_booking(made)
    return made


def zone_of(site: Site, zone: str) -> Zone:
    """Returns the zone of a site by its id. Raises ``NotFound`` with those there are."""
    for known in site.zones:
        if known.id == zone:
            return known
    known_zones = ", ".join(known.id for known in site.zones)
    raise NotFound(f"{site.id} has no zone {zone!r}; there are: {known_zones}")


def _check(site: Site, request: BookingRequest, now: datetime) -> None:
    zone, start, end = request.zone, request.start, request.end
    if zone is not None:
        zone_of(site, zone)
    if not start < end:
        raise ConfigError(f"the booking ends at {end.isoformat()}, before it starts")
    if end <= now:
        raise ConfigError(f"{end.isoformat()} is over; building time is {now.isoformat()}")
    if not request.reason.strip() or not request.author.strip():
        raise ConfigError("a booking needs a reason, and the name of who made it")
    if end - start > LONGEST:
        raise ConfigError("a booking is a year at most; lasting use belongs into the site file")


def _check_people(site: Site, zone: str | None, kind: BookingKind, people: float | None) -> None:
    if people is None:
        return
    if not 0.0 <= people < inf:
        raise ConfigError(f"{people:g} people cannot come; leave it out where nobody knows")
    if kind is BookingKind.CLOSED:
        raise ConfigError("nobody comes to what is closed; leave the number of people out")
    if zone is None and len(site.zones) > 1:
        raise ConfigError("say in which zone so many people are, with a booking for each zone")


def _steps_of(booking: Booking, start: datetime, step_s: int, n: int, *, whole: bool) -> range:
    """The steps that lie inside a booking: wholly, or in part."""
    begin = (booking.start - start).total_seconds() / step_s
    end = (booking.end - start).total_seconds() / step_s
    first = -int(-begin // 1) if whole else int(begin // 1)
    last = int(end // 1) if whole else -int(-end // 1)
    return range(max(0, first), min(n, last))


def _together(some: float | None, more: float | None) -> float | None:
    return None if some is None or more is None else some + more


def _describe(site: Site, booking: Booking) -> Fact:
    name = next((zone.name or zone.id for zone in site.zones if zone.id == booking.zone), None)
    closed = booking.kind is BookingKind.CLOSED
    return fact(
        BookingFact.CLOSED if closed else BookingFact.IN_USE,
        where=name or Term(Whole.BUILDING),
        span=_span(booking, ZoneInfo(site.timezone)),
        reason=booking.reason,
    )


def _span(booking: Booking, zone: ZoneInfo) -> Fact:
    same_day = booking.start.astimezone(zone).date() == booking.end.astimezone(zone).date()
    return fact(
        BookedSpan.WITHIN_DAY if same_day else BookedSpan.OVER_DAYS,
        start=Moment(booking.start),
        end=Moment(booking.end),
    )
