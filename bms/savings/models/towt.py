"""Hourly use by time of week and temperature (TOWT), in closed form.

Mathieu, Price, Kiliccote & Piette 2011, doi 10.1109/TSG.2011.2145010, with the temperature bins and
the occupancy rule of CalTRACK 2.0 §3.5 to 3.9 in degrees Celsius: each of the 168 hours of the week
has a level of its own, and temperature acts piecewise linearly, with slopes of their own for the
hours in which the building is occupied. A level per group is partialled out by centring
(Frisch & Waugh 1933, doi 10.2307/1907330), so the regression left has seven unknowns, not 180.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Floats

EDGES_C = (-1.1, 7.2, 12.8, 18.3, 23.9, 32.2)
"""Edges of the temperature bins [degC] (30, 45, 55, 65, 75, 90 degF)."""
HEATED_C, COOLED_C = 10.0, 18.3
OCCUPIED_SHARE = 0.65
"""An hour of the week counts as occupied when more of its residuals than this are positive."""
LEAST_BIN_HOURS = 20
"""A bin at the end with fewer hours [h] joins its neighbour."""
WEEK = 168

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Towt:
    """Level [kWh/h] by hour of the week, shape (168,), and slopes [kWh/h/K] by temperature bin of
    unoccupied and occupied hours, shape (2, bins). NaN levels were never seen."""

    levels: Floats
    slopes: Floats
    edges: tuple[float, ...]
    occupied: Flags
    cv_rmse: float | None

    def predict(self, temp_c: Floats, hour_of_week: Ints) -> Floats:
        """Use [kWh/h], never negative; NaN where the hour of the week was never seen."""
        parts = temperature_parts(temp_c, self.edges)
        slopes = self.slopes[self.occupied[hour_of_week].astype(np.int64)]
        use = self.levels[hour_of_week] + (parts * slopes).sum(axis=1)
        return np.asarray(np.maximum(use, 0.0), dtype=np.float64)


def fit_towt(y: Floats, temp_c: Floats, hour_of_week: Ints) -> Towt:
    """Least squares on known hours: ``y`` [kWh/h], ``temp_c`` [degC], each of shape (n,)."""
    occupied = _occupied(y, temp_c, hour_of_week)
    edges = bin_edges(temp_c)
    parts = temperature_parts(temp_c, edges)
    flagged = occupied[hour_of_week]
    y_mean = _means(y, hour_of_week)
    x_mean = np.stack([_means(column, hour_of_week) for column in parts.T], axis=1)
    y_left, x_left = y - y_mean[hour_of_week], parts - x_mean[hour_of_week]
    slopes = np.stack(
        [_slopes(x_left[flagged == side], y_left[flagged == side]) for side in (0, 1)]
    )
    levels = y_mean - (x_mean * slopes[occupied.astype(np.int64)]).sum(axis=1)
    model = Towt(levels, slopes, edges, occupied, None)
    seen = int(np.isfinite(y_mean).sum())
    freedom = max(len(y) - seen - 2 * len(edges) - 2, 1)
    sse = float(((y - model.predict(temp_c, hour_of_week)) ** 2).sum())
    mean = float(y.mean())
    cv = float(np.sqrt(sse / freedom)) / mean if mean > 0 else None
    return Towt(levels, slopes, edges, occupied, cv)


def _occupied(y: Floats, temp: Floats, hour: Ints) -> Flags:
    """Hours of the week whose use mostly lies above what the weather alone explains."""
    x = occupancy_regressors(temp)
    coefficients = np.linalg.lstsq(x.T @ x, x.T @ y, rcond=None)[0]
    above = (y > x @ coefficients).astype(np.float64)
    return np.nan_to_num(_means(above, hour)) > OCCUPIED_SHARE


def occupancy_regressors(temp: Floats) -> Floats:
    """One, heating and cooling degrees [K] of every hour; shape (n, 3)."""
    heat, cool = np.maximum(HEATED_C - temp, 0.0), np.maximum(temp - COOLED_C, 0.0)
    return np.stack([np.ones_like(temp), heat, cool], axis=1)


def bin_edges(temp: Floats) -> tuple[float, ...]:
    """The inner edges of bins that hold enough hours."""
    edges = list(EDGES_C)
    while edges and (temp < edges[0]).sum() < LEAST_BIN_HOURS:
        edges.pop(0)
    while edges and (temp >= edges[-1]).sum() < LEAST_BIN_HOURS:
        edges.pop()
    return tuple(edges)


def temperature_parts(temp: Floats, edges: tuple[float, ...]) -> Floats:
    """How much of the temperature lies in each bin [K]; the columns sum to it. Shape (n, bins)."""
    if not edges:
        return temp[:, None]
    low = np.minimum(temp, edges[0])
    inner = [np.clip(temp - a, 0.0, b - a) for a, b in pairwise(edges)]
    return np.stack([low, *inner, np.maximum(temp - edges[-1], 0.0)], axis=1)


def _means(values: Floats, group: Ints) -> Floats:
    """Mean by hour of the week, NaN where there is none; shape (168,)."""
    count = np.bincount(group, minlength=WEEK)
    total = np.bincount(group, weights=values, minlength=WEEK)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _slopes(x: Floats, y: Floats) -> Floats:
    if not len(y):
        return np.zeros(x.shape[1])
    return least_squares(x.T @ x, x.T @ y)


def least_squares(square: Floats, cross: Floats) -> Floats:
    """Slopes [kWh/h/K] of the normal equations; the smallest where they are not unique."""
    return np.asarray(np.linalg.lstsq(square, cross, rcond=1e-9)[0], dtype=np.float64)
