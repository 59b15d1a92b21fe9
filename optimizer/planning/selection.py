"""The optimum against what the building does today: which of them is issued."""

from __future__ import annotations

from bms.model.fact import Fact, fact
from bms.model.planning.plan import PlanStatus, Schedule
from bms.model.planning.problem import Problem
from optimizer.explain.plan_reason import PlanReason
from optimizer.horizon.building import Building
from optimizer.planning.candidate import Candidate, Evaluator, cheapest
from optimizer.planning.consequences import (
    describe_air,
    describe_peak,
    power_relaxations,
    relaxations,
)
from optimizer.planning.own_control import (
    issued_own_control,
    own_control,
    own_control_with_enough_air,
)
from optimizer.planning.planned_candidates import planned_candidates
from optimizer.planning.schedule import schedule_of, timetable_schedule


def select(problem: Problem, building: Building, found: list[Fact]) -> Schedule:
    """Returns the schedule of a building whose zones have models; ``found`` goes before its
    reasons. What is issued is never dearer than the building's own control, by the model."""
    evaluator = Evaluator.of(problem, building)
    candidates = planned_candidates(evaluator)
    if isinstance(candidates, str):
        return timetable_schedule(
            problem, [*found, fact(PlanReason.NO_SOLUTION, message=candidates)]
        )
    best, own = cheapest(candidates), own_control(evaluator)
    if best.cost < own_control_with_enough_air(evaluator, own).cost:
        return _optimum(evaluator, best, own, found)
    chosen = issued_own_control(evaluator)
    why = [
        fact(PlanReason.OWN_CONTROL_AS_GOOD),
        *(each.fact for each in relaxations(evaluator, chosen)),
        *describe_air(problem, chosen.air),
    ]
    return schedule_of(problem, building, chosen, own, PlanStatus.FALLBACK, [*found, *why])


def _optimum(evaluator: Evaluator, best: Candidate, own: Candidate, found: list[Fact]) -> Schedule:
    problem, building = evaluator.problem, evaluator.building
    relaxed = [*relaxations(evaluator, best), *power_relaxations(evaluator, best)]
    why = [
        fact(PlanReason.PLANNED),
        *(each.fact for each in relaxed),
        *describe_air(problem, best.air),
        *describe_peak(evaluator, best),
    ]
    status = PlanStatus.RELAXED if relaxed else PlanStatus.OPTIMAL
    return schedule_of(problem, building, best, own, status, [*found, *why])
