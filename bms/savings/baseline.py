"""The baseline of a meter: change-point models, split by kind of day where the data ask for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bms.model.series import Floats
from bms.savings.changepoint import ChangePoint, bic, fit
from bms.savings.days import Days

Closed = Callable[[date], bool]
LEAST_GROUP = 20
"""Days that a kind of day needs for a model of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """Fitted on ``n`` days. ``mean`` and ``rmse`` [kWh/day]; ``rho`` lag-1 autocorrelation.

    ``rest`` is the model of weekends and closed days; None where one model serves all days.
    """

    work: ChangePoint
    rest: ChangePoint | None
    closed: Closed
    n: int
    mean: float
    sse: float
    r2: float | None
    rho: float
    nmbe: float | None
    coldest_c: float
    warmest_c: float

    @property
    def name(self) -> str:
        if self.rest is None:
            return self.work.kind
        return f"{self.work.kind} weekday, {self.rest.kind} weekend"

    @property
    def parameters(self) -> int:
        return self.work.parameters + (self.rest.parameters if self.rest else 0)

    @property
    def cv_rmse(self) -> float | None:
        """Root mean square error over the mean, with n - p degrees of freedom (Guideline 14)."""
        if self.mean <= 0:
            return None
        return float(np.sqrt(self.sse / max(self.n - self.parameters, 1)) / self.mean)

    @property
    def coefficients(self) -> dict[str, float]:
        """By name [kWh/day, kWh/day/K, degC]; those of rest days begin with ``rest_``."""
        rest = {} if self.rest is None else self.rest.coefficients
        return self.work.coefficients | {f"rest_{name}": value for name, value in rest.items()}

    def predict(self, dates: tuple[date, ...], temp_c: Floats) -> Floats:
        """Use [kWh/day] on ``dates`` at ``temp_c`` [degC]."""
        return _predict(self.work, self.rest, resting(dates, self.closed), temp_c)


def resting(dates: tuple[date, ...], closed: Closed) -> NDArray[np.bool_]:
    """Weekends and closed days."""
    return np.array([day.weekday() >= 5 or closed(day) for day in dates], dtype=bool)


def fit_baseline(days: Days, *, cooling: bool, closed: Closed) -> Baseline:
    """Fit on valid ``days`` (at least one)."""
    y, temp = days.rate, days.temp_c
    rest_days = resting(days.dates, closed)
    work, rest = _choose(y, temp, rest_days, cooling=cooling)
    residual = y - _predict(work, rest, rest_days, temp)
    mean, sse = float(y.mean()), float((residual**2).sum())
    syy = float(((y - mean) ** 2).sum())
    return Baseline(
        work=work,
        rest=rest,
        closed=closed,
        n=len(days),
        mean=mean,
        sse=sse,
        r2=1.0 - sse / syy if syy > 1e-12 * max(mean * mean, 1e-30) else None,
        rho=autocorrelation(residual, days.dates),
        nmbe=float(residual.sum() / (len(days) * mean)) if mean > 0 else None,
        coldest_c=float(temp.min()),
        warmest_c=float(temp.max()),
    )


def autocorrelation(residual: Floats, dates: tuple[date, ...]) -> float:
    """Lag-1 autocorrelation over pairs of consecutive days, 0..0.99.

    A negative one would make the interval narrower than independent days do; it counts as 0.
    """
    day = timedelta(days=1)
    pair = np.array([b - a == day for a, b in pairwise(dates)], dtype=bool)
    variance = float((residual**2).mean()) if len(residual) else 0.0
    if not pair.any() or variance <= 0.0:
        return 0.0
    covariance = float((residual[:-1] * residual[1:])[pair].mean())
    return float(np.clip(covariance / variance, 0.0, 0.99))


def _predict(
    work: ChangePoint, rest: ChangePoint | None, rest_days: NDArray[np.bool_], temp: Floats
) -> Floats:
    if rest is None:
        return work.predict(temp)
    return np.where(rest_days, rest.predict(temp), work.predict(temp))


def _choose(
    y: Floats, temp: Floats, rest_days: NDArray[np.bool_], *, cooling: bool
) -> tuple[ChangePoint, ChangePoint | None]:
    single = fit(y, temp, cooling=cooling)
    if min(int(rest_days.sum()), int((~rest_days).sum())) < LEAST_GROUP:
        return single, None
    work = fit(y[~rest_days], temp[~rest_days], cooling=cooling)
    rest = fit(y[rest_days], temp[rest_days], cooling=cooling)
    n, mean = len(y), float(y.mean())
    together = bic(single.sse, n, single.parameters, mean)
    apart = bic(work.sse + rest.sse, n, work.parameters + rest.parameters, mean)
    return (work, rest) if apart < together else (single, None)
