"""Where local days and months begin on the UTC line, and the edges of every level of roll-ups."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from bms.errors import ConfigError
from bms.model.epoch import EPOCH, MICROSECOND, from_micros, to_micros
from bms.model.readings.rollup import Level
from bms.model.readings.series import Micros

TIMEZONE = "Europe/Copenhagen"
QUARTER = timedelta(minutes=15) // MICROSECOND
HOUR = timedelta(hours=1) // MICROSECOND
_DAY = timedelta(days=1) // MICROSECOND

#: Local days are known from the first to before the second; no meter is read outside of them.
_FROM, _TO = date(1970, 1, 1), date(2200, 1, 1)
#: No time zone leaves its offset and comes back to it within so many days.
_LOOK_DAYS = 7


class LocalDays:
    """The calendar of one time zone. Days count from 1970-01-01, months from January 1970.

    Raises ConfigError for a time zone that is not known, or whose days do not begin on the hour:
    a day is made of the hours of UTC.
    """

    def __init__(self, timezone: str = TIMEZONE) -> None:
        self.timezone = timezone
        self._midnights = _midnights(timezone)
        if (self._midnights % HOUR).any():
            raise ConfigError(
                f"days in {timezone} do not begin on a whole hour of UTC, and roll-ups need that;"
                " name another time zone in BMS_TIMEZONE"
            )
        self._months = _first_days()

    def within(self, start: int, end: int) -> tuple[int, int]:
        """The part of ``start`` to ``end`` [us] that lies in the years 1970 to 2199."""
        first = min(max(start, int(self._midnights[0])), int(self._midnights[-1]))
        return first, max(first, min(end, int(self._midnights[-1])))

    def covers(self, start: int, end: int) -> bool:
        """Whether ``start`` to ``end`` [us] lies in the years 1970 to 2199."""
        return bool(self._midnights[0] <= start and end <= self._midnights[-1])

    def edges(self, level: Level, start: int, end: int) -> Micros:
        """Edges [us] of the buckets that hold any moment from ``start`` until before ``end`` [us].

        Shape (b + 1,); only one edge where ``end`` does not lie after ``start``. Raises ValueError
        outside of the years 1970 to 2199.
        """
        after = max(start, end)
        if not self.covers(start, after):
            raise ValueError(
                f"roll-ups are kept for the years 1970 to 2199, not from {from_micros(start)}"
                f" to {from_micros(end)}"
            )
        if level is Level.DAY:
            first = np.searchsorted(self._midnights, start, side="right") - 1
            edges = self._midnights[first : np.searchsorted(self._midnights, after) + 1]
        else:
            step = HOUR if level is Level.HOUR else QUARTER
            edges = np.arange(start // step, -(-after // step) + 1, dtype=np.int64) * step
        return edges if start < end else edges[:1]

    def days_of(self, times: Micros) -> Micros:
        """The local day that each moment [us] lies in, -1 outside of the years 1970 to 2199."""
        days = np.searchsorted(self._midnights, times, side="right") - 1
        return np.where(days < len(self._midnights) - 1, days, -1)

    def clipped(self, first: int, last: int) -> tuple[int, int]:
        """The local days of two moments [us], or the nearest that is known."""
        start, end = np.searchsorted(self._midnights, (first, last), side="right") - 1
        return max(int(start), 0), min(int(end), len(self._midnights) - 2)

    def midnights(self, days: Micros) -> Micros:
        """The moment [us] at which each day begins."""
        return self._midnights[days]

    def midnight(self, day: date) -> int:
        """The moment [us] at which ``day`` begins; raises ValueError outside of 1970 to 2200."""
        if not _FROM <= day <= _TO:
            raise ValueError(f"{day} lies outside of the years that roll-ups are kept for")
        return int(self._midnights[(day - _FROM).days])

    def month_of(self, moment: int) -> int:
        """The local month that ``moment`` [us] lies in."""
        day = np.searchsorted(self._midnights, moment, side="right") - 1
        return int(np.searchsorted(self._months, day, side="right")) - 1

    def month(self, month: int, n: int = 1) -> tuple[int, int]:
        """The moments [us] at which a month begins, and the month that is ``n`` later."""
        first, after = self._midnights[self._months[[month, month + n]]]
        return int(first), int(after)


@lru_cache(maxsize=8)
def _midnights(timezone: str) -> Micros:
    """Local midnights as moments [us], of which the last one only ends a day; read-only."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            f"there is no time zone {timezone!r}; write a name such as Europe/Copenhagen"
            " in BMS_TIMEZONE"
        ) from error
    n = (_TO - _FROM).days + 1
    offsets = np.empty(n, dtype=np.int64)
    offset = _offset(zone, 0)
    for first in range(0, n, _LOOK_DAYS):
        after = min(first + _LOOK_DAYS, n)
        offsets[first:after] = offset
        if (following := _offset(zone, after)) != offset:
            offsets[first:after] = [_offset(zone, day) for day in range(first, after)]
            offset = following
    midnights: Micros = np.arange(n, dtype=np.int64) * _DAY - offsets
    midnights.flags.writeable = False
    return midnights


def _offset(zone: ZoneInfo, day: int) -> int:
    """Offset from UTC [us] at the local midnight that begins ``day``."""
    midnight = datetime.combine(_FROM + timedelta(days=day), datetime.min.time(), zone)
    return day * _DAY - to_micros(midnight.astimezone(UTC))


@lru_cache(maxsize=1)
def _first_days() -> Micros:
    years = range(_FROM.year, _TO.year)
    firsts = [date(year, month, 1) for year in years for month in range(1, 13)]
    return np.array([(first - EPOCH.date()).days for first in [*firsts, _TO]], dtype=np.int64)
