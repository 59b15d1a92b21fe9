"""The optimum against what the building does today: which of them is issued."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from bms.model.plan import PlanStatus, Problem, Schedule
from bms.model.words import Words
from optimizer import reasons
from optimizer.answer import Choice, by_timetable, schedule_of
from optimizer.begun import begun
from optimizer.bill import Bill
from optimizer.building import Building, course_of
from optimizer.grid import blocks_of
from optimizer.on_off import solve_with_runs
from optimizer.peak import Peak, past_hour
from optimizer.program import FLOOR_FACTOR, Program, Solution, Targets
from optimizer.resolution import settle
from optimizer.setpoints import (
    GENTLE,
    GENTLEST,
    Rise,
    held,
    in_use_setpoints,
    not_early,
    on_time,
    ready_steps,
    wanted,
)
from optimizer.thermal import Floats
from optimizer.thermostat import Outcome, follow

POWER_COUNTED_ON = 0.9
LEAST_MARGIN_K = 0.12
LARGEST_MARGIN_K = 0.5
FLOOR_MARGIN_K = 0.2
RELAXED_KH_PER_ZONE = 0.1
RELAXING = {"comfort_relaxed", "power_over"}


def decide(problem: Problem, building: Building, said: list[Words]) -> Schedule:
    """The schedule of a building whose zones have models; ``said`` goes before its reasons."""
    own = _choice(problem, building, building.own_setpoint, _own_run(problem))
    program = program_of(problem, building)
    solution = solve_with_runs(program, problem.heat_source)
    if isinstance(solution, str):
        return by_timetable(problem, [*said, reasons.no_solution(solution)])
    bill = Bill.of(problem, building, program.targets)
    ours = _cheapest(problem, program, solution, bill)
    if bill.costs(ours.course, ours.outcome) < bill.costs(own.course, own.outcome):
        words = [reasons.planned(), *_relaxations(building, ours.outcome), *bill.words(ours)]
        status = PlanStatus.RELAXED if _relaxed(words) else PlanStatus.OPTIMAL
        return schedule_of(problem, building, ours, own, status, [*said, *words])
    safe = np.where(
        building.use > 0, np.maximum(building.own_setpoint, building.low), building.own_setpoint
    )
    chosen = _choice(problem, building, _settled(building, safe), _own_or_required(problem))
    words = [reasons.own_control_as_good(), *_relaxations(building, chosen.outcome)]
    return schedule_of(problem, building, chosen, own, PlanStatus.FALLBACK, [*said, *words])


def program_of(problem: Problem, building: Building) -> Program:
    """What is to be solved for a building: ventilation as required, targets with their margins."""
    course = course_of(problem, building, _our_run(problem))
    targets = _targets(problem, building)
    peak = Peak.of(problem)
    led = np.array([zone.lever is not None for zone in building.zones])[:, np.newaxis]
    given = np.full(building.use.shape, np.nan)
    if not led.all():
        given = np.where(led, np.nan, follow(building, course, building.own_setpoint).heat)
    return Program(
        building,
        course,
        targets,
        derate=POWER_COUNTED_ON,
        given=given,
        blocks=blocks_of(
            use=building.use,
            fixed=np.concatenate([targets.low, targets.high, targets.price]),
            worth=building.outlook.heat_worth,
            peak=peak.matters,
            step_s=problem.step_s,
            past_hour=past_hour(problem),
        ),
        peak=peak,
    )


def _cheapest(problem: Problem, program: Program, solution: Solution, bill: Bill) -> Choice:
    """The planned heat as setpoints; where power has a price, also in finer and gentler steps."""
    building, course, targets = program.building, program.course, program.targets
    started = begun(problem.history, building.zones, in_use_setpoints(building, targets))

    def choice(rise: Rise) -> Choice:
        values = wanted(building, course, solution, targets, started, rise)
        if rise.timely:
            values = on_time(building, course, targets, values)
            values = not_early(building, course, targets, values, partial(bill.costs, course))
        return _choice(problem, building, _settled(building, values), _our_run(problem))

    rises = (Rise(), GENTLE, GENTLEST) if program.peak.matters else (Rise(),)
    return min(map(choice, rises), key=lambda each: bill.costs(each.course, each.outcome))


def _relaxed(words: Sequence[Words]) -> bool:
    return any(each.code in RELAXING for each in words)


def _choice(problem: Problem, building: Building, setpoints: Floats, unit_run: Floats) -> Choice:
    course = course_of(problem, building, unit_run)
    return Choice(setpoints, unit_run, course, follow(building, course, setpoints))


def _targets(problem: Problem, building: Building) -> Targets:
    """Temperatures to keep at the end of every step, with a back-off for what the model and the
    thermostats miss."""
    margin = _margins(building)[:, np.newaxis]
    in_use = building.use > 0
    inner = np.where(in_use, building.low + margin, -np.inf)
    coming = inner
    for _ in range(1 + ready_steps(building.outlook.step_h)):
        coming = np.maximum(coming, np.concatenate([coming[:, 1:], coming[:, -1:]], axis=1))
    low = np.maximum(np.maximum(inner, coming), building.low + FLOOR_MARGIN_K * ~in_use)
    busy = np.isfinite(inner) | np.isfinite(coming)
    price = problem.weights.comfort_dkk_per_kh * np.where(busy, 1.0, FLOOR_FACTOR)
    return Targets(low=np.minimum(low, building.high), high=building.high, price=price)


def _margins(building: Building) -> Floats:
    """How far inside the band each zone's plan stays [K] (p,): as its record tells, or by the
    spread of its thermostat."""
    by_spread = np.clip(building.track, LEAST_MARGIN_K, LARGEST_MARGIN_K)
    told = (zone.comfort_backoff_k for zone in building.zones)
    return np.array(
        [own if k is None else k for own, k in zip(by_spread.tolist(), told, strict=True)]
    )


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
