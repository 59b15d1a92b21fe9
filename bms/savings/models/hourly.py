"""What the hourly models say beside the daily one.

The model of the whole year was the better one out of sample on the real meters of docs/savings.md
(by the median; on gas meters alone the twelve models of three months were). It is the second
opinion, the other one stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Floats, Series
from bms.model.savings.avoided_use import Span
from bms.savings.data.daily import local_hours, steps_inside
from bms.savings.data.screening import on_grid
from bms.savings.models.monthly_towt import fit_months
from bms.savings.models.towt import fit_towt

LEAST_HOURS = 60 * 24
SINGLE, MONTHLY = "TOWT", "TOWT 12x3"

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HourlyView:
    """The second opinion on a meter: the hourly ``model``, its error and saving [kWh].

    ``out_of_sample`` is the error in the reporting period, a fraction of the mean use: of a meter
    without a project it is the model's.
    """

    model: str
    cv_rmse: float | None
    saving_kwh: float
    out_of_sample: float | None


@dataclass(frozen=True, slots=True, eq=False)
class _Hours:
    """Known hours [kWh/h, degC]; shapes (n,)."""

    use: Floats
    temp: Floats
    hour: Ints
    month: Ints


Fitted = tuple[float | None, Callable[[_Hours], Floats]]


def second_opinion(
    use: Series,
    temp: Series,
    baseline: Span,
    reporting: Span,
    timezone: str,
    models: Sequence[str] = (SINGLE,),
) -> tuple[HourlyView, ...]:
    """The saving by each of the hourly ``models``, over the hours of ``reporting`` with use and
    weather for which the model has an answer.

    Empty when the baseline has fewer than 60 days of hours, no hour can be compared, or steps are
    longer than an hour.
    """
    if use.step > timedelta(hours=1):
        return ()
    per_hour = timedelta(hours=1) / use.step
    outdoor = on_grid(temp, use)
    known = np.isfinite(use.values) & np.isfinite(outdoor)
    before, after = known & steps_inside(use, baseline), known & steps_inside(use, reporting)
    if before.sum() < LEAST_HOURS * per_hour or not after.any():
        return ()
    grid = _calendar(use, timezone)
    earlier, later = (_hours(use, outdoor, grid, part, per_hour) for part in (before, after))
    views = (_view(model, earlier, later, per_hour) for model in models)
    return tuple(view for view in views if view is not None)


def _view(model: str, earlier: _Hours, later: _Hours, per_hour: float) -> HourlyView | None:
    cv_rmse, predict = _fit(model, earlier)
    left = predict(later) - later.use
    left = left[np.isfinite(left)]
    if not len(left):
        return None
    mean = float(later.use.mean())
    error = float(np.sqrt((left**2).mean())) / mean if mean > 0 else None
    return HourlyView(model, cv_rmse, float(left.sum() / per_hour), error)


def _fit(model: str, hours: _Hours) -> Fitted:
    if model == SINGLE:
        single = fit_towt(hours.use, hours.temp, hours.hour)
        return single.cv_rmse, lambda later: single.predict(later.temp, later.hour)
    months = fit_months(hours.use, hours.temp, hours.hour, hours.month)
    return months.cv_rmse, lambda later: months.predict(later.temp, later.hour, later.month)


def _calendar(use: Series, timezone: str) -> tuple[Ints, Ints]:
    """Hour of the week and month, from 0, of every step."""
    grid = local_hours(use, timezone)
    month = grid.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    return grid.weekday * 24 + grid.minute // 60, month


def _hours(
    use: Series, outdoor: Floats, grid: tuple[Ints, Ints], part: NDArray[np.bool_], per_hour: float
) -> _Hours:
    hour, month = grid
    return _Hours(use.values[part] * per_hour, outdoor[part], hour[part], month[part])
