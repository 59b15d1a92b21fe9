"""When zones are in use and who is there: timetables, holidays, closures, attendance (UTC axis)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import numpy as np
from numpy.typing import NDArray

from bms.model.assets.timetable import WeekTimetable
from drivers.simulator.buildings.archetypes import ARCHETYPES
from drivers.simulator.buildings.stock import SimSite

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

LOCAL = ZoneInfo("Europe/Copenhagen")
SLOT_S = 300
SLOTS = 86400 // SLOT_S
SLOT_MIN = SLOT_S // 60


@lru_cache(maxsize=64)
def _public_holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("DK", years=year))


def is_closed(archetype: str, day: date) -> bool:
    """Whether a building of this kind is closed on a local day (public holiday or closure)."""
    closures = ARCHETYPES[archetype].closures
    return day in _public_holidays(day.year) or any(a <= day <= b for a, b in closures)


@dataclass(frozen=True, slots=True)
class LocalSlots:
    """Local time of the slots of one UTC day. Shapes (SLOTS,)."""

    weekday: IntArray
    minute: IntArray
    ordinal: IntArray

    @classmethod
    def of(cls, day_start_s: int) -> LocalSlots:
        """The slots of the UTC day that begins at ``day_start_s`` (Unix time) [s]."""
        first = [
            datetime.fromtimestamp(day_start_s + 3600 * hour, UTC).astimezone(LOCAL)
            for hour in range(24)
        ]
        per_hour = 3600 // SLOT_S
        within = np.tile(np.arange(per_hour) * SLOT_MIN, 24)
        return cls(
            weekday=np.repeat([moment.weekday() for moment in first], per_hour),
            minute=np.repeat([moment.hour * 60 for moment in first], per_hour) + within,
            ordinal=np.repeat([moment.toordinal() for moment in first], per_hour),
        )

    def look_up(self, week: FloatArray) -> FloatArray:
        """Values of a weekly grid (see ``week_grid``) at these slots."""
        return np.asarray(week[self.weekday, self.minute // SLOT_MIN])


def week_grid(timetable: WeekTimetable) -> FloatArray:
    """A timetable on the grid (7, SLOTS) of weekday and slot."""
    monday = datetime(2018, 1, 1, tzinfo=UTC)
    step = timedelta(seconds=SLOT_S)
    values = [timetable.value_at(monday + step * i) for i in range(7 * SLOTS)]
    return np.array(values).reshape(7, SLOTS)


@dataclass(frozen=True, slots=True)
class UseCalendar:
    """Stretches of use of one zone, in order: starts and ends in Unix time [s], shapes (k,)."""

    starts: FloatArray
    ends: FloatArray
    days: IntArray
    """Ordinal of the local day of each stretch."""

    @classmethod
    def build(cls, archetype: str, use: WeekTimetable, first: date, last: date) -> UseCalendar:
        """All stretches on the local days ``first`` to ``last`` that are not closed."""
        starts: list[float] = []
        ends: list[float] = []
        days: list[int] = []
        for ordinal in range(first.toordinal(), last.toordinal() + 1):
            day = date.fromordinal(ordinal)
            if is_closed(archetype, day):
                continue
            for start_min, end_min in _stretches(use, day.weekday()):
                starts.append(_at(day, start_min))
                ends.append(_at(day, end_min))
                days.append(ordinal)
        return cls(np.array(starts), np.array(ends), np.array(days, dtype=np.int64))

    def in_use(self, times: FloatArray) -> BoolArray:
        """Whether the zone is in use at ``times`` (Unix time) [s]."""
        index = np.searchsorted(self.starts, times, side="right") - 1
        return np.asarray((index >= 0) & (times < self.ends[np.maximum(index, 0)]))

    def time_left(self, times: FloatArray) -> FloatArray:
        """Time to the end of the current use [h]; 0 out of use."""
        index = np.searchsorted(self.starts, times, side="right") - 1
        left = (self.ends[np.maximum(index, 0)] - times) / 3600.0
        return np.where(self.in_use(times), left, 0.0)

    def next_use(self, times: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Time to the next start [h], and the length of the pause before that start [h]."""
        index = np.minimum(np.searchsorted(self.starts, times, side="right"), len(self.starts) - 1)
        ahead = self.starts[index] - times
        pause = self.starts[index] - self.ends[np.maximum(index - 1, 0)]
        return np.where(ahead > 0.0, ahead / 3600.0, np.inf), pause / 3600.0

    def presence(self, times: FloatArray, before_s: float, after_s: float) -> FloatArray:
        """Share of the people of the zone who are there, 0..1, with half-hour ramps.

        The first come ``before_s`` before the start, the last leave ``after_s`` after the end [s].
        """
        index = np.searchsorted(self.starts, times + before_s, side="right") - 1
        safe = np.maximum(index, 0)
        rise = (times + before_s - self.starts[safe]) / 1800.0
        fall = (self.ends[safe] + after_s - times) / 1800.0
        return np.where(index >= 0, np.clip(np.minimum(rise, fall), 0.0, 1.0), 0.0)


def _stretches(use: WeekTimetable, weekday: int) -> list[tuple[int, int]]:
    """Stretches of use of a weekday [min], overlapping ones joined."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(
        (period.start_min, period.end_min) for period in use.periods if weekday in period.days
    ):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _at(day: date, minute: int) -> float:
    midnight = datetime(day.year, day.month, day.day, tzinfo=LOCAL)
    return (midnight + timedelta(minutes=minute)).timestamp()


KNOTS_PER_DAY = 48


@dataclass(frozen=True)
class DailyOccupancy:
    """One building's people in one UTC day."""

    present: FloatArray  # (SLOTS, zones) share of the zone's people, 0..1.2
    window_c: FloatArray  # (zones,) air temperature at which windows are opened [degC]
    airing_ach: FloatArray  # (SLOTS, zones) windows opened for fresh air alone [1/h]


def daily_occupancy(
    site: SimSite, uses: list[UseCalendar], times: FloatArray, day: int
) -> DailyOccupancy:
    """Draw the people of a building on UTC day number ``day``; ``times`` are its slots [s]."""
    rng = np.random.default_rng([site.seed, 7, day])
    zones = site.kind.zones
    n = len(zones)
    attendance = np.clip(rng.normal(0.82, 0.08, n), 0.4, 1.0)
    early_s = rng.uniform(300.0, 1500.0, n)
    late_s = rng.uniform(-300.0, 1500.0, n)
    window_c = rng.normal(23.4, 0.5, n)
    airing = rng.gamma(2.0, 0.06, n)
    restless = np.array([zone.restless for zone in zones])
    noise = np.repeat(rng.standard_normal((KNOTS_PER_DAY, n)), SLOTS // KNOTS_PER_DAY, axis=0)
    there = np.column_stack(
        [use.presence(times, float(early_s[i]), float(late_s[i])) for i, use in enumerate(uses)]
    )
    present = np.clip(there * attendance * (1.0 + restless * noise), 0.0, 1.2)
    return DailyOccupancy(present, window_c, airing * (there > 0.2))
