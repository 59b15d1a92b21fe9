"""What cooler supply water is worth to a heat pump."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.assets.point import Role
from bms.model.planning.problem import CurveTask, Lever, Problem
from bms.model.readings.units import Unit
from optimizer.planner import Optimizer
from optimizer.setpoints.heating_curve import cop_with
from tests.rigs.buildings.toy_problems import task

OPTIMIZER = Optimizer()
LEVER = Lever(
    point="toy/plant.curve_shift",
    role=Role.HEATING_CURVE_SHIFT,
    unit=Unit.KELVIN,
    minimum=-5.0,
    maximum=0.0,
    resolution=1.0,
)


def pumped(gain: float, *, lever: Lever | None = LEVER) -> Problem:
    source = HeatSource(
        kind=HeatSourceKind.HEAT_PUMP,
        capacity_kw=60.0,
        cop=((-10.0, 2.4), (10.0, 3.8)),
        cop_gain_per_k=gain,
    )
    curve = None if lever is None else CurveTask(lever=lever)
    return replace(task(96), heat_source=source, curve=curve)


def energy(problem: Problem) -> float:
    found = OPTIMIZER.plan(problem).expected.energy_kwh
    assert found is not None
    return found


class TestTheCop:
    def test_rises_by_its_gain_for_each_kelvin_down(self) -> None:
        source = pumped(0.025).heat_source
        cop = cop_with(source, np.full(3, 3.0), np.array([0.0, -2.0, -4.0]))

        assert cop.tolist() == pytest.approx([3.0, 3.15, 3.3])

    def test_of_district_heating_stays(self) -> None:
        source = HeatSource(
            kind=HeatSourceKind.DISTRICT_HEATING, capacity_kw=10.0, cop_gain_per_k=0.05
        )

        assert cop_with(source, np.ones(2), np.array([-3.0, -3.0])).tolist() == [1.0, 1.0]


class TestTheExpectedEnergy:
    def test_falls_with_the_gain_and_not_by_more_than_it_allows(self) -> None:
        without, with_gain = energy(pumped(0.0)), energy(pumped(0.025))

        assert with_gain < without - 0.5
        assert with_gain > without / (1.0 + 0.025 * 5.0)

    def test_falls_only_where_the_curve_may_be_lowered(self) -> None:
        assert energy(pumped(0.025, lever=None)) == energy(pumped(0.0, lever=None))

    def test_of_own_control_knows_no_shift(self) -> None:
        assert OPTIMIZER.plan(pumped(0.025)).own_control == OPTIMIZER.plan(pumped(0.0)).own_control

    def test_moves_the_same_points(self) -> None:
        """The shift is decided after the heat; its gain is told and changes nothing."""
        assert OPTIMIZER.plan(pumped(0.025)).setpoints == OPTIMIZER.plan(pumped(0.0)).setpoints

    @pytest.mark.parametrize("gain", [-0.01, 0.4, float("nan")])
    def test_does_not_count_a_gain_without_sense(self, gain: float) -> None:
        schedule = OPTIMIZER.plan(pumped(gain))

        assert "bad_cop_gain" in {words.code for words in schedule.reasons}
        assert schedule.expected == OPTIMIZER.plan(pumped(0.0)).expected
