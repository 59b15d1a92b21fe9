"""The hourly model twelve times: one for every month of the year.

CalTRACK 2.0 §3.7: the model of a month is fitted to its hours with weight 1 and to those of the
months before and after it with weight 0.5. All of its sums are those of three months, so every
month's sums are made once and added with their weights: levels by hour of the week partialled out,
seven unknowns per model and occupancy are left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Floats
from bms.savings.models.towt import (
    OCCUPIED_SHARE,
    WEEK,
    bin_edges,
    least_squares,
    occupancy_regressors,
    temperature_parts,
)

MONTHS = 12
NEIGHBOUR_WEIGHT = 0.5
LEAST_HOURS = 14 * 24
"""Hours [h] of a month, its neighbours by half, without which it has no model."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TowtMonths:
    """Twelve models: levels [kWh/h], shape (12, 168), slopes [kWh/h/K] of unoccupied and occupied
    hours, shape (12, 2, bins), ``occupied`` shape (12, 168). NaN where nothing was seen."""

    levels: Floats
    slopes: Floats
    edges: tuple[float, ...]
    occupied: NDArray[np.bool_]
    cv_rmse: float | None

    def predict(self, temp_c: Floats, hour_of_week: Ints, month: Ints) -> Floats:
        """Use [kWh/h], never negative; ``month`` counts from 0. NaN where the model has none."""
        side = self.occupied[month, hour_of_week].astype(np.int64)
        parts = temperature_parts(temp_c, self.edges)
        use = self.levels[month, hour_of_week] + (parts * self.slopes[month, side]).sum(axis=1)
        return np.asarray(np.maximum(use, 0.0), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Sums by month and hour of the week: ``count`` and ``use`` of shape (12, 168), temperature
    parts ``x`` (12, 168, k), their products ``xx`` (12, 168, k, k) and with use ``xy`` (…, k)."""

    count: Floats
    use: Floats
    x: Floats
    xx: Floats
    xy: Floats


def fit_months(y: Floats, temp_c: Floats, hour_of_week: Ints, month: Ints) -> TowtMonths:
    """Weighted least squares on known hours: ``y`` [kWh/h], ``temp_c`` [degC], ``month`` from 0;
    each of shape (n,)."""
    edges = bin_edges(temp_c)
    parts = temperature_parts(temp_c, edges)
    cells = _cells(y, parts, month * WEEK + hour_of_week)
    occupied = _occupied(y, temp_c, hour_of_week, month)
    levels = np.full((MONTHS, WEEK), np.nan)
    slopes = np.full((MONTHS, 2, parts.shape[1]), np.nan)
    for i in range(MONTHS):
        if _around(i, cells.count).sum() >= LEAST_HOURS:
            levels[i], slopes[i] = _one(i, cells, occupied[i].astype(np.int64))
    model = TowtMonths(levels, slopes, edges, occupied, None)
    return replace(model, cv_rmse=_error(model, y, temp_c, hour_of_week, month))


def _one(month: int, cells: _Cells, side: Ints) -> tuple[Floats, Floats]:
    """Levels by hour of the week and slopes of both sides of the model of a month."""
    count = _around(month, cells.count)
    n = np.where(count > 0, count, 1.0)
    x, y = _around(month, cells.x) / n[:, None], _around(month, cells.use) / n
    xx = _around(month, cells.xx) - n[:, None, None] * x[:, :, None] * x[:, None, :]
    xy = _around(month, cells.xy) - n[:, None] * x * y[:, None]
    slopes = np.stack(
        [least_squares(xx[side == i].sum(axis=0), xy[side == i].sum(axis=0)) for i in (0, 1)]
    )
    levels = y - (x * slopes[side]).sum(axis=1)
    return np.where(count > 0, levels, np.nan), slopes


def _cells(y: Floats, parts: Floats, cell: Ints) -> _Cells:
    k = parts.shape[1]
    columns = list(parts.T)
    xx = np.empty((MONTHS, WEEK, k, k))
    for i in range(k):
        for j in range(i + 1):
            xx[:, :, i, j] = xx[:, :, j, i] = _sums(cell, columns[i] * columns[j])
    return _Cells(
        count=_sums(cell, None),
        use=_sums(cell, y),
        x=np.stack([_sums(cell, column) for column in columns], axis=2),
        xx=xx,
        xy=np.stack([_sums(cell, column * y) for column in columns], axis=2),
    )


def _sums(cell: Ints, values: Floats | None) -> Floats:
    found = np.bincount(cell, weights=values, minlength=MONTHS * WEEK)
    return found.astype(np.float64).reshape(MONTHS, WEEK)


def _around(month: int, values: Floats) -> Floats:
    """Sums of a month and, by half, of its neighbours."""
    neighbours = values[month - 1] + values[(month + 1) % MONTHS]
    return np.asarray(values[month] + NEIGHBOUR_WEIGHT * neighbours)


def _occupied(y: Floats, temp_c: Floats, hour: Ints, month: Ints) -> NDArray[np.bool_]:
    """By month the hours of the week whose use mostly lies above what the weather explains."""
    x = occupancy_regressors(temp_c)
    here = [np.flatnonzero(month == i) for i in range(MONTHS)]
    squares = np.stack([x[at].T @ x[at] for at in here])
    products = np.stack([x[at].T @ y[at] for at in here])
    occupied = np.zeros((MONTHS, WEEK), dtype=bool)
    for i in range(MONTHS):
        line = np.linalg.lstsq(_around(i, squares), _around(i, products), rcond=None)[0]
        above, every = np.zeros(WEEK), np.zeros(WEEK)
        for at, weight in _weighted_hours(i, here):
            over = (y[at] > x[at] @ line).astype(np.float64)
            above += weight * np.bincount(hour[at], weights=over, minlength=WEEK)
            every += weight * np.bincount(hour[at], minlength=WEEK)
        occupied[i] = above > OCCUPIED_SHARE * every
    return occupied


def _weighted_hours(month: int, here: list[Ints]) -> tuple[tuple[Ints, float], ...]:
    before, after = here[month - 1], here[(month + 1) % MONTHS]
    return ((here[month], 1.0), (before, NEIGHBOUR_WEIGHT), (after, NEIGHBOUR_WEIGHT))


def _error(model: TowtMonths, y: Floats, temp_c: Floats, hour: Ints, month: Ints) -> float | None:
    """CV(RMSE) over the hours of each model's own month; the parameters of twelve models that
    share their data are not defined, so none are taken off."""
    left = y - model.predict(temp_c, hour, month)
    left, mean = left[np.isfinite(left)], float(y.mean())
    return float(np.sqrt((left**2).mean())) / mean if len(left) and mean > 0 else None
