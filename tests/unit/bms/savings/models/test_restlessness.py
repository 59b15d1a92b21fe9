"""How restless a building is: the estate's numbers, its own months, its course and its past."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from bms.model.readings.series import Floats
from bms.savings.data.daily import DailyUse
from bms.savings.models import wandering as walks
from bms.savings.models.baseline import fit_baseline
from bms.savings.models.restlessness import (
    change,
    monthly_errors,
    restlessness,
    scatter,
    scatter_between,
    the_estate,
)


def year(first: int, shape: Floats | float = 1.0, days: int = 365) -> DailyUse:
    """A year of a steady building, 100 kWh a day times ``shape`` and a little of each day."""
    rng = np.random.default_rng(first)
    dates = tuple(date(first, 1, 1) + timedelta(days=i) for i in range(days))
    temp = 9.0 + 8.0 * np.cos(np.arange(days) / 58.1) + rng.normal(0.0, 2.0, days)
    kwh = 100.0 * shape * rng.normal(1.0, 0.02, days)
    hours = np.full(days, 24.0)
    return DailyUse(dates, hours, kwh, temp, np.ones(days, dtype=bool))


def wandering(first: int) -> DailyUse:
    """As ``year``, with months that are 15 % off in one way or the other."""
    months = np.random.default_rng(first).choice([0.85, 1.15], 13)
    return year(first, np.repeat(months, 30)[:365])


def test_months_that_differ_from_the_year_before_make_a_restless_building() -> None:
    before = year(2017)
    model = fit_baseline(before, cooling=True)
    quiet = restlessness(model, before, year(2018))
    restless = restlessness(model, before, wandering(2018))
    assert 0.008 < quiet.drift < 0.03
    assert restless.drift > 3.0 * quiet.drift


def test_months_that_stray_alike_in_both_years_are_no_restlessness() -> None:
    season = np.repeat([0.9, 1.1] * 7, 28)[:365]
    before = year(2017, season)
    found = restlessness(fit_baseline(before, cooling=True), before, year(2018, season))
    assert found.drift < 0.06


def test_a_saving_does_not_make_a_building_restless() -> None:
    before = year(2017)
    model = fit_baseline(before, cooling=True)
    same, saved = (restlessness(model, before, year(2018, share)) for share in (1.0, 0.8))
    assert saved.drift == pytest.approx(same.drift)


def both(first: DailyUse, second: DailyUse) -> DailyUse:
    return DailyUse(
        first.dates + second.dates,
        *(
            np.concatenate([getattr(first, name), getattr(second, name)])
            for name in ("hours", "kwh", "temp_c", "valid")
        ),
    )


def test_each_year_of_the_project_counts_alike() -> None:
    before = year(2017)
    model = fit_baseline(before, cooling=True)
    first, second = year(2018, 0.8), year(2019, 0.8)
    drifts = [
        restlessness(model, before, each).drift for each in (first, second, both(first, second))
    ]
    assert drifts[2] <= max(drifts[:2])


def test_years_of_a_project_that_differ_make_a_restless_building() -> None:
    before = year(2017)
    model = fit_baseline(before, cooling=True)
    steady, changed = (
        restlessness(model, before, both(year(2018, 0.8), year(2019, level))).drift
        for level in (0.8, 0.95)
    )
    assert changed > 1.2 * steady


def test_its_own_past_moves_the_drift_between_the_estate_and_itself() -> None:
    before = year(2017)
    model = fit_baseline(before, cooling=True)
    alone, quiet, restless = (
        restlessness(model, before, year(2018), past).drift
        for past in ((), (0.0,) * 5, (0.2, -0.3, 0.25, -0.2, 0.3))
    )
    assert quiet < alone < restless
    years = the_estate().years
    assert quiet == pytest.approx(alone * (years / (years + 5.0)) ** 0.5)
    most = the_estate().most
    assert restless <= alone * ((years + 5.0 * most**2) / (years + 5.0)) ** 0.5 * 1.001


def test_a_rising_course_lets_expect_that_a_part_of_the_change_is_no_saving() -> None:
    before, after = year(2017, np.linspace(0.9, 1.1, 365)), year(2018, np.linspace(1.0, 1.1, 365))
    model = fit_baseline(before, cooling=True)
    walk = walks.wandering(model, before, after)
    gone = walk.mean(after.dates) - walk.mean(before.dates)
    assert 0.05 < gone < 0.2
    found = restlessness(model, before, after)
    expected = found.expected_from(before.dates)(after.dates[0], after.dates[-1])
    assert expected == pytest.approx(-gone * the_estate().carried)


def test_a_change_is_what_lies_beyond_the_course() -> None:
    before = year(2016)
    model = fit_baseline(before, cooling=True)
    assert change(model, before, year(2017, 0.9)) == pytest.approx(0.1, abs=0.01)
    assert change(model, before, year(2017, 0.9, days=200)) is None


def test_a_reporting_time_of_few_months_has_the_months_of_the_baseline_to_go_by() -> None:
    estate, before, after = the_estate(), year(2017), year(2018, days=90)
    model = fit_baseline(before, cooling=True)
    first = monthly_errors(model, before)
    assert scatter_between(first, monthly_errors(model, after)) is None
    found = restlessness(model, before, after)
    assert found.drift == pytest.approx(estate.usual_before(scatter(first)))
