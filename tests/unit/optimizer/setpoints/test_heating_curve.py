"""The heating curve is lowered where radiators have power to spare, and only there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.assets.point import Role
from bms.model.planning.plan import PlanStatus, Schedule, SetpointPlan
from bms.model.planning.problem import CurveTask, Lever, Problem
from bms.model.readings.units import Unit
from optimizer.planner import Optimizer
from optimizer.setpoints.heating_curve import cop_with
from tests.rigs.buildings.toy_problems import task

POINT = "toy/plant.curve_shift"
LEVER = Lever(
    point=POINT,
    role=Role.HEATING_CURVE_SHIFT,
    unit=Unit.KELVIN,
    minimum=-5.0,
    maximum=5.0,
    resolution=1.0,
)
OPTIMIZER = Optimizer()


def asked(lever: Lever = LEVER) -> Problem:
    return replace(task(96), curve=CurveTask(lever=lever))


def shift(schedule: Schedule) -> SetpointPlan:
    return next(plan for plan in schedule.setpoints if plan.point == POINT)


def on_grid(problem: Problem, plan: SetpointPlan) -> np.ndarray:
    values: list[float] = []
    for each in plan.steps:
        count = round((each.end - each.start).total_seconds() / problem.step_s)
        values.extend([each.value] * count)
    return np.array(values)


def test_it_is_lowered_and_said() -> None:
    schedule = OPTIMIZER.plan(asked())
    assert OPTIMIZER.check(asked(), schedule) == ()
    values = on_grid(asked(), shift(schedule))
    assert values.min() < 0
    assert values.max() <= 0
    assert "curve_lowered" in {words.code for words in schedule.reasons}


def test_nothing_else_of_the_plan_changes() -> None:
    without = OPTIMIZER.plan(task(96))
    with_it = OPTIMIZER.plan(asked())
    assert without.setpoints == tuple(p for p in with_it.setpoints if p.point != POINT)
    assert without.expected == with_it.expected


def test_at_full_power_the_curve_is_as_commissioned() -> None:
    """Where a warm-up is under way, and before it, the water is as warm as ever."""
    schedule = OPTIMIZER.plan(asked())
    values = on_grid(asked(), shift(schedule))
    rising = [np.diff([t for t in zone.temp_c if t is not None]) for zone in schedule.forecast]
    steep = np.flatnonzero(np.max(rising, axis=0) > 0.4)
    assert len(steep)
    assert (values[steep] == 0).all()


def test_rooms_that_are_too_cold_keep_their_water() -> None:
    problem = asked()
    assert problem.history is not None
    zones = tuple(
        replace(zone, temp_c=tuple(12.0 for _ in zone.temp_c)) for zone in problem.history.zones
    )
    cold = replace(problem, history=replace(problem.history, zones=zones))
    assert on_grid(cold, shift(OPTIMIZER.plan(cold)))[0] == 0


def test_few_changes() -> None:
    assert len(shift(OPTIMIZER.plan(asked())).steps) <= 13


def test_without_a_model_it_is_not_moved() -> None:
    problem = replace(asked(), model=None, history=None)
    schedule = OPTIMIZER.plan(problem)
    assert schedule.status is PlanStatus.FALLBACK
    assert OPTIMIZER.check(problem, schedule) == ()
    assert set(on_grid(problem, shift(schedule)).tolist()) == {0.0}


def test_a_zone_without_a_model_keeps_the_curve() -> None:
    problem = asked()
    assert problem.model is not None
    half = replace(problem, model=replace(problem.model, zones=problem.model.zones[:1]))
    schedule = OPTIMIZER.plan(half)
    assert OPTIMIZER.check(half, schedule) == ()
    assert set(on_grid(half, shift(schedule)).tolist()) == {0.0}


@pytest.mark.parametrize(
    "limits", [(1.0, 5.0), (5.0, -5.0), (float("nan"), 5.0), (-5.0, -1.0)], ids=str
)
def test_limits_that_allow_no_zero_leave_it_alone(limits: tuple[float, float]) -> None:
    problem = asked(replace(LEVER, minimum=limits[0], maximum=limits[1]))
    schedule = OPTIMIZER.plan(problem)
    assert OPTIMIZER.check(problem, schedule) == ()
    assert POINT not in {plan.point for plan in schedule.setpoints}


@pytest.mark.parametrize("value", [1.0, -9.0])
def test_the_checker_lets_no_plan_raise_it_or_lower_it_a_lot(value: float) -> None:
    wide = asked(replace(LEVER, minimum=-15.0, maximum=15.0))
    schedule = OPTIMIZER.plan(wide)
    flow_part = replace(
        shift(schedule), steps=tuple(replace(s, value=value) for s in shift(schedule).steps)
    )
    others = tuple(plan for plan in schedule.setpoints if plan.point != POINT)
    objections = OPTIMIZER.check(wide, replace(schedule, setpoints=(*others, flow_part)))
    assert [words.code for words in objections] == ["check_curve"]


DOWN = replace(LEVER, maximum=0.0)
"""A curve that may be lowered alone."""


def pumped(gain: float, *, lever: Lever | None = DOWN) -> Problem:
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
