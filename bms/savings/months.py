"""The months of a saving: each with an interval of its own, and the sum so far.

The months of a period share one model and one baseline, so they add up to the period. Their
intervals do not add up: a month has fewer days than the period, and it has a season of its own
(the sun, holidays, a cold spring) which a model of the year does not know and which evens out over
the year. The scatter of the months about their period was measured (docs/savings.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from math import hypot, sqrt

import numpy as np
from numpy.typing import NDArray

from bms.model.savings import MonthSavings
from bms.model.series import Floats
from bms.savings.days import Days
from bms.savings.uncertainty import Z90

MONTH_DAYS = 365.25 / 12

Width = Callable[[float, float, int], float]
"""90 % half-width [kWh] of an adjusted baseline [kWh] of as many ordinary days [kWh] and days."""


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """What the reporting ``days`` were expected to use in the hours that were measured, ``kwh``
    shape (n,); ``ordinary`` is the mean use of a day of the baseline period [kWh/day]."""

    days: Days
    kwh: Floats
    ordinary: float


def month_by_month(expected: Expected, width: Width, season: float) -> tuple[MonthSavings, ...]:
    """The months of a reporting period in order.

    ``width`` is the half-width by the model's noise and the building's drift; ``season`` the
    standard deviation of a month about its period, a share of use.
    """
    days = expected.days.dates
    keys = np.array([day.year * 12 + day.month - 1 for day in days], dtype=np.int64)
    rows = []
    for key in np.unique(keys):
        year, month = divmod(int(key), 12)
        here = keys == key
        so_far = (keys >= year * 12) & (keys <= key)
        rows.append(_row(date(year, month + 1, 1), here, so_far, expected, width, season))
    return tuple(rows)


def _row(
    month: date,
    here: NDArray[np.bool_],
    so_far: NDArray[np.bool_],
    expected: Expected,
    width: Width,
    season: float,
) -> MonthSavings:
    adjusted, measured = expected.kwh[here].sum(), expected.days.kwh[here].sum()
    half = _half(here, expected, width, season)
    to_date = float(expected.kwh[so_far].sum() - expected.days.kwh[so_far].sum())
    half_to_date = _half(so_far, expected, width, season)
    saving = float(adjusted - measured)
    return MonthSavings(
        month=month,
        days=int(here.sum()),
        adjusted_baseline_kwh=float(adjusted),
        measured_kwh=float(measured),
        saving_kwh=saving,
        saving_low_kwh=saving - half,
        saving_high_kwh=saving + half,
        to_date_kwh=to_date,
        to_date_low_kwh=to_date - half_to_date,
        to_date_high_kwh=to_date + half_to_date,
    )


def _half(part: NDArray[np.bool_], expected: Expected, width: Width, season: float) -> float:
    """90 % half-width of a part of the period: it is the period's own when it is all of it."""
    adjusted = float(expected.kwh[part].sum())
    ordinary = expected.ordinary * float(expected.days.hours[part].sum()) / 24.0
    days, whole = int(part.sum()), len(part)
    apart = season * sqrt(MONTH_DAYS / days - MONTH_DAYS / whole) if days < whole else 0.0
    return hypot(width(adjusted, ordinary, days), Z90 * apart * max(adjusted, ordinary))
