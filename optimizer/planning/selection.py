"""The optimum against what the building does today: which of them is issued."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bms.model.fact import Fact, fact
from bms.model.planning.plan import PlanStatus, Schedule
from bms.model.planning.problem import Problem
from optimizer.explain.plan_reason import PlanReason
from optimizer.horizon.building import Building
from optimizer.horizon.rollout import RolloutResult
from optimizer.model.air_handling import own_air, own_or_required_run
from optimizer.planning.candidate import Candidate, Evaluator, cheapest
from optimizer.planning.consequences import (
    blind_rooms,
    describe_air,
    describe_peak,
    power_relaxations,
    relaxations,
)
from optimizer.planning.day_ahead import day_ahead
from optimizer.planning.planned_candidates import planned_candidates
from optimizer.planning.schedule import by_rule, schedule_of, timetable_schedule
from optimizer.setpoints.air_flow import own_or_more_air, planned_flow
from optimizer.setpoints.coarse_steps import lower_own_setpoints
from optimizer.setpoints.lever_values import LEAST_HOLD_H, lever_values
from optimizer.setpoints.load_shifting import MOST_CHANGES, counted_share, spikes_too_short
from optimizer.setpoints.optimum_start import is_deeper_than_seen
from optimizer.setpoints.tracking import occupied_setpoints
from optimizer.setpoints.warm_up_in_progress import warm_up_in_progress
from optimizer.setpoints.warm_up_timing import late_zones

SAME_COMFORT_KH = 0.1


def own_control(evaluator: Evaluator) -> Candidate:
    """Returns what the building does by itself."""
    return evaluator.evaluate(evaluator.building.own_setpoint, own_air(evaluator.problem))


def own_control_with_enough_air(evaluator: Evaluator, own: Candidate) -> Candidate:
    """Returns what a plan has to beat: own control with the flow that it lacks for CO2 where it
    lacks any, as less air is no saving."""
    least = planned_flow(evaluator.problem, own.air.run, own=True)
    flow = np.maximum(least, own.air.flow)
    if np.all((flow <= own.air.flow) | (own.air.run <= 0)):
        return own
    return evaluator.evaluate(own.setpoints, replace(own.air, flow=flow))


def issued_own_control(evaluator: Evaluator) -> Candidate:
    """Returns own control as the levers take it, not below the limits of use, with units running
    wherever they are required."""
    building, problem = evaluator.building, evaluator.problem
    safe = np.where(
        building.use > 0, np.maximum(building.own_setpoint, building.low), building.own_setpoint
    )
    setpoints = lever_values(building, lower_own_setpoints(building, safe))
    return evaluator.evaluate(setpoints, own_or_more_air(problem, own_or_required_run(problem)))


def by_timetable(evaluator: Evaluator) -> Candidate:
    """Returns the timetable with its learned starts, which no plan may be dearer than. It carries a
    warm-up through that has begun."""
    building, problem = evaluator.building, evaluator.problem
    rows = [
        own if zone.lever is None else by_rule(problem, zone, zone.lever, building.inputs.temp_out)
        for zone, own in zip(building.zones, building.own_setpoint, strict=True)
    ]
    values = np.array(rows)
    begun = warm_up_in_progress(
        problem, building.zones, occupied_setpoints(building, evaluator.targets)
    )
    for z in np.flatnonzero(np.isfinite(begun.warm)):
        first = int(np.argmax(building.use[z] > 0))
        values[z, :first] = np.maximum(values[z, :first], begun.warm[z])
    setpoints = lever_values(building, building.with_held(values))
    return evaluator.evaluate(setpoints, own_or_more_air(problem, own_or_required_run(problem)))


def select(problem: Problem, building: Building, found: list[Fact]) -> Schedule:
    """Returns the schedule of a building whose zones have models; ``found`` goes before its
    reasons. What is issued is never dearer than the building's own control, by the model."""
    evaluator = Evaluator.of(problem, building)
    candidates = planned_candidates(evaluator)
    if isinstance(candidates, str):
        return timetable_schedule(
            problem, [*found, fact(PlanReason.NO_SOLUTION, message=candidates)]
        )
    candidates = _with_timetable(evaluator, candidates)
    best, own = _best_of(evaluator, candidates), own_control(evaluator)
    if best.cost < own_control_with_enough_air(evaluator, own).cost:
        return _optimum(evaluator, best, own, found)
    chosen = issued_own_control(evaluator)
    why = [
        fact(PlanReason.OWN_CONTROL_AS_GOOD),
        *(each.fact for each in relaxations(evaluator, chosen)),
        *describe_air(problem, chosen.air),
    ]
    return schedule_of(problem, building, chosen, own, PlanStatus.FALLBACK, [*found, *why])


def _with_timetable(evaluator: Evaluator, planned: list[Candidate]) -> list[Candidate]:
    """``planned`` and the timetable, where that leaves no zone colder: what it saves by being late
    is no saving. From where no recorded warm-up began it needs the reserve of the plan."""
    timetable, building = by_timetable(evaluator), evaluator.building
    least = np.min([each.rollout.comfort_kh(building) for each in planned], axis=0)
    late = np.any(timetable.rollout.comfort_kh(building) > least + SAME_COMFORT_KH)
    unseen = _warms_up_from_unseen(building, timetable.rollout)
    if late or (
        unseen
        and unseen
        & late_zones(building, timetable.dynamics, evaluator.targets, timetable.setpoints)
    ):
        return planned
    return [*planned, timetable]


def _warms_up_from_unseen(building: Building, rollout: RolloutResult) -> set[int]:
    """The zones whose next warm-up rises further than any on record."""
    found = set()
    for z, zone in enumerate(building.zones):
        first = int(np.argmax(building.use[z] > 0))
        rise = float(building.low[z, first] - rollout.air[z, : first + 1].min())
        if zone.learned_start is not None and is_deeper_than_seen(zone.learned_start, rise):
            found.add(z)
    return found


def _best_of(evaluator: Evaluator, candidates: list[Candidate]) -> Candidate:
    """The cheapest candidate; of a model of which nothing is counted on, at one price all day."""
    if counted_share(evaluator.building) > 0.0:
        return cheapest(candidates)
    objective = evaluator.objective.at_one_price()
    return min(candidates, key=lambda each: objective.cost(each.dynamics, each.rollout))


def _unfollowed_prices(building: Building) -> list[Fact]:
    """What bounds a plan whose price changes faster than setpoints may."""
    count = spikes_too_short(building)
    if count <= MOST_CHANGES // 2:
        return []
    minutes = 60.0 * LEAST_HOLD_H
    return [fact(PlanReason.SPIKES_TOO_SHORT, count=count, minutes=minutes, most=MOST_CHANGES)]


def _optimum(evaluator: Evaluator, best: Candidate, own: Candidate, found: list[Fact]) -> Schedule:
    problem, building = evaluator.problem, evaluator.building
    relaxed = [*relaxations(evaluator, best), *power_relaxations(evaluator, best)]
    why = [
        fact(PlanReason.PLANNED),
        *(each.fact for each in relaxed),
        *describe_air(problem, best.air),
        *describe_peak(evaluator, best),
        *_unfollowed_prices(building),
    ]
    kept = not relaxed and not blind_rooms(problem)
    status = PlanStatus.OPTIMAL if kept else PlanStatus.RELAXED
    day = day_ahead(evaluator, best, own)
    return schedule_of(problem, building, best, own, status, [*found, *why], day)
