"""Change-point models of daily use, in closed form over a full grid of balance points.

``y = mu + heat_slope * max(heat_balance - T, 0) + cool_slope * max(T - cool_balance, 0)``, with y
in kWh/day and T the day's mean outdoor air temperature [degC]. Candidates and qualification
follow CalTRACK 2.0 §3.4 (all coefficients positive, at least 10 days and 20 degF-days = 11 K-days
of degree days), with a finer grid (0.5 K) and the Bayesian information criterion (Schwarz 1978,
doi 10.1214/aos/1176344136) in place of adjusted R². The names 2P to 5P are those of ASHRAE
Guideline 14-2014, annex D. A 2P model is a straight line over the temperatures that were seen (its
balance point is the first on the grid that no day reached) and stays level beyond them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bms.model.series import Floats

GRID_C = np.arange(-1.0, 32.5, 0.5)
"""Balance points that are tried [degC] (CalTRACK's range, 30 to 90 degF)."""
LEAST_DAYS = 10
LEAST_DEGREE_DAYS = 11.0

_FLOOR = 1e-12
"""Squared relative error below which a fit counts as perfect; keeps the logarithm finite."""


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """Coefficients [kWh/day, kWh/day/K, degC]; ``parameters`` counts balance points too."""

    kind: str
    parameters: int
    sse: float
    mu: float
    heat_slope: float = 0.0
    heat_balance: float = 0.0
    cool_slope: float = 0.0
    cool_balance: float = 0.0

    @property
    def coefficients(self) -> dict[str, float]:
        """Those that the model has, by name."""
        found = {"mu": self.mu}
        if self.heat_slope:
            found |= {"heat_slope": self.heat_slope, "heat_balance": self.heat_balance}
        if self.cool_slope:
            found |= {"cool_slope": self.cool_slope, "cool_balance": self.cool_balance}
        return found

    def predict(self, temp_c: Floats) -> Floats:
        """Use [kWh/day] at ``temp_c`` [degC], never negative."""
        heating = self.heat_slope * np.maximum(self.heat_balance - temp_c, 0.0)
        cooling = self.cool_slope * np.maximum(temp_c - self.cool_balance, 0.0)
        return np.maximum(self.mu + heating + cooling, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """Centred sums of one regressor over the grid; shapes (g,)."""

    grid: Floats
    mean: Floats
    sxx: Floats
    sxy: Floats
    enough: NDArray[np.bool_]


def bic(sse: float, n: int, parameters: int, scale: float) -> float:
    """Bayesian information criterion of a least-squares fit; ``scale`` is the mean use."""
    floor = _FLOOR * max(scale * scale, 1e-30)
    return n * float(np.log(max(sse / n, floor))) + parameters * float(np.log(n))


def fit(y: Floats, temp_c: Floats, *, cooling: bool) -> ChangePoint:
    """The qualified candidate with the least BIC. ``y`` [kWh/day], ``temp_c`` [degC], shape (n,).

    ``cooling`` admits 3PC and 5P. The mean is always a candidate, so there is always an answer.
    """
    mean = float(y.mean())
    syy = float(((y - mean) ** 2).sum())
    heat = _side(np.maximum(GRID_C[:, None] - temp_c, 0.0), y)
    candidates = [ChangePoint("mean", 1, syy, mean)]
    candidates += _heating(heat, mean, syy, float(temp_c.max()))
    if cooling:
        cool = _side(np.maximum(temp_c - GRID_C[:, None], 0.0), y)
        candidates += _cooling(cool, mean, syy)
        candidates += _both(heat, cool, mean, syy, len(y))
    return min(candidates, key=lambda c: bic(c.sse, len(y), c.parameters, mean))


def _side(x: Floats, y: Floats) -> _Side:
    mean = x.mean(axis=1)
    centred = x - mean[:, None]
    sxx = (centred**2).sum(axis=1)
    enough = ((x > 0).sum(axis=1) >= LEAST_DAYS) & (x.sum(axis=1) >= LEAST_DEGREE_DAYS)
    enough &= sxx > 1e-9
    return _Side(GRID_C, mean, np.where(enough, sxx, 1.0), centred @ (y - y.mean()), enough)


def _heating(side: _Side, mean: float, syy: float, warmest: float) -> list[ChangePoint]:
    slope = side.sxy / side.sxx
    mu = mean - slope * side.mean
    sse = np.maximum(syy - slope * side.sxy, 0.0)
    bent = side.enough & (slope > 0) & (mu > 0) & (side.grid < warmest)
    found = []
    if bent.any():
        i = int(np.argmin(np.where(bent, sse, np.inf)))
        found.append(_heat("3PH", 3, side, i, sse[i], mu[i], slope[i]))
    straight = side.enough & (slope > 0) & (side.grid >= warmest)
    if straight.any():
        i = int(np.argmax(straight))
        found.append(_heat("2PH", 2, side, i, sse[i], mu[i], slope[i]))
    return found


def _heat(
    kind: str, parameters: int, side: _Side, i: int, sse: float, mu: float, slope: float
) -> ChangePoint:
    return ChangePoint(kind, parameters, float(sse), float(mu), float(slope), float(side.grid[i]))


def _cooling(side: _Side, mean: float, syy: float) -> list[ChangePoint]:
    slope = side.sxy / side.sxx
    mu = mean - slope * side.mean
    sse = np.maximum(syy - slope * side.sxy, 0.0)
    good = side.enough & (slope > 0) & (mu > 0)
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
            cool_balance=float(side.grid[i]),
        )
    ]


def _both(heat: _Side, cool: _Side, mean: float, syy: float, n: int) -> list[ChangePoint]:
    # A day is below one balance point or above the other, never both: the raw cross sum is zero
    # and the centred one is minus the product of the sums.
    cross = -n * np.outer(heat.mean, cool.mean)
    det = np.outer(heat.sxx, cool.sxx) - cross**2
    allowed = np.outer(heat.enough, cool.enough) & (cool.grid[None, :] >= heat.grid[:, None])
    allowed &= det > 1e-9 * np.outer(heat.sxx, cool.sxx)
    det = np.where(allowed, det, 1.0)
    hs = (cool.sxx[None, :] * heat.sxy[:, None] - cross * cool.sxy[None, :]) / det
    cs = (heat.sxx[:, None] * cool.sxy[None, :] - cross * heat.sxy[:, None]) / det
    mu = mean - hs * heat.mean[:, None] - cs * cool.mean[None, :]
    sse = np.maximum(syy - hs * heat.sxy[:, None] - cs * cool.sxy[None, :], 0.0)
    good = allowed & (hs > 0) & (cs > 0) & (mu > 0)
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
            float(heat.grid[i]),
            float(cs[i, j]),
            float(cool.grid[j]),
        )
    ]
