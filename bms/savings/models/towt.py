"""Hourly use by time of week and temperature (TOWT), in closed form.

Mathieu, Price, Kiliccote & Piette 2011, doi 10.1109/TSG.2011.2145010, with the temperature bins and
the occupancy rule of CalTRACK 2.0 §3.5 to 3.9 in degrees Celsius: each of the 168 hours of the week
has a level of its own, and temperature acts piecewise linearly, with slopes of their own for the
hours in which the building is occupied. A level per hour of the week is partialled out by centring
(Frisch & Waugh 1933, doi 10.2307/1907330), so the regression left has seven unknowns, not 180; and
within a temperature bin all regressors are straight lines, so five sums for each month, hour of the
week and bin are all that a model is made of (``_Sums``).

One model of the year is ``fit_towt``. ``fit_months`` makes twelve (CalTRACK 2.0 §3.7): the model of
a month has its hours with weight 1 and those of the months before and after it with weight 0.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
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
WEEK, MONTHS = 168, 12
NEIGHBOUR_WEIGHT = 0.5
LEAST_HOURS = 14 * 24
"""Hours [h] of a month, its neighbours by half, without which it has no model."""
UNIQUE = 1e-9
"""Eigenvalues of the normal equations below this share of the largest count as none: slopes that
are not unique are the smallest."""

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

ALL_ALIKE: Mapping[int, float] = {0: 1.0}
WITH_NEIGHBOURS: Mapping[int, float] = {0: 1.0, -1: NEIGHBOUR_WEIGHT, 1: NEIGHBOUR_WEIGHT}
"""Weight of the hours of a month in the model so many months later."""


@dataclass(frozen=True, eq=False)
class Hours:
    """Known hours: ``use`` [kWh/h], ``temp`` [degC], ``hour`` of the week and ``month``, both from
    0; shapes (n,)."""

    use: Floats
    temp: Floats
    hour: Ints
    month: Ints

    @cached_property
    def cell(self) -> Ints:
        """Month and hour of the week in one."""
        return self.month * WEEK + self.hour

    @cached_property
    def heating(self) -> Floats:
        """Degrees below ``HEATED_C`` [K]."""
        return np.maximum(HEATED_C - self.temp, 0.0)

    @cached_property
    def cooling(self) -> Floats:
        """Degrees above ``COOLED_C`` [K]."""
        return np.maximum(self.temp - COOLED_C, 0.0)

    @cached_property
    def edges(self) -> tuple[float, ...]:
        """The inner edges [degC] of bins that hold enough hours."""
        edges = list(EDGES_C)
        while edges and (self.temp < edges[0]).sum() < LEAST_BIN_HOURS:
            edges.pop(0)
        while edges and (self.temp >= edges[-1]).sum() < LEAST_BIN_HOURS:
            edges.pop()
        return tuple(edges)

    @cached_property
    def sums(self) -> _Sums:
        """What models are made of."""
        return _Sums.of(self)


@dataclass(frozen=True, slots=True, eq=False)
class Towt:
    """Models of g parts of the year: levels [kWh/h] by hour of the week, shape (g, 168), slopes
    [kWh/h/K] by temperature bin of unoccupied and occupied hours, shape (g, 2, bins), and which
    hours are ``occupied``, shape (g, 168). NaN where nothing was seen.

    ``cv_rmse`` is the error on the hours it was fitted to, a fraction of their mean; of twelve
    models over the hours of each one's own month, and no parameters are taken off: those of models
    that share their data are not defined.
    """

    levels: Floats
    slopes: Floats
    edges: tuple[float, ...]
    occupied: Flags
    cv_rmse: float | None

    def predict(self, hours: Hours) -> Floats:
        """Use [kWh/h], never negative; NaN where the model has none."""
        return _predict(self.levels, _by_hour(self.slopes, self.occupied), self.edges, hours)


def fit_towt(hours: Hours) -> Towt:
    """The model of the year by least squares."""
    levels, slopes, occupied = _fit(hours, ALL_ALIKE, 1)
    left = hours.use - _predict(levels, _by_hour(slopes, occupied), hours.edges, hours)
    freedom = len(left) - int(np.isfinite(levels).sum()) - 2 * len(hours.edges) - 2
    error = _cv_rmse(hours, float((left**2).sum()), max(freedom, 1))
    return Towt(levels, slopes, hours.edges, occupied, error)


def fit_months(hours: Hours) -> Towt:
    """Twelve models by weighted least squares, of those months that were seen."""
    levels, slopes, occupied = _fit(hours, WITH_NEIGHBOURS, MONTHS)
    seen = _weights(WITH_NEIGHBOURS, MONTHS) @ hours.sums.count.sum(axis=(1, 2))
    levels[seen < LEAST_HOURS] = np.nan
    left = hours.use - _predict(levels, _by_hour(slopes, occupied), hours.edges, hours)
    left = left[np.isfinite(left)]
    error = _cv_rmse(hours, float((left**2).sum()), len(left)) if len(left) else None
    return Towt(levels, slopes, hours.edges, occupied, error)


def _cv_rmse(hours: Hours, sse: float, freedom: int) -> float | None:
    mean = float(hours.use.mean())
    return float(np.sqrt(sse / freedom)) / mean if mean > 0 else None


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Sums by month, hour of the week and temperature bin, shapes (12, 168, k): number of hours,
    temperature and its square, use and its product with temperature. By month, ``squares`` (12, 3,
    3) and ``products`` with use (12, 3) of one, heating and cooling degrees."""

    count: Floats
    temp: Floats
    square: Floats
    use: Floats
    product: Floats
    squares: Floats
    products: Floats

    @classmethod
    def of(cls, hours: Hours) -> _Sums:
        k = len(hours.edges) + 1
        place = hours.cell * k + _bins(hours, hours.edges)
        shape = (MONTHS, WEEK, k)

        def by_cell(values: Floats | None) -> Floats:
            found = np.bincount(place, values, MONTHS * WEEK * k)
            return found.astype(np.float64, copy=False).reshape(shape)

        def by_month(values: Floats) -> Floats:
            return np.bincount(hours.month, values, MONTHS).astype(np.float64, copy=False)

        y, heat, cool = hours.use, hours.heating, hours.cooling
        count, use = by_cell(None), by_cell(y)
        squares, products = np.zeros((MONTHS, 3, 3)), np.empty((MONTHS, 3))
        squares[:, 0, 0], products[:, 0] = count.sum(axis=(1, 2)), use.sum(axis=(1, 2))
        for i, degrees in ((1, heat), (2, cool)):  # no hour has both
            squares[:, 0, i] = squares[:, i, 0] = by_month(degrees)
            squares[:, i, i] = by_month(degrees * degrees)
            products[:, i] = by_month(degrees * y)
        t = hours.temp
        return cls(count, by_cell(t), by_cell(t * t), use, by_cell(t * y), squares, products)


def _fit(hours: Hours, window: Mapping[int, float], groups: int) -> tuple[Floats, Floats, Flags]:
    """Levels, slopes and occupied hours of the week of ``groups`` models."""
    sums, weights = hours.sums, _weights(window, groups)

    def weighed(values: Floats) -> Floats:
        return (weights @ values.reshape(MONTHS, -1)).reshape(groups, *values.shape[1:])

    count, temp, use = weighed(sums.count), weighed(sums.temp), weighed(sums.use)
    each = count.sum(axis=2)
    n = np.where(each > 0, each, 1.0)
    occupied = _occupied(hours, window, groups, each)
    side = np.stack([~occupied, occupied], axis=1).astype(np.float64)
    begins = _begins(hours.edges)
    y = use.sum(axis=2)
    # Of every hour of the week the sums of the temperature parts x, and their means for one side.
    x = count @ begins + temp
    means = side[..., None] * (x / n[..., None])[:, None]
    # Raw sums of x xᵀ of each side, less those of the levels; x is begins[b] + T in bin b.
    squares = begins.T @ ((side @ count)[..., None] * begins)
    crossed = begins.T * (side @ temp)[..., None, :]
    squares += crossed + crossed.swapaxes(-1, -2)
    squares += (side @ weighed(sums.square))[..., None] * np.eye(len(begins))
    squares -= means.swapaxes(-1, -2) @ x[:, None]
    products = side @ (use @ begins + weighed(sums.product))
    products -= (means.swapaxes(-1, -2) @ y[:, None, :, None])[..., 0]
    slopes = _solve(squares, products, UNIQUE)
    levels = (y - (x * _by_hour(slopes, occupied)).sum(axis=2)) / n
    return np.where(each > 0, levels, np.nan), slopes, occupied


def _weights(window: Mapping[int, float], groups: int) -> Floats:
    """Weight of every month in every model, shape (groups, 12)."""
    weights, month = np.zeros((groups, MONTHS)), np.arange(MONTHS)
    for later, weight in window.items():
        weights[(month + later) % groups, month] = weight
    return weights


def _occupied(hours: Hours, window: Mapping[int, float], groups: int, every: Floats) -> Flags:
    """By model the hours of the week whose use mostly lies above what the weather alone
    explains; ``every`` is how many hours each has."""
    sums, weights = hours.sums, _weights(window, groups)
    squares = (weights @ sums.squares.reshape(MONTHS, 9)).reshape(groups, 3, 3)
    lines = _solve(squares, weights @ sums.products, 3 * np.finfo(np.float64).eps)
    above = np.zeros((groups, WEEK))
    for later, weight in window.items():
        of_month = lines[(np.arange(MONTHS) + later) % groups].T.copy()
        level, heating, cooling = (each.take(hours.month) for each in of_month)
        over = hours.use > level + heating * hours.heating + cooling * hours.cooling
        by_cell = np.bincount(hours.cell, over, MONTHS * WEEK).reshape(MONTHS, WEEK)
        above += _weights({later: weight}, groups) @ by_cell
    return above > OCCUPIED_SHARE * every


def _solve(squares: Floats, products: Floats, unique: float) -> Floats:
    """Solutions of the normal equations, shape (…, k); the smallest where they are not unique."""
    values, vectors = np.linalg.eigh(squares)
    kept = values > unique * values[..., -1:]
    turned = (products[..., None, :] @ vectors)[..., 0, :]
    found = np.where(kept, turned / np.where(kept, values, 1.0), 0.0)
    return np.asarray((vectors @ found[..., None])[..., 0], dtype=np.float64)


def _by_hour(slopes: Floats, occupied: Flags) -> Floats:
    """Slopes of every hour of the week, shape (g, 168, bins)."""
    return np.asarray(np.where(occupied[..., None], slopes[:, 1:], slopes[:, :1]))


def _predict(levels: Floats, slopes: Floats, edges: tuple[float, ...], hours: Hours) -> Floats:
    """Use by levels (g, 168) and slopes (g, 168, k): in every bin a straight line, which goes on
    where that of the bin before it ends."""
    starts = np.repeat(levels[..., None], slopes.shape[2], axis=2)
    starts[..., 1:] += np.cumsum((slopes[..., :-1] - slopes[..., 1:]) * np.array(edges), axis=2)
    cell = hours.cell if len(levels) == MONTHS else hours.hour
    place = cell * slopes.shape[2] + _bins(hours, edges)
    use = starts.ravel()[place] + slopes.ravel()[place] * hours.temp
    return np.asarray(np.maximum(use, 0.0), dtype=np.float64)


@lru_cache(maxsize=4)
def _bins(hours: Hours, edges: tuple[float, ...]) -> Ints:
    """The temperature bin of each hour, kept: both models ask."""
    return np.searchsorted(np.array(edges), hours.temp, side="right")


def _begins(edges: tuple[float, ...]) -> Floats:
    """What the parts of a temperature in bin b are beside it [K], shape (k, k): the whole width
    of each bin below, and in its own the temperature less where the bin begins."""
    widths = [*edges[:1], *(b - a for a, b in pairwise(edges)), 0.0]
    parts = np.tril(np.tile(widths, (len(widths), 1)), -1)
    parts[np.arange(1, len(widths)), np.arange(1, len(widths))] = [-edge for edge in edges]
    return parts


def temperature_parts(temp: Floats, edges: tuple[float, ...]) -> Floats:
    """How much of the temperature lies in each bin [K]; the columns sum to it. Shape (n, bins)."""
    bins = np.searchsorted(edges, temp, side="right")
    parts = _begins(edges)[bins]
    parts[np.arange(len(temp)), bins] += temp
    return parts
