"""The baseline of a meter: change-point models, split by kind of day where the data ask for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Floats
from bms.savings.data.daily import DailyUse
from bms.savings.models.change_point import ChangePoint, bic, fit_change_point
from bms.savings.models.uncertainty import FitStatistics

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
    def by_sun(self) -> bool:
        """Whether the sun has a part in the model."""
        return bool(self.work.sun_slope or (self.rest is not None and self.rest.sun_slope))

    @property
    def parameters(self) -> int:
        return self.work.parameters + (self.rest.parameters if self.rest else 0)

    @property
    def statistics(self) -> FitStatistics:
        return FitStatistics(
            n=self.n, parameters=self.parameters, sse=self.sse, rho=self.rho, mean=self.mean
        )

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

    def predict(
        self, dates: tuple[date, ...], temp_c: Floats, sun_wm2: Floats | None = None
    ) -> Floats:
        """Use [kWh/day] on ``dates`` at ``temp_c`` [degC] and ``sun_wm2`` [W/m2]; at the mean sun
        of the fitted days without."""
        work = self.work.predict(temp_c, sun_wm2)
        if self.rest is None:
            return work
        rest = self.rest.predict(temp_c, sun_wm2)
        return np.where(resting(dates, self.closed), rest, work)

    def expect(self, days: DailyUse) -> Floats:
        """Use [kWh/day] in the weather of ``days``."""
        return self.predict(days.dates, days.temp_c, days.sun_wm2)

    def at_mean_sun(self, days: DailyUse) -> DailyUse:
        """``days`` without what the sun made of their use, for whom only temperature counts."""
        if not self.by_sun:
            return days
        part = self.predict(days.dates, days.temp_c) - self.expect(days)
        return replace(days, kwh=days.kwh + part * days.hours / 24.0)


def resting(dates: tuple[date, ...], closed: Closed) -> NDArray[np.bool_]:
    """Weekends and closed days."""
    if closed is never_closed:
        return _weekend(dates)
    shut = np.array([closed(day) for day in dates], dtype=bool)
    return np.asarray(_weekend(dates) | shut)


def never_closed(day: date) -> bool:
    """A building without closed days."""
    return False


@lru_cache(maxsize=16)
def _weekend(dates: tuple[date, ...]) -> NDArray[np.bool_]:
    # 1 January of the year 1 was a Monday and has the ordinal 1.
    weekend = (np.array([day.toordinal() for day in dates], dtype=np.int64) - 1) % 7 >= 5
    weekend.flags.writeable = False
    return weekend


def fit_baseline(days: DailyUse, *, cooling: bool, closed: Closed = never_closed) -> Baseline:
    """Fit on valid ``days`` (at least one); the sun has a part where ``days`` know it and the BIC
    asks for it, and so have closed days of their own."""
    y, temp = days.rate, days.temp_c
    work, rest, kept = _choose(days, closed, cooling=cooling)
    fitted = work.predict(temp, days.sun_wm2)
    if rest is not None:
        at_rest = rest.predict(temp, days.sun_wm2)
        fitted = np.where(resting(days.dates, kept), at_rest, fitted)
    residual = y - fitted
    mean, sse = float(y.mean()), float((residual**2).sum())
    syy = float(((y - mean) ** 2).sum())
    return Baseline(
        work=work,
        rest=rest,
        closed=kept,
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
    pair = np.diff(np.array([day.toordinal() for day in dates], dtype=np.int64)) == 1
    variance = float((residual**2).mean()) if len(residual) else 0.0
    if not pair.any() or variance <= 0.0:
        return 0.0
    covariance = float((residual[:-1] * residual[1:])[pair].mean())
    return float(np.clip(covariance / variance, 0.0, 0.99))


def _choose(
    days: DailyUse, closed: Closed, *, cooling: bool
) -> tuple[ChangePoint, ChangePoint | None, Closed]:
    """Models of working and other days, None where one serves all, and which days are the others:
    weekends, or weekends and ``closed`` days, whatever the BIC asks for."""
    y, n, mean = days.rate, len(days), float(days.rate.mean())
    single = fit_change_point(y, days.temp_c, cooling=cooling, sun_wm2=days.sun_wm2)
    best: tuple[ChangePoint, ChangePoint | None, Closed] = (single, None, closed)
    least = bic(single.sse, n, single.parameters, mean)
    for kept in (closed,) if closed is never_closed else (closed, never_closed):
        rest_days = resting(days.dates, kept)
        if min(int(rest_days.sum()), int((~rest_days).sum())) < LEAST_GROUP:
            continue
        work, rest = (_part(days, part, cooling=cooling) for part in (~rest_days, rest_days))
        apart = bic(work.sse + rest.sse, n, work.parameters + rest.parameters, mean)
        if apart < least:
            best, least = (work, rest, kept), apart
    return best


def _part(days: DailyUse, part: NDArray[np.bool_], *, cooling: bool) -> ChangePoint:
    sun = None if days.sun_wm2 is None else days.sun_wm2[part]
    return fit_change_point(days.rate[part], days.temp_c[part], cooling=cooling, sun_wm2=sun)
