"""Problem → Schedule. It always answers: with the optimum, with the best that can be done, or with
a timetable and the reason why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

import numpy as np

from bms.model.plan import (
    BuildingModel,
    Expected,
    Lever,
    NoModel,
    PlanStatus,
    Problem,
    Schedule,
    SetpointPlan,
    Step,
    ZoneForecast,
    ZoneModel,
    ZoneTask,
)
from bms.model.words import Words
from optimizer import reasons
from optimizer.begun import begun, hours_empty
from optimizer.building import Building, Course, building_of, course_of
from optimizer.check import check
from optimizer.estimate import MEMORY_H, State, estimate
from optimizer.forecast import Outlook, outlook
from optimizer.identify import identify
from optimizer.moments import local
from optimizer.past import past_of, series
from optimizer.program import FLOOR_FACTOR, Targets, solve
from optimizer.resolution import settle
from optimizer.setpoints import held, in_use_setpoints, not_early, on_time, wanted
from optimizer.shares import HeatShares
from optimizer.task import sound_part
from optimizer.thermal import Floats, Rc
from optimizer.thermostat import Outcome, expected, follow, worth
from optimizer.timetable import timetable

POWER_COUNTED_ON = 0.9
LEAST_MARGIN_K = 0.12
LARGEST_MARGIN_K = 0.5
FLOOR_MARGIN_K = 0.2
RELAXED_KH_PER_ZONE = 0.1
OLD_HISTORY_H = 6.0

UNKNOWN = Expected(energy_kwh=None, cost_dkk=None, co2_kg=None, comfort_kh=None)


def make_plan(problem: Problem) -> Schedule:
    """The schedule for a problem. Never raises: what fails becomes a fallback with its reason."""
    part, said = sound_part(problem)
    if part is None:
        return _empty(problem, said)
    said = [*problem.notes, *said]
    try:
        schedule = _modelled(part, said)
    except Exception as error:  # law 3: the planner always answers
        return _by_timetable(part, [*said, reasons.no_solution(type(error).__name__)])
    objections = check(part, schedule)
    if objections and schedule.status is not PlanStatus.FALLBACK:
        return _by_timetable(part, [*said, reasons.refused(), *objections])
    return schedule


def _modelled(problem: Problem, said: list[Words]) -> Schedule:
    if not any(zone.lever for zone in problem.zones):
        return _by_timetable(problem, [*said, reasons.no_lever()])
    ahead = outlook(problem)
    said = [*said, *ahead.reasons]
    if not ahead.has_weather:
        return _by_timetable(problem, said)
    model = problem.model or identify(problem)
    if isinstance(model, NoModel):
        return _by_timetable(problem, [*said, reasons.no_model(), *model.reasons])
    tasks, models, state, missing = _known_zones(problem, model)
    said = [*said, *missing]
    if not any(task.lever for task in tasks):
        return _by_timetable(problem, said)
    building = building_of(problem, tasks, models, state, ahead)
    return _optimised(problem, building, said)


def _known_zones(
    problem: Problem, model: BuildingModel
) -> tuple[list[ZoneTask], list[ZoneModel], State, list[Words]]:
    """The zones that have a model and a state."""
    by_id = {zone.zone: zone for zone in model.zones}
    in_history = {zone.id for zone in problem.history.zones} if problem.history else set()
    names = [z.id for z in problem.zones if z.id in by_id and z.id in in_history]
    said = [reasons.zone_without_model(z.called) for z in problem.zones if z.id not in by_id]
    nothing = State(air=np.empty(0), mass=np.empty(0), disturbance=np.empty(0))
    if problem.history is None or not names:
        return [], [], nothing, [*said, reasons.no_history()]
    end = problem.history.start + timedelta(
        seconds=problem.history.step_s * len(problem.history.heat_kw)
    )
    age_h = (problem.start - end).total_seconds() / 3600.0
    if age_h > OLD_HISTORY_H:
        return [], [], nothing, [*said, reasons.old_history(age_h)]
    parameters = [by_id[name].parameters for name in names]
    past = past_of(problem, problem.history, names, last_h=MEMORY_H)
    state = estimate(past, HeatShares.from_parameters(parameters), Rc.from_parameters(parameters))
    seen = [i for i in range(len(names)) if np.isfinite(state.air[i])]
    tasks = {zone.id: zone for zone in problem.zones}
    said += [reasons.no_state(tasks[names[i]].called) for i in range(len(names)) if i not in seen]
    return (
        [tasks[names[i]] for i in seen],
        [by_id[names[i]] for i in seen],
        State(state.air[seen], state.mass[seen], state.disturbance[seen]),
        said,
    )


@dataclass(frozen=True, slots=True)
class _Choice:
    """One way to run the building: setpoints [degC] (p, n) and ventilation (u, n)."""

    setpoints: Floats
    unit_run: Floats
    course: Course
    outcome: Outcome


def _optimised(problem: Problem, building: Building, said: list[Words]) -> Schedule:
    own = _choice(problem, building, building.own_setpoint, _own_run(problem))
    course = course_of(problem, building, _our_run(problem))
    targets = _targets(problem, building)
    given = np.where(
        np.array([zone.lever is None for zone in building.zones])[:, None],
        follow(building, course, building.own_setpoint).heat,
        np.nan,
    )
    solution = solve(building, course, targets, derate=POWER_COUNTED_ON, given=given)
    if isinstance(solution, str):
        return _by_timetable(problem, [*said, reasons.no_solution(solution)])
    started = begun(problem.history, building.zones, in_use_setpoints(building, targets))
    asked = wanted(building, course, solution, targets, started)
    timely = on_time(building, course, targets, asked)
    price = problem.weights.comfort_dkk_per_kh
    values = _settled(building, not_early(building, course, targets, timely, price))
    ours = _choice(problem, building, values, _our_run(problem))
    ours_costs, own_costs = (worth(building, c.course, c.outcome, price) for c in (ours, own))
    if ours_costs < own_costs:
        words = [reasons.planned(), *_relaxations(building, ours.outcome)]
        status = PlanStatus.RELAXED if len(words) > 1 else PlanStatus.OPTIMAL
        return _schedule(problem, building, ours, own, status, [*said, *words])
    safe = np.where(
        building.use > 0, np.maximum(building.own_setpoint, building.low), building.own_setpoint
    )
    chosen = _choice(problem, building, _settled(building, safe), _own_or_required(problem))
    words = [reasons.own_control_as_good(), *_relaxations(building, chosen.outcome)]
    return _schedule(problem, building, chosen, own, PlanStatus.FALLBACK, [*said, *words])


def _choice(problem: Problem, building: Building, setpoints: Floats, unit_run: Floats) -> _Choice:
    course = course_of(problem, building, unit_run)
    return _Choice(setpoints, unit_run, course, follow(building, course, setpoints))


def _targets(problem: Problem, building: Building) -> Targets:
    """Temperatures to keep at the end of every step, with a back-off for what the model and the
    thermostats miss."""
    margin = np.clip(building.track, LEAST_MARGIN_K, LARGEST_MARGIN_K)[:, np.newaxis]
    in_use = building.use > 0
    inner = np.where(in_use, building.low + margin, -np.inf)
    coming = np.concatenate([inner[:, 1:], inner[:, -1:]], axis=1)
    low = np.maximum(np.maximum(inner, coming), building.low + FLOOR_MARGIN_K * ~in_use)
    busy = np.isfinite(inner) | np.isfinite(coming)
    price = problem.weights.comfort_dkk_per_kh * np.where(busy, 1.0, FLOOR_FACTOR)
    return Targets(low=np.minimum(low, building.high), high=building.high, price=price)


def _settled(building: Building, values: Floats) -> Floats:
    """What the levers take; zones without one keep their own setpoint."""
    result = building.own_setpoint.copy()
    for z, zone in enumerate(building.zones):
        if zone.lever is not None:
            steady = held(settle(values[z], zone.lever), building.outlook.step_h)
            result[z] = settle(np.clip(steady, building.low[z], building.high[z]), zone.lever)
    return result


def _relaxations(building: Building, outcome: Outcome) -> list[Words]:
    violations = outcome.comfort_kh(building)
    said = []
    for z, zone in enumerate(building.zones):
        if violations[z] > RELAXED_KH_PER_ZONE:
            air, low = outcome.air[z, 1:], building.low[z]
            outside = np.where(
                building.use[z] > 0, np.maximum(low - air, air - building.high[z]), -np.inf
            )
            worst = float(air[int(np.argmax(outside))])
            said.append(reasons.comfort_relaxed(zone.called, float(violations[z]), worst))
    return said


def _own_run(problem: Problem) -> Floats:
    return _runs([unit.own_run for unit in problem.ventilation], problem.steps)


def _our_run(problem: Problem) -> Floats:
    return _runs(
        [unit.required if unit.lever else unit.own_run for unit in problem.ventilation],
        problem.steps,
    )


def _own_or_required(problem: Problem) -> Floats:
    return (
        np.maximum(
            _own_run(problem), _runs([unit.required for unit in problem.ventilation], problem.steps)
        )
        if problem.ventilation
        else _own_run(problem)
    )


def _runs(rows: Sequence[Sequence[float | bool]], n: int) -> Floats:
    return np.array([[float(v) for v in row[:n]] for row in rows]).reshape(len(rows), n)


def _schedule(
    problem: Problem,
    building: Building,
    chosen: _Choice,
    own: _Choice,
    status: PlanStatus,
    said: list[Words],
) -> Schedule:
    planned = {zone.id: chosen.setpoints[z] for z, zone in enumerate(building.zones)}
    warm_ups = _first_warm_ups(problem, building, chosen)
    return Schedule(
        site=problem.site,
        start=problem.start,
        step_s=problem.step_s,
        status=status,
        reasons=(*said, *warm_ups),
        expected=expected(building, chosen.course, chosen.outcome),
        own_control=expected(building, own.course, own.outcome),
        setpoints=_setpoint_plans(problem, planned, chosen.unit_run, building.outlook),
        forecast=tuple(
            ZoneForecast(
                zone=zone.id,
                temp_c=tuple(round(float(t), 2) for t in chosen.outcome.air[z, :-1]),
            )
            for z, zone in enumerate(building.zones)
        ),
    )


def _first_warm_ups(problem: Problem, building: Building, chosen: _Choice) -> list[Words]:
    """When each zone starts to warm up for its next use, for people to read."""
    said = []
    for z, zone in enumerate(building.zones):
        in_use = building.use[z] > 0
        if zone.lever is None or in_use[0] or not in_use.any():
            continue
        first = int(np.argmax(in_use))
        begin = first
        while begin > 0 and chosen.setpoints[z, begin - 1] >= chosen.setpoints[z, first] - 1e-9:
            begin -= 1
        if 0 < begin < first:
            moment = problem.start + timedelta(seconds=begin * problem.step_s)
            said.append(reasons.warm_up_from(zone.called, local(moment, problem.timezone)))
    return said


def _setpoint_plans(
    problem: Problem, planned: dict[str, Floats], unit_run: Floats, ahead: Outlook
) -> tuple[SetpointPlan, ...]:
    plans = []
    for zone in problem.zones:
        if zone.lever is None:
            continue
        values = planned.get(zone.id)
        if values is None:
            values = timetable(
                zone,
                zone.lever,
                ahead.temp_out,
                ahead.step_h,
                hours_empty(problem.history, zone.id),
            )
        plans.append(_steps(problem, zone.lever, values))
    for u, unit in enumerate(problem.ventilation):
        if unit.lever is not None:
            plans.append(_steps(problem, unit.lever, settle(unit_run[u], unit.lever)))
    return tuple(plans)


def _steps(problem: Problem, lever: Lever, values: Floats) -> SetpointPlan:
    """Equal neighbours become one step."""
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    step = timedelta(seconds=problem.step_s)
    return SetpointPlan(
        point=lever.point,
        unit=lever.unit,
        steps=tuple(
            Step(
                start=problem.start + step * first,
                end=problem.start + step * last,
                value=float(values[first]),
            )
            for first, last in pairwise(edges)
        ),
    )


def _by_timetable(problem: Problem, said: list[Words]) -> Schedule:
    n, step_h = problem.steps, problem.step_s / 3600.0
    temp_out = series(problem.weather.temp_out_c, n)
    plans = [
        _steps(
            problem,
            zone.lever,
            timetable(zone, zone.lever, temp_out, step_h, hours_empty(problem.history, zone.id)),
        )
        for zone in problem.zones
        if zone.lever is not None
    ]
    plans += [
        _steps(problem, unit.lever, settle(np.array(unit.required, dtype=np.float64), unit.lever))
        for unit in problem.ventilation
        if unit.lever is not None
    ]
    return replace(_empty(problem, said), setpoints=tuple(plans))


def _empty(problem: Problem, said: Sequence[Words]) -> Schedule:
    return Schedule(
        site=problem.site,
        start=problem.start,
        step_s=problem.step_s,
        status=PlanStatus.FALLBACK,
        reasons=tuple(said),
        expected=UNKNOWN,
        own_control=UNKNOWN,
        setpoints=(),
    )
