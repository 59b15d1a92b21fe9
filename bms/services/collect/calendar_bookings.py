"""Bookings from the calendars of halls: what they say now, and nothing of what they said before.

Each tick the bookings that stand are made the same as what the calendar says of the coming weeks;
what has changed is planned anew within the same tick. A booking has times and a hall; titles and
names are never read. While a calendar cannot be read its bookings stay, and the plan says so.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bms.errors import FeedError
from bms.model.control.booking import BookedTime, Booking
from bms.model.fact import Fact, MessageCode, Moment, fact
from bms.ports.feeds import HallCalendar
from bms.ports.storage.decisions import DecisionStore

AHEAD = timedelta(days=28)
"""How far ahead the bookings of a calendar are kept."""
BACK = timedelta(days=1)
"""How far back it is read, so that what is under way is seen with its start."""
SAID_AFTER = timedelta(hours=2)
"""How long a calendar may be away before plans say so."""
AUTHOR = "calendar"
REASON = "kalender"
WATCHED, IMPORTED, MARK_CHARS = "cal", "imp", 11
"""How a calendar is read: at every tick, or once by hand; with its key the beginning of the
identifiers of its bookings."""


class CalendarNote(MessageCode):
    """What a plan says of a calendar."""

    AWAY = "calendar_away"


@dataclass(frozen=True, slots=True)
class Changed:
    """How many bookings were added and withdrawn."""

    added: int = 0
    withdrawn: int = 0


@dataclass(slots=True)
class HallBookings:
    """The calendars of a city, which a reload exchanges, and when each of them was read last."""

    calendars: tuple[HallCalendar, ...] = ()
    read_at: dict[str, datetime] = field(default_factory=dict)
    begun: datetime | None = None

    def tick(self, site: str, now: datetime, decisions: DecisionStore) -> Changed:
        """Makes the bookings of a site the same as its calendars say. Raises ``StoreError``."""
        self.begun = self.begun or now
        ours = [calendar for calendar in self.calendars if calendar.site == site]
        changes = [self._one(calendar, now, decisions) for calendar in ours]
        changes.append(_forget_others(site, {_mark(each) for each in ours}, now, decisions))
        return Changed(sum(each.added for each in changes), sum(each.withdrawn for each in changes))

    def notes(self, site: str, now: datetime) -> tuple[Fact, ...]:
        """Returns what a plan has to say of the site's calendars."""
        return tuple(
            fact(CalendarNote.AWAY, zone=calendar.zone or calendar.site, since=Moment(since))
            for calendar in self.calendars
            if calendar.site == site
            for since in [self.read_at.get(calendar.key, self.begun or now)]
            if now - since > SAID_AFTER
        )

    def _one(self, calendar: HallCalendar, now: datetime, decisions: DecisionStore) -> Changed:
        try:
            spans = calendar.spans(now - BACK, now + AHEAD)
        except FeedError:
            return Changed()
        self.read_at[calendar.key] = now
        return reconcile(calendar, spans, now, decisions)


def _forget_others(site: str, marks: set[str], now: datetime, decisions: DecisionStore) -> Changed:
    """Withdraws the bookings of calendars that are watched no longer."""
    gone = [
        booking.id
        for booking in decisions.bookings(site, now)
        if booking.id.startswith(WATCHED) and booking.id[:MARK_CHARS] not in marks
    ]
    for booking_id in gone:
        decisions.remove_booking(site, booking_id, actor=AUTHOR, at=now)
    return Changed(withdrawn=len(gone))


def _mark(calendar: HallCalendar, kind: str = WATCHED) -> str:
    """What the identifiers of a calendar's bookings begin with; those of people are hexadecimal."""
    return f"{kind}{calendar.key}"


def reconcile(
    calendar: HallCalendar,
    spans: Iterable[BookedTime],
    now: datetime,
    decisions: DecisionStore,
    kind: str = WATCHED,
) -> Changed:
    """Adds what the calendar says and withdraws what it no longer says, from ``now`` on; ``kind``
    is how it is read.

    Raises ``StoreError``.
    """
    ours = _mark(calendar, kind)
    standing = {
        BookedTime(booking.start, booking.end): booking.id
        for booking in decisions.bookings(calendar.site, now)
        if booking.id.startswith(ours)
    }
    wanted = {span for span in spans if span.end > now}
    gone, new = standing.keys() - wanted, wanted - standing.keys()
    for span in gone:
        decisions.remove_booking(calendar.site, standing[span], actor=AUTHOR, at=now)
    for span in sorted(new, key=lambda one: one.start):
        decisions.add_booking(
            Booking(
                id=f"{ours}{uuid.uuid4().hex}"[:32],
                site=calendar.site,
                zone=calendar.zone,
                start=span.start,
                end=span.end,
                kind=calendar.kind,
                reason=REASON,
                author=AUTHOR,
                made_at=now,
            )
        )
    return Changed(len(new), len(gone))
