"""The candidates that follow from the linear program: ventilation, warm-ups and preheating."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from optimizer.linear_program.program import HorizonProgram, Solution
from optimizer.linear_program.unit_commitment import solve_with_runs
from optimizer.model.air_handling import AirOperation
from optimizer.model.rc_network import Floats
from optimizer.planning.candidate import Candidate, Evaluator, cheapest
from optimizer.planning.comfort_targets import comfort_backoffs
from optimizer.planning.horizon_program import program_with
from optimizer.setpoints.air_flow import planned_air, with_own_flow_where_warm
from optimizer.setpoints.lever_values import lever_values
from optimizer.setpoints.load_shifting import (
    changes_seldom,
    counted_share,
    pays,
    preheating_setpoints,
    price_varies,
    setpoints_in_paid_hours,
    storing_gain,
)
from optimizer.setpoints.supply_air_reset import with_supply_reset
from optimizer.setpoints.timetable import recoverable_setback
from optimizer.setpoints.tracking import (
    ALL_NIGHT,
    GENTLE,
    GENTLEST,
    WarmUpShape,
    occupied_setpoints,
    tracking_setpoints,
)
from optimizer.setpoints.warm_up_in_progress import warm_up_in_progress
from optimizer.setpoints.warm_up_timing import advance_warm_ups, delay_warm_ups, warm_up_reserve


def planned_candidates(evaluator: Evaluator) -> list[Candidate] | str:
    """Returns the best candidate with as little air as is enough and, where that leaves rooms too
    warm, the best with at least the units' own air; or the solver's message."""
    least_air = planned_air(evaluator.problem)
    first = _best_with_air(evaluator, least_air)
    if isinstance(first, str):
        return first
    more_air = with_own_flow_where_warm(
        evaluator.problem, evaluator.building, least_air, first.rollout
    )
    second = None if more_air is None else _best_with_air(evaluator, more_air)
    return [first, second] if isinstance(second, Candidate) else [first]


def _best_with_air(evaluator: Evaluator, air: AirOperation) -> Candidate | str:
    """The best candidate with its units running as ``air`` says, or the solver's message. A model
    of which nothing is counted on plans like a setback: as if the price were the same all day."""
    unsure = counted_share(evaluator.building) <= 0.0
    program = program_with(evaluator.at_one_price() if unsure else evaluator, air)
    solution = solve_with_runs(program, evaluator.problem.heat_source)
    if isinstance(solution, str):
        return solution
    reset_k = np.zeros_like(air.run)
    if program.supply_reset is not None:
        reset_k[program.supply_reset.units] = solution.reset_k
    reset = with_supply_reset(evaluator.problem, air, reset_k)
    program = replace(program, dynamics=evaluator.dynamics(reset))
    if program.peak.is_priced:
        return cheapest(_gentle_candidates(evaluator, program, solution, reset))
    asked = evaluator.at_one_price() if unsure else evaluator
    rows = _setpoints(asked, program, solution, WarmUpShape())
    plain = evaluator.evaluate(rows, reset, program.dynamics)
    return _with_storing(evaluator, solution, plain, sure=not unsure)


def _gentle_candidates(
    evaluator: Evaluator, program: HorizonProgram, solution: Solution, air: AirOperation
) -> list[Candidate]:
    """The planned heat as setpoints in finer and gentler steps, where power has a price."""
    return [
        evaluator.evaluate(_setpoints(evaluator, program, solution, shape), air, program.dynamics)
        for shape in (WarmUpShape(), GENTLE, GENTLEST, ALL_NIGHT)
    ]


def _setpoints(
    evaluator: Evaluator, program: HorizonProgram, solution: Solution, shape: WarmUpShape
) -> Floats:
    """The planned heat as setpoints [degC] (p, n)."""
    building, dynamics, targets = program.building, program.dynamics, program.targets
    in_progress = warm_up_in_progress(
        evaluator.problem, building.zones, occupied_setpoints(building, targets)
    )
    values = tracking_setpoints(building, dynamics, solution, targets, in_progress, shape)
    temp_out, step_h = building.inputs.temp_out, building.inputs.step_h
    least = [recoverable_setback(zone, temp_out, step_h) for zone in building.zones]
    values = building.with_held(np.maximum(values, np.array(least)))
    if shape.in_time:
        reserve = warm_up_reserve(building, comfort_backoffs(building))
        values = advance_warm_ups(building, dynamics, targets, values, reserve)
        values = delay_warm_ups(
            building,
            dynamics,
            targets,
            values,
            reserve,
            lambda rollout: evaluator.objective.cost(dynamics, rollout),
        )
    return lever_values(building, values)


def _with_storing(
    evaluator: Evaluator, solution: Solution, plain: Candidate, *, sure: bool
) -> Candidate:
    """``plain`` or, where the price varies, more heat in hours that pay for it and, of a ``sure``
    model, ahead of dear ones where that pays in an ensemble."""
    building = evaluator.building
    if not price_varies(building):
        return plain

    unpaid = plain.setpoints
    paid = _of_rows(evaluator, plain, setpoints_in_paid_hours(building, unpaid))
    plain = cheapest([plain, *(replace(each, plain=unpaid) for each in paid)])
    if not sure:
        return plain
    stored = _of_rows(evaluator, plain, preheating_setpoints(building, solution, plain.setpoints))
    if not stored:
        return plain
    ensemble = evaluator.ensemble(plain.air)
    gains = [storing_gain(ensemble, plain.setpoints, each.setpoints) for each in stored]
    best = max(range(len(stored)), key=lambda i: float(gains[i].mean()))
    if not pays(gains[best], building, plain.rollout):
        return plain
    return replace(stored[best], plain=unpaid)


def _of_rows(evaluator: Evaluator, plain: Candidate, rows: Iterable[Floats]) -> list[Candidate]:
    """The candidates of setpoints [degC] (p, n) that do not hunt."""
    building = evaluator.building
    ways = (lever_values(building, row) for row in rows)
    return [
        evaluator.evaluate(row, plain.air, plain.dynamics)
        for row in ways
        if changes_seldom(row, building.inputs.step_h)
    ]
