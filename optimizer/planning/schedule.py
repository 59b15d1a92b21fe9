"""The answer: setpoints as steps per point, with what they lead to and the reasons."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np

from bms.model.fact import Fact, Moment, fact
from bms.model.planning.plan import (
    DayAhead,
    Expected,
    PlanStatus,
    Schedule,
    SetpointPlan,
    Step,
    ZoneForecast,
    ZoneStatus,
    worst,
)
from bms.model.planning.problem import Lever, Problem, ZoneTask
from optimizer.explain.plan_reason import PlanReason
from optimizer.horizon.building import Building
from optimizer.horizon.forecast_inputs import ForecastInputs
from optimizer.horizon.rollout import expected_outcome
from optimizer.model.air_handling import AirOperation, own_supply, required_run
from optimizer.model.held_lever import with_held_value
from optimizer.model.history import series
from optimizer.model.lever_pace import paced
from optimizer.model.quantise import quantise_up
from optimizer.model.rc_network import Floats
from optimizer.planning.candidate import Candidate
from optimizer.setpoints.air_flow import co2_relaxations, describe_flow, own_or_more_air
from optimizer.setpoints.excitation_nights import is_excited, nights_taken
from optimizer.setpoints.heating_curve import cop_with, curve_lever, curve_shifts, own_curve_shifts
from optimizer.setpoints.supply_air_reset import is_resettable
from optimizer.setpoints.timetable import timetable_setpoints
from optimizer.setpoints.warm_up_in_progress import zone_now

RISE_KW = 0.1
"""Heat that rises by less is not begun: it is summer, or full power already."""
UNKNOWN = Expected(energy_kwh=None, cost_dkk=None, co2_kg=None, comfort_kh=None)


def schedule_of(
    problem: Problem,
    building: Building,
    chosen: Candidate,
    own: Candidate,
    status: PlanStatus,
    reasons: Sequence[Fact],
    day: DayAhead | None = None,
) -> Schedule:
    """``chosen`` as a schedule, beside what ``own`` control leads to; ``day`` is what its decisions
    bring in the first day."""
    planned = {zone.id: chosen.setpoints[z] for z, zone in enumerate(building.zones)}
    warm_ups = _first_warm_ups(problem, building, chosen)
    zone_statuses = _zone_statuses(problem, planned, status)
    lever = curve_lever(problem)
    curve: tuple[SetpointPlan, ...] = ()
    cop = own_cop = building.inputs.cop
    lowered: list[Fact] = []
    if lever is not None:
        shift, held = (
            curve_shifts(problem, building, chosen.rollout, lever),
            problem.held_steps(lever),
        )
        curve = (_setpoint_plan(problem, lever, shift),)
        cop = cop_with(problem.heat_source, cop, shift)
        own_cop = cop_with(problem.heat_source, own_cop, own_curve_shifts(problem, lever))
        least = float(shift[held:].min(initial=0.0))
        lowered += [fact(PlanReason.CURVE_LOWERED, kelvin=-least)] if least < 0 else []
    return Schedule(
        site=problem.site,
        start=problem.start,
        step_s=problem.step_s,
        status=worst(status, *zone_statuses.values()),
        reasons=(*reasons, *_learned_starts(problem, planned), *warm_ups, *lowered),
        expected=expected_outcome(building, chosen.dynamics, chosen.rollout, cop),
        own_control=expected_outcome(building, own.dynamics, own.rollout, own_cop),
        setpoints=(
            *_setpoint_plans(problem, planned, building.inputs),
            *_air_plans(problem, chosen.air),
            *curve,
        ),
        forecast=tuple(
            ZoneForecast(
                zone=zone.id,
                temp_c=_rounded(chosen.rollout.air[z, :-1]),
                own_temp_c=_rounded(own.rollout.air[z, :-1]),
                heat_kw=_rounded(chosen.rollout.heat[z]),
            )
            for z, zone in enumerate(building.zones)
        ),
        zones=tuple(ZoneStatus(zone=zone, status=each) for zone, each in zone_statuses.items()),
        day_ahead=day,
    )


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), 2) for value in values)


def _zone_statuses(
    problem: Problem, planned: Collection[str], status: PlanStatus
) -> dict[str, PlanStatus]:
    """The status of every zone with a lever: those without a model follow the timetable."""
    return {
        zone.id: status if zone.id in planned else PlanStatus.FALLBACK
        for zone in problem.zones
        if zone.lever is not None
    }


def _learned_starts(problem: Problem, planned: Collection[str]) -> list[Fact]:
    """The zones without a model whose warm-ups begin by what their mornings have shown, and those
    that are set back further to learn from it."""
    excited = [
        fact(
            PlanReason.EXCITATION_NIGHT,
            zone=zone.called,
            number=1 + (nights_taken(problem, zone) or 0),
            most=problem.excitation_nights,
        )
        for zone in problem.zones
        if zone.lever is not None and zone.id not in planned and is_excited(problem, zone)
    ]
    return excited + [
        fact(PlanReason.LEARNED_START, zone=zone.called, count=zone.learned_start.starts)
        for zone in problem.zones
        if zone.lever is not None and zone.learned_start is not None and zone.id not in planned
    ]


def _first_warm_ups(problem: Problem, building: Building, chosen: Candidate) -> list[Fact]:
    """When each zone starts to warm up for its next use."""
    found = []
    for z, zone in enumerate(building.zones):
        in_use = building.use[z] > 0
        if zone.lever is None or in_use[0] or not in_use.any():
            continue
        first = int(np.argmax(in_use))
        begin = first
        while begin > 0 and chosen.setpoints[z, begin - 1] >= chosen.setpoints[z, first] - 1e-9:
            begin -= 1
        heat = chosen.rollout.heat[z]
        if 0 < begin < first and heat[begin:first].max() > heat[begin - 1] + RISE_KW:
            start = Moment(problem.start + timedelta(seconds=begin * problem.step_s))
            found.append(fact(PlanReason.WARM_UP_FROM, zone=zone.called, start=start))
    return found


def _setpoint_plans(
    problem: Problem, planned: dict[str, Floats], ahead: ForecastInputs
) -> tuple[SetpointPlan, ...]:
    plans = []
    for zone in problem.zones:
        if zone.lever is None:
            continue
        values = planned.get(zone.id)
        if values is None:
            values = by_rule(problem, zone, zone.lever, ahead.temp_out)
        plans.append(_setpoint_plan(problem, zone.lever, values))
    return tuple(plans)


def by_rule(problem: Problem, zone: ZoneTask, lever: Lever, temp_out: Floats) -> Floats:
    """Returns setpoints [degC] (n,) of a zone by the timetable, but for what somebody holds."""
    now = zone_now(problem, zone)
    values = timetable_setpoints(zone, lever, temp_out, problem.step_s / 3600.0, now)
    return with_held_value(problem, lever, values)


def _air_plans(problem: Problem, air: AirOperation) -> list[SetpointPlan]:
    """Hours, flow and supply temperature of every unit, as far as they may be written."""
    plans = []
    for u, unit in enumerate(problem.ventilation):
        levers: list[tuple[Lever | None, Floats]] = [
            (unit.lever, air.run[u]),
            (unit.flow_lever, air.flow[u]),
        ]
        if is_resettable(unit):
            levers.append((unit.supply_lever, own_supply(problem, unit) - air.reset_k[u]))
        for lever, values in levers:
            if lever is not None:
                taken = with_held_value(problem, lever, quantise_up(values, lever))
                plans.append(_setpoint_plan(problem, lever, taken))
    return plans


def _setpoint_plan(problem: Problem, lever: Lever, values: Floats) -> SetpointPlan:
    """The values at the pace of the lever; equal neighbours become one step."""
    values = paced(values, lever, problem.step_s / 3600.0, problem.held_steps(lever))
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


def timetable_schedule(problem: Problem, reasons: Sequence[Fact]) -> Schedule:
    """The rule-based schedule, for these reasons; the heating curve as commissioned."""
    temp_out = series(problem.weather.temp_out_c, problem.steps)
    plans = [
        _setpoint_plan(problem, zone.lever, by_rule(problem, zone, zone.lever, temp_out))
        for zone in problem.zones
        if zone.lever is not None
    ]
    air = own_or_more_air(problem, required_run(problem))
    plans += _air_plans(problem, air)
    of_air = [
        *(each.fact for each in co2_relaxations(problem, air)),
        *describe_flow(problem, air),
    ]
    lever = curve_lever(problem)
    if lever is not None:
        plans.append(_setpoint_plan(problem, lever, own_curve_shifts(problem, lever)))
    return replace(
        empty_schedule(problem, [*reasons, *_learned_starts(problem, ()), *of_air]),
        setpoints=tuple(plans),
        zones=tuple(
            ZoneStatus(zone=zone.id, status=PlanStatus.FALLBACK)
            for zone in problem.zones
            if zone.lever is not None
        ),
    )


def empty_schedule(problem: Problem, reasons: Sequence[Fact]) -> Schedule:
    """A schedule that moves no point."""
    return Schedule(
        site=problem.site,
        start=problem.start,
        step_s=problem.step_s,
        status=PlanStatus.FALLBACK,
        reasons=tuple(reasons),
        expected=UNKNOWN,
        own_control=UNKNOWN,
        setpoints=(),
    )
