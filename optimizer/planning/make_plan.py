"""Problem → Schedule. It always answers: with the optimum, with the best that can be done, or with
a timetable and the reason why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import inf

import numpy as np

from bms.model.assets.site import Weights
from bms.model.fact import Fact, fact
from bms.model.planning.plan import PlanStatus, Schedule
from bms.model.planning.problem import BuildingModel, NoModel, Problem, ZoneModel, ZoneTask
from optimizer.checker.check import check
from optimizer.explain.plan_reason import PlanReason
from optimizer.explain.problem_flaw import ProblemFlaw
from optimizer.horizon.building import building_of
from optimizer.horizon.forecast_inputs import forecast_inputs
from optimizer.identification.energy_balance import BY_CLASS
from optimizer.identification.refusals import NoModelReason
from optimizer.linear_program.program import HorizonProgram
from optimizer.model.heat_shares import HeatShares
from optimizer.model.history import measured_past
from optimizer.model.rc_network import RcNetwork
from optimizer.model.state_estimate import MEMORY_H, EstimatedState, estimate_state
from optimizer.planning.candidate import Evaluator
from optimizer.planning.held_levers import describe_held_levers
from optimizer.planning.horizon_program import program_with
from optimizer.planning.model_cache import identified
from optimizer.planning.schedule import by_timetable, nothing
from optimizer.planning.selection import select
from optimizer.problem.sanitise import sanitise
from optimizer.setpoints.air_flow import planned_air
from optimizer.setpoints.heating_curve import curve_lever

OLD_HISTORY_H = 6.0


def make_plan(problem: Problem) -> Schedule:
    """The schedule for a problem. Never raises: what fails becomes a fallback with its reason."""
    part, flaws = sanitise(problem)
    if part is None:
        return nothing(problem, flaws)
    flaws += _not_counted(part)
    flaws += describe_held_levers(part)
    if any(map(_senseless, (part.weights.comfort_dkk_per_kh, part.weights.co2_dkk_per_kg))):
        part = replace(part, weights=Weights())
        flaws.append(_weights_used(part.weights))
    schedule = _checked(part, flaws)
    return replace(schedule, reasons=(*problem.notes, *schedule.reasons))


def _checked(part: Problem, flaws: list[Fact]) -> Schedule:
    """The plan where the checker has no objection, the timetable otherwise."""
    try:
        schedule = _modelled(part, flaws)
    except Exception as error:  # law 3: the planner always answers
        failure = fact(PlanReason.NO_SOLUTION, message=type(error).__name__)
        return by_timetable(part, [*flaws, failure])
    objections = check(part, schedule)
    if objections and schedule.status is not PlanStatus.FALLBACK:
        return by_timetable(part, [*flaws, fact(PlanReason.REFUSED), *objections])
    return schedule


def _weights_used(weights: Weights) -> Fact:
    return fact(
        ProblemFlaw.BAD_WEIGHTS,
        comfort_dkk_per_kh=weights.comfort_dkk_per_kh,
        co2_dkk_per_kg=weights.co2_dkk_per_kg,
    )


def _not_counted(problem: Problem) -> list[Fact]:
    """What was declared and makes no sense."""
    power = (problem.peak_so_far_kw, problem.peak_dkk_per_kw, problem.power_limit_kw)
    source = problem.heat_source
    runs = (source.least_run_min, source.least_stop_min, source.least_kw)
    load = problem.other_load_kw
    odd = len(load) not in (0, problem.steps) or any(map(_senseless, load))
    found = [fact(ProblemFlaw.BAD_POWER)] if odd or any(map(_senseless, power)) else []
    found += [fact(ProblemFlaw.BAD_SOURCE)] if any(map(_senseless, runs)) else []
    if problem.curve is not None and curve_lever(problem) is None:
        found.append(fact(ProblemFlaw.BAD_LEVER, lever=problem.curve.lever.point))
    return found


def _senseless(number: float | None) -> bool:
    return number is not None and not 0.0 <= number < inf


def program_for(problem: Problem) -> HorizonProgram:
    """The linear program of a problem in degC that has a model, for those who measure it.

    Raises ``ValueError`` where there is no forecast, model or state.
    """
    part, _ = sanitise(problem)
    ahead = forecast_inputs(part) if part is not None else None
    if part is None or ahead is None or part.model is None or not ahead.has_weather:
        raise ValueError("a program needs a horizon, a forecast and a model")
    tasks, models, state, missing = _known_zones(part, part.model)
    if not tasks:
        raise ValueError(f"no zone can be planned: {'; '.join(map(str, missing))}")
    evaluator = Evaluator.of(part, building_of(part, tasks, models, state, ahead))
    return program_with(evaluator, planned_air(part))


def _modelled(problem: Problem, found: list[Fact]) -> Schedule:
    if not any(zone.lever for zone in problem.zones):
        return by_timetable(problem, [*found, fact(PlanReason.NO_LEVER)])
    ahead = forecast_inputs(problem)
    found = [*found, *ahead.reasons]
    if not ahead.has_weather:
        return by_timetable(problem, found)
    model = problem.model or identified(problem)
    if isinstance(model, NoModel):
        return by_timetable(problem, [*found, fact(PlanReason.NO_MODEL), *model.reasons])
    tasks, models, state, missing = _known_zones(problem, model)
    found = [*found, *missing]
    if not any(task.lever for task in tasks):
        return by_timetable(problem, found)
    building = building_of(problem, tasks, models, state, ahead)
    return select(problem, building, found)


def _known_zones(
    problem: Problem, model: BuildingModel
) -> tuple[list[ZoneTask], list[ZoneModel], EstimatedState, list[Fact]]:
    """The zones that have a model and a state."""
    by_id = {zone.zone: zone for zone in model.zones}
    in_history = {zone.id for zone in problem.history.zones} if problem.history else set()
    names = [z.id for z in problem.zones if z.id in by_id and z.id in in_history]
    found = [
        fact(PlanReason.ZONE_WITHOUT_MODEL, zone=zone.called)
        for zone in problem.zones
        if zone.id not in by_id
    ]
    no_state = EstimatedState(air=np.empty(0), mass=np.empty(0), disturbance=np.empty(0))
    if problem.history is None or not names:
        return [], [], no_state, [*found, fact(NoModelReason.NO_HISTORY)]
    end = problem.history.start + timedelta(
        seconds=problem.history.step_s * len(problem.history.heat_kw)
    )
    age_h = (problem.start - end).total_seconds() / 3600.0
    if age_h > OLD_HISTORY_H:
        return [], [], no_state, [*found, fact(PlanReason.OLD_HISTORY, hours=age_h)]
    parameters = [by_id[name].parameters for name in names]
    past = measured_past(problem, problem.history, names, last_h=MEMORY_H)
    state = estimate_state(
        past, HeatShares.from_parameters(parameters), RcNetwork.from_parameters(parameters)
    )
    seen = [i for i in range(len(names)) if np.isfinite(state.air[i])]
    tasks = {zone.id: zone for zone in problem.zones}
    found += [
        fact(PlanReason.CAPACITY_BY_CLASS, zone=tasks[name].called)
        for name in names
        if by_id[name].parameters.get(BY_CLASS)
    ]
    found += [
        fact(PlanReason.NO_STATE, zone=tasks[names[i]].called)
        for i in range(len(names))
        if i not in seen
    ]
    return (
        [tasks[names[i]] for i in seen],
        [by_id[names[i]] for i in seen],
        EstimatedState(state.air[seen], state.mass[seen], state.disturbance[seen]),
        found,
    )
