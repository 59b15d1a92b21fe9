"""Weekly timetables in local time: occupancy, and what a building's own control does today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MINUTES_PER_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Period:
    """One stretch of local time on given weekdays with a value.

    ``days`` holds 0 (Monday) to 6 (Sunday); ``start_min`` and ``end_min`` are minutes after local
    midnight [min], ``0 <= start_min < end_min <= 1440``.
    """

    days: frozenset[int]
    start_min: int
    end_min: int
    value: float

    def holds(self, weekday: int, minute: int) -> bool:
        return weekday in self.days and self.start_min <= minute < self.end_min


@dataclass(frozen=True, slots=True)
class WeekTimetable:
    """A value for every minute of the week: the first period that holds, else ``default``.

    ``closed_value`` stands on closed days (holidays, closures); ``None`` means that closed days
    are like any other, which is what most building controllers do today.
    """

    periods: tuple[Period, ...] = ()
    default: float = 0.0
    closed_value: float | None = None

    def value_at(self, local: datetime, *, closed: bool = False) -> float:
        """Value at a local, aware moment."""
        if closed and self.closed_value is not None:
            return self.closed_value
        minute = local.hour * 60 + local.minute
        weekday = local.weekday()
        for period in self.periods:
            if period.holds(weekday, minute):
                return period.value
        return self.default
