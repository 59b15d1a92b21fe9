"""The numbers that others published: ASHRAE Guideline 14 and Sun & Baltazar.

nmecr (the open reference of California's meter-based programs) computes the half-width as
``t a / (m y) sqrt(MSE (1 + 2/n') m)`` with the constants asserted here.
"""

from math import sqrt

import numpy as np
import pytest
from scipy.stats import t as student

from bms.savings.models.uncertainty import (
    SEEN,
    UNSEEN,
    YEAR_DAYS,
    FitStatistics,
    drift_over,
    effective_n,
    model_half_width,
    sun_baltazar_daily,
    sun_baltazar_monthly,
)


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
            FitStatistics(sse=sse, n=n, parameters=p, rho=rho, mean=mean),
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
            FitStatistics(sse=9 * 5.0**2, n=12, parameters=3, rho=0.0, mean=100.0),
            predicted=36500.0,
            m=12,
            months=12.0,
            correction=sun_baltazar_monthly,
        )
        assert width / 36500.0 == pytest.approx(0.03731, abs=1e-5)


class TestDriftOverYears:
    def test_a_year_that_nobody_saw_adds_more_than_one_of_the_project(self) -> None:
        year = YEAR_DAYS
        assert drift_over(0.06, 3 * year, 2 * year) == pytest.approx(0.06 * sqrt(1 + 2 * UNSEEN))
        assert drift_over(0.06, 2 * year, year) == pytest.approx(0.06 * sqrt(1 + UNSEEN))
        assert drift_over(0.06, 2 * year) == pytest.approx(0.06 * sqrt(1 + SEEN))
        assert drift_over(0.06, year, year) == pytest.approx(0.06)

    def test_it_grows_with_the_distance(self) -> None:
        found = [drift_over(0.06, days) for days in range(0, 3000, 30)]
        assert found == sorted(found)
