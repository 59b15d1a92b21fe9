"""Normal years and normalised savings: published degree days, and buildings that are known."""

from datetime import date, timedelta

import numpy as np
import pytest

from bms.feeds.tariffs.factors import load_factors
from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Span
from bms.savings.claims.billing_savings import days_of
from bms.savings.claims.meter_savings import assess_meter
from bms.savings.models.normal_year import NormalDegreeDays, normal_year, scaled_to_degree_days
from bms.services.assessment.file_savings import normal_weather
from tests.rigs.assessment import asked
from tests.rigs.real_meters import BASELINE, TIMEZONE, local, outdoor

DATES, TEMP = days_of(outdoor(), TIMEZONE)
YEAR = Span(start=local(2019, 1, 1), end=local(2020, 1, 1))
DANISH = load_factors().normal_years["danish_3112"]


def building(*, saving: float = 0.0) -> Series:
    temp = outdoor()
    days = np.repeat(np.random.default_rng(7).normal(1.0, 0.02, len(temp) // 24), 24)
    values = (20.0 + 4.0 * np.maximum(16.0 - temp.values, 0.0)) * days
    values[8760:] *= 1.0 - saving
    return Series(temp.start, temp.step, values)


def assess(use: Series, normal, **changes):
    keywords = {
        "meter_id": "heat",
        "commodity": Commodity.HEAT,
        "baseline": BASELINE,
        "reporting": YEAR,
        "timezone": TIMEZONE,
        "normal": normal,
    } | changes
    return assess_meter(use, outdoor(), **asked(**keywords))


class TestNormalYears:
    def test_every_complete_year_has_the_same_weight(self) -> None:
        year = normal_year(DATES, TEMP)
        assert year is not None
        assert year.name == "mean of 2018, 2019"
        assert year.weight.sum() == pytest.approx(365.25)
        # the reference's degree days of this station: 2444 and 2469
        assert year.degree_days == pytest.approx((2444 + 2469) / 2, rel=0.002)

    def test_a_year_with_holes_does_not_count(self) -> None:
        holed = TEMP.copy()
        holed[:12] = np.nan
        year = normal_year(DATES, holed)
        assert year is not None
        assert year.name == "mean of 2019"
        assert normal_year(DATES[:200], TEMP[:200]) is None

    def test_the_published_degree_days_are_met_month_by_month(self) -> None:
        year = normal_year(DATES, TEMP)
        assert year is not None
        moved = scaled_to_degree_days(DANISH, year)
        assert moved.name == "danish_3112"
        assert moved.degree_days == pytest.approx(3112.0, abs=1e-4)
        months = np.array([day.month for day in moved.dates])
        for month, wanted in enumerate(DANISH.months, start=1):
            at = months == month
            found = (np.maximum(17.0 - moved.temp_c[at], 0.0) * moved.weight[at]).sum()
            assert found == pytest.approx(wanted, abs=1e-5)

    def test_a_month_without_degree_days_has_none(self) -> None:
        tropics = NormalDegreeDays("tropics", (0.0,) * 12, "made up")
        year = normal_year(DATES, TEMP)
        assert year is not None
        assert scaled_to_degree_days(tropics, year).degree_days == pytest.approx(0.0, abs=1e-9)

    def test_the_weather_of_a_file_tells_the_normal_year(self) -> None:
        year = normal_weather(outdoor(), TIMEZONE, DANISH)
        assert year is not None
        assert year.degree_days == pytest.approx(3112.0, abs=1e-4)
        short = Series(outdoor().start, outdoor().step, outdoor().values[:2000].copy())
        assert normal_weather(short, TIMEZONE) is None


class TestNormalisedSavings:
    def test_a_tenth_off_is_a_tenth_off_in_any_weather(self) -> None:
        for normal in (
            normal_weather(outdoor(), TIMEZONE),
            normal_weather(outdoor(), TIMEZONE, DANISH),
        ):
            found = assess(building(saving=0.1), normal).normalised
            assert found is not None
            assert found.saving_kwh == pytest.approx(0.1 * found.baseline_kwh, rel=0.1)
            assert found.saving_low_kwh < found.saving_kwh < found.saving_high_kwh

    def test_a_colder_normal_year_has_more_to_save(self) -> None:
        mild = assess(building(saving=0.1), normal_weather(outdoor(), TIMEZONE)).normalised
        cold = assess(building(saving=0.1), normal_weather(outdoor(), TIMEZONE, DANISH)).normalised
        assert cold.baseline_kwh > 1.1 * mild.baseline_kwh
        assert cold.degree_days == pytest.approx(3112.0)

    def test_both_models_errors_add(self) -> None:
        result = assess(building(), normal_weather(outdoor(), TIMEZONE), drift=0.0)
        half = result.normalised.saving_high_kwh - result.normalised.saving_kwh
        one = result.saving_high_kwh - result.saving_kwh
        assert half == pytest.approx(2**0.5 * one, rel=0.15)

    def test_a_short_period_has_no_normal_year(self) -> None:
        fortnight = Span(start=YEAR.start, end=YEAR.start + timedelta(days=14))
        normal = normal_weather(outdoor(), TIMEZONE)
        assert assess(building(), normal, reporting=fortnight).normalised is None
        assert assess(building(), None).normalised is None


def test_days_of_the_weather_are_local_and_whole() -> None:
    assert DATES[0] == date(2018, 1, 1)
    assert len(DATES) == 730
    assert np.isfinite(TEMP).all()
