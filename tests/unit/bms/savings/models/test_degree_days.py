"""The Danish degree-day correction against sums by hand."""

from datetime import date, timedelta

import numpy as np
import pytest

from bms.savings.data.daily import DailyUse
from bms.savings.models.degree_days import (
    GUF_BY_USE,
    GUF_SHARE,
    corrected_saving,
    degree_days,
    guf_share,
)


def days(n: int, kwh: float, temp: float) -> DailyUse:
    dates = tuple(date(2018, 1, 1) + timedelta(days=i) for i in range(n))
    ones = np.ones(n)
    return DailyUse(dates, 24.0 * ones, kwh * ones, temp * ones, ones > 0)


def test_degree_days_count_below_seventeen() -> None:
    assert degree_days(np.array([7.0, 17.0, 25.0, -3.0])) == 30.0


def test_a_colder_period_may_use_more() -> None:
    # 10 days of 100 kWh at 10 K d; GUF 20 %: 5 days at 15 K d may use 5·(20 + 80·1.5) = 700 kWh
    before, after = days(10, 100.0, 7.0), days(5, 120.0, 2.0)
    assert corrected_saving(before, after, guf=0.2) == pytest.approx(700.0 - 600.0)


def test_without_degree_days_there_is_no_correction() -> None:
    assert corrected_saving(days(10, 100.0, 20.0), days(5, 90.0, 2.0)) is None


class TestHandbook:
    def test_the_handbooks_shares_by_use(self) -> None:
        told = {
            "school": 0.19,
            "office": 0.18,
            "day_care": 0.28,
            "care_home": 0.31,
            "culture": 0.14,
            "sports_hall": 0.36,
            "institution": 0.26,
            "hotel": 0.28,
            "hospital": 0.29,
            "dwelling": 0.30,
        }
        assert {name: GUF_BY_USE[name] for name in told} == told
        assert guf_share("school") == 0.19
        assert guf_share("fire_station") == guf_share(None) == GUF_SHARE == 0.26
