"""From readings to one value per step of a grid. Pure, and the same for every store.

Only readings that count take part (``Quality.counts``): a series carries no quality, so an
estimated or doubtful value in it would look like a measurement. Nothing is interpolated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bms.model.epoch import MICROSECOND, from_micros, to_micros
from bms.model.readings.series import Floats, Micros, Series, grid_length
from bms.ports.storage.readings import Fold
from bms.store.rollups.buckets import Buckets
from bms.store.rollups.local_days import HOUR

#: How far from the edge of a step a register may be read and still stand for the edge: an eighth
#: of the step, and never more than half an hour.
EDGE_SHARE = 8
EDGE_LIMIT = timedelta(minutes=30) // MICROSECOND


@dataclass(frozen=True, slots=True)
class Grid:
    """``n`` steps of ``step`` [us] from ``start`` [us]; no reading from ``end`` [us] on counts."""

    start: int
    end: int
    step: int
    n: int

    @classmethod
    def over(cls, start: datetime, end: datetime, step: timedelta) -> Grid:
        """The grid from ``start`` up to ``end``. Raises ValueError for naive moments, step <= 0."""
        if step <= timedelta(0):
            raise ValueError(f"a grid has a positive step, not {step}")
        first, last = to_micros(start), to_micros(end)
        return cls(first, last, step // MICROSECOND, grid_length(start, end, step))

    @property
    def tolerance(self) -> int:
        """How far from the edge of a step a register may be read [us]."""
        return min(self.step // EDGE_SHARE, EDGE_LIMIT)

    def window(self, fold: Fold) -> tuple[int, int]:
        """The readings that ``fold`` needs: from the first [us] until before the second [us]."""
        if fold is Fold.DELTA:
            return self.start - self.tolerance, self.end + self.tolerance + 1
        return self.start, self.end

    @property
    def hourly(self) -> bool:
        """Whether every step is made of whole hours of UTC."""
        return not (self.start % HOUR or self.end % HOUR or self.step % HOUR)

    def is_of_hours(self, fold: Fold, horizon: int) -> bool:
        """Whether a series is made of hours; ``horizon`` [us] is where the readings begin.

        The sum of several hours is rounded otherwise than the sum of their readings, so that a mean
        over several hours is made of readings as long as there are any.
        """
        exact = fold is not Fold.MEAN or self.step == HOUR
        return self.n > 0 and self.hourly and (exact or self.start < horizon)

    def hours(self, fold: Fold) -> tuple[int, int]:
        """The hours that ``fold`` needs of an hourly grid: from [us] until before [us]."""
        if fold is Fold.DELTA:
            return self.start - HOUR, self.end + HOUR
        return self.start, self.end

    def series_of_hours(self, fold: Fold, hours: Buckets) -> Series:
        """Fold the buckets of ``hours(fold)``, shape (h,), on an hourly grid, as ``series`` would.

        An edge of a step is an edge between two hours, so that the readings nearest to it are the
        last of one hour and the first of the next.
        """
        known = hours[hours["n"] > 0]
        start = from_micros(self.start).astimezone(UTC)
        return Series(start, self.step * MICROSECOND, _FOLDS_OF_HOURS[fold](self, known))

    def series(self, fold: Fold, times: Micros, values: Floats) -> Series:
        """Fold good readings into a series.

        ``times`` [us], shape (m,), ascending and inside ``window(fold)``; ``values``, shape (m,).
        The result has shape (n,), NaN where no reading says anything.
        """
        start = from_micros(self.start).astimezone(UTC)
        return Series(start, self.step * MICROSECOND, _FOLDS[fold](self, times, values))


def _mean(grid: Grid, times: Micros, values: Floats) -> Floats:
    at = (times - grid.start) // grid.step
    count = np.bincount(at, minlength=grid.n)
    total = np.bincount(at, weights=values, minlength=grid.n)
    mean = np.full(grid.n, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def _last(grid: Grid, times: Micros, values: Floats) -> Floats:
    last = np.full(grid.n, np.nan)
    last[(times - grid.start) // grid.step] = values  # of repeated steps the last value stays
    return last


def _delta(grid: Grid, times: Micros, values: Floats) -> Floats:
    """Use per step: the register at the step's end minus the register at its start.

    The register at an edge is the reading nearest to it, within the grid's tolerance; steps share
    their edges, so that the sum over any gapless period is exactly the register's difference. A
    step is NaN where an edge has no reading, and where the register fell inside it (a reset, a
    rollover or another meter).
    """
    return _use(grid, times, values, np.diff(values) < 0)


def _use(grid: Grid, times: Micros, values: Floats, fell: NDArray[Any]) -> Floats:
    """``fell`` counts the falls of the register from each reading to the next."""
    use = np.full(grid.n, np.nan)
    if not len(times):
        return use
    at, known = _nearest(times, grid.start + grid.step * np.arange(grid.n + 1), grid.tolerance)
    falls = np.concatenate(([0], np.cumsum(fell)))[at]
    sound = known[1:] & known[:-1] & (falls[1:] == falls[:-1])
    use[sound] = np.diff(values[at])[sound]
    return use


def _nearest(
    times: Micros, edges: Micros, tolerance: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Index of the reading nearest to each edge (the earlier of two), and whether it is near."""
    after = np.searchsorted(times, edges).clip(max=len(times) - 1)
    before = (after - 1).clip(min=0)
    distance = np.abs(times[after] - edges)
    distance_before = np.abs(times[before] - edges)
    at = np.where(distance_before <= distance, before, after)
    return at, np.minimum(distance, distance_before) <= tolerance


def _mean_of_hours(grid: Grid, hours: Buckets) -> Floats:
    at = (hours["first_at"] - grid.start) // grid.step
    count = np.bincount(at, weights=hours["n"], minlength=grid.n)
    total = np.bincount(at, weights=hours["total"], minlength=grid.n)
    mean = np.full(grid.n, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def _last_of_hours(grid: Grid, hours: Buckets) -> Floats:
    return _last(grid, hours["last_at"], hours["last"])


def _delta_of_hours(grid: Grid, hours: Buckets) -> Floats:
    times = np.stack((hours["first_at"], hours["last_at"]), axis=1).reshape(-1)
    values = np.stack((hours["first"], hours["last"]), axis=1).reshape(-1)
    fell = (np.diff(values) < 0).astype(np.int64)
    fell[::2] = hours["falls"]
    return _use(grid, times, values, fell)


_FOLDS: dict[Fold, Callable[[Grid, Micros, Floats], Floats]] = {
    Fold.MEAN: _mean,
    Fold.LAST: _last,
    Fold.DELTA: _delta,
}
_FOLDS_OF_HOURS: dict[Fold, Callable[[Grid, Buckets], Floats]] = {
    Fold.MEAN: _mean_of_hours,
    Fold.LAST: _last_of_hours,
    Fold.DELTA: _delta_of_hours,
}
