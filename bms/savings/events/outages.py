"""Outages: days on which a building falls to its standby though the weather asks for more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from bms.model.readings.runs_and_peaks import Mask, runs
from bms.model.readings.series import Floats
from bms.savings.data.daily import DailyUse
from bms.savings.models.baseline import Baseline

COLD_C = 10.0
LEAST_COLD_DAYS, LEAST_DAYS = 3, 10
"""Days on which the weather asks for use, of an outage at a mean below ``COLD_C`` [degC] and of any
other: shorter ones may be a weekend, or a warm spell in May."""
FALLEN = 0.25
"""Use below this share of what was expected, on every day; in a period that uses less than that
anyway, below this share of its usual use."""
ASKED = 0.5
"""The weather asks for use that is at least this share of an average day's."""
HABIT_DAYS = 10
"""A building that rests in the same days of another year closes then."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Use fell to ``share`` of what was expected from ``first`` to ``last``, both inclusive, which
    made ``kwh`` ± ``kwh_se`` [kWh, negative]."""

    first: date
    last: date
    share: float
    kwh: float
    kwh_se: float


def outages(model: Baseline, days: DailyUse, other: DailyUse) -> list[Outage]:
    """Outages within ``days``; ``other`` are the days of the other period, which show
    what is habit."""
    if model.mean <= 0 or not len(days):
        return []
    expected, fallen = _fallen(model, days)
    if not fallen.any():
        return []
    rested = np.flatnonzero(_fallen(model, other)[1])
    habits = [other.dates[i] for i in rested.tolist()]
    asked = expected > ASKED * model.mean
    rmse = float(np.sqrt(model.sse / max(model.n - model.parameters, 1)))
    found = []
    for start, end in runs(fallen):
        part = slice(start, end)
        least = LEAST_COLD_DAYS if days.temp_c[part].mean() < COLD_C else LEAST_DAYS
        if np.count_nonzero(asked[part]) < least:
            continue
        first, last = days.dates[start], days.dates[end - 1]
        if _habit(first, last, habits):
            continue
        wanted = float((expected[part] * days.hours[part]).sum() / 24.0)
        used = float(days.kwh[part].sum())
        error = rmse * float(np.sqrt(end - start))
        found.append(Outage(first, last, used / wanted, used - wanted, error))
    return found


def _fallen(model: Baseline, days: DailyUse) -> tuple[Floats, Mask]:
    """What was expected [kWh/day], and where next to nothing of it was used."""
    if not len(days):
        return np.zeros(0), np.zeros(0, dtype=bool)
    expected = model.expect(days)
    usual = float(np.median(days.rate / np.maximum(expected, 1e-9)))
    return expected, days.rate < FALLEN * min(usual, 1.0) * expected


def _habit(first: date, last: date, habits: list[date]) -> bool:
    """Whether the building rested in the same season of the other period."""
    reach = timedelta(days=HABIT_DAYS)
    for day in habits:
        for years in (-1, 0, 1):
            moved = day + timedelta(days=round(365.25 * (first.year - day.year + years)))
            if first - reach <= moved <= last + reach:
                return True
    return False
