"""The numbers that CalTRACK 2.0 published: balance points, sufficiency, bills, hourly bins."""

import numpy as np
import pytest

from bms.savings.models.billing import LONGEST_BIMONTHLY_DAYS, LONGEST_DAYS, SHORTEST_DAYS
from bms.savings.models.change_point import GRID_C, LEAST_DAYS, LEAST_DEGREE_DAYS, fit_change_point
from bms.savings.models.towt import EDGES_C, LEAST_BIN_HOURS, NEIGHBOUR_WEIGHT, OCCUPIED_SHARE


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
        found = fit_change_point(y, temp, cooling=False)
        assert (found.kind if found.kind == "mean" else "3PH") == kind

    @pytest.mark.parametrize(("degrees", "kind"), [(1.0, "mean"), (1.2, "3PH")])
    def test_ten_days_need_eleven_kelvin_days_between_them(self, degrees, kind) -> None:
        temp = np.full(365, 33.0)  # beyond the grid: no other day heats at any balance point
        temp[:10] = 32.0 - degrees
        assert fit_change_point(100.0 + 10.0 * (temp < 32.5), temp, cooling=False).kind == kind

    @pytest.mark.parametrize("sign", [-1.0, 1.0])
    def test_slopes_have_to_be_positive(self, sign) -> None:
        temp = np.linspace(-5.0, 25.0, 365)
        y = 500.0 + sign * 8.0 * np.maximum(12.0 - temp, 0.0)
        assert fit_change_point(y, temp, cooling=False).kind == ("3PH" if sign > 0 else "mean")

    def test_the_base_load_has_to_be_positive(self) -> None:
        """A 3P model whose summer use would be negative does not qualify."""
        temp = np.linspace(-5.0, 25.0, 365)
        y = -50.0 + 8.0 * np.maximum(12.0 - temp, 0.0)
        assert fit_change_point(y, temp, cooling=False).kind in {"mean", "2PH"}

    def test_cooling_is_for_electricity_alone(self) -> None:
        temp = np.linspace(-5.0, 30.0, 365)
        y = 500.0 + 8.0 * np.maximum(temp - 18.0, 0.0)
        assert fit_change_point(y, temp, cooling=True).kind == "3PC"
        assert fit_change_point(y, temp, cooling=False).kind == "mean"

    def test_the_cooling_balance_point_is_never_below_the_heating_one(self) -> None:
        rng = np.random.default_rng(2)
        temp = rng.uniform(-5.0, 30.0, 365)
        found = fit_change_point(300.0 + np.abs(temp - 15.0) * 9.0, temp, cooling=True)
        assert found.kind == "5P"
        assert found.cool_balance >= found.heat_balance

    def test_bills_are_of_25_to_35_days_or_up_to_70(self) -> None:
        assert (SHORTEST_DAYS, LONGEST_DAYS, LONGEST_BIMONTHLY_DAYS) == (25, 35, 70)

    def test_hourly_bins_occupancy_and_weights(self) -> None:
        fahrenheit = (30.0, 45.0, 55.0, 65.0, 75.0, 90.0)
        assert pytest.approx([celsius(f) for f in fahrenheit], abs=0.05) == EDGES_C
        assert (OCCUPIED_SHARE, LEAST_BIN_HOURS, NEIGHBOUR_WEIGHT) == (0.65, 20, 0.5)
