"""The air flow of every unit: as little as keeps the CO2 of its rooms.

Nothing is guessed: where a room's people or its limit are not known, its unit keeps at least its
own flow. As the people are never known exactly, they are counted 1.2 times and the CO2 stays 50 ppm
below its limit.
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
from optimizer.model.air_handling import Air, own_flow, required_run
from optimizer.model.held_lever import with_held_value
from optimizer.model.history import zone_ventilation
from optimizer.model.quantise import settle
from optimizer.model.rc_network import Bools, Floats
from optimizer.setpoints.co2_balance import (
    OUTDOORS_PPM,
    PER_PERSON_M3_H,
    Duct,
    Rooms,
    least_flow,
    stretches_of_use,
)
from optimizer.setpoints.supply_air_reset import with_cooler

PEOPLE_FACTOR = 1.2
MARGIN_PPM = 50.0
STEP_PCT = 5.0
"""Flows that are asked for lie at least this far apart [%]."""
MOST_LEVELS = 41
HELD_H = 1.0
HEIGHT_M = 2.8
TOLD_PPM = 25.0
TOLD_PCT = 0.5
WARM_KH = 0.1


def planned_flow(problem: Problem, run: Floats, *, own: bool = False) -> Floats:
    """Flow [% of full] (u, n) of units that run as ``run`` (u, n) says.

    The least that is enough; with ``own`` not less than their own, either.
    """
    flow = own_flow(problem)
    for u, unit in enumerate(problem.ventilation):
        if unit.flow_lever is not None:
            least = settle(np.zeros(problem.steps), unit.flow_lever)
            flow[u] = with_held_value(problem, unit.flow_lever, least)
    for u, unit in enumerate(problem.ventilation):
        if unit.flow_lever is not None:
            needed = _flow_of(problem, run, flow, u, unit.flow_lever, own)
            flow[u] = with_held_value(problem, unit.flow_lever, needed)
    return flow


def planned_air(problem: Problem) -> Air:
    """Units as a plan runs them: where required, with as little air as is enough."""
    run = required_run(problem)
    return Air(run, planned_flow(problem, run), np.zeros_like(run))


def kept_air(problem: Problem, run: Floats) -> Air:
    """Units that run as ``run`` (u, n) says as far as possible by themselves: at least at their own
    flow, with supply air at its own setpoint as near as the point takes it."""
    return with_cooler(problem, Air(run, planned_flow(problem, run, own=True), np.zeros_like(run)))


def fresher(problem: Problem, building: Building, air: Air, rollout: RolloutResult) -> Air | None:
    """At least the own flow in each stretch of use in which rooms of a unit get too warm; None
    where none does, or nothing more is to be had."""
    too_warm = np.maximum(0.0, rollout.air[:, 1:] - building.high) * building.planned_use
    if too_warm.sum() * building.inputs.step_h <= WARM_KH:
        return None
    flow = air.flow.copy()
    kept = planned_flow(problem, air.run, own=True)
    for u, unit in enumerate(problem.ventilation):
        served = [z for z, zone in enumerate(building.zones) if zone.id in unit.zones]
        warm = too_warm[served].sum(axis=0) * building.inputs.step_h
        in_use = _in_use(problem, unit) & (air.run[u] > 0)
        for first, last in stretches_of_use(in_use, building.inputs.step_h):
            if warm[first:last].sum() > WARM_KH:
                flow[u, first:last] = np.maximum(flow[u, first:last], kept[u, first:last])
    return None if np.array_equal(flow, air.flow) else replace(air, flow=flow)


def _flow_of(
    problem: Problem, run: Floats, flow: Floats, u: int, lever: Lever, own: bool
) -> Floats:
    unit = problem.ventilation[u]
    in_use = _in_use(problem, unit)
    least = float(settle(np.array(unit.least_flow_pct), lever))
    kept = settle(clock_maximum(problem, own_flow(problem)[u], HELD_H), lever)
    kept = np.where(in_use, np.maximum(kept, least), kept)
    known = [zone for zone in _served(problem, unit) if co2_is_known(zone, problem.steps)]
    if not known or not _all_are_here(problem, unit):
        return kept
    air, _ = zone_ventilation(problem, [zone.id for zone in known])
    others = np.delete(np.arange(len(flow)), u)
    moved = run * flow / 100.0
    duct = Duct(
        full=np.maximum(0.0, air[:, u, np.newaxis] * run[u]),
        other=np.maximum(0.0, air[:, others] @ moved[others]),
        levels=np.unique(np.append(_levels(lever), least)),
        least_in_use=least,
        in_use=in_use,
        held=with_held_value(problem, lever, np.full(problem.steps, np.nan)),
    )
    needed = least_flow(rooms_of(problem, known, PEOPLE_FACTOR, MARGIN_PPM), duct)
    return np.maximum(needed, kept) if own or _unknown(problem, unit) else needed


def rooms_of(
    problem: Problem, zones: Sequence[ZoneTask], factor: float = 1.0, margin_ppm: float = 0.0
) -> Rooms:
    """Rooms of zones whose people and limits are known; a room of unknown CO2 is at its target."""
    people = np.array([_people(zone) for zone in zones])
    target = np.array([(zone.co2_limit_ppm or 0.0) - margin_ppm for zone in zones])
    measured = [zone.co2_ppm for zone in zones]
    start = [
        max(OUTDOORS_PPM, t if c is None or not isfinite(c) else c)
        for c, t in zip(measured, target.tolist(), strict=True)
    ]
    return Rooms(
        step_h=problem.step_s / 3600.0,
        volume=np.array([_volume(zone) for zone in zones]),
        source=PER_PERSON_M3_H * factor * people,
        busy=np.array([zone.occupied for zone in zones], dtype=bool),
        target=target,
        start=np.array(start),
    )


def co2_is_known(zone: ZoneTask, n: int) -> bool:
    """Whether the zone has a limit, and its people are known whenever it is in use."""
    limit = zone.co2_limit_ppm
    if limit is None or not isfinite(limit) or limit <= 0 or len(zone.people) != n:
        return False
    return all(
        _counted(count) or not used for count, used in zip(zone.people, zone.occupied, strict=True)
    )


def _counted(count: float | None) -> bool:
    return count is not None and isfinite(count) and count >= 0


def _people(zone: ZoneTask) -> list[float]:
    """How many are in; nobody out of use, whatever was told."""
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
    """Whether anybody is in a zone of the unit (n,)."""
    used = np.zeros(problem.steps, dtype=bool)
    for zone in _served(problem, unit):
        used |= np.array(zone.occupied, dtype=bool)
    return used


def _served(problem: Problem, unit: VentilationTask) -> list[ZoneTask]:
    return [zone for zone in problem.zones if zone.id in unit.zones]


def _all_are_here(problem: Problem, unit: VentilationTask) -> bool:
    return {zone.id for zone in problem.zones} >= set(unit.zones)


def _unknown(problem: Problem, unit: VentilationTask) -> list[ZoneTask]:
    return [z for z in _served(problem, unit) if not co2_is_known(z, problem.steps)]


def _levels(lever: Lever) -> Floats:
    """The values that may be asked for, from the least to the greatest."""
    count = min(MOST_LEVELS, max(2, int((lever.maximum - lever.minimum) / STEP_PCT) + 1))
    return np.unique(settle(np.linspace(lever.minimum, lever.maximum, count), lever))


def describe_flow(problem: Problem, air: Air) -> list[Fact]:
    """The flow of the units whose flow may be written, as ``air`` has them."""
    facts = []
    for u, unit in enumerate(problem.ventilation):
        if unit.flow_lever is None:
            continue
        unknown = tuple(zone.called for zone in _unknown(problem, unit))
        free = np.arange(problem.steps) >= problem.held_steps(unit.flow_lever)
        running = air.flow[u][(air.run[u] > 0) & _in_use(problem, unit) & free]
        if unknown or not _all_are_here(problem, unit):
            zones = unknown or (unit.id,)
            facts.append(fact(PlanReason.OWN_FLOW_KEPT, unit=unit.id, zones=zones))
        elif running.size and running.min() < 100.0 - TOLD_PCT:
            facts.append(_flow_planned(unit.id, float(running.min()), float(running.max())))
    return facts


def _flow_planned(unit: str, least_pct: float, most_pct: float) -> Fact:
    flow = fact(FlowText.SPAN, least_pct=least_pct, most_pct=most_pct)
    if round(least_pct) == round(most_pct):
        flow = fact(FlowText.STEADY, pct=most_pct)
    return fact(
        PlanReason.FLOW_PLANNED, unit=unit, flow=flow, least_pct=least_pct, most_pct=most_pct
    )


def co2_relaxations(problem: Problem, air: Air) -> list[Co2Relaxation]:
    """Rooms whose CO2 goes above their limit, by the people as they are told, while nobody holds
    what brings them air."""
    served = {
        name for unit in problem.ventilation if unit.flow_lever is not None for name in unit.zones
    }
    zones = [z for z in problem.zones if z.id in served and co2_is_known(z, problem.steps)]
    if not zones:
        return []
    share, _ = zone_ventilation(problem, [zone.id for zone in zones])
    rooms = rooms_of(problem, zones)
    ppm = rooms.ppm(np.maximum(0.0, share @ air.moved), 0, rooms.start)
    counted = rooms.busy & ~np.array([_air_is_held(problem, zone) for zone in zones])
    highest = np.where(counted, ppm, 0.0).max(axis=1)
    return [
        Co2Relaxation(zone=zone.called, ppm=float(top), limit_ppm=float(limit))
        for zone, top, limit in zip(zones, highest, rooms.target, strict=True)
        if top > limit + TOLD_PPM
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
