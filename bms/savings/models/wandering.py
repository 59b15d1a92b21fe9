"""How far a building has wandered by itself, as the errors of its months tell.

The use of a building beside its model is taken as a random walk (the local level of Harvey 1989,
"Forecasting, Structural Time Series Models and the Kalman Filter"), an error of each month of the
year that returns every year, and noise. What was done for energy is a step of unknown size between
the two periods, so the level of each period is free, and only the course within them tells of the
walk (best linear unbiased prediction: Robinson 1991, doi 10.1214/ss/1177011926).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Floats
from bms.savings.data.daily import DailyUse, ordinals
from bms.savings.models.baseline import Baseline

NOISE, SEASONAL = 0.5, 0.4
"""Standard deviation of the noise of a month, and of the error that returns every year, beside the
walk of a year (docs/savings.md §5: how they were chosen)."""
YEAR_DAYS = 365.25
MONTH_DAYS = YEAR_DAYS / 12.0
KNOWN_DAYS = 10
"""Days that make a month known."""
LEAST_YEAR = 300
"""Days that make the course of a baseline year known."""


@dataclass(frozen=True, slots=True, eq=False)
class Wandering:
    """Expected walk [share of use] on ``days`` (ordinals, rising), of both periods; shapes (n,)."""

    days: NDArray[np.int64]
    level: Floats

    def mean(self, dates: Sequence[date]) -> float:
        """Mean of the walk on ``dates``, which are among the days."""
        if not len(self.days):
            return 0.0
        return float(self.level[np.searchsorted(self.days, ordinals(tuple(dates)))].mean())

    def mean_between(self, first: date, last: date) -> float:
        """Mean of the walk on the known days from ``first`` to ``last``."""
        begin, end = self.days.searchsorted((first.toordinal(), last.toordinal() + 1)).tolist()
        return float(self.level[begin:end].mean()) if end > begin else 0.0


STILL = Wandering(np.empty(0, dtype=np.int64), np.empty(0))
"""A building of which nothing is known."""


@dataclass(frozen=True, slots=True, eq=False)
class _Months:
    """Months of 30.4 days of a period from its first day on: the ``place`` of each day's month,
    and the mean ``error`` of each month, a share of use; NaN with fewer than 10 days."""

    place: NDArray[np.int64]
    error: Floats


def wandering(model: Baseline, before: DailyUse, whole: DailyUse) -> Wandering:
    """The walk from the baseline days ``before``, to which ``model`` was fitted, over the days of
    the project (``whole``); ``STILL`` with fewer than 300 baseline days, without use, or
    where the project is not the later one."""
    if len(before) < LEAST_YEAR or not len(whole) or whole.dates[0] <= before.dates[-1]:
        return STILL
    first, second = _months(model, before), _months(model, whole)
    if first is None or second is None:
        return STILL
    apart = whole.dates[0].toordinal() - before.dates[0].toordinal()
    error = np.concatenate([first.error, second.error])
    known = np.isfinite(error)
    walk = _prediction(apart, len(first.error), known.tobytes()) @ error[known]
    place = np.concatenate([first.place, second.place + len(first.error)])
    days = np.concatenate([ordinals(before.dates), ordinals(whole.dates)])
    return Wandering(days, walk[place])


def _months(model: Baseline, days: DailyUse) -> _Months | None:
    expected, rate = model.expect(days), days.rate
    whole, used = float(expected.sum()), float(rate.sum())
    if whole <= 0 or used <= 0:
        return None
    day = ordinals(days.dates)
    place = ((day - day[0]) / MONTH_DAYS).astype(np.int64)
    count = np.bincount(place)
    error = np.bincount(place, rate * (whole / used) - expected)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = error / count / (whole / len(days))
    return _Months(place, np.where(count >= KNOWN_DAYS, mean, np.nan))


@lru_cache(maxsize=64)
def _prediction(apart: int, before: int, known: bytes) -> Floats:
    """Matrix that makes the expected walk of every month, shape (n, k), of the errors of the k
    ``known`` ones; the first ``before`` months belong to the baseline, and the two periods begin
    ``apart`` days from each other."""
    seen = np.frombuffer(known, dtype=np.bool_)
    later = np.arange(len(seen)) >= before
    month = np.where(later, np.arange(len(seen)) - before, np.arange(len(seen)))
    time = (month + 0.5) / 12.0 + later * apart / YEAR_DAYS
    # Means of a walk over a month lie closer together than its values at two moments.
    walk = np.minimum.outer(time, time) - np.eye(len(seen)) / 72.0
    season = np.floor(time * 12.0).astype(np.int64) % 12
    noise = NOISE**2 * np.eye(len(seen)) + SEASONAL**2 * (season[:, None] == season)
    inverse = np.linalg.inv((walk + noise)[np.ix_(seen, seen)])
    levels = np.stack([side[seen] for side in (~later, later) if side[seen].any()], axis=1)
    weighed = inverse @ levels
    free = inverse - weighed @ np.linalg.solve(levels.T @ weighed, weighed.T)
    return np.asarray(walk[:, seen] @ free)
