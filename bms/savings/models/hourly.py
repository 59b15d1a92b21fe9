"""What the hourly models say beside the daily one.

The model of the whole year was the better one out of sample on the real meters of docs/savings.md
(by the median; on gas meters alone the twelve models of three months were). It is the second
opinion, the other one stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np

from bms.model.planning.grid import local_grid
from bms.model.readings.series import Series
from bms.model.savings.avoided_use import Span
from bms.savings.data.daily import steps_inside
from bms.savings.data.screening import on_grid
from bms.savings.models.towt import Hours, Ints, Towt, fit_months, fit_towt

LEAST_HOURS = 60 * 24
SINGLE, MONTHLY = "TOWT", "TOWT 12x3"

FITS: Mapping[str, Callable[[Hours], Towt]] = {SINGLE: fit_towt, MONTHLY: fit_months}


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
    earlier, later = (_hours(use, temp, span, timezone) for span in (baseline, reporting))
    if len(earlier.use) < LEAST_HOURS * per_hour or not len(later.use):
        return ()
    views = (_view(model, earlier, later, per_hour) for model in models)
    return tuple(view for view in views if view is not None)


def _view(model: str, earlier: Hours, later: Hours, per_hour: float) -> HourlyView | None:
    fitted = FITS[model](earlier)
    left = fitted.predict(later) - later.use
    left = left[np.isfinite(left)]
    if not len(left):
        return None
    mean = float(later.use.mean())
    error = float(np.sqrt((left**2).mean())) / mean if mean > 0 else None
    return HourlyView(model, fitted.cv_rmse, float(left.sum() / per_hour), error)


def _hours(use: Series, temp: Series, span: Span, timezone: str) -> Hours:
    """The steps of ``span`` with use and weather."""
    part = steps_inside(use, span)
    outdoor = on_grid(temp, use)[part]
    hour, month = (each[part] for each in _calendar(use.start, use.step, len(use), timezone))
    known = np.isfinite(use.values[part]) & np.isfinite(outdoor)
    kwh = use.values[part] * (timedelta(hours=1) / use.step)
    if known.all():
        return Hours(kwh, outdoor, hour, month)
    return Hours(kwh[known], outdoor[known], hour[known], month[known])


@lru_cache(maxsize=8)
def _calendar(start: datetime, step: timedelta, n: int, timezone: str) -> tuple[Ints, Ints]:
    """Hour of the week and month, from 0, of every step; meters of one file share them."""
    grid = local_grid(timezone, start, int(step.total_seconds()), n)
    month = grid.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    return grid.weekday * 24 + grid.minute // 60, month
