"""The answer: what was chosen as steps per point, with what it leads to and what people read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np

from bms.model.fact import Fact, Moment, fact
from bms.model.planning.plan import Expected, PlanStatus, Schedule, SetpointPlan, Step, ZoneForecast
from bms.model.planning.problem import Lever, Problem
from optimizer.explain.plan_reason import PlanReason
from optimizer.horizon.building import Building
from optimizer.horizon.outlook import Outlook
from optimizer.horizon.thermostat import expected
from optimizer.model.air_handling import Air, required_run
from optimizer.model.history import series
from optimizer.model.quantise import settle
from optimizer.model.rc_network import Floats
from optimizer.planning.candidate import Candidate
from optimizer.setpoints.air_flow import co2_relaxations, describe_flow, kept_air
from optimizer.setpoints.continuity import hours_empty
from optimizer.setpoints.heating_curve import cop_with, curve_lever, shifts
from optimizer.setpoints.supply_air_reset import can_be_moved
from optimizer.setpoints.timetable import timetable

UNKNOWN = Expected(energy_kwh=None, cost_dkk=None, co2_kg=None, comfort_kh=None)


def schedule_of(
    problem: Problem,
    building: Building,
    chosen: Candidate,
    own: Candidate,
    status: PlanStatus,
    reasons: Sequence[Fact],
) -> Schedule:
    """``chosen`` as a schedule, beside what ``own`` control leads to."""
    planned = {zone.id: chosen.setpoints[z] for z, zone in enumerate(building.zones)}
    warm_ups = _first_warm_ups(problem, building, chosen)
    lever = curve_lever(problem)
    curve = () if lever is None else (shifts(problem, building, chosen.outcome, lever),)
    cop = building.outlook.cop
    for row in curve:
        cop = cop_with(problem.heat_source, cop, row)
    lowered = [
        fact(PlanReason.CURVE_LOWERED, kelvin=-float(row.min())) for row in curve if row.min() < 0
    ]
    return Schedule(
        site=problem.site,
        start=problem.start,
        step_s=problem.step_s,
        status=status,
        reasons=(*reasons, *warm_ups, *lowered),
        expected=expected(building, chosen.course, chosen.outcome, cop),
        own_control=expected(building, own.course, own.outcome),
        setpoints=(
            *_setpoint_plans(problem, planned, building.outlook),
            *_air_plans(problem, chosen.air),
            *(_steps(problem, lever, row) for row in curve if lever is not None),
        ),
        forecast=tuple(
            ZoneForecast(
                zone=zone.id,
                temp_c=tuple(round(float(t), 2) for t in chosen.outcome.air[z, :-1]),
            )
            for z, zone in enumerate(building.zones)
        ),
    )


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
        if 0 < begin < first:
            start = Moment(problem.start + timedelta(seconds=begin * problem.step_s))
            found.append(fact(PlanReason.WARM_UP_FROM, zone=zone.called, start=start))
    return found


def _setpoint_plans(
    problem: Problem, planned: dict[str, Floats], ahead: Outlook
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
    return tuple(plans)


def _air_plans(problem: Problem, air: Air) -> list[SetpointPlan]:
    """Hours, flow and supply temperature of every unit, as far as they may be written."""
    plans = []
    for u, unit in enumerate(problem.ventilation):
        if unit.lever is not None:
            plans.append(_steps(problem, unit.lever, settle(air.run[u], unit.lever)))
        if unit.flow_lever is not None:
            plans.append(_steps(problem, unit.flow_lever, settle(air.flow[u], unit.flow_lever)))
        if unit.supply_lever is not None and can_be_moved(unit):
            values = np.array(unit.own_supply_c[: problem.steps]) - air.cooler[u]
            plans.append(_steps(problem, unit.supply_lever, settle(values, unit.supply_lever)))
    return plans


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


def by_timetable(problem: Problem, reasons: Sequence[Fact]) -> Schedule:
    """The rule-based schedule, for these reasons; the heating curve as commissioned."""
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
    air = kept_air(problem, required_run(problem))
    plans += _air_plans(problem, air)
    told = [
        *(each.fact for each in co2_relaxations(problem, air)),
        *describe_flow(problem, air),
    ]
    lever = curve_lever(problem)
    if lever is not None:
        plans.append(_steps(problem, lever, np.zeros(n)))
    return replace(nothing(problem, [*reasons, *told]), setpoints=tuple(plans))


def nothing(problem: Problem, reasons: Sequence[Fact]) -> Schedule:
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
