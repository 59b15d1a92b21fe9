"""Change-point models of daily use, in closed form over a full grid of balance points.

``y = mu + heat_slope * max(heat_balance - T, 0) + cool_slope * max(T - cool_balance, 0)``, with y
in kWh/day and T the day's mean outdoor air temperature [degC]. Candidates and qualification
follow CalTRACK 2.0 §3.4 (all coefficients positive, at least 10 days and 20 degF-days = 11 K-days
of degree days), with a finer grid (0.5 K) and the Bayesian information criterion (Schwarz 1978,
doi 10.1214/aos/1176344136) in place of adjusted R². The names 2P to 5P are those of ASHRAE
Guideline 14-2014, annex D. A 2P model is a straight line over the temperatures that were seen (its
balance point is the first on the grid that no day reached) and stays level beyond them.

A further regressor may stand beside the temperature: ``+ sun_slope * (S - sun_mean)``, S the day's
mean horizontal irradiance [W/m2]. It is partialled out of both sides (Frisch & Waugh 1933,
doi 10.2307/1907330), so the grid stays a closed form and its best point the joint least squares.
Days of different weight (bills of different length) enter as weighted sums.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Floats

GRID_C = np.arange(-1.0, 32.5, 0.5)
"""Balance points that are tried [degC] (CalTRACK's range, 30 to 90 degF)."""
LEAST_DAYS = 10
LEAST_DEGREE_DAYS = 11.0

_FLOOR = 1e-12
"""Squared relative error below which a fit counts as perfect; keeps the logarithm finite."""


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """Coefficients [kWh/day, kWh/day/K, degC]; ``parameters`` counts balance points too.

    ``sun_slope`` [kWh/day per W/m2] acts on the irradiance beyond ``sun_mean`` [W/m2].
    """

    kind: str
    parameters: int
    sse: float
    mu: float
    heat_slope: float = 0.0
    heat_balance: float = 0.0
    cool_slope: float = 0.0
    cool_balance: float = 0.0
    sun_slope: float = 0.0
    sun_mean: float = 0.0

    @property
    def coefficients(self) -> dict[str, float]:
        """Those that the model has, by name."""
        found = {"mu": self.mu}
        if self.heat_slope:
            found |= {"heat_slope": self.heat_slope, "heat_balance": self.heat_balance}
        if self.cool_slope:
            found |= {"cool_slope": self.cool_slope, "cool_balance": self.cool_balance}
        if self.sun_slope:
            found |= {"sun_slope": self.sun_slope, "sun_mean": self.sun_mean}
        return found

    def predict(self, temp_c: Floats, sun_wm2: Floats | None = None) -> Floats:
        """Use [kWh/day] at ``temp_c`` [degC], never negative; at the mean sun of the fitted days
        where ``sun_wm2`` [W/m2] is not given."""
        heating = self.heat_slope * np.maximum(self.heat_balance - temp_c, 0.0)
        cooling = self.cool_slope * np.maximum(temp_c - self.cool_balance, 0.0)
        return np.maximum(self.mu + heating + cooling + self.by_sun(sun_wm2), 0.0)

    def by_sun(self, sun_wm2: Floats | None) -> Floats | float:
        """Use [kWh/day] that the sun adds or takes, against its mean."""
        if sun_wm2 is None or not self.sun_slope:
            return 0.0
        return self.sun_slope * (sun_wm2 - self.sun_mean)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What a model is fitted to: ``y`` and its weights, centred and with the regressor beside the
    temperature taken out; shapes (n,).

    ``beside`` is that regressor, centred and of length one, None without it.
    """

    mean: float
    syy: float
    left: Floats
    weight: Floats | None
    beside: Floats | None

    @classmethod
    def of(cls, y: Floats, weight: Floats | None = None, sun: Floats | None = None) -> Sample:
        """``weight`` is scaled to a mean of one; None weighs all alike."""
        if weight is not None:
            weight = weight / weight.mean()
        mean = _mean(y, weight)
        left = y - mean
        beside = None if sun is None else _unit(sun, weight)
        if beside is not None:
            left = left - beside * _dot(beside, left, weight)
        return cls(mean, float(_dot(left, left, weight)), left, weight, beside)


@dataclass(frozen=True, slots=True, eq=False)
class DegreeDays:
    """Degree days of what is fitted by balance point on ``GRID_C`` [K], ``x`` shape (g, n);
    ``enough`` of them to tell a slope (CalTRACK), shape (g,). ``daily`` ones are those of single
    days, that lie below one balance point or above the other, never both."""

    x: Floats
    enough: NDArray[np.bool_]
    daily: bool = True

    @classmethod
    def below(cls, temp_c: Floats) -> DegreeDays:
        """Of heating, one value per day; ``temp_c`` [degC], shape (n,)."""
        return _of_days(temp_c.tobytes(), heating=True)

    @classmethod
    def above(cls, temp_c: Floats) -> DegreeDays:
        """Of cooling, one value per day; ``temp_c`` [degC], shape (n,)."""
        return _of_days(temp_c.tobytes(), heating=False)


@lru_cache(maxsize=32)
def _of_days(temperatures: bytes, *, heating: bool) -> DegreeDays:
    """Of days with these temperatures: most meters of a city have the same ones."""
    temp_c = np.frombuffer(temperatures)
    apart = GRID_C[:, None] - temp_c if heating else temp_c - GRID_C[:, None]
    x = np.maximum(apart, 0.0)
    return DegreeDays(x, ((x > 0).sum(axis=1) >= LEAST_DAYS) & (x.sum(axis=1) >= LEAST_DEGREE_DAYS))


@dataclass(frozen=True, slots=True, eq=False)
class _Base:
    """What the sums of one regressor over the grid owe to the weather; shapes (g,), ``centred``
    (g, n). ``along`` is its share along the regressor beside the temperature, 0 without one."""

    days: DegreeDays
    centred: Floats
    mean: Floats
    sxx: Floats
    along: Floats
    enough: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """A regressor's base and its sums with the use; shape (g,)."""

    base: _Base
    sxy: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """What the sums of two regressors owe to the weather, shapes (g, g)."""

    cross: Floats
    det: Floats
    allowed: NDArray[np.bool_]


def bic(sse: float, n: int, parameters: int, scale: float) -> float:
    """Bayesian information criterion of a least-squares fit; ``scale`` is the mean use."""
    floor = _FLOOR * max(scale * scale, 1e-30)
    return n * float(np.log(max(sse / n, floor))) + parameters * float(np.log(n))


def fit_change_point(
    y: Floats, temp_c: Floats, *, cooling: bool, sun_wm2: Floats | None = None
) -> ChangePoint:
    """The qualified candidate with the least BIC. ``y`` [kWh/day], ``temp_c`` [degC], shape (n,).

    ``cooling`` admits 3PC and 5P, ``sun_wm2`` [W/m2] a regressor for the sun, with and without
    which every candidate is tried. The mean is always one, so there is always an answer.
    """
    heat = DegreeDays.below(temp_c)
    cool = DegreeDays.above(temp_c) if cooling else None
    warmest = float(temp_c.max())
    found = candidates(Sample.of(y), heat, cool, warmest)
    if sun_wm2 is not None and float(np.ptp(sun_wm2)) > 0:
        shaded = Sample.of(y, sun=sun_wm2)
        found += [
            _with_sun(each, y, temp_c, sun_wm2) for each in candidates(shaded, heat, cool, warmest)
        ]
    return least_bic(found, len(y))


def least_bic(found: list[ChangePoint], n: int) -> ChangePoint:
    """The best of ``found``, the mean first; ``n`` values were fitted."""
    return min(found, key=lambda c: bic(c.sse, n, c.parameters, found[0].mu))


def candidates(
    sample: Sample, heating: DegreeDays, cooling: DegreeDays | None, warmest: float
) -> list[ChangePoint]:
    """The qualified models of ``sample``, the mean first; ``cooling`` admits 3PC and 5P.

    ``warmest`` [degC] is the highest temperature that was seen. Their ``mu`` is that at the mean
    of the regressor beside.
    """
    heat = _side(heating, sample)
    found = [ChangePoint("mean", 1, sample.syy, sample.mean)]
    found += _heating(heat, sample, warmest)
    if cooling is not None:
        cool = _side(cooling, sample)
        found += _cooling(cool, sample)
        found += _both(heat, cool, sample)
    return found


def _with_sun(model: ChangePoint, y: Floats, temp_c: Floats, sun: Floats) -> ChangePoint:
    """``model`` of a sample without the sun's part, with the slope of that part."""
    mean = float(sun.mean())
    centred = sun - mean
    heating = model.heat_slope * np.maximum(model.heat_balance - temp_c, 0.0)
    cooling = model.cool_slope * np.maximum(temp_c - model.cool_balance, 0.0)
    slope = float((centred @ (y - heating - cooling)) / (centred @ centred))
    return replace(
        model,
        kind=f"{model.kind}, sun",
        parameters=model.parameters + 1,
        sun_slope=slope,
        sun_mean=mean,
    )


def _mean(values: Floats, weight: Floats | None) -> float:
    return float(values.mean() if weight is None else (values * weight).mean())


def _dot(a: Floats, b: Floats, weight: Floats | None) -> Floats:
    return np.asarray(a @ (b if weight is None else b * weight))


def _unit(values: Floats, weight: Floats | None) -> Floats:
    centred = values - _mean(values, weight)
    return centred / np.sqrt(_dot(centred, centred, weight))


def _side(days: DegreeDays, sample: Sample) -> _Side:
    beside = None if sample.beside is None else sample.beside.tobytes()
    weight = None if sample.weight is None else sample.weight.tobytes()
    base = _base(days, beside, weight)
    return _Side(base, _dot(base.centred, sample.left, sample.weight))


@lru_cache(maxsize=32)
def _base(days: DegreeDays, beside: bytes | None, weights: bytes | None) -> _Base:
    x, weight = days.x, None if weights is None else np.frombuffer(weights)
    mean = x.mean(axis=1) if weight is None else (x @ weight) / len(weight)
    centred = x - mean[:, None]
    along = np.zeros(len(x))
    if beside is not None:
        along = _dot(centred, np.frombuffer(beside), weight)
    square = centred * centred
    sxx = (square.sum(axis=1) if weight is None else square @ weight) - along**2
    enough = days.enough & (sxx > 1e-9)
    return _Base(days, centred, mean, np.where(enough, sxx, 1.0), along, enough)


@lru_cache(maxsize=16)
def _pair(heat: _Base, cool: _Base, weights: bytes | None) -> _Pair:
    if heat.days.daily:
        # The raw sum is zero, and the centred one minus the product of the sums.
        raw = -heat.centred.shape[1] * np.outer(heat.mean, cool.mean)
    else:
        weight = 1.0 if weights is None else np.frombuffer(weights)
        raw = (heat.centred * weight) @ cool.centred.T
    cross = raw - np.outer(heat.along, cool.along)
    det = np.outer(heat.sxx, cool.sxx) - cross**2
    allowed = np.outer(heat.enough, cool.enough) & (GRID_C[None, :] >= GRID_C[:, None])
    allowed &= det > 1e-9 * np.outer(heat.sxx, cool.sxx)
    return _Pair(np.asarray(cross), np.where(allowed, det, 1.0), allowed)


def _heating(side: _Side, sample: Sample, warmest: float) -> list[ChangePoint]:
    base = side.base
    slope = side.sxy / base.sxx
    mu = sample.mean - slope * base.mean
    sse = np.maximum(sample.syy - slope * side.sxy, 0.0)
    beyond = warmest <= GRID_C
    bent = base.enough & (slope > 0) & (mu > 0) & ~beyond
    found = []
    if bent.any():
        i = int(np.argmin(np.where(bent, sse, np.inf)))
        found.append(_heat("3PH", 3, i, sse[i], mu[i], slope[i]))
    straight = base.enough & (slope > 0) & beyond
    if straight.any():
        i = int(np.argmax(straight))
        found.append(_heat("2PH", 2, i, sse[i], mu[i], slope[i]))
    return found


def _heat(kind: str, parameters: int, i: int, sse: float, mu: float, slope: float) -> ChangePoint:
    return ChangePoint(kind, parameters, float(sse), float(mu), float(slope), float(GRID_C[i]))


def _cooling(side: _Side, sample: Sample) -> list[ChangePoint]:
    slope = side.sxy / side.base.sxx
    mu = sample.mean - slope * side.base.mean
    sse = np.maximum(sample.syy - slope * side.sxy, 0.0)
    good = side.base.enough & (slope > 0) & (mu > 0)
    if not good.any():
        return []
    i = int(np.argmin(np.where(good, sse, np.inf)))
    return [
        ChangePoint(
            "3PC",
            3,
            float(sse[i]),
            float(mu[i]),
            cool_slope=float(slope[i]),
            cool_balance=float(GRID_C[i]),
        )
    ]


def _both(heat: _Side, cool: _Side, sample: Sample) -> list[ChangePoint]:
    weights = None if sample.weight is None else sample.weight.tobytes()
    pair = _pair(heat.base, cool.base, weights)
    x, y = heat.sxy[:, None], cool.sxy[None, :]
    hs = (cool.base.sxx[None, :] * x - pair.cross * y) / pair.det
    cs = (heat.base.sxx[:, None] * y - pair.cross * x) / pair.det
    mu = sample.mean - hs * heat.base.mean[:, None] - cs * cool.base.mean[None, :]
    sse = np.maximum(sample.syy - hs * x - cs * y, 0.0)
    good = pair.allowed & (hs > 0) & (cs > 0) & (mu > 0)
    if not good.any():
        return []
    i, j = np.unravel_index(int(np.argmin(np.where(good, sse, np.inf))), sse.shape)
    return [
        ChangePoint(
            "5P",
            5,
            float(sse[i, j]),
            float(mu[i, j]),
            float(hs[i, j]),
            float(GRID_C[i]),
            float(cs[i, j]),
            float(GRID_C[j]),
        )
    ]
