"""What a clock says at one moment: building time by the calendar, and running time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

CALENDAR = "calendar"
"""The boot of a clock that has no running time of its own: it counts what its calendar goes forward
(simulated clocks that are moved by hand)."""


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Running building time: ``seconds`` [s] on a count that never steps and that began with
    ``boot``. Counts of different boots cannot be compared."""

    boot: str
    seconds: float

    def after(self, length: timedelta) -> Elapsed:
        """The reading that the same count will have when ``length`` has gone by."""
        return Elapsed(self.boot, self.seconds + length.total_seconds())

    def since(self, earlier: Elapsed) -> timedelta | None:
        """The running time that has gone by since an earlier reading; None across a boot."""
        if self.boot != earlier.boot:
            return None
        return timedelta(seconds=self.seconds - earlier.seconds)


@dataclass(frozen=True, slots=True)
class ClockReading:
    """Both readings of one moment: ``calendar`` is building time, which people may set."""

    calendar: datetime
    elapsed: Elapsed


MAY_BE_AHEAD = timedelta(days=2)
"""A calendar that has gone further ahead of running time since it was believed last is doubted."""
BELIEVED_AFTER = timedelta(days=7)
"""How long a doubted calendar has to go with running time before it is believed again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarTrust:
    """Whether a calendar is believed enough to delete what it calls old (W14).

    ``believed`` is the last reading at which it was, None where none is known; ``last`` the last
    one of all, and ``doubted`` the first one since which it is doubted, None while it is believed.
    """

    believed: ClockReading | None
    last: ClockReading
    doubted: ClockReading | None = None

    @classmethod
    def first(cls, at: ClockReading) -> CalendarTrust:
        """A calendar that is looked at for the first time is believed."""
        return cls(believed=at, last=at)

    @classmethod
    def lost(cls, at: ClockReading) -> CalendarTrust:
        """What was known of the calendar is lost."""
        return cls(believed=None, last=at, doubted=at)

    @property
    def holds(self) -> bool:
        """Whether the calendar is believed."""
        return self.doubted is None

    def seen(self, at: ClockReading) -> CalendarTrust:
        """What is known after another reading."""
        if self.believed is not None and _goes_with(self.believed, at):
            return CalendarTrust.first(at)
        doubted = self.doubted
        if doubted is None or not _goes_with(self.last, at):
            doubted = at
        if _have_gone_by(BELIEVED_AFTER, doubted, at):
            return CalendarTrust.first(at)
        return CalendarTrust(believed=self.believed, last=at, doubted=doubted)


def _goes_with(earlier: ClockReading, at: ClockReading) -> bool:
    """Whether the calendar is not ahead of running time since; a boot counts as no time."""
    gone = at.elapsed.since(earlier.elapsed) or timedelta(0)
    return at.calendar - earlier.calendar <= gone + MAY_BE_AHEAD


def _have_gone_by(length: timedelta, since: ClockReading, at: ClockReading) -> bool:
    """Whether it is as long by the calendar and, where that can be compared, by running time."""
    gone = at.elapsed.since(since.elapsed)
    return at.calendar - since.calendar >= length and (gone is None or gone >= length)
