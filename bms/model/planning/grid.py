"""Local time on UTC grids: what a weekly timetable says at each step of a series.

Element ``i`` of every answer belongs to the interval that starts at ``start + i * step_s`` and has
the value that holds at that moment. Days and timetables are local, so that the days on which the
clocks change have 23 or 25 hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from bms.model.assets.equipment import Ventilation
from bms.model.assets.site import Site, Zone
from bms.model.assets.timetable import WeekTimetable
from bms.model.readings.series import Floats, Series

_DAY_S = 86_400
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class LocalGrid:
    """Local calendar of a UTC grid. Each array has shape (n,).

    ``day`` counts local days since 1970-01-01, ``minute`` is minutes after local midnight [min] as
    the clock on the wall shows them, ``weekday`` is 0 (Monday) to 6 (Sunday).
    """

    day: Ints
    minute: Ints

    @property
    def weekday(self) -> Ints:
        return (self.day + 3) % 7

    def day_slices(self) -> Iterator[tuple[date, slice]]:
        """Every local date of the grid, in order, with the steps that lie in it."""
        begins = np.flatnonzero(np.diff(self.day, prepend=-1)).tolist()
        for first, after in pairwise([*begins, len(self.day)]):
            yield date.fromordinal(int(self.day[first]) + _EPOCH_ORDINAL), slice(first, after)

    def dates(self) -> list[date]:
        """Every local date of the grid once, in order."""
        return [date.fromordinal(int(day) + _EPOCH_ORDINAL) for day in np.unique(self.day)]


@lru_cache(maxsize=16)
def local_grid(timezone: str, start: datetime, step_s: int, n: int) -> LocalGrid:
    """Local days and minutes of ``n`` steps of ``step_s`` [s] from ``start`` (aware).

    Raises ``zoneinfo.ZoneInfoNotFoundError`` for an unknown time zone.
    """
    return local_calendar(timezone, int(start.timestamp()) + np.arange(n, dtype=np.int64) * step_s)


def local_calendar(timezone: str, utc: Ints) -> LocalGrid:
    """Local days and minutes of ascending moments [epoch s], which need not be evenly spaced.

    Raises ``zoneinfo.ZoneInfoNotFoundError`` for an unknown time zone.
    """
    local = utc + _offsets(ZoneInfo(timezone), utc)
    grid = LocalGrid(day=local // _DAY_S, minute=local % _DAY_S // 60)
    for values in (grid.day, grid.minute):  # it is handed out again
        values.flags.writeable = False
    return grid


def _offsets(zone: ZoneInfo, utc: Ints) -> Ints:
    """Offset from UTC [s] of each moment; only days with a change are looked at step by step."""
    days, index = np.unique(utc // _DAY_S, return_inverse=True)
    first, last = (
        np.array([_offset(zone, (day + i) * _DAY_S) for day in days.tolist()]) for i in (0, 1)
    )
    offsets: Ints = first[index]
    for changed in np.flatnonzero(first != last):
        inside = index == changed
        offsets[inside] = [_offset(zone, int(moment)) for moment in utc[inside]]
    return offsets


@lru_cache(maxsize=8192)
def _offset(zone: ZoneInfo, moment: int) -> int:
    offset = datetime.fromtimestamp(moment, UTC).astimezone(zone).utcoffset()
    return int((offset or timedelta(0)).total_seconds())


def closed_steps(site: Site, grid: LocalGrid) -> Flags:
    """Whether the site is closed at each step. Shape (n,)."""
    closed = [(day - date(1970, 1, 1)).days for day in grid.dates() if site.closed(day)]
    return np.isin(grid.day, np.array(closed, dtype=np.int64))


def week_values(timetable: WeekTimetable, grid: LocalGrid, closed: Flags) -> Floats:
    """The values of a timetable on a local grid. Shape (n,), in the timetable's unit."""
    values = np.full(len(grid.day), timetable.default, dtype=np.float64)
    weekday = grid.weekday
    for period in reversed(timetable.periods):
        on_days = np.isin(weekday, np.array(sorted(period.days), dtype=np.int64))
        in_time = (grid.minute >= period.start_min) & (grid.minute < period.end_min)
        values[on_days & in_time] = period.value
    if timetable.closed_value is not None:
        values[closed] = timetable.closed_value
    return values


def timetable_values(
    timetable: WeekTimetable, site: Site, start: datetime, step_s: int, n: int
) -> tuple[float, ...]:
    """What a timetable of the site says at each of ``n`` steps, closed days included."""
    grid = local_grid(site.timezone, start, step_s, n)
    return tuple(week_values(timetable, grid, closed_steps(site, grid)).tolist())


def occupied(zone: Zone, site: Site, start: datetime, step_s: int, n: int) -> tuple[bool, ...]:
    """Whether the zone is in use at each of ``n`` steps."""
    return tuple(value > 0.5 for value in timetable_values(zone.occupancy, site, start, step_s, n))


UseOf = Callable[[Zone, datetime, int, int], Sequence[bool]]
"""Whether a zone is in use at each of so many steps: ``(zone, start, step_s, n)``."""


def ventilation_required(
    unit: Ventilation,
    site: Site,
    start: datetime,
    step_s: int,
    n: int,
    *,
    use_of: UseOf | None = None,
) -> tuple[bool, ...]:
    """Whether the unit has to run at each of ``n`` steps: people are in one of its zones, or will
    be within its lead time. A lead that is no multiple of the step is rounded up.

    The use of its zones is that of the weekly timetables, or what ``use_of`` says.
    """
    ahead = -(-unit.lead_min * 60 // step_s)
    use = np.zeros(n + ahead, dtype=np.bool_)
    for name in unit.zones:
        zone = site.zone(name)
        if use_of is None:
            use |= np.array(occupied(zone, site, start, step_s, n + ahead))
        else:
            use |= np.array(use_of(zone, start, step_s, n + ahead))
    required = np.zeros(n, dtype=np.bool_)
    for shift in range(ahead + 1):
        required |= use[shift : shift + n]
    return tuple(required.tolist())


def on_grid(series: Series, start: datetime, step: timedelta, n: int) -> Floats:
    """A series on another UTC grid. Shape (n,); NaN wherever the series does not know.

    A finer step takes the value of the interval that it starts in; a coarser one the mean of all
    intervals that start in it, and NaN where one of them is missing.
    """
    if step <= series.step:
        return _held(series, start, step, n)
    parts = -(-step // series.step)
    fine = _held(series, start, step / parts, n * parts)
    means: Floats = fine.reshape(n, parts).mean(axis=1)
    return means


def _held(series: Series, start: datetime, step: timedelta, n: int) -> Floats:
    moments = (start - series.start).total_seconds() + np.arange(n) * step.total_seconds()
    index = np.floor(moments / series.step.total_seconds() + 1e-9).astype(np.int64)
    known = (index >= 0) & (index < len(series))
    values = np.full(n, np.nan)
    values[known] = series.values[index[known]]
    return values
