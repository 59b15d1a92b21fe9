"""Local days of a subject: totals, means and trailing windows of whole days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bms.faults.delays import confirmed
from bms.faults.observations import DAY_S, Observations
from bms.faults.signals import Signal
from bms.model.planning.grid import Flags, Ints
from bms.model.readings.series import Floats

LEAST_COVERAGE = 0.8
"""Share of a day that has to be known for its total; the rest is taken to be like it."""


@dataclass(frozen=True, slots=True, eq=False)
class DayTable:
    """Every local day from the first to the last. ``day`` counts days since 1970-01-01, ``place``
    is the row of each interval of the subject, ``least`` how many intervals a known day has.
    ``closed``: nobody is in; ``listed``: for a reason other than the weekday."""

    day: Ints
    place: Ints
    least: float
    closed: Flags
    listed: Flags

    @classmethod
    def of(cls, seen: Observations) -> DayTable:
        """The days of a subject, worked out once."""
        return seen.once(cls._made)

    @classmethod
    def _made(cls, seen: Observations) -> DayTable:
        local = seen.local.day
        day = np.arange(local[0], local[-1] + 1)
        closed, listed = np.zeros((2, len(day)), dtype=np.bool_)
        place = local - local[0]
        closed[place], listed[place] = seen.closed, seen.listed
        return cls(day, place, LEAST_COVERAGE * DAY_S / seen.step_s, closed, listed)

    def __len__(self) -> int:
        return len(self.day)

    def stood(self, condition: Flags, days: int) -> Flags:
        """The days by which a condition has stood for so many."""
        first = np.zeros(len(self), dtype=np.bool_)
        first[:1] = True
        return confirmed(condition, first, days)

    def mean(self, values: Floats, where: Flags | None = None) -> Floats:
        """Means of the days [unit of the values]; ``where`` picks intervals. NaN where too few of
        the day, or fewer than three quarters of what is picked, are known."""
        known = np.isfinite(values) if where is None else np.isfinite(values) & where
        n = np.bincount(self.place[known], minlength=len(self))
        total = np.bincount(self.place[known], values[known], minlength=len(self))
        if where is None:
            least = np.full(len(self), self.least)
        else:
            least = 0.75 * np.bincount(self.place[where], minlength=len(self))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where((n >= np.maximum(least, 1)), total / np.maximum(n, 1), np.nan)

    def total(self, values: Floats) -> Floats:
        """Totals of the days, of amounts per interval."""
        steps = self.least / LEAST_COVERAGE
        return self.mean(values) * steps

    def known_mean(self, values: Floats, least_h: float = 6.0) -> Floats:
        """Means of the known values of days with ``least_h`` hours of them [their unit]."""
        known = np.isfinite(values)
        n = np.bincount(self.place[known], minlength=len(self))
        total = np.bincount(self.place[known], values[known], minlength=len(self))
        least = self.least / LEAST_COVERAGE * least_h / 24.0
        return np.where(n >= max(least, 1.0), total / np.maximum(n, 1), np.nan)

    def spread(self, flags: Flags) -> Flags:
        """Flags of days on the intervals of the subject."""
        spread: Flags = flags[self.place]
        return spread


def trailing(values: Floats, days: int, *, least: int | None = None) -> Floats:
    """Mean of the known values of each day and the ``days - 1`` before it; NaN with fewer than
    ``least`` of them (all but a third)."""
    known = np.isfinite(values)
    sums = np.cumsum(np.concatenate([[0.0], np.where(known, values, 0.0)]))
    n = np.cumsum(np.concatenate([[0], known.astype(np.int64)]))
    end = np.arange(1, len(values) + 1)
    first = np.maximum(end - days, 0)
    count = n[end] - n[first]
    needed = max(1, days * 2 // 3) if least is None else least
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count >= needed, (sums[end] - sums[first]) / np.maximum(count, 1), np.nan)


def outdoor_days(seen: Observations, table: DayTable) -> Floats:
    """Mean outdoor temperature of the days [degC]."""
    return table.mean(seen.get(Signal.OUTDOOR_TEMP))


def mean_of_known(values: Floats) -> float:
    """The mean of what is known; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def median_by_day(rows: Floats) -> Floats:
    """The median of several rows (k, days) on each day; NaN where none of them is known."""
    known = np.isfinite(rows).any(axis=0)
    out = np.full(rows.shape[1], np.nan)
    out[known] = np.nanmedian(rows[:, known], axis=0)
    return out


def last_mean(values: Floats, flags: Flags) -> float:
    """Mean of the known values on the flagged ones of the last 28; NaN where there are none."""
    index = np.flatnonzero(flags & np.isfinite(values))
    recent = index[index > index[-1] - 28] if len(index) else index
    return float(values[recent].mean()) if len(recent) else float("nan")
