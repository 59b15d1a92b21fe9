"""The Danish degree-day correction against sums by hand."""

from datetime import date, timedelta

import numpy as np
import pytest

from bms.savings.data.daily import Days
from bms.savings.models.degree_days import corrected_saving, degree_days


def days(n: int, kwh: float, temp: float) -> Days:
    dates = tuple(date(2018, 1, 1) + timedelta(days=i) for i in range(n))
    ones = np.ones(n)
    return Days(dates, 24.0 * ones, kwh * ones, temp * ones, ones > 0)


def test_degree_days_count_below_seventeen() -> None:
    assert degree_days(np.array([7.0, 17.0, 25.0, -3.0])) == 30.0


def test_a_colder_period_may_use_more() -> None:
    # 10 days of 100 kWh at 10 K d; GUF 20 %: 5 days at 15 K d may use 5·(20 + 80·1.5) = 700 kWh
    before, after = days(10, 100.0, 7.0), days(5, 120.0, 2.0)
    assert corrected_saving(before, after, guf=0.2) == pytest.approx(700.0 - 600.0)


def test_without_degree_days_there_is_no_correction() -> None:
    assert corrected_saving(days(10, 100.0, 20.0), days(5, 90.0, 2.0)) is None
