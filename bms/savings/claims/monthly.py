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

from bms.model.readings.series import Floats
from bms.model.savings.avoided_use import MonthSavings
from bms.savings.data.daily import DailyUse
from bms.savings.models.uncertainty import Z90

MONTH_DAYS = 365.25 / 12

Width = Callable[[float, float, int], float]
"""90 % half-width [kWh] of an adjusted baseline [kWh] of as many ordinary days [kWh] and days."""


@dataclass(frozen=True, slots=True, eq=False)
class AdjustedBaseline:
    """What the reporting ``days`` were expected to use in the hours that were measured, ``kwh``
    shape (n,); ``ordinary`` is the mean use of a day of the baseline period [kWh/day]."""

    days: DailyUse
    kwh: Floats
    ordinary: float


@dataclass(frozen=True, slots=True)
class _Sum:
    """Days and energy [kWh] of a part of the period; ``ordinary`` days would use as much."""

    days: int
    adjusted: float
    measured: float
    ordinary: float

    def __add__(self, other: _Sum) -> _Sum:
        return _Sum(
            self.days + other.days,
            self.adjusted + other.adjusted,
            self.measured + other.measured,
            self.ordinary + other.ordinary,
        )


def month_by_month(
    expected: AdjustedBaseline, width: Width, season: float
) -> tuple[MonthSavings, ...]:
    """The months of a reporting period in order.

    ``width`` is the half-width by the model's noise and the building's drift; ``season`` the
    standard deviation of a month about its period, a share of use.
    """
    whole = len(expected.days)

    def half(part: _Sum) -> float:
        """90 % half-width of a part of the period: it is the period's own when it is all of it."""
        apart = season * sqrt(max(MONTH_DAYS / part.days - MONTH_DAYS / whole, 0.0))
        own = width(part.adjusted, part.ordinary, part.days)
        return hypot(own, Z90 * apart * max(part.adjusted, part.ordinary))

    rows: list[MonthSavings] = []
    so_far = _Sum(0, 0.0, 0.0, 0.0)
    for month, part in _sums(expected):
        same_year = bool(rows) and rows[-1].month.year == month.year
        so_far = so_far + part if same_year else part
        rows.append(_row(month, part, so_far, half))
    return tuple(rows)


def _sums(expected: AdjustedBaseline) -> list[tuple[date, _Sum]]:
    days = expected.days
    months = [day.year * 12 + day.month - 1 for day in days.dates]
    first = min(months, default=0)
    place = np.array(months, dtype=np.int64) - first
    count = np.bincount(place)
    adjusted, measured, hours = (
        np.bincount(place, weights=values) for values in (expected.kwh, days.kwh, days.hours)
    )
    return [
        (
            date((first + i) // 12, (first + i) % 12 + 1, 1),
            _Sum(
                int(count[i]),
                float(adjusted[i]),
                float(measured[i]),
                expected.ordinary * float(hours[i]) / 24.0,
            ),
        )
        for i in np.flatnonzero(count).tolist()
    ]


def _row(month: date, part: _Sum, so_far: _Sum, half: Callable[[_Sum], float]) -> MonthSavings:
    saving, to_date = part.adjusted - part.measured, so_far.adjusted - so_far.measured
    wide, wide_to_date = half(part), half(so_far)
    return MonthSavings(
        month=month,
        days=part.days,
        adjusted_baseline_kwh=part.adjusted,
        measured_kwh=part.measured,
        saving_kwh=saving,
        saving_low_kwh=saving - wide,
        saving_high_kwh=saving + wide,
        to_date_kwh=to_date,
        to_date_low_kwh=to_date - wide_to_date,
        to_date_high_kwh=to_date + wide_to_date,
    )
