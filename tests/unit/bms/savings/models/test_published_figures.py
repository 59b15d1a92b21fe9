"""The numbers that others published: CalTRACK 2.0, ASHRAE Guideline 14, Sun & Baltazar, HB2021.

nmecr (the open reference of California's meter-based programs) computes the half-width as
``t a / (m y) sqrt(MSE (1 + 2/n') m)`` with the constants asserted here.
"""

from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import t as student

from bms.feeds.tariffs.factors import load_factors
from bms.savings.models.billing import LONGEST_BIMONTHLY_DAYS, LONGEST_DAYS, SHORTEST_DAYS
from bms.savings.models.change_point import GRID_C, LEAST_DAYS, LEAST_DEGREE_DAYS, fit
from bms.savings.models.degree_days import GUF_BY_USE, GUF_SHARE, guf_share
from bms.savings.models.monthly_towt import NEIGHBOUR_WEIGHT
from bms.savings.models.towt import EDGES_C, LEAST_BIN_HOURS, OCCUPIED_SHARE
from bms.savings.models.uncertainty import (
    effective_n,
    model_half_width,
    sun_baltazar_daily,
    sun_baltazar_monthly,
)


def celsius(fahrenheit: float) -> float:
    return (fahrenheit - 32.0) / 1.8


class TestCalTrack:
    def test_balance_points_span_30_to_90_fahrenheit_in_steps_of_at_most_3(self) -> None:
        assert GRID_C[0] == pytest.approx(celsius(30.0), abs=0.12)
        assert GRID_C[-1] == pytest.approx(celsius(90.0), abs=0.25)
        assert np.diff(GRID_C).max() * 1.8 <= 3.0

    def test_a_slope_takes_ten_days_and_twenty_fahrenheit_degree_days(self) -> None:
        assert LEAST_DAYS == 10
        assert pytest.approx(20.0 / 1.8, abs=0.12) == LEAST_DEGREE_DAYS

    @pytest.mark.parametrize(("cold_days", "kind"), [(9, "mean"), (10, "3PH")])
    def test_nine_heating_days_are_too_few_and_ten_enough(self, cold_days, kind) -> None:
        temp = np.full(365, 33.0)
        temp[:cold_days] = -5.0
        y = 100.0 + 10.0 * (temp < 0)
        found = fit(y, temp, cooling=False)
        assert (found.kind if found.kind == "mean" else "3PH") == kind

    @pytest.mark.parametrize(("degrees", "kind"), [(1.0, "mean"), (1.2, "3PH")])
    def test_ten_days_need_eleven_kelvin_days_between_them(self, degrees, kind) -> None:
        temp = np.full(365, 33.0)  # beyond the grid: no other day heats at any balance point
        temp[:10] = 32.0 - degrees
        assert fit(100.0 + 10.0 * (temp < 32.5), temp, cooling=False).kind == kind

    @pytest.mark.parametrize("sign", [-1.0, 1.0])
    def test_slopes_have_to_be_positive(self, sign) -> None:
        temp = np.linspace(-5.0, 25.0, 365)
        y = 500.0 + sign * 8.0 * np.maximum(12.0 - temp, 0.0)
        assert fit(y, temp, cooling=False).kind == ("3PH" if sign > 0 else "mean")

    def test_the_base_load_has_to_be_positive(self) -> None:
        """A 3P model whose summer use would be negative does not qualify."""
        temp = np.linspace(-5.0, 25.0, 365)
        y = -50.0 + 8.0 * np.maximum(12.0 - temp, 0.0)
        assert fit(y, temp, cooling=False).kind in {"mean", "2PH"}

    def test_cooling_is_for_electricity_alone(self) -> None:
        temp = np.linspace(-5.0, 30.0, 365)
        y = 500.0 + 8.0 * np.maximum(temp - 18.0, 0.0)
        assert fit(y, temp, cooling=True).kind == "3PC"
        assert fit(y, temp, cooling=False).kind == "mean"

    def test_the_cooling_balance_point_is_never_below_the_heating_one(self) -> None:
        rng = np.random.default_rng(2)
        temp = rng.uniform(-5.0, 30.0, 365)
        found = fit(300.0 + np.abs(temp - 15.0) * 9.0, temp, cooling=True)
        assert found.kind == "5P"
        assert found.cool_balance >= found.heat_balance

    def test_bills_are_of_25_to_35_days_or_up_to_70(self) -> None:
        assert (SHORTEST_DAYS, LONGEST_DAYS, LONGEST_BIMONTHLY_DAYS) == (25, 35, 70)

    def test_hourly_bins_occupancy_and_weights(self) -> None:
        fahrenheit = (30.0, 45.0, 55.0, 65.0, 75.0, 90.0)
        assert pytest.approx([celsius(f) for f in fahrenheit], abs=0.05) == EDGES_C
        assert (OCCUPIED_SHARE, LEAST_BIN_HOURS, NEIGHBOUR_WEIGHT) == (0.65, 20, 0.5)


class TestSunAndBaltazar:
    @pytest.mark.parametrize(
        ("months", "daily", "monthly"),
        [(1, 1.03797, 0.97338), (6, 1.20632, 1.13098), (12, 1.3925, 1.30558)],
    )
    def test_the_polynomials(self, months, daily, monthly) -> None:
        assert sun_baltazar_daily(months) == pytest.approx(daily, abs=5e-6)
        assert sun_baltazar_monthly(months) == pytest.approx(monthly, abs=5e-6)


class TestGuideline14:
    def test_the_full_formula_against_its_text(self) -> None:
        """As nmecr writes it: t over n' - p, MSE over n' - p, all in the same units."""
        sse, n, p, rho, mean, predicted, m = 40_000.0, 365, 3, 0.6, 100.0, 33_000.0, 340
        independent = n * (1 - rho) / (1 + rho)
        freedom = independent - p
        mse = sse / freedom
        published = (
            float(student.ppf(0.95, freedom))
            * (-0.00024 * 11.0**2 + 0.03535 * 11.0 + 1.00286)
            / (m * mean)
            * np.sqrt(mse * (1.0 + 2.0 / independent) * m)
            * predicted
        )
        assert effective_n(n, rho) == pytest.approx(91.25)
        found = model_half_width(
            sse=sse,
            n=n,
            parameters=p,
            rho=rho,
            mean=mean,
            predicted=predicted,
            m=m,
            months=11.0,
        )
        assert found == pytest.approx(published, rel=1e-6)

    def test_twelve_bills_by_hand(self) -> None:
        """12 bills, 3 parameters, CV(RMSE) 5 %, a year of 12 bills, no autocorrelation.

        t(9) = 1.8331; a(12) = 1.30558; sqrt((1 + 2/12)/12) = 0.311805:
        1.8331 · 1.30558 · 0.05 · 0.311805 = 3.731 % of use.
        """
        width = model_half_width(
            sse=9 * 5.0**2,
            n=12,
            parameters=3,
            rho=0.0,
            mean=100.0,
            predicted=36500.0,
            m=12,
            months=12.0,
            correction=sun_baltazar_monthly,
        )
        assert width / 36500.0 == pytest.approx(0.03731, abs=1e-5)


class TestDanishTables:
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

    def test_the_normal_year_sums_to_3112(self) -> None:
        normal = load_factors().normal_years["danish_3112"]
        assert normal.year == 3112.0
        assert normal.months[0] == 519.0

    @pytest.mark.parametrize(
        ("carrier", "factor"), [("electricity", 1.9), ("district_heating", 0.85), ("gas", 1.0)]
    )
    def test_primary_energy_factors(self, carrier, factor) -> None:
        found = load_factors().factors.primary_energy(carrier, date(2026, 1, 1))
        assert found is not None
        assert found.value == factor
        assert found.source

    def test_aarhus_heat_has_a_factor_for_the_years_that_published_one(self) -> None:
        factors = load_factors().factors

        def of(day: date) -> float | None:
            found = factors.emission("kredslob", day)
            return None if found is None else found.value

        assert of(date(2021, 6, 1)) == 0.0457
        assert of(date(2019, 6, 1)) == 0.0425
        assert of(date(2020, 6, 1)) is None  # nobody published one
        assert of(date(2018, 12, 31)) is None
        first = date(2021, 1, 1)
        assert of(first - timedelta(days=1)) is None
