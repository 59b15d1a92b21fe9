"""Demand-controlled ventilation: the least air flow of every unit that keeps the CO2 of its rooms.

Where the people of a room or its limit are not known, its unit keeps at least its own flow. As the
number of people is never known exactly, they are counted :data:`PEOPLE_FACTOR` times and the CO2
stays :data:`MARGIN_PPM` below its limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

import numpy as np

from bms.model.fact import Fact, fact
from bms.model.planning.problem import Lever, Problem, VentilationTask, ZoneTask
from optimizer.explain.plan_reason import FlowText, PlanReason
from optimizer.explain.relaxation import Co2Relaxation
from optimizer.horizon.building import Building
from optimizer.horizon.rollout import RolloutResult
from optimizer.linear_program.time_blocks import clock_maximum
from optimizer.model.air_handling import AirOperation, own_flow, required_run
from optimizer.model.held_lever import with_held_value
from optimizer.model.history import zone_ventilation
from optimizer.model.lever_pace import paced_with_held
from optimizer.model.quantise import quantise_up
from optimizer.model.rc_network import Bools, Floats
from optimizer.setpoints.co2_balance import (
    OUTDOORS_PPM,
    PER_PERSON_M3_H,
    Co2Rooms,
    UnitAir,
    least_steady_flow,
    use_periods,
)
from optimizer.setpoints.supply_air_reset import with_supply_reset

PEOPLE_FACTOR = 1.2
MARGIN_PPM = 50.0
STEP_PCT = 5.0
"""Flows that are asked for lie at least this far apart [%]."""
MOST_LEVELS = 41
SPAN_H = 1.0
HEIGHT_M = 2.8
LEAST_REPORTED_PPM = 25.0
LEAST_REPORTED_PCT = 0.5
WARM_KH = 0.1


def planned_flow(problem: Problem, run: Floats, *, own: bool = False) -> Floats:
    """Returns the flow [% of full] (u, n) of units that run as ``run`` (u, n) says.

    It is the least that keeps the CO2; with ``own`` not less than their own flow either.
    """
    flow = own_flow(problem)
    for u, unit in enumerate(problem.ventilation):
        if unit.flow_lever is not None:
            least = quantise_up(np.zeros(problem.steps), unit.flow_lever)
            flow[u] = with_held_value(problem, unit.flow_lever, least)
    for u, unit in enumerate(problem.ventilation):
        if unit.flow_lever is not None:
            needed = _flow_of_unit(problem, run, flow, u, unit.flow_lever, own)
            flow[u] = paced_with_held(problem, unit.flow_lever, needed)
    return flow


def planned_air(problem: Problem) -> AirOperation:
    """Returns the operation of the units in a plan: running where required, with the least flow
    that keeps the CO2."""
    run = required_run(problem)
    return AirOperation(run, planned_flow(problem, run), np.zeros_like(run))


def own_or_more_air(problem: Problem, run: Floats) -> AirOperation:
    """Returns units that run as ``run`` (u, n) says with at least their own flow, and supply air at
    its own setpoint as near as the point takes it."""
    return with_supply_reset(
        problem, AirOperation(run, planned_flow(problem, run, own=True), np.zeros_like(run))
    )


def with_own_flow_where_warm(
    problem: Problem, building: Building, air: AirOperation, rollout: RolloutResult
) -> AirOperation | None:
    """Returns ``air`` with at least the own flow in each period of use in which rooms of a unit get
    too warm; None where none does, or where there is no more flow."""
    too_warm = np.maximum(0.0, rollout.air[:, 1:] - building.high) * building.planned_use
    if too_warm.sum() * building.inputs.step_h <= WARM_KH:
        return None
    flow = air.flow.copy()
    kept = planned_flow(problem, air.run, own=True)
    for u, unit in enumerate(problem.ventilation):
        served = [z for z, zone in enumerate(building.zones) if zone.id in unit.zones]
        warm = too_warm[served].sum(axis=0) * building.inputs.step_h
        in_use = _in_use(problem, unit) & (air.run[u] > 0)
        for first, last in use_periods(in_use, building.inputs.step_h):
            if warm[first:last].sum() > WARM_KH:
                flow[u, first:last] = np.maximum(flow[u, first:last], kept[u, first:last])
    return None if np.array_equal(flow, air.flow) else replace(air, flow=flow)


def _flow_of_unit(
    problem: Problem, run: Floats, flow: Floats, u: int, lever: Lever, own: bool
) -> Floats:
    unit = problem.ventilation[u]
    in_use = _in_use(problem, unit)
    least = float(quantise_up(np.array(unit.least_flow_pct), lever))
    kept = quantise_up(clock_maximum(problem, own_flow(problem)[u], SPAN_H), lever)
    kept = np.where(in_use, np.maximum(kept, least), kept)
    known = [zone for zone in _served(problem, unit) if co2_is_known(zone, problem.steps)]
    if not known or not _serves_known_zones(problem, unit):
        return kept
    air, _ = zone_ventilation(problem, [zone.id for zone in known])
    others = np.delete(np.arange(len(flow)), u)
    flow_part = run * flow / 100.0
    duct = UnitAir(
        full=np.maximum(0.0, air[:, u, np.newaxis] * run[u]),
        other=np.maximum(0.0, air[:, others] @ flow_part[others]),
        levels=np.unique(np.append(_levels(lever), least)),
        least_in_use=least,
        in_use=in_use,
        held=with_held_value(problem, lever, np.full(problem.steps, np.nan)),
    )
    needed = least_steady_flow(co2_rooms(problem, known, PEOPLE_FACTOR, MARGIN_PPM), duct)
    return np.maximum(needed, kept) if own or _zones_without_co2(problem, unit) else needed


def co2_rooms(
    problem: Problem, zones: Sequence[ZoneTask], factor: float = 1.0, margin_ppm: float = 0.0
) -> Co2Rooms:
    """Returns the CO2 balance of zones whose people and limits are known; a room of unknown CO2
    starts at its target."""
    people = np.array([_people(zone) for zone in zones])
    target = np.array([(zone.co2_limit_ppm or 0.0) - margin_ppm for zone in zones])
    measured = [zone.co2_ppm for zone in zones]
    start = [
        max(OUTDOORS_PPM, t if c is None or not isfinite(c) else c)
        for c, t in zip(measured, target.tolist(), strict=True)
    ]
    return Co2Rooms(
        step_h=problem.step_s / 3600.0,
        volume=np.array([_volume(zone) for zone in zones]),
        source=PER_PERSON_M3_H * factor * people,
        occupied=np.array([zone.occupied for zone in zones], dtype=bool),
        target=target,
        start=np.array(start),
    )


def co2_is_known(zone: ZoneTask, n: int) -> bool:
    """Whether the zone has a CO2 limit, and its people are known whenever it is in use."""
    limit = zone.co2_limit_ppm
    if limit is None or not isfinite(limit) or limit <= 0 or len(zone.people) != n:
        return False
    return all(
        _is_count(count) or not used for count, used in zip(zone.people, zone.occupied, strict=True)
    )


def _is_count(count: float | None) -> bool:
    return count is not None and isfinite(count) and count >= 0


def _people(zone: ZoneTask) -> list[float]:
    """Number of people in a zone [1] (n,), 0 out of use."""
    return [
        0.0 if count is None or not used else count
        for count, used in zip(zone.people, zone.occupied, strict=True)
    ]


def _volume(zone: ZoneTask) -> float:
    volume = zone.volume_m3
    if volume is None or not isfinite(volume) or volume <= 0:
        volume = HEIGHT_M * zone.area_m2
    return max(1.0, volume)


def _in_use(problem: Problem, unit: VentilationTask) -> Bools:
    """Whether a zone of the unit is in use (n,)."""
    used = np.zeros(problem.steps, dtype=bool)
    for zone in _served(problem, unit):
        used |= np.array(zone.occupied, dtype=bool)
    return used


def _served(problem: Problem, unit: VentilationTask) -> list[ZoneTask]:
    return [zone for zone in problem.zones if zone.id in unit.zones]


def _serves_known_zones(problem: Problem, unit: VentilationTask) -> bool:
    return {zone.id for zone in problem.zones} >= set(unit.zones)


def _zones_without_co2(problem: Problem, unit: VentilationTask) -> list[ZoneTask]:
    return [z for z in _served(problem, unit) if not co2_is_known(z, problem.steps)]


def _levels(lever: Lever) -> Floats:
    """The flows that may be asked for [%], rising."""
    count = min(MOST_LEVELS, max(2, int((lever.maximum - lever.minimum) / STEP_PCT) + 1))
    return np.unique(quantise_up(np.linspace(lever.minimum, lever.maximum, count), lever))


def describe_flow(problem: Problem, air: AirOperation) -> list[Fact]:
    """Returns facts about the flow of the units whose flow may be written."""
    facts = []
    for u, unit in enumerate(problem.ventilation):
        if unit.flow_lever is None:
            continue
        unknown = tuple(zone.called for zone in _zones_without_co2(problem, unit))
        free = np.arange(problem.steps) >= problem.held_steps(unit.flow_lever)
        running = air.flow[u][(air.run[u] > 0) & _in_use(problem, unit) & free]
        if unknown or not _serves_known_zones(problem, unit):
            zones = unknown or (unit.id,)
            facts.append(fact(PlanReason.OWN_FLOW_KEPT, unit=unit.id, zones=zones))
        elif running.size and running.min() < 100.0 - LEAST_REPORTED_PCT:
            facts.append(_flow_planned(unit.id, float(running.min()), float(running.max())))
    return facts


def _flow_planned(unit: str, least_pct: float, most_pct: float) -> Fact:
    flow = fact(FlowText.SPAN, least_pct=least_pct, most_pct=most_pct)
    if round(least_pct) == round(most_pct):
        flow = fact(FlowText.STEADY, pct=most_pct)
    return fact(
        PlanReason.FLOW_PLANNED, unit=unit, flow=flow, least_pct=least_pct, most_pct=most_pct
    )


def co2_relaxations(problem: Problem, air: AirOperation) -> list[Co2Relaxation]:
    """Returns the rooms whose CO2 exceeds their limit, by the number of people in the problem,
    while nobody holds the run or flow of their units."""
    served = {
        name for unit in problem.ventilation if unit.flow_lever is not None for name in unit.zones
    }
    zones = [z for z in problem.zones if z.id in served and co2_is_known(z, problem.steps)]
    if not zones:
        return []
    share, _ = zone_ventilation(problem, [zone.id for zone in zones])
    rooms = co2_rooms(problem, zones)
    ppm = rooms.ppm(np.maximum(0.0, share @ air.flow_part), 0, rooms.start)
    counted = rooms.occupied & ~np.array([_air_is_held(problem, zone) for zone in zones])
    highest = np.where(counted, ppm, 0.0).max(axis=1)
    return [
        Co2Relaxation(zone=zone.called, ppm=float(top), limit_ppm=float(limit))
        for zone, top, limit in zip(zones, highest, rooms.target, strict=True)
        if top > limit + LEAST_REPORTED_PPM
    ]


def _air_is_held(problem: Problem, zone: ZoneTask) -> Bools:
    """Where somebody holds the run or the flow of a unit that serves the zone (n,)."""
    held = [
        problem.held_steps(lever)
        for unit in problem.ventilation
        if zone.id in unit.zones
        for lever in (unit.lever, unit.flow_lever)
    ]
    return np.arange(problem.steps) < max(held, default=0)
