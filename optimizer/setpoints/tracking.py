"""From planned heat and temperatures to setpoints that a room thermostat can follow.

In use the thermostat is asked for the planned temperature. Before use it is asked for that same
value from the moment the plan starts to heat: a thermostat then does the warm-up at full power by
itself. While the plan lets the zone coast the setpoint is a setback some way below the planned
temperature, so that a zone that cools faster than planned is still caught.

Between two uses a setpoint falls once and then only rises; over a short break it stays. What has
begun (:mod:`optimizer.setpoints.continuity`) is carried through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from optimizer.horizon.building import Building, ZoneDynamics
from optimizer.horizon.rollout import RolloutResult, roll_out
from optimizer.linear_program.program import ComfortTargets, Solution
from optimizer.model.quantise import round_down, round_up
from optimizer.model.rc_network import Bools, Floats
from optimizer.setpoints.continuity import LONGEST_WARM_UP_H, Begun
from optimizer.setpoints.timetable import spans

CATCH_BELOW_PLAN_K = 1.0
ABOVE_FLOOR_K = 0.2
COARSE_K = 0.5
HEATING_PART = 0.02
PLANT_FULL_PART = 0.95
RISING_K = 0.3
"""Heating that stays this close to the floor [K] holds it and is no warm-up."""
SHORT_BREAK_H = 2.5
LEAST_HOLD_H = 0.5
LONGEST_EXTENSION_H = 8.0
LATER_H = 1.0
ON_TIME_K = 0.1
"""How far below its target a zone may be when its use starts [K]."""
READY_H = 0.25
"""How long before its use a zone is to be warm [h]: radiators answer later than the model's."""
KEPT_ABOVE_PLAN_K = 0.05
KEPT_BELOW_FRESH_K = 1.5


@dataclass(frozen=True, slots=True)
class Rise:
    """How a warm-up is asked for: from ``full_part`` of the power on it is full power, otherwise
    setpoints rise with the plan in steps of ``step_k`` [K]; ``timely`` ones begin earlier, or at
    once go to the target, where a zone would be late."""

    full_part: float = 0.7
    step_k: float = COARSE_K
    timely: bool = True


GENTLE = Rise(full_part=1.0, step_k=0.2)
GENTLEST = Rise(full_part=1.0, step_k=0.1, timely=False)
"""Where power has a price."""


def ready_steps(step_h: float) -> int:
    """Steps before its use in which a zone is to be warm already."""
    return int(READY_H / step_h + 1e-9)


def in_use_setpoints(building: Building, targets: ComfortTargets) -> Floats:
    """What each thermostat is asked for in use [degC] (p, n).

    A room that settles above its setpoint in use has that from people and sun, who are not there
    when use begins: only one that settles below it is asked for more.
    """
    return np.asarray(targets.low - np.minimum(building.droop, 0.0)[:, np.newaxis])


def warm_up_spare(building: Building, margins: Floats) -> Floats:
    """How much more than its target (low + ``margins`` [K]) a warm-up has to be able to reach in
    time [K] (p,): what the zone's record asks for, or the error of its model.

    It is spare time, not a higher temperature: the thermostat stops at the target.
    """
    told = (zone.start_backoff_k for zone in building.zones)
    rows = zip(told, building.model_error.tolist(), margins.tolist(), strict=True)
    return np.array([own if k is None else max(0.0, k - margin) for k, own, margin in rows])


def wanted(
    building: Building,
    dynamics: ZoneDynamics,
    solution: Solution,
    targets: ComfortTargets,
    started: Begun,
    rise: Rise,
) -> Floats:
    """Setpoints [degC] (p, n) of the planned heat, before rounding."""
    full = _at_full_power(building, dynamics, solution, rise.full_part)
    step_h, held_steps = building.inputs.step_h, building.held_steps
    asked = in_use_setpoints(building, targets)
    values = np.empty_like(building.use)
    for z in range(len(building.zones)):
        heating = solution.heat[z] > HEATING_PART * np.maximum(building.heat_max[z], 1e-6)
        planned = solution.air[z] - building.droop[z]
        in_use = building.use[z] > 0
        values[z] = asked[z]
        for begin, last in spans(~in_use):
            first = max(begin, held_steps[z])
            if first >= last:
                continue
            stretch = slice(first, last)
            values[z, stretch] = _empty(
                step_h,
                floor=building.low[z, stretch] + ABOVE_FLOOR_K - building.droop[z],
                planned=planned[stretch],
                heating=heating[stretch],
                full=full[z, stretch],
                step_k=rise.step_k,
                coming=asked[z, last] if last < building.n else None,
                since_h=(first - begin) * step_h + (started.empty_h[z] if begin == 0 else 0.0),
                standing=started.setback[z] if first == 0 else np.nan,
            )
            if first == 0 and np.isfinite(started.warm[z]):
                values[z, stretch] = np.maximum(values[z, stretch], started.warm[z])
    return building.with_held(np.clip(values, building.low, building.high))


def _at_full_power(
    building: Building, dynamics: ZoneDynamics, solution: Solution, part: float
) -> Bools:
    """Where radiators or the plant give all that the plan counts on, (p, n)."""
    zone = solution.heat >= part * building.heat_max
    plant = solution.heat.sum(axis=0) >= PLANT_FULL_PART * dynamics.available_kw(
        building.capacity_kw
    )
    return np.asarray(zone | plant)


def _empty(
    step_h: float,
    *,
    floor: Floats,
    planned: Floats,
    heating: Bools,
    full: Bools,
    step_k: float,
    coming: float | None,
    since_h: float,
    standing: float,
) -> Floats:
    """Setpoints [degC] of one stretch out of use: a setback, then the warm-up for ``coming``.

    ``since_h`` is how long the stretch has lasted already [h], ``standing`` the setback of now.
    """
    n = len(planned)
    if coming is None:
        return _setback(floor, planned, standing)
    if n * step_h + since_h <= SHORT_BREAK_H:
        return np.maximum(floor, coming)
    rising = heating & (planned > floor + RISING_K)
    rising[: max(0, n - round(LONGEST_WARM_UP_H / step_h))] = False
    begin = int(np.argmax(rising)) if rising.any() else n
    values = _setback(floor, planned[: begin or None], standing)
    gentle = np.where(rising & ~full, np.minimum(coming, round_up(planned, step_k)), coming)
    level = np.where(rising, gentle, -np.inf)
    values[begin:] = np.maximum(values[begin:], level[begin:])
    return np.asarray(np.maximum.accumulate(values))


def _setback(floor: Floats, coasting: Floats, standing: float) -> Floats:
    """A value below the lowest planned temperature while the zone coasts, not below the floor.

    The setback that stands is kept while it neither heats nor lies far below. Shape of ``floor``.
    """
    lowest = float(coasting.min())
    fresh = np.maximum(floor, float(round_down(np.array(lowest - CATCH_BELOW_PLAN_K), COARSE_K)))
    most = max(float(fresh[0]), lowest + KEPT_ABOVE_PLAN_K)
    if fresh[0] - KEPT_BELOW_FRESH_K <= standing <= most:
        return np.full(len(floor), standing)
    return fresh


def not_early(
    building: Building,
    dynamics: ZoneDynamics,
    targets: ComfortTargets,
    asked: Floats,
    spare: Floats,
    costs_of: Callable[[RolloutResult], float],
) -> Floats:
    """Begin each zone's next warm-up later where that is cheaper and still in time.

    The program heats in cheap hours and coasts through dear ones; a thermostat that has to hold
    what it has reached may lose more than that gains.
    """
    ready = ready_steps(building.inputs.step_h)
    best = asked
    least = costs_of(roll_out(building, dynamics, best))
    for z, free in enumerate(building.held_steps):
        in_use = building.use[z] > 0
        first = int(np.argmax(in_use))
        for begin in _later_begins(asked[z, free:first], building.inputs.step_h):
            later = best.copy()
            part = slice(free, free + begin)
            later[z, part] = np.minimum(asked[z, part], asked[z, free])
            reached = _reached(building, dynamics, later, spare)[z, max(0, first - ready)]
            if reached < targets.low[z, first] - ON_TIME_K:
                break
            costs = costs_of(roll_out(building, dynamics, later))
            if costs < least:
                best, least = later, costs
    return best


def _later_begins(empty: Floats, step_h: float) -> list[int]:
    """Steps to which the rise in a stretch before use may be put off."""
    risen = np.flatnonzero(empty > empty[:1] + RISING_K)
    every = max(1, round(LATER_H / step_h))
    return list(range(int(risen[0]) + every, len(empty), every)) if len(risen) else []


def on_time(
    building: Building,
    dynamics: ZoneDynamics,
    targets: ComfortTargets,
    asked: Floats,
    spare: Floats,
) -> Floats:
    """Start warm-ups earlier until the model's thermostats reach their target in time, and could
    reach ``spare`` [K] (p,) more."""
    values = asked.copy()
    for _ in range(round(LONGEST_EXTENSION_H / building.inputs.step_h)):
        late = _late(building, targets, _reached(building, dynamics, values, spare), values)
        if not late:
            break
        for zone, step, first in late:
            values[zone, step] = values[zone, first]
    return values


def _reached(building: Building, dynamics: ZoneDynamics, values: Floats, spare: Floats) -> Floats:
    """Air temperatures [degC] (p, n + 1), before use less ``spare`` after warm-ups that were asked
    for as much more: whether there is time for it."""
    asked = values.copy()
    off = np.zeros((len(values), building.n + 1))
    for z, free in enumerate(building.held_steps):
        for first, _ in spans(building.use[z] > 0):
            step = first
            while step > free and building.use[z, step - 1] == 0 and _risen(values[z], step, first):
                step -= 1
            asked[z, step:first] += spare[z]
            off[z, step:first] = spare[z]
    return np.asarray(roll_out(building, dynamics, asked).air - off)


def _risen(values: Floats, step: int, first: int) -> bool:
    """Whether the step before ``step`` is asked for what the use from ``first`` on is."""
    return bool(values[step - 1] >= values[first] - 1e-9)


def _late(
    building: Building, targets: ComfortTargets, air: Floats, values: Floats
) -> list[tuple[int, int, int]]:
    """(zone, step to be raised, first step in use) where a zone is cold when its use starts."""
    ready = ready_steps(building.inputs.step_h)
    late = []
    for z in range(len(building.zones)):
        for first, _ in spans(building.use[z] > 0):
            warm = air[z, max(0, first - ready)] >= targets.low[z, first] - ON_TIME_K
            if first == 0 or warm:
                continue
            step = first - 1
            while step >= 0 and values[z, step] >= values[z, first] - 1e-9:
                step -= 1
            if step >= 0 and building.use[z, step] == 0 and not building.held[z, step]:
                late.append((z, step, first))
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
