"""The year so far, by hand: budget by degree days and calendar, last year, weather, emissions."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from bms.savings.models.normal_year import NormalDegreeDays
from bms.savings.portfolio.primary_energy import Factor
from bms.savings.portfolio.yearly_consumption import (
    YearDays,
    daily_shares,
    of_consumption,
    year_so_far,
)

MONTHS = (519.0, 486, 444, 311, 154, 58, 22, 18, 91, 207, 341, 461)
NORMAL = NormalDegreeDays("danish_3112", MONTHS, "halsfjernvarme.dk")
GUF = 0.2
JANUARY = 31


def days(year: int, n: int, use: float = 10.0, temp_c: float = 2.0) -> YearDays:
    return YearDays(year=year, use=np.full(n, use), temp_c=np.full(n, temp_c))


def test_a_year_of_heat_falls_on_days_by_degree_days_and_calendar() -> None:
    found = year_so_far(days(2026, JANUARY), days(2025, 365), guf=GUF, normal=NORMAL, area_m2=100.0)
    assert found.share == pytest.approx(GUF * 31 / 365 + (1 - GUF) * 519 / 3112)
    assert daily_shares(2026, GUF, NORMAL).sum() == pytest.approx(1.0)
    assert daily_shares(2028, GUF, NORMAL).sum() == pytest.approx(1.0)


def test_a_year_of_electricity_falls_on_all_days_alike_and_only_on_known_ones() -> None:
    this = days(2026, 73)
    this.use[:10] = np.nan
    found = year_so_far(this, days(2025, 365), guf=GUF, normal=None, area_m2=100.0)
    assert found.share == pytest.approx(63 / 365)
    assert (found.use, found.days, found.of) == (pytest.approx(630.0), 63, 73)
    assert found.corrected == found.use


def test_this_year_stands_beside_the_same_days_of_last_year() -> None:
    before = days(2027, 365, use=8.0)
    before.use[4] = np.nan
    found = year_so_far(days(2028, 60), before, guf=GUF, normal=None, area_m2=0.0)
    assert found.compared == 58  # 29 February has no day before it, and one day is not known
    assert found.last_year == pytest.approx(58 * 8.0)
    assert found.change == pytest.approx(0.25)
    assert found.per_m2 is None


def test_use_in_normal_weather_stands_beside_what_was_measured() -> None:
    found = year_so_far(days(2026, JANUARY), days(2025, 365), guf=GUF, normal=NORMAL, area_m2=50.0)
    assert found.use == pytest.approx(310.0)
    assert found.corrected == pytest.approx(310.0 * (GUF + (1 - GUF) * 519 / (31 * 15.0)))
    assert found.corrected_per_m2 == pytest.approx((found.corrected or 0.0) / 50.0)


def test_too_few_days_or_no_cold_ones_are_not_corrected() -> None:
    thin = days(2026, JANUARY)
    thin.use[10:] = np.nan
    for this in (thin, days(2026, JANUARY, temp_c=20.0)):
        found = year_so_far(this, days(2025, 365), guf=GUF, normal=NORMAL, area_m2=50.0)
        assert found.use is not None
        assert found.corrected is None


def test_nothing_known_is_nothing_said() -> None:
    empty = days(2026, 20, use=np.nan)
    found = year_so_far(empty, empty, guf=GUF, normal=None, area_m2=1.0)
    assert (found.use, found.last_year, found.change) == (None, None, None)
    assert of_consumption(empty, ()) is None


def test_each_day_counts_by_the_factor_of_its_day() -> None:
    rows = (
        Factor(first=date(2025, 1, 1), end=None, value=0.2, basis="", source=""),
        Factor(first=date(2026, 1, 11), end=date(2026, 2, 1), value=0.1, basis="", source=""),
    )
    assert of_consumption(days(2026, JANUARY), rows) == pytest.approx(10 * 2.0 + 21 * 1.0)
    assert of_consumption(days(2026, 40), rows) is None
