"""The candidates that follow from the linear program: ventilation, warm-ups and preheating."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.linear_program.program import HorizonProgram, Solution
from optimizer.linear_program.unit_commitment import solve_with_runs
from optimizer.model.air_handling import Air
from optimizer.model.rc_network import Floats
from optimizer.planning.candidate import Candidate, Evaluator, cheapest
from optimizer.planning.comfort_targets import comfort_backoffs
from optimizer.planning.horizon_program import program_with
from optimizer.setpoints.air_flow import fresher, planned_air
from optimizer.setpoints.continuity import begun
from optimizer.setpoints.lever_values import lever_values
from optimizer.setpoints.preheating import calm, least_gain, spent, swings, ways_to_store
from optimizer.setpoints.supply_air_reset import with_cooler
from optimizer.setpoints.tracking import (
    GENTLE,
    GENTLEST,
    Rise,
    in_use_setpoints,
    not_early,
    on_time,
    wanted,
    warm_up_spare,
)


def planned_candidates(evaluator: Evaluator) -> list[Candidate] | str:
    """Returns the best candidate with as little air as is enough and, where that leaves rooms too
    warm, the best with at least the units' own air; or the solver's message."""
    least_air = planned_air(evaluator.problem)
    first = _best_with_air(evaluator, least_air)
    if isinstance(first, str):
        return first
    more_air = fresher(evaluator.problem, evaluator.building, least_air, first.rollout)
    second = None if more_air is None else _best_with_air(evaluator, more_air)
    return [first, second] if isinstance(second, Candidate) else [first]


def _best_with_air(evaluator: Evaluator, air: Air) -> Candidate | str:
    program = program_with(evaluator, air)
    solution = solve_with_runs(program, evaluator.problem.heat_source)
    if isinstance(solution, str):
        return solution
    cooler = np.zeros_like(air.run)
    if program.supply_reset is not None:
        cooler[program.supply_reset.units] = solution.cooler
    reset = with_cooler(evaluator.problem, air, cooler)
    program = replace(program, dynamics=evaluator.dynamics(reset))
    best = cheapest(_tracking_candidates(evaluator, program, solution, reset))
    return best if program.peak.is_priced else _with_preheating(evaluator, solution, best)


def _tracking_candidates(
    evaluator: Evaluator, program: HorizonProgram, solution: Solution, air: Air
) -> list[Candidate]:
    """The planned heat as setpoints; where power has a price, also in finer and gentler steps."""
    rises = (Rise(), GENTLE, GENTLEST) if program.peak.is_priced else (Rise(),)
    return [
        evaluator.evaluate(_setpoints(evaluator, program, solution, rise), air, program.dynamics)
        for rise in rises
    ]


def _setpoints(
    evaluator: Evaluator, program: HorizonProgram, solution: Solution, rise: Rise
) -> Floats:
    building, dynamics, targets = program.building, program.dynamics, program.targets
    started = begun(evaluator.problem, building.zones, in_use_setpoints(building, targets))
    values = wanted(building, dynamics, solution, targets, started, rise)
    if rise.timely:
        spare = warm_up_spare(building, comfort_backoffs(building))
        values = on_time(building, dynamics, targets, values, spare)
        values = not_early(
            building,
            dynamics,
            targets,
            values,
            spare,
            lambda rollout: evaluator.objective.cost(dynamics, rollout),
        )
    return lever_values(building, values)


def _with_preheating(evaluator: Evaluator, solution: Solution, plain: Candidate) -> Candidate:
    """Heat ahead of dear hours where that is clearly cheaper, ``plain`` otherwise."""
    building = evaluator.building
    if not swings(building):
        return plain
    ways = (
        lever_values(building, row) for row in ways_to_store(building, solution, plain.setpoints)
    )
    options = [
        evaluator.evaluate(row, plain.air, plain.dynamics)
        for row in ways
        if calm(row, building.inputs.step_h)
    ]

    def spends(candidate: Candidate) -> float:
        return spent(building, candidate.cost, candidate.rollout)

    best = min(options, key=spends, default=plain)
    return best if spends(plain) - spends(best) > least_gain(building, plain.rollout) else plain
