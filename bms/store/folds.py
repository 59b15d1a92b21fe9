"""From readings to one value per step of a grid. Pure, and the same for every store.

Only good readings take part: a series carries no quality, so an estimated or doubtful value in it
would look like a measurement. Nothing is interpolated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bms.model.series import Floats, Series, grid_length
from bms.ports import Fold
from bms.store.moment import MICROSECOND, from_micros, to_micros

Micros = NDArray[np.int64]

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
    use = np.full(grid.n, np.nan)
    if not len(times):
        return use
    at, known = _nearest(times, grid.start + grid.step * np.arange(grid.n + 1), grid.tolerance)
    falls = np.concatenate(([0], np.cumsum(np.diff(values) < 0)))[at]
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


_FOLDS: dict[Fold, Callable[[Grid, Micros, Floats], Floats]] = {
    Fold.MEAN: _mean,
    Fold.LAST: _last,
    Fold.DELTA: _delta,
}
