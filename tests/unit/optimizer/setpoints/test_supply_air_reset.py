"""The supply air in the plan: cooler where rooms are warm enough, never warmer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.planning.plan import PlanStatus
from bms.model.planning.problem import BuildingModel, Lever, Problem
from bms.model.readings.units import Unit
from optimizer.linear_program.program import linear_program, solve
from optimizer.model.air_handling import AirOperation
from optimizer.planner import Optimizer
from optimizer.planning.make_plan import program_for
from optimizer.problem.reader import read
from optimizer.problem.units import in_celsius
from optimizer.setpoints.supply_air_reset import with_supply_reset
from tests.rigs.buildings.toy_problems import (
    SUPPLY,
    codes,
    milder,
    on_grid,
    plan_of,
    required,
    supplied,
    task,
)
from tests.rigs.paths import ROOT

OPTIMIZER = Optimizer()
OWN_C = 21.0
ZERO = 273.15
WARM = ROOT / "tests" / "cases" / "plans" / "air_supplied_to_warm_rooms"


def warm(lever: Lever = SUPPLY) -> Problem:
    """A class room of known physics that its people keep warm while the coil goes on heating."""
    problem = read((WARM / "problem.json").read_text("utf-8"))
    unit = replace(problem.ventilation[0], supply_lever=lever)
    return replace(problem, ventilation=(unit,))


def supply_air_of(problem: Problem, point: str = SUPPLY.point) -> np.ndarray:
    schedule = OPTIMIZER.plan(problem)
    assert [str(words) for words in OPTIMIZER.check(problem, schedule)] == []
    return on_grid(problem, plan_of(schedule, point))


def with_coil(problem: Problem, kw_per_k: float) -> Problem:
    """The same building whose model has learnt a coil."""
    model = problem.model
    assert isinstance(model, BuildingModel)
    zones = tuple(
        replace(z, parameters={**z.parameters, "coil_kw_per_k": kw_per_k / 2, "coil_below_c": 14.0})
        for z in model.zones
    )
    return replace(problem, model=replace(model, zones=zones))


class TestWithoutALever:
    def test_the_program_has_no_column_for_it(self) -> None:
        without = linear_program(program_for(task(96)))
        own_only = replace(
            task(96),
            ventilation=(replace(task(96).ventilation[0], own_supply_c=(20.0,) * 96),),
        )

        assert linear_program(program_for(own_only)).matrix.shape == without.matrix.shape
        assert OPTIMIZER.plan(own_only) == OPTIMIZER.plan(task(96))

    def test_a_lever_adds_one_column_a_block(self) -> None:
        program = program_for(supplied())
        assert program.supply_reset is not None
        without = replace(program, supply_reset=None)
        more = linear_program(program).matrix.shape[1] - linear_program(without).matrix.shape[1]

        assert more == program.blocks.m


class TestWarmRooms:
    def test_get_cooler_air_and_the_plan_says_so(self) -> None:
        schedule = OPTIMIZER.plan(warm())
        values = supply_air_of(warm())[required(warm())]

        assert schedule.status is PlanStatus.OPTIMAL
        assert "supply_cooler" in codes(schedule)
        assert values.min() <= OWN_C - 1.0

    def test_never_get_warmer_air(self) -> None:
        assert supply_air_of(warm()).max() <= OWN_C

    def test_cost_less_than_with_the_air_as_it_is(self) -> None:
        fixed = replace(SUPPLY, minimum=OWN_C, maximum=OWN_C)
        ours, theirs = OPTIMIZER.plan(warm()), OPTIMIZER.plan(warm(fixed))

        assert ours.own_control == theirs.own_control
        assert ours.expected.cost_dkk is not None
        assert theirs.expected.cost_dkk is not None
        assert ours.expected.cost_dkk < theirs.expected.cost_dkk - 1.0
        assert ours.expected.comfort_kh == 0.0

    def test_are_cooler_in_the_forecast_too(self) -> None:
        fixed = replace(SUPPLY, minimum=OWN_C, maximum=OWN_C)
        ours, theirs = (
            np.array(OPTIMIZER.plan(each).forecast[0].temp_c, dtype=float)
            for each in (warm(), warm(fixed))
        )

        assert np.min(ours - theirs) < -0.05
        assert np.max(ours - theirs) < 0.2

    def test_get_it_held_for_an_hour_of_the_clock(self) -> None:
        asked = warm()
        edges = np.flatnonzero(np.diff(supply_air_of(asked))) + 1

        assert edges.size > 0
        assert set((int(asked.start.timestamp()) + edges * asked.step_s) % 3600) == {0}

    def test_get_no_air_below_what_the_lever_allows(self) -> None:
        lowest = replace(SUPPLY, minimum=20.0)

        assert supply_air_of(warm(lowest)).min() == 20.0


class TestColdRooms:
    def test_get_the_air_as_it_is_while_they_are_heated(self) -> None:
        """What the coil gives less the radiators would have to give more."""
        asked = supplied(milder(task(96), -8.0, sun=0.0))
        both_in_use = np.array(asked.zones[0].occupied)

        assert set(supply_air_of(asked)[both_in_use][4:]) == {20.0}


class TestTheCoil:
    def test_cannot_save_more_than_the_model_has_learnt_that_it_takes(self) -> None:
        small, none = with_coil(warm(), 0.01), program_for(warm()).supply_reset
        supply_reset = program_for(small).supply_reset

        assert supply_reset is not None
        assert none is not None
        dynamics = program_for(small).dynamics
        assert np.all(supply_reset.per_k * supply_reset.most <= dynamics.coil_kw + 1e-9)
        assert supply_reset.most.max() < none.most.max()

    def test_has_nothing_to_save_behind_a_recovery_that_gives_enough(self) -> None:
        asked = milder(supplied(own_c=16.0), 12.0)

        assert program_for(asked).supply_reset is None
        assert set(supply_air_of(asked)) == {16.0}

    def test_leaves_room_in_the_plant_for_radiators(self) -> None:
        """Where heat is short, cooler air and radiators share what the plant has."""
        tight = replace(
            warm(),
            heat_source=HeatSource(kind=HeatSourceKind.DISTRICT_HEATING, capacity_kw=1.0),
        )
        program = program_for(tight)
        solution = solve(program)
        assert not isinstance(solution, str)
        assert program.supply_reset is not None
        assert program.dynamics.fixed_kw.max() > 1.0
        coils = program.dynamics.fixed_kw - program.supply_reset.saved_kw(solution.reset_k)

        assert np.all(solution.heat.sum(axis=0) + np.maximum(coils, 0.0) <= 1.0 + 1e-6)


class TestWhatCannotBePlanned:
    def test_a_lever_whose_own_setpoint_is_not_known(self) -> None:
        unit = replace(task(96).ventilation[0], supply_lever=SUPPLY)
        asked = replace(task(96), ventilation=(unit,))
        schedule = OPTIMIZER.plan(asked)

        assert "no_coil" in codes(schedule)
        assert SUPPLY.point not in {plan.point for plan in schedule.setpoints}
        assert OPTIMIZER.check(asked, schedule) == ()

    def test_a_lever_that_could_only_raise_it(self) -> None:
        asked = supplied(own_c=15.0)
        schedule = OPTIMIZER.plan(asked)

        assert "bad_lever" in codes(schedule)
        assert SUPPLY.point not in {plan.point for plan in schedule.setpoints}
        assert OPTIMIZER.check(asked, schedule) == ()

    def test_air_of_a_zone_that_follows_its_own_thermostat(self) -> None:
        asked = supplied()
        zones = (asked.zones[0], replace(asked.zones[1], lever=None))

        assert program_for(replace(asked, zones=zones)).supply_reset is None

    def test_the_timetable_leaves_it_at_its_own(self) -> None:
        asked = replace(warm(), model=None, history=None)

        assert OPTIMIZER.plan(asked).status is PlanStatus.FALLBACK
        assert set(supply_air_of(asked)) == {OWN_C}


class TestTheValuesWritten:
    def test_are_the_next_below_an_own_setpoint_between_two_of_the_point(self) -> None:
        asked = supplied(own_c=19.3)
        still = AirOperation(np.ones((1, 96)), np.full((1, 96), 100.0), np.zeros((1, 96)))

        assert set(19.3 - with_supply_reset(asked, still).reset_k[0]) == {19.0}

    def test_follow_an_own_setpoint_that_changes_without_passing_it(self) -> None:
        own = tuple(18.0 + 2.0 * np.sin(k / 7.0) for k in range(warm().steps))
        unit = replace(warm().ventilation[0], own_supply_c=own)
        asked = replace(warm(), ventilation=(unit,))

        assert np.all(supply_air_of(asked) <= np.array(own) + 1e-9)

    @pytest.mark.parametrize("resolution", [0.1, 0.5, 1.0])
    def test_are_in_kelvin_for_a_lever_in_kelvin(self, resolution: float) -> None:
        lever = replace(
            SUPPLY,
            unit=Unit.KELVIN,
            minimum=SUPPLY.minimum + ZERO,
            maximum=SUPPLY.maximum + ZERO,
            resolution=resolution,
            origin=ZERO,
        )
        asked = warm(lever)

        assert 289.15 <= supply_air_of(asked).min() < supply_air_of(asked).max() <= OWN_C + ZERO

    def test_of_a_problem_in_kelvin_begin_from_its_own_setpoint_in_kelvin(self) -> None:
        unit = replace(warm().ventilation[0], own_supply_c=(OWN_C + ZERO,) * warm().steps)
        asked = replace(warm(), temperature_unit=Unit.KELVIN, ventilation=(unit,))

        assert set(in_celsius(asked).ventilation[0].own_supply_c) == {OWN_C}
