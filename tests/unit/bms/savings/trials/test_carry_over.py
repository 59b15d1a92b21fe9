"""Wash-out and blocks by the time constant of a building."""

from __future__ import annotations

import pytest

from bms.savings.trials.carry_over import design_for, held_time_constant, washout_for
from bms.savings.trials.power import BlockDesign


@pytest.mark.parametrize(
    ("time_constant_h", "design"),
    [
        (None, BlockDesign(3, 1)),
        (6.0, BlockDesign(3, 1)),
        (24.0, BlockDesign(4, 2)),
        (32.0, BlockDesign(5, 3)),
        (67.3, BlockDesign(9, 6)),
        (1000.0, BlockDesign(11, 7)),
    ],
)
def test_heavy_buildings_are_washed_out_longer(
    time_constant_h: float | None, design: BlockDesign
) -> None:
    assert design_for(time_constant_h) == design
    assert washout_for(time_constant_h) == design.washout_days


def test_the_time_constant_is_that_of_the_mass_at_a_held_air_temperature() -> None:
    heavy = {"c_mass_kwh_per_k": 60.0, "mass_kw_per_k": 1.5, "mass_out_kw_per_k": 0.5}
    assert held_time_constant(heavy) == pytest.approx(30.0)
    assert held_time_constant({"c_air_kwh_per_k": 5.0}) is None
