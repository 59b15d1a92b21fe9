"""Problem → Schedule. It always answers: with the optimum, with the best that can be done, or with
a timetable and the reason why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import inf

import numpy as np

from bms.model.assets.site import Weights
from bms.model.planning.plan import PlanStatus, Schedule
from bms.model.planning.problem import BuildingModel, NoModel, Problem, ZoneModel, ZoneTask
from bms.model.words import Words
from optimizer.checker.check import check
from optimizer.explain import planning as reasons
from optimizer.horizon.building import building_of
from optimizer.horizon.outlook import outlook
from optimizer.identification.energy_balance import BY_CLASS
from optimizer.identification.refusals import capacity_by_class
from optimizer.linear_program.program import Program
from optimizer.model.heat_shares import HeatShares
from optimizer.model.history import past_of
from optimizer.model.rc_network import Rc
from optimizer.model.state_estimate import MEMORY_H, State, estimate
from optimizer.planning.model_cache import identified
from optimizer.planning.schedule import by_timetable, nothing
from optimizer.planning.selection import decide, program_of
from optimizer.problem.sanitise import sound_part
from optimizer.setpoints.heating_curve import curve_lever

OLD_HISTORY_H = 6.0


def make_plan(problem: Problem) -> Schedule:
    """The schedule for a problem. Never raises: what fails becomes a fallback with its reason."""
    part, said = sound_part(problem)
    if part is None:
        return nothing(problem, said)
    said = [*problem.notes, *said, *_not_counted(part)]
    if any(map(_senseless, (part.weights.comfort_dkk_per_kh, part.weights.co2_dkk_per_kg))):
        usual = Weights()
        said.append(reasons.bad_weights(usual.comfort_dkk_per_kh, usual.co2_dkk_per_kg))
        part = replace(part, weights=usual)
    try:
        schedule = _modelled(part, said)
    except Exception as error:  # law 3: the planner always answers
        return by_timetable(part, [*said, reasons.no_solution(type(error).__name__)])
    objections = check(part, schedule)
    if objections and schedule.status is not PlanStatus.FALLBACK:
        return by_timetable(part, [*said, reasons.refused(), *objections])
    return schedule


def _not_counted(problem: Problem) -> list[Words]:
    """What was declared and makes no sense."""
    power = (problem.peak_so_far_kw, problem.peak_dkk_per_kw, problem.power_limit_kw)
    source = problem.heat_source
    runs = (source.least_run_min, source.least_stop_min, source.least_kw)
    load = problem.other_load_kw
    odd = len(load) not in (0, problem.steps) or any(map(_senseless, load))
    said = [reasons.bad_power()] if odd or any(map(_senseless, power)) else []
    said += [reasons.bad_source()] if any(map(_senseless, runs)) else []
    if problem.curve is not None and curve_lever(problem) is None:
        said.append(reasons.bad_lever(problem.curve.lever.point))
    return said


def _senseless(number: float | None) -> bool:
    return number is not None and not 0.0 <= number < inf


def program_for(problem: Problem) -> Program:
    """The linear program of a problem in degC that has a model, for those who measure it.

    Raises ``ValueError`` where there is no forecast, model or state.
    """
    part, _ = sound_part(problem)
    ahead = outlook(part) if part is not None else None
    if part is None or ahead is None or part.model is None or not ahead.has_weather:
        raise ValueError("a program needs a horizon, a forecast and a model")
    tasks, models, state, missing = _known_zones(part, part.model)
    if not tasks:
        raise ValueError(f"no zone can be planned: {'; '.join(str(words) for words in missing)}")
    return program_of(part, building_of(part, tasks, models, state, ahead))


def _modelled(problem: Problem, said: list[Words]) -> Schedule:
    if not any(zone.lever for zone in problem.zones):
        return by_timetable(problem, [*said, reasons.no_lever()])
    ahead = outlook(problem)
    said = [*said, *ahead.reasons]
    if not ahead.has_weather:
        return by_timetable(problem, said)
    model = problem.model or identified(problem)
    if isinstance(model, NoModel):
        return by_timetable(problem, [*said, reasons.no_model(), *model.reasons])
    tasks, models, state, missing = _known_zones(problem, model)
    said = [*said, *missing]
    if not any(task.lever for task in tasks):
        return by_timetable(problem, said)
    building = building_of(problem, tasks, models, state, ahead)
    return decide(problem, building, said)


def _known_zones(
    problem: Problem, model: BuildingModel
) -> tuple[list[ZoneTask], list[ZoneModel], State, list[Words]]:
    """The zones that have a model and a state."""
    by_id = {zone.zone: zone for zone in model.zones}
    in_history = {zone.id for zone in problem.history.zones} if problem.history else set()
    names = [z.id for z in problem.zones if z.id in by_id and z.id in in_history]
    said = [reasons.zone_without_model(z.called) for z in problem.zones if z.id not in by_id]
    no_state = State(air=np.empty(0), mass=np.empty(0), disturbance=np.empty(0))
    if problem.history is None or not names:
        return [], [], no_state, [*said, reasons.no_history()]
    end = problem.history.start + timedelta(
        seconds=problem.history.step_s * len(problem.history.heat_kw)
    )
    age_h = (problem.start - end).total_seconds() / 3600.0
    if age_h > OLD_HISTORY_H:
        return [], [], no_state, [*said, reasons.old_history(age_h)]
    parameters = [by_id[name].parameters for name in names]
    past = past_of(problem, problem.history, names, last_h=MEMORY_H)
    state = estimate(past, HeatShares.from_parameters(parameters), Rc.from_parameters(parameters))
    seen = [i for i in range(len(names)) if np.isfinite(state.air[i])]
    tasks = {zone.id: zone for zone in problem.zones}
    said += [
        capacity_by_class(tasks[name].called)
        for name in names
        if by_id[name].parameters.get(BY_CLASS)
    ]
    said += [reasons.no_state(tasks[names[i]].called) for i in range(len(names)) if i not in seen]
    return (
        [tasks[names[i]] for i in seen],
        [by_id[names[i]] for i in seen],
        State(state.air[seen], state.mass[seen], state.disturbance[seen]),
        said,
    )
