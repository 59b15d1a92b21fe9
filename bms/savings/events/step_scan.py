"""The date of a step in a series of days: a scan for the step that explains most of it.

Generalised least squares with first-order autocorrelated noise (Cochrane & Orcutt 1949, doi
10.1080/01621459.1949.10483290), one step at a time, over every day that leaves enough days on
both sides; the statistic is that of Quandt 1960 (doi 10.1080/01621459.1960.10482067). All steps
are tried in closed form by running sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bms.model.readings.series import Floats

LEAST_RHO, MOST_RHO = 0.75, 0.9
"""Autocorrelation from day to day that is always allowed for, and the most that is believed:
buildings drift, and a meter whose days look independent may still wander over months."""
ROUNDS = 3
"""The autocorrelation is estimated of what the best step leaves, so many times."""
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class StepEstimate:
    """From day ``at`` on the series is higher by ``size`` ± ``error`` (standard error) times its
    shape; ``t`` is their ratio and ``rho`` the autocorrelation of what is left."""

    at: int
    size: float
    error: float
    t: float
    rho: float


@dataclass(frozen=True, slots=True)
class ShapeFit:
    """Sizes and standard errors of shapes that were fitted together; shapes (k,)."""

    size: Floats
    error: Floats


def best_step(
    y: Floats, shape: Floats, *, side: int, least: float, certain: float
) -> StepEstimate | None:
    """The clearest step of ``y`` in units of ``shape``, both of shape (n,), with ``side`` days
    before and after it, a size of at least ``least`` and at least ``certain`` times its standard
    error; a level in units of ``shape`` is left free. None where there is none."""
    if len(y) < 2 * side or side < 2 or not np.any(shape > 0):
        return None
    within = slice(side - 1, len(y) - side)
    rho = LEAST_RHO
    for _ in range(ROUNDS):
        size, error = _steps(y, shape, rho)
        t = np.abs(size) / error
        at = side + int(np.argmax(t[within]))
        if t[at - 1] < certain:  # more autocorrelation makes no step clearer
            return None
        rho = _persistence(y, shape, at, float(size[at - 1]))
    size, error = _steps(y, shape, rho)
    t = np.where(np.abs(size) >= least, np.abs(size) / error, 0.0)
    at = side + int(np.argmax(t[within]))
    if t[at - 1] < certain:
        return None
    i = at - 1
    return StepEstimate(at, float(size[i]), float(error[i]), float(t[i]), rho)


def fit_shapes(y: Floats, shapes: Floats, rho: float) -> ShapeFit:
    """``y`` of shape (n,) explained by ``shapes`` of shape (n, k) in noise of autocorrelation
    ``rho``. Shapes that the days cannot tell apart share their size."""
    u, v = y[1:] - rho * y[:-1], shapes[1:] - rho * shapes[:-1]
    inverse = np.linalg.pinv(v.T @ v)
    size: Floats = inverse @ (v.T @ u)
    rest = u - v @ size
    noise = float(rest @ rest) / max(len(u) - shapes.shape[1], 1)
    return ShapeFit(size, np.sqrt(np.maximum(noise * np.diag(inverse), _TINY)))


def _steps(y: Floats, shape: Floats, rho: float) -> tuple[Floats, Floats]:
    """Size and standard error of a step at each of the days 1 … n - 1."""
    u, v = y[1:] - rho * y[:-1], shape[1:] - rho * shape[:-1]
    # A whitened step at day k is 0 before k, the shape itself at k, and the whitened shape after.
    first = shape[1:]
    after_vv = np.cumsum((v * v)[::-1])[::-1] - v * v
    after_vu = np.cumsum((v * u)[::-1])[::-1] - v * u
    vv, vu = float(v @ v) + _TINY, float(v @ u)
    hx = after_vv + first * v
    spread = np.maximum(after_vv + first * first - hx * hx / vv, _TINY)
    fit = after_vu + first * u - hx * vu / vv
    size = fit / spread
    left = np.maximum(float(u @ u) - vu * vu / vv - fit * size, _TINY)
    error = np.sqrt(left / max(len(u) - 2, 1) / spread)
    return size, error


def _persistence(y: Floats, shape: Floats, at: int, size: float) -> float:
    """Lag-1 autocorrelation of ``y`` less a step, within the bounds that are believed."""
    rest = y.copy()
    rest[at:] -= size * shape[at:]
    rest -= shape * float(shape @ rest) / (float(shape @ shape) + _TINY)
    power = float(rest @ rest)
    if power <= _TINY:
        return LEAST_RHO
    return float(np.clip(float(rest[1:] @ rest[:-1]) / power, LEAST_RHO, MOST_RHO))
