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

YEAR_DAYS = 365
"""A season evens out over a year [days]; a longer project evens out no more of it."""


@dataclass(frozen=True, slots=True)
class ReportedPart:
    """A part of the reporting time: its ``days`` from ``first`` to ``last`` and its energy [kWh];
    as many ``ordinary`` days of the baseline period would use as much."""

    first: date
    last: date
    days: int
    adjusted: float
    measured: float
    ordinary: float

    @property
    def saving(self) -> float:
        """Adjusted baseline less measured use [kWh]."""
        return self.adjusted - self.measured

    def __add__(self, other: ReportedPart) -> ReportedPart:
        return ReportedPart(
            min(self.first, other.first),
            max(self.last, other.last),
            self.days + other.days,
            self.adjusted + other.adjusted,
            self.measured + other.measured,
            self.ordinary + other.ordinary,
        )


Width = Callable[[ReportedPart], float]
"""90 % half-width [kWh] of a part by the noise of the model and the drift of the building."""
Interval = Callable[[ReportedPart], tuple[float, float]]
"""Lower and upper end of the 90 % interval of the saving of a part [kWh]."""
Drift = Callable[[ReportedPart], float]
"""Standard deviation of the building's drift until a part of the time, a share of use."""


@dataclass(frozen=True, slots=True, eq=False)
class AdjustedBaseline:
    """What the reporting ``days`` were expected to use in the hours that were measured, ``kwh``
    shape (n,); ``ordinary`` is the mean use of a day of the baseline period [kWh/day]."""

    days: DailyUse
    kwh: Floats
    ordinary: float


def with_season(width: Width, season: float, whole: int) -> Width:
    """``width`` with the scatter of seasons: none for all ``whole`` days of a project, or a year.

    ``season`` is the standard deviation of a month about its period, a share of use.
    """
    evened = min(whole, YEAR_DAYS)

    def half(part: ReportedPart) -> float:
        apart = season * sqrt(max(MONTH_DAYS / part.days - MONTH_DAYS / evened, 0.0))
        return hypot(width(part), Z90 * apart * max(part.adjusted, part.ordinary))

    return half


def month_by_month(
    expected: AdjustedBaseline, interval: Interval, drift: Drift
) -> tuple[MonthSavings, ...]:
    """The months of a reporting period in order, each with its ``interval`` and ``drift``."""
    rows: list[MonthSavings] = []
    so_far: ReportedPart | None = None
    for month, part in _parts(expected):
        same_year = bool(rows) and rows[-1].month.year == month.year
        so_far = so_far + part if same_year and so_far is not None else part
        rows.append(_row(month, part, so_far, interval, drift))
    return tuple(rows)


def all_of(expected: AdjustedBaseline) -> ReportedPart:
    """The whole reporting period."""
    days, hours = expected.days, float(expected.days.hours.sum())
    return ReportedPart(
        days.dates[0],
        days.dates[-1],
        len(days),
        float(expected.kwh.sum()),
        float(days.kwh.sum()),
        expected.ordinary * hours / 24.0,
    )


def _parts(expected: AdjustedBaseline) -> list[tuple[date, ReportedPart]]:
    days = expected.days
    months = [day.year * 12 + day.month - 1 for day in days.dates]
    first = min(months, default=0)
    place = np.array(months, dtype=np.int64) - first
    count = np.bincount(place)
    begins = np.concatenate(([0], np.cumsum(count)))
    adjusted, measured, hours = (
        np.bincount(place, weights=values) for values in (expected.kwh, days.kwh, days.hours)
    )
    return [
        (
            date((first + i) // 12, (first + i) % 12 + 1, 1),
            ReportedPart(
                days.dates[begins[i]],
                days.dates[begins[i + 1] - 1],
                int(count[i]),
                float(adjusted[i]),
                float(measured[i]),
                expected.ordinary * float(hours[i]) / 24.0,
            ),
        )
        for i in np.flatnonzero(count).tolist()
    ]


def _row(
    month: date, part: ReportedPart, so_far: ReportedPart, interval: Interval, drift: Drift
) -> MonthSavings:
    low, high = interval(part)
    low_to_date, high_to_date = interval(so_far)
    return MonthSavings(
        month=month,
        days=part.days,
        adjusted_baseline_kwh=part.adjusted,
        measured_kwh=part.measured,
        saving_kwh=part.saving,
        saving_low_kwh=low,
        saving_high_kwh=high,
        to_date_kwh=so_far.saving,
        to_date_low_kwh=low_to_date,
        to_date_high_kwh=high_to_date,
        drift=drift(part),
        to_date_drift=drift(so_far),
    )
