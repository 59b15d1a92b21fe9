"""What people know about the use of a building that its weekly timetable does not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import inf


class BookingKind(StrEnum):
    """``in_use``: people come although the timetable says no. ``closed``: nobody comes."""

    IN_USE = "in_use"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class BookedTime:
    """From ``start`` until ``end`` (exclusive)."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A parents' evening, a hall rental, a closed week: ``[start, end)`` of a zone or, with
    ``zone`` None, of all zones of a site. Where both kinds meet, people come: a booking of use
    stands inside a closed week. ``people`` is how many come to it, beside those of an ordinary
    week; None: nobody said so. Raises ``ValueError`` where it ends before it starts, has no reason
    or author, or a number of people that cannot be."""

    id: str
    site: str
    zone: str | None
    start: datetime
    end: datetime
    kind: BookingKind
    reason: str
    author: str
    made_at: datetime
    people: float | None = None

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise ValueError(f"a booking from {self.start} to {self.end} ends before it starts")
        if not self.reason.strip() or not self.author.strip():
            raise ValueError("a booking has a reason and an author")
        if self.people is not None and not 0.0 <= self.people < inf:
            raise ValueError(f"{self.people} people cannot come")
        if self.people and self.kind is BookingKind.CLOSED:
            raise ValueError("nobody comes to what is closed")

    def of(self, zone: str) -> bool:
        """Whether it is about this zone."""
        return self.zone in (None, zone)
