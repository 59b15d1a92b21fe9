"""The linear program: the same optimum from every start, on every grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from optimizer.horizon.peak_demand import PeakDemand
from optimizer.linear_program.block_dynamics import lift_to_blocks
from optimizer.linear_program.highs import Basis, LinearProgram, minimise
from optimizer.linear_program.program import HorizonProgram, initial_basis, linear_program, solve
from optimizer.linear_program.time_blocks import Blocks, single_steps
from tests.rigs.buildings.toy_problems import program, solved


def fine() -> HorizonProgram:
    return replace(program(), blocks=single_steps(program().building.n))


def with_worth(task: HorizonProgram, price: np.ndarray) -> HorizonProgram:
    heat = replace(task.building.inputs.heat, price=price)
    inputs = replace(task.building.inputs, heat=heat)
    return replace(task, building=replace(task.building, inputs=inputs))


def hourly(task: HorizonProgram) -> HorizonProgram:
    hours = 0.65 + 0.4 * np.sin(np.arange(48) * 1.7)
    return with_worth(task, np.repeat(hours, 4))


def cold(task: HorizonProgram) -> HorizonProgram:
    low = np.full(len(task.building.zones), 12.0)
    state = replace(task.building.state, air=low, mass=low)
    return replace(task, building=replace(task.building, state=state))


def small_plant(task: HorizonProgram) -> HorizonProgram:
    return replace(task, building=replace(task.building, capacity_kw=25.0))


def negative(task: HorizonProgram) -> HorizonProgram:
    return with_worth(task, np.full(192, -0.5))


@pytest.mark.parametrize("change", [fine, program], ids=["uniform", "coarse"])
@pytest.mark.parametrize("case", [lambda task: task, hourly, cold, small_plant, negative])
def test_the_start_moves_no_optimum(
    change: Callable[[], HorizonProgram], case: Callable[[HorizonProgram], HorizonProgram]
) -> None:
    """The corner that the search starts from saves time and changes nothing."""
    task = case(change())
    linear = linear_program(task)
    started, cold_started = (
        minimise(linear, initial_basis(task, linear.matrix.shape)),
        minimise(linear),
    )
    assert not isinstance(started, str)
    assert not isinstance(cold_started, str)
    best = float(linear.cost @ cold_started)
    assert float(linear.cost @ started) == pytest.approx(best, rel=1e-6, abs=1e-6)


class TestBlocks:
    def test_a_block_is_the_product_of_its_steps(self) -> None:
        """One block of four steps with constant heat ends where the four steps end."""
        task = program()
        four = lift_to_blocks(task.dynamics, Blocks(first=np.array([40]), length=np.array([4])))
        x, heat = task.initial, np.linspace(3.0, 5.0, len(task.initial))
        for k in range(40, 44):
            flows = np.stack(
                [task.dynamics.flow_air[:, k] + heat, task.dynamics.flow_mass[:, k]], axis=1
            )
            x = np.einsum("pij,pj->pi", task.dynamics.steps.a[k], x) + np.einsum(
                "pij,pj->pi", task.dynamics.steps.b[k], flows
            )
        once = np.einsum("pij,pj->pi", four.a[0], task.initial)
        once = once + four.heat[0] * heat[:, None] + four.forced[0]
        assert once == pytest.approx(x)

    def test_inside_a_block_no_zone_falls_below_its_limit(self) -> None:
        found = solved(program())
        assert (found.air >= program().targets.low - 0.02).all()

    def test_heat_stays_between_nothing_and_the_power(self) -> None:
        task = program()
        found = solved(task)
        assert (found.heat >= -1e-9).all()
        assert (found.heat <= task.building.heat_max * task.counted_power + 1e-9).all()


class TestGivenHeat:
    def test_a_zone_that_cannot_be_moved_keeps_its_heat(self) -> None:
        task = program()
        fixed_heat = np.full(task.fixed_heat.shape, np.nan)
        fixed_heat[0] = 4.0
        assert solved(replace(task, fixed_heat=fixed_heat)).heat[0] == pytest.approx(4.0)

    def test_more_given_heat_than_the_plant_has_is_still_answered(self) -> None:
        task = small_plant(program())
        fixed_heat = np.full(task.fixed_heat.shape, np.nan)
        fixed_heat[0] = 40.0
        assert not isinstance(solve(replace(task, fixed_heat=fixed_heat)), str)


class TestSolver:
    def test_a_number_that_is_none_is_said(self) -> None:
        task = program()
        assert solve(with_worth(task, np.full(192, np.nan))) == "not a number"

    def test_a_basis_that_is_none_is_left(self) -> None:
        """A start that says nothing useful costs time, not the answer."""
        linear = linear_program(program())
        height, width = linear.matrix.shape
        wrong = Basis(np.zeros(width, dtype=np.int64), np.zeros(height, dtype=np.int64))
        best, found = minimise(linear), minimise(linear, wrong)
        assert not isinstance(best, str)
        assert not isinstance(found, str)
        assert linear.cost @ found == pytest.approx(linear.cost @ best, rel=1e-7)

    def test_what_has_no_answer_is_said(self) -> None:
        linear = linear_program(program())
        wrong = LinearProgram(
            cost=linear.cost,
            lower=linear.lower,
            upper=linear.upper,
            matrix=linear.matrix,
            row_lower=linear.row_lower + 1e6,
            row_upper=linear.row_upper - 1e6,
        )
        assert minimise(wrong) == "kInfeasible"

    def test_the_same_program_has_the_same_answer(self) -> None:
        first, second = solved(replace(program())), solved(replace(program()))
        assert np.array_equal(first.heat, second.heat)


class TestPower:
    def test_a_priced_peak_is_lower(self) -> None:
        free = solved(fine())
        priced = solved(replace(fine(), peak=PeakDemand(so_far_kw=5.0, dkk_per_kw=30.0)))
        assert priced.heat.sum(axis=0).max() < 0.8 * free.heat.sum(axis=0).max()

    def test_below_the_months_highest_power_nothing_changes(self) -> None:
        free = solved(fine())
        high = free.heat.sum(axis=0).max() + program().dynamics.fixed_kw.max()
        paid = solved(
            replace(fine(), peak=PeakDemand(so_far_kw=float(high) + 1.0, dkk_per_kw=30.0))
        )
        assert paid.heat == pytest.approx(free.heat, abs=1e-6)

    @pytest.mark.parametrize("limit", [0.0, 8.0, 20.0])
    @pytest.mark.parametrize("case", [lambda task: task, cold, hourly])
    def test_a_limit_holds_from_any_state(
        self, limit: float, case: Callable[[HorizonProgram], HorizonProgram]
    ) -> None:
        task = case(replace(program(), peak=PeakDemand(limit_kw=limit)))
        found = solved(task)
        other = task.dynamics.fixed_kw / task.building.inputs.cop
        power = other + found.heat.sum(axis=0) / task.building.inputs.cop
        assert (power <= np.maximum(limit, other) + 1e-6).all()
