"""Where a building has wandered, as the errors of its months tell."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from bms.model.readings.series import Floats
from bms.savings.data.daily import DailyUse
from bms.savings.models.baseline import fit_baseline
from bms.savings.models.wandering import STILL, wandering


def days(first: date, shape: Floats) -> DailyUse:
    """Days of 100 kWh times ``shape``, in no weather."""
    count = len(shape)
    dates = tuple(first + timedelta(days=i) for i in range(count))
    temp = 9.0 + 8.0 * np.cos(np.arange(count) / 58.1)
    return DailyUse(dates, np.full(count, 24.0), 100.0 * shape, temp, np.ones(count, dtype=bool))


BEFORE = days(date(2017, 1, 1), np.where(np.arange(365) % 2, 1.01, 0.99))


def gone(before: DailyUse, after: DailyUse) -> float:
    walk = wandering(fit_baseline(before, cooling=False), before, after)
    return walk.mean(after.dates) - walk.mean(before.dates)


@pytest.mark.parametrize("left", [1.0, 0.8, 0.5])
def test_a_step_between_the_periods_is_no_walk(left: float) -> None:
    after = days(date(2018, 1, 1), np.full(365, left))
    assert gone(BEFORE, after) == pytest.approx(0.0, abs=0.003)


def test_a_change_within_the_reporting_time_is_a_walk() -> None:
    rising = days(date(2018, 1, 1), np.repeat([0.8, 0.9], [180, 185]))
    falling = days(date(2018, 1, 1), np.repeat([0.9, 0.8], [180, 185]))
    assert gone(BEFORE, rising) > 0.02
    assert gone(BEFORE, falling) == pytest.approx(-gone(BEFORE, rising), abs=0.005)


def test_a_part_of_the_project_has_its_own_place_on_the_walk() -> None:
    shape = np.repeat([1.0, 1.2], [365, 365])
    after = days(date(2018, 1, 1), shape)
    walk = wandering(fit_baseline(BEFORE, cooling=False), BEFORE, after)
    first, second = (
        walk.mean_between(date(year, 1, 1), date(year, 12, 31)) for year in (2018, 2019)
    )
    assert second - first > 0.05
    assert walk.mean_between(date(2030, 1, 1), date(2030, 12, 31)) == 0.0


def test_a_fortnight_goes_on_where_the_baseline_ended() -> None:
    before = days(date(2017, 1, 1), np.linspace(0.9, 1.1, 365))
    assert gone(before, days(date(2018, 1, 1), np.ones(9))) > 0.02


def test_of_a_thin_or_later_baseline_nothing_is_known() -> None:
    model = fit_baseline(BEFORE, cooling=False)
    after = days(date(2018, 1, 1), np.ones(365))
    assert wandering(model, BEFORE.where(np.arange(365) < 200), after) is STILL
    assert wandering(model, BEFORE, days(date(2016, 1, 1), np.ones(365))) is STILL
    assert wandering(model, BEFORE, days(date(2018, 1, 1), np.zeros(365))) is STILL
    assert STILL.mean(BEFORE.dates) == 0.0
