"""From planned heat and temperatures to setpoints that a room thermostat can follow.

In use the thermostat is asked for the planned temperature. Before use it is asked for that same
value from the moment the plan starts to heat, a little earlier: a thermostat then does the warm-up
at full power by itself. While the plan lets the zone coast the setpoint is a setback some way
below the planned temperature, so that a zone that cools faster than planned is still caught.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from optimizer.building import Building, Course
from optimizer.program import Solution, Targets
from optimizer.resolution import round_down, round_up
from optimizer.thermal import Bools, Floats
from optimizer.thermostat import follow
from optimizer.timetable import spans

SAFETY_LEAD_H = 0.0
CATCH_BELOW_PLAN_K = 1.0
ABOVE_FLOOR_K = 0.2
COARSE_K = 0.5
HEATING_PART = 0.02
FULL_PART = 0.7
PLANT_FULL_PART = 0.95
SHORT_GAP_H = 0.75
LEAST_HOLD_H = 0.5
LONGEST_EXTENSION_H = 6.0
ON_TIME_K = 0.1
"""How far below its target a zone may be when its use starts [K]."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Setpoints [degC] (p, n) before rounding, and where they ask for use or warm-up."""

    values: Floats
    warm: Bools


def wanted(building: Building, course: Course, solution: Solution, targets: Targets) -> Wanted:
    """Setpoints of the planned heat."""
    step_h = building.outlook.step_h
    full = _at_full_power(building, course, solution)
    in_use = building.use > 0
    values, warm = np.empty_like(building.use), np.zeros_like(in_use)
    for z in range(len(building.zones)):
        droop = building.droop[z]
        heating = solution.heat[z] > HEATING_PART * np.maximum(building.heat_max[z], 1e-6)
        warm[z] = _warm(in_use[z], heating, step_h)
        values[z] = _setback(building.low[z], solution.air[z], warm[z]) - droop
        comfort = _comfort(in_use[z], targets.low[z], warm[z])
        planned = np.where(heating, solution.air[z], -np.inf)
        gentle = warm[z] & ~in_use[z] & heating & ~full[z]
        comfort = np.where(gentle, np.minimum(comfort, round_up(planned, COARSE_K)), comfort)
        asked = np.maximum(comfort, round_down(planned, COARSE_K))
        values[z] = np.maximum(values[z], asked - droop)
    return Wanted(values=np.clip(values, building.low, building.high), warm=warm)


def _at_full_power(building: Building, course: Course, solution: Solution) -> Bools:
    """Where radiators or the plant give all that the plan counts on, (p, n)."""
    zone = solution.heat >= FULL_PART * building.heat_max
    plant = solution.heat.sum(axis=0) >= PLANT_FULL_PART * course.room_kw(building.capacity_kw)
    return np.asarray(zone | plant)


def _warm(in_use: Bools, heating: Bools, step_h: float) -> Bools:
    """Steps in use, and the heating that leads up to them with a safety lead."""
    warm = in_use.copy()
    gap, lead = round(SHORT_GAP_H / step_h), round(SAFETY_LEAD_H / step_h)
    end_of_last = 0
    for first, last in spans(in_use):
        begin = first
        for k in range(first - 1, end_of_last - 1, -1):
            if heating[k]:
                begin = k
            elif begin - k > gap:
                break
        begin = max(end_of_last, begin - lead)
        warm[begin:first] = True
        end_of_last = last
    return warm


def _comfort(in_use: Bools, low: Floats, warm: Bools) -> Floats:
    """The target in use [degC], and in a warm-up the one that it leads to; else minus infinity."""
    values = np.where(in_use, low, -np.inf)
    for first, last in spans(warm & ~in_use):
        if last < len(values):
            values[first:last] = values[last]
    return values


def _setback(floor: Floats, air: Floats, warm: Bools) -> Floats:
    """A value below the planned temperature of each coasting stretch, not below the floor."""
    values = np.full(len(air), -np.inf)
    for first, last in spans(~warm):
        lowest = round_down(np.array(air[first:last].min() - CATCH_BELOW_PLAN_K), COARSE_K)
        values[first:last] = np.maximum(floor[first:last] + ABOVE_FLOOR_K, float(lowest))
    return values


def on_time(building: Building, course: Course, targets: Targets, asked: Wanted) -> Wanted:
    """Start warm-ups earlier until the model's thermostats reach their target in time."""
    step_h = building.outlook.step_h
    values, warm = asked.values.copy(), asked.warm.copy()
    for _ in range(round(LONGEST_EXTENSION_H / step_h)):
        outcome = follow(building, course, values)
        late = _late_starts(building, targets, outcome.air, warm)
        if not late:
            break
        for zone, begin, first in late:
            warm[zone, begin - 1] = True
            values[zone, begin - 1] = max(values[zone, begin - 1], values[zone, first])
    return Wanted(values=values, warm=warm)


def _late_starts(
    building: Building, targets: Targets, air: Floats, warm: Bools
) -> list[tuple[int, int, int]]:
    """(zone, begin of warm-up, first step in use) where a zone is cold when its use starts."""
    late = []
    for z in range(len(building.zones)):
        for first, _ in spans(building.use[z] > 0):
            if first == 0 or air[z, first] >= targets.low[z, first] - ON_TIME_K:
                continue
            begin = first
            while begin > 0 and warm[z, begin - 1]:
                begin -= 1
            before_that_in_use = begin > 0 and building.use[z, begin - 1] > 0
            if begin > 0 and not before_that_in_use:
                late.append((z, begin, first))
    return late


def held(values: Floats, step_h: float) -> Floats:
    """No value shorter than the least hold: dips are filled, peaks are begun earlier. (n,)"""
    least = max(1, round(LEAST_HOLD_H / step_h))
    result = values.copy()
    for _ in range(len(values)):
        runs = _runs(result)
        short = next(
            ((i, run) for i, run in enumerate(runs[1:-1], 1) if run[1] - run[0] < least), None
        )
        if short is None:
            break
        i, (first, last) = short
        before, after = result[runs[i - 1][0]], result[runs[i + 1][0]]
        value = result[first]
        if value > max(before, after):
            result[max(0, last - least) : last] = value
        else:
            result[first:last] = (
                max(before, after) if value < min(before, after) else max(value, before, after)
            )
    return result


def _runs(values: Floats) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(values)) + 1
    bounds = [0, *edges.tolist(), len(values)]
    return list(pairwise(bounds))
