"""A heat source with least runs and stops: searched, or rounded where the search finds nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.planning.plan import PlanStatus
from optimizer.linear_program.program import Solution
from optimizer.linear_program.unit_commitment import rounded_runs, solve_with_runs
from optimizer.planner import Optimizer
from optimizer.planning.make_plan import program_for
from tests.rigs.buildings.toy_problems import program, solved, task

PUMP = HeatSource(
    kind=HeatSourceKind.HEAT_PUMP,
    capacity_kw=60.0,
    cop=((-10.0, 2.5), (10.0, 4.0)),
    least_run_min=90.0,
    least_stop_min=60.0,
    least_kw=6.0,
)
HOURS = np.full(24, 0.5)


def stretches(on: np.ndarray, hours: np.ndarray) -> list[tuple[bool, float]]:
    """(on, length [h]) of the stretches that both begin and end inside."""
    edges = [0, *(np.flatnonzero(np.diff(on)) + 1).tolist(), len(on)]
    found = [(bool(on[first]), float(hours[first:last].sum())) for first, last in pairwise(edges)]
    return found[1:-1]


def keeps_its_runs(on: np.ndarray, hours: np.ndarray) -> bool:
    least = {True: PUMP.least_run_min / 60, False: PUMP.least_stop_min / 60}
    return all(length >= least[state] - 1e-9 for state, length in stretches(on, hours))


@given(st.lists(st.booleans(), min_size=24, max_size=24))
def test_rounding_keeps_runs_and_stops_and_takes_no_heat_away(running: list[bool]) -> None:
    asked = np.array(running)
    on = rounded_runs(asked, HOURS, PUMP)
    assert keeps_its_runs(on, HOURS)
    assert on[asked].all()


def test_without_declared_runs_it_is_the_linear_program() -> None:
    free = HeatSource(kind=HeatSourceKind.DISTRICT_HEATING, capacity_kw=60.0)
    found = solve_with_runs(program(), free)
    assert isinstance(found, Solution)
    assert np.array_equal(found.heat, solved(program()).heat)


@pytest.mark.slow
@pytest.mark.parametrize("cycled", [PUMP, replace(PUMP, least_run_min=1e9)])
def test_the_heat_comes_in_runs(cycled: HeatSource) -> None:
    task = program()
    found = solve_with_runs(task, cycled)
    assert isinstance(found, Solution)
    heat = found.heat.sum(axis=0)
    on = task.blocks.greatest(heat) > 1e-6
    assert on.any()
    if cycled is PUMP:
        assert keeps_its_runs(on, task.hours)
        assert (task.blocks.mean(heat)[on] >= PUMP.least_kw - 1e-6).all()


@pytest.mark.slow
def test_the_same_runs_again() -> None:
    first, second = (solve_with_runs(replace(program()), PUMP) for _ in range(2))
    assert isinstance(first, Solution)
    assert isinstance(second, Solution)
    assert np.array_equal(first.heat, second.heat)


@pytest.mark.slow
def test_a_plan_for_it_may_be_written() -> None:
    asked = replace(task(96), heat_source=PUMP)
    schedule = Optimizer().plan(asked)
    assert Optimizer().check(asked, schedule) == ()
    assert schedule.status is PlanStatus.OPTIMAL


@pytest.mark.slow
@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -5.0])
def test_odd_declarations_still_give_a_plan(odd: float) -> None:
    source = replace(PUMP, least_run_min=odd, least_stop_min=odd, least_kw=odd)
    schedule = Optimizer().plan(replace(task(48), heat_source=source))
    assert schedule.status is not PlanStatus.FALLBACK


def test_a_program_of_a_heat_pump_has_its_cop() -> None:
    cop = program_for(replace(task(), heat_source=PUMP)).building.inputs.cop
    assert (cop > 2.4).all()
