"""The optimum against what the building does today: which of them is issued."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from bms.model.fact import Fact, fact
from bms.model.planning.plan import PlanStatus, Schedule
from bms.model.planning.problem import Problem
from optimizer.explain.plan_reason import PlanReason
from optimizer.explain.relaxation import ComfortRelaxation, Relaxation
from optimizer.horizon.building import Building
from optimizer.horizon.peak_power import Peak, past_hour
from optimizer.horizon.thermostat import Outcome, follow
from optimizer.linear_program.program import FLOOR_FACTOR, Program, Solution, Targets
from optimizer.linear_program.time_blocks import blocks_of
from optimizer.linear_program.unit_commitment import solve_with_runs
from optimizer.model.air_handling import Air, own_air, own_or_required_run
from optimizer.model.quantise import settle
from optimizer.model.rc_network import Floats
from optimizer.planning.objective import Bill
from optimizer.planning.schedule import Choice, by_timetable, schedule_of
from optimizer.setpoints.air_flow import (
    co2_relaxations,
    describe_flow,
    fresher,
    kept_air,
    planned_air,
    planned_flow,
)
from optimizer.setpoints.coarse_steps import own_below, step_below
from optimizer.setpoints.continuity import begun
from optimizer.setpoints.preheating import calm, least_gain, spent, swings, ways_to_store
from optimizer.setpoints.supply_air_reset import (
    Supply,
    course_with,
    describe_supply_air,
    supply_of,
    with_cooler,
)
from optimizer.setpoints.tracking import (
    GENTLE,
    GENTLEST,
    Rise,
    held,
    in_use_setpoints,
    not_early,
    on_time,
    ready_steps,
    wanted,
    warm_up_spare,
)

POWER_COUNTED_ON = 0.9
LEAST_MARGIN_K = 0.12
LARGEST_MARGIN_K = 0.5
FLOOR_MARGIN_K = 0.2
RELAXED_KH_PER_ZONE = 0.1


def decide(problem: Problem, building: Building, found: list[Fact]) -> Schedule:
    """The schedule of a building whose zones have models; ``found`` goes before its reasons."""
    supply = supply_of(problem, building)
    own = _choice(problem, building, building.own_setpoint, own_air(problem), supply)
    ours = _ours(problem, building, supply)
    if isinstance(ours, str):
        return by_timetable(problem, [*found, fact(PlanReason.NO_SOLUTION, message=ours)])
    bill = Bill.of(problem, building, _targets(problem, building))
    rival = _rival(problem, building, own, supply)
    if bill.costs(ours.course, ours.outcome) < bill.costs(rival.course, rival.outcome):
        relaxed = [*_relaxations(problem, building, ours), *bill.relaxations(ours)]
        why = [
            fact(PlanReason.PLANNED),
            *(each.fact for each in relaxed),
            *_describe_air(problem, ours.air),
            *bill.new_peak(ours),
        ]
        status = PlanStatus.RELAXED if relaxed else PlanStatus.OPTIMAL
        return schedule_of(problem, building, ours, own, status, [*found, *why])
    safe = np.where(
        building.use > 0, np.maximum(building.own_setpoint, building.low), building.own_setpoint
    )
    safe = own_below(building, safe)
    air = kept_air(problem, own_or_required_run(problem))
    chosen = _choice(problem, building, _settled(building, safe), air, supply)
    why = [
        fact(PlanReason.OWN_CONTROL_AS_GOOD),
        *(each.fact for each in _relaxations(problem, building, chosen)),
        *_describe_air(problem, chosen.air),
    ]
    return schedule_of(problem, building, chosen, own, PlanStatus.FALLBACK, [*found, *why])


def _rival(problem: Problem, building: Building, own: Choice, supply: Supply | None) -> Choice:
    """What a plan has to beat: own control, with the flow that it lacks for CO2 where it lacks
    any, as less air is no saving."""
    flow = np.maximum(planned_flow(problem, own.air.run, own=True), own.air.flow)
    if np.all((flow <= own.air.flow) | (own.air.run <= 0)):
        return own
    return _choice(problem, building, own.setpoints, replace(own.air, flow=flow), supply)


def program_of(problem: Problem, building: Building) -> Program:
    """What is to be solved for a building: ventilation as required, targets with their margins."""
    return _program(problem, building, supply_of(problem, building), planned_air(problem))


def _ours(problem: Problem, building: Building, supply: Supply | None) -> Choice | str:
    """The cheapest plan, or the solver's message.

    Where less air leaves rooms too warm it is compared with one that has at least the own flow.
    """
    air = planned_air(problem)
    first = _with_air(problem, building, supply, air)
    if isinstance(first, str):
        return first
    more = fresher(problem, building, air, first.outcome)
    second = first if more is None else _with_air(problem, building, supply, more)
    if isinstance(second, str) or more is None:
        return first
    bill = Bill.of(problem, building, _targets(problem, building))
    return min((first, second), key=lambda each: bill.costs(each.course, each.outcome))


def _with_air(
    problem: Problem, building: Building, supply: Supply | None, air: Air
) -> Choice | str:
    program = _program(problem, building, supply, air)
    solution = solve_with_runs(program, problem.heat_source)
    if isinstance(solution, str):
        return solution
    cooler = np.zeros_like(air.run)
    if program.coolable is not None:
        cooler[program.coolable.units] = solution.cooler
    settled = with_cooler(problem, air, cooler)
    course = course_with(problem, building, settled, supply)
    return _cheapest(problem, replace(program, course=course), solution, settled)


def _program(problem: Problem, building: Building, supply: Supply | None, air: Air) -> Program:
    course = course_with(problem, building, air, supply)
    targets = _targets(problem, building)
    coolable = None if supply is None else supply.coolable(building, course, air)
    peak = Peak.of(problem)
    led = np.array([zone.lever is not None for zone in building.zones])[:, np.newaxis]
    given = np.full(building.use.shape, np.nan)
    if not led.all():
        given = np.where(led, np.nan, follow(building, course, building.own_setpoint).heat)
    together = [] if coolable is None else [coolable.per_k]
    return Program(
        building,
        course,
        targets,
        derate=POWER_COUNTED_ON,
        given=given,
        blocks=blocks_of(
            use=building.use,
            fixed=np.concatenate([targets.low, targets.high, targets.price, *together]),
            worth=building.outlook.heat_worth,
            peak=peak.matters,
            step_s=problem.step_s,
            past_hour=past_hour(problem),
        ),
        peak=peak,
        coolable=coolable,
    )


def _cheapest(problem: Problem, program: Program, solution: Solution, air: Air) -> Choice:
    """The planned heat as setpoints; where power has a price, also in finer and gentler steps."""
    building, course, targets = program.building, program.course, program.targets
    bill = Bill.of(problem, building, targets)
    started = begun(problem.history, building.zones, in_use_setpoints(building, targets))

    def choice(rise: Rise) -> Choice:
        values = wanted(building, course, solution, targets, started, rise)
        if rise.timely:
            spare = warm_up_spare(building, _margins(building))
            costs_of = partial(bill.costs, course)
            values = on_time(building, course, targets, values, spare)
            values = not_early(building, course, targets, values, spare, costs_of)
        settled = _settled(building, values)
        return Choice(settled, air, course, follow(building, course, settled))

    rises = (Rise(), GENTLE, GENTLEST) if program.peak.matters else (Rise(),)
    best = min(map(choice, rises), key=lambda each: bill.costs(each.course, each.outcome))
    return best if program.peak.matters else _stored(program, solution, bill, best)


def _stored(program: Program, solution: Solution, bill: Bill, plain: Choice) -> Choice:
    """Heat ahead of dear hours where that is clearly cheaper, ``plain`` otherwise."""
    building, course = program.building, plain.course
    if not swings(building):
        return plain

    def spends(choice: Choice) -> float:
        return spent(building, bill.costs(course, choice.outcome), choice.outcome)

    rows = (_settled(building, row) for row in ways_to_store(building, solution, plain.setpoints))
    choices = [
        replace(plain, setpoints=row, outcome=follow(building, course, row))
        for row in rows
        if calm(row, building.outlook.step_h)
    ]
    best = min(choices, key=spends, default=plain)
    return best if spends(plain) - spends(best) > least_gain(building, plain.outcome) else plain


def _choice(
    problem: Problem, building: Building, setpoints: Floats, air: Air, supply: Supply | None
) -> Choice:
    course = course_with(problem, building, air, supply)
    return Choice(setpoints, air, course, follow(building, course, setpoints))


def _relaxations(problem: Problem, building: Building, choice: Choice) -> list[Relaxation]:
    """What of comfort and CO2 cannot be kept."""
    return [
        *_comfort_relaxations(building, choice.outcome),
        *co2_relaxations(problem, choice.air),
    ]


def _describe_air(problem: Problem, air: Air) -> list[Fact]:
    """What becomes of the ventilation."""
    return [*describe_flow(problem, air), *describe_supply_air(problem, air)]


def _targets(problem: Problem, building: Building) -> Targets:
    """Temperatures to keep at the end of every step, with a back-off for what the model and the
    thermostats miss."""
    margin = _margins(building)[:, np.newaxis]
    in_use = building.use > 0
    inner = np.where(in_use, step_below(building, building.low + margin), -np.inf)
    coming = inner
    for _ in range(1 + ready_steps(building.outlook.step_h)):
        coming = np.maximum(coming, np.concatenate([coming[:, 1:], coming[:, -1:]], axis=1))
    spare = warm_up_spare(building, margin[:, 0])[:, np.newaxis]
    coming = np.where(in_use, coming, coming + spare)
    low = np.maximum(np.maximum(inner, coming), building.low + FLOOR_MARGIN_K * ~in_use)
    busy = np.isfinite(inner) | np.isfinite(coming)
    price = problem.weights.comfort_dkk_per_kh * np.where(busy, 1.0, FLOOR_FACTOR)
    return Targets(low=np.minimum(low, building.high), high=building.high, price=price)


def _margins(building: Building) -> Floats:
    """How far inside the band each zone's plan stays [K] (p,): as its record tells, or by the
    spread of its thermostat, less how far above its setpoint that settles anyway."""
    above = np.maximum(0.0, building.droop)
    by_spread = np.clip(building.track - above, LEAST_MARGIN_K, LARGEST_MARGIN_K)
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


def _comfort_relaxations(building: Building, outcome: Outcome) -> list[ComfortRelaxation]:
    violations = outcome.comfort_kh(building)
    found = []
    for z, zone in enumerate(building.zones):
        if violations[z] > RELAXED_KH_PER_ZONE:
            air, low = outcome.air[z, 1:], building.low[z]
            outside = np.where(
                building.use[z] > 0, np.maximum(low - air, air - building.high[z]), -np.inf
            )
            worst = float(air[int(np.argmax(outside))])
            found.append(
                ComfortRelaxation(
                    zone=zone.called, kelvin_hours=float(violations[z]), worst_c=worst
                )
            )
    return found
