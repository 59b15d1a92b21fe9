"""Normalised savings (IPMVP): two models at the weather of a normal year.

Avoided energy use depends on the weather of the year in which it was avoided. For a budget, or to
compare buildings, both periods are modelled and both models meet the same normal year. The errors
of both models add, and the building drifts between the two as it does otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bms.model.savings.avoided_use import NormalisedSavings
from bms.savings.claims.gates import YEAR_DAYS
from bms.savings.data.daily import DailyUse
from bms.savings.models.baseline import Baseline, Closed, fit_baseline
from bms.savings.models.normal_year import NormalYear
from bms.savings.models.uncertainty import Z90, drift_kwh, model_half_width

YEAR_MONTHS = 12.0


@dataclass(frozen=True, slots=True)
class _Year:
    """Use of a normal year by one model [kWh], and the half-width of its noise [kWh]."""

    kwh: float
    noise: float


def normalised(
    before: Baseline,
    after: DailyUse,
    normal: NormalYear,
    *,
    cooling: bool,
    closed: Closed,
    drift: float,
) -> NormalisedSavings | None:
    """Use of a normal year as before minus as after [kWh per year], 90 % interval.

    ``before`` is the model of the baseline period and ``after`` the valid days of the reporting
    period, of which a model is made as well; ``drift`` is the standard deviation of the building's
    own change between the two, a share of its use. None when either has fewer than 300 days.
    """
    if before.n < YEAR_DAYS or len(after) < YEAR_DAYS:
        return None
    later = fit_baseline(after, cooling=cooling, closed=closed)
    first, second = _normal(before, normal), _normal(later, normal)
    half = np.sqrt(first.noise**2 + second.noise**2 + (Z90 * drift_kwh(drift, first.kwh, 0.0)) ** 2)
    saving = first.kwh - second.kwh
    return NormalisedSavings(
        normal_year=normal.name,
        degree_days=normal.degree_days,
        baseline_kwh=first.kwh,
        reporting_kwh=second.kwh,
        saving_kwh=saving,
        saving_low_kwh=float(saving - half),
        saving_high_kwh=float(saving + half),
    )


def _normal(model: Baseline, normal: NormalYear) -> _Year:
    kwh = float((model.predict(normal.dates, normal.temp_c) * normal.weight).sum())
    noise = model_half_width(
        model.statistics,
        predicted=kwh,
        m=round(float(normal.weight.sum())),
        months=YEAR_MONTHS,
    )
    return _Year(kwh, noise)
