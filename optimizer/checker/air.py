"""The independent checker's part on the rooms' air: flow, CO2 and the temperature of the supply.

Like the rest of the checker it has its own arithmetic: CO2 is stepped minute by minute here and
solved exactly in what makes plans.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, nan

from bms.model.planning.problem import Lever, Problem, VentilationTask, ZoneTask
from bms.model.readings.units import Unit
from optimizer.checker.pace import held_steps, highest_reachable, lowest_reachable, zero_c_in

OUTDOORS_PPM = 420.0
PERSON_L_S = 0.0052
"""CO2 of an adult who sits [L/s]."""
LEAKS_PER_H = 0.1
ROOM_HEIGHT_M = 2.8
CO2_TOLERANCE_PPM = 25.0
LONGEST_PASS_S = 60.0
ROUNDING = 1e-4
HOTTEST_C = 100.0
MOST_PCT = 200.0

Values = Mapping[str, Sequence[float]]
"""Point to its value in every step of the horizon."""
Makes = Callable[[ZoneTask], bool]


@dataclass(frozen=True, slots=True)
class FlowTask:
    """The flow of a unit."""

    unit: VentilationTask


@dataclass(frozen=True, slots=True)
class SupplyTask:
    """The supply temperature of a unit."""

    unit: VentilationTask


def flow_is_due(unit: VentilationTask, lever: Lever, n: int) -> bool:
    """Whether a plan has to have a value for the flow."""
    own = unit.own_flow_pct
    known = not own or (len(own) == n and all(0.0 <= v <= MOST_PCT for v in own))
    least = isfinite(unit.least_flow_pct) and unit.least_flow_pct >= 0
    return known and least and 0.0 < lever.maximum <= MOST_PCT and _highest(lever) >= 0


def supply_is_due(unit: VentilationTask, lever: Lever, n: int, temperature: Unit) -> bool:
    """Whether a plan has to have a value for the supply temperature."""
    own = [value - zero_c_in(temperature) for value in unit.own_supply_c]
    if len(own) != n or not all(isfinite(value) and abs(value) < HOTTEST_C for value in own):
        return False
    return min(own) >= _lowest(lever) - zero_c_in(lever.unit) + ROUNDING


def first_low_flow(
    problem: Problem, unit: VentilationTask, lever: Lever, values: Sequence[float]
) -> int | None:
    """The first step with less than the least flow while people are in."""
    least = min(unit.least_flow_pct, _highest(lever))
    served = [zone for zone in problem.zones if zone.id in unit.zones]
    held = held_steps(problem, lever)
    for k, value in enumerate(values):
        if (
            k >= held
            and not value >= min(least, highest_reachable(problem, lever, values, k)) - ROUNDING
            and any(  # of NaN nothing is enough
                k < len(zone.occupied) and zone.occupied[k] for zone in served
            )
        ):
            return k
    return None


def first_raised_supply(
    problem: Problem, unit: VentilationTask, lever: Lever, values: Sequence[float]
) -> int | None:
    """The first step with supply air above its own setpoint, or with none known to compare."""
    held = held_steps(problem, lever)
    shift = zero_c_in(lever.unit) - zero_c_in(problem.temperature_unit)
    own = [value + shift for value in unit.own_supply_c]
    ramped = lowest_reachable(problem, lever, own, values)
    for k, value in enumerate(values):
        highest = max(own[k], ramped[k]) if k < len(own) else nan
        if k >= held and not value <= highest + ROUNDING:
            return k
    return None


def first_stale_air(
    problem: Problem, unit: VentilationTask, values: Values, makes_sense: Makes
) -> tuple[ZoneTask, int] | None:
    """The first room and step whose CO2 is above its limit though more air was to be had."""
    zones = {zone.id: zone for zone in problem.zones}
    if not all(name in zones and makes_sense(zones[name]) for name in unit.zones):
        return None
    for name in unit.zones:
        zone = zones[name]
        if _is_counted(zone, problem.steps):
            k = _stale(problem, zone, values, makes_sense)
            if k is not None:
                return zone, k
    return None


def _stale(problem: Problem, zone: ZoneTask, values: Values, makes_sense: Makes) -> int | None:
    limit = zone.co2_limit_ppm or 0.0
    planned = _co2(problem, zone, _air(problem, zone, values, makes_sense, full=False))
    at_best = _co2(problem, zone, _air(problem, zone, values, makes_sense, full=True))
    for k, (ppm, best) in enumerate(zip(planned, at_best, strict=True)):
        if (
            zone.occupied[k]
            and (zone.people[k] or 0.0) > 0
            and ppm > max(limit, best) + CO2_TOLERANCE_PPM
        ):
            return k
    return None


def _is_counted(zone: ZoneTask, n: int) -> bool:
    """Whether limit and people are known."""
    limit = zone.co2_limit_ppm
    if limit is None or not isfinite(limit) or limit < OUTDOORS_PPM or len(zone.people) != n:
        return False
    volume = zone.volume_m3
    if volume is not None and not (isfinite(volume) and volume > 0):
        return False
    known = all(count is None or (isfinite(count) and count >= 0) for count in zone.people)
    missed = any(c is None and in_use for c, in_use in zip(zone.people, zone.occupied, strict=True))
    return known and not missed


def _co2(problem: Problem, zone: ZoneTask, air_m3_h: Sequence[float]) -> list[float]:
    """CO2 [ppm] at the end of every step; outdoor air at first where it is not known."""
    volume = max(1.0, zone.volume_m3 or ROOM_HEIGHT_M * zone.area_m2)
    passes = max(1, round(problem.step_s / LONGEST_PASS_S))
    hours = problem.step_s / 3600.0 / passes
    measured = zone.co2_ppm
    known = measured is not None and isfinite(measured) and measured > 0
    ppm = max(OUTDOORS_PPM, measured) if known and measured is not None else OUTDOORS_PPM
    found = []
    for k, air in enumerate(air_m3_h):
        exchange = (air + LEAKS_PER_H * volume) / volume * hours
        people = (zone.people[k] or 0.0) if zone.occupied[k] else 0.0
        added = PERSON_L_S * 3.6 * people / volume * 1e6 * hours
        for _ in range(passes):
            # Implicit, so that a small room with much air is stable at any step.
            ppm = (ppm + added + exchange * OUTDOORS_PPM) / (1.0 + exchange)
        found.append(ppm)
    return found


def _air(
    problem: Problem, zone: ZoneTask, values: Values, makes_sense: Makes, *, full: bool
) -> list[float]:
    """Air that all units bring to the zone [m3/h] in every step; ``full``: as much as they may."""
    total = [0.0] * problem.steps
    areas = {z.id: z.area_m2 for z in problem.zones if makes_sense(z)}
    for unit in problem.ventilation:
        served = sum(areas.get(name, 0.0) for name in dict.fromkeys(unit.zones))
        if zone.id not in unit.zones or not served > 0 or len(unit.own_run) != problem.steps:
            continue
        share = max(0.0, unit.flow_m3_h * areas.get(zone.id, 0.0) / served)
        run = values.get(unit.lever.point, unit.own_run) if unit.lever else unit.own_run
        flow = _flow(problem, unit, values, full=full)
        total = [t + share * r * f / 100.0 for t, r, f in zip(total, run, flow, strict=False)]
    return total


def _flow(
    problem: Problem, unit: VentilationTask, values: Values, *, full: bool
) -> Sequence[float]:
    own = unit.own_flow_pct or (100.0,) * problem.steps
    lever = unit.flow_lever
    if lever is None or lever.point not in values:
        return own
    planned = values[lever.point]
    held = held_steps(problem, lever) if full else problem.steps
    return (*planned[:held], *[_highest(lever)] * (problem.steps - held))


def _highest(lever: Lever) -> float:
    """The greatest value that the point takes."""
    steps = floor((lever.maximum - lever.origin) / lever.resolution + ROUNDING)
    return lever.origin + steps * lever.resolution


def _lowest(lever: Lever) -> float:
    steps = ceil((lever.minimum - lever.origin) / lever.resolution - ROUNDING)
    return lever.origin + steps * lever.resolution
