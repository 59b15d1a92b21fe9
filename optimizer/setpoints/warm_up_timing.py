"""When warm-ups begin: early enough in the simulation, and no earlier than it pays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optimizer.horizon.building import Building, ZoneDynamics
from optimizer.horizon.rollout import RolloutResult, roll_out
from optimizer.linear_program.program import ComfortTargets
from optimizer.model.rc_network import Floats
from optimizer.setpoints.timetable import true_periods
from optimizer.setpoints.tracking import RISING_K

LONGEST_EXTENSION_H = 8.0
DELAY_STEP_H = 1.0
LATE_BELOW_K = 0.1
"""How far below its target a zone may be when its use starts [K]."""
READY_H = 0.25
"""How long before its use a zone is to be warm [h]: radiators answer later than the model's."""


def steps_ready_before_use(step_h: float) -> int:
    """Returns the number of steps before its use in which a zone is to be warm already."""
    return int(READY_H / step_h + 1e-9)


def warm_up_reserve(building: Building, margins: Floats) -> Floats:
    """Returns how much above its target (low + ``margins`` [K]) a warm-up has to be able to get in
    time [K] (p,): what the zone asks for, or the error of its model.

    It is a reserve of time, not a higher temperature: the thermostat stops at the target.
    """
    asked = (zone.start_backoff_k for zone in building.zones)
    rows = zip(asked, building.model_error.tolist(), margins.tolist(), strict=True)
    return np.array([own if k is None else max(0.0, k - margin) for k, own, margin in rows])


def delay_warm_ups(
    building: Building,
    dynamics: ZoneDynamics,
    targets: ComfortTargets,
    asked: Floats,
    reserve: Floats,
    cost_of: Callable[[RolloutResult], float],
) -> Floats:
    """Returns setpoints ``asked`` [degC] (p, n) with each zone's next warm-up begun later where
    that is cheaper and still in time; ``cost_of`` is the cost of a rollout [DKK].

    The program heats in cheap hours and coasts through dear ones; a thermostat that has to hold
    what it has reached may lose more than that gains.
    """
    ready = steps_ready_before_use(building.inputs.step_h)
    best = asked
    least = cost_of(roll_out(building, dynamics, best))
    for z, free in enumerate(building.held_steps):
        in_use = building.use[z] > 0
        first = int(np.argmax(in_use))
        for begin in _later_starts(asked[z, free:first], building.inputs.step_h):
            later = best.copy()
            part = slice(free, free + begin)
            later[z, part] = np.minimum(asked[z, part], asked[z, free])
            at = max(0, first - ready)
            reached = _reachable_air(building, dynamics, later, reserve, at)[z, at]
            if reached < targets.low[z, first] - LATE_BELOW_K:
                break
            costs = cost_of(roll_out(building, dynamics, later))
            if costs < least:
                best, least = later, costs
    return best


def _later_starts(empty: Floats, step_h: float) -> list[int]:
    """Steps to which the rise before use may be delayed."""
    risen = np.flatnonzero(empty > empty[:1] + RISING_K)
    every = max(1, round(DELAY_STEP_H / step_h))
    return list(range(int(risen[0]) + every, len(empty), every)) if len(risen) else []


def advance_warm_ups(
    building: Building,
    dynamics: ZoneDynamics,
    targets: ComfortTargets,
    asked: Floats,
    reserve: Floats,
) -> Floats:
    """Returns setpoints ``asked`` [degC] (p, n) with warm-ups begun earlier until the simulated
    thermostats reach their target in time, and could get ``reserve`` [K] (p,) further."""
    values = asked.copy()
    for _ in range(round(LONGEST_EXTENSION_H / building.inputs.step_h)):
        late_starts = _late_starts(
            building, targets, _reachable_air(building, dynamics, values, reserve), values
        )
        if not late_starts:
            break
        for zone, step, first in late_starts:
            values[zone, step] = values[zone, first]
    return values


def late_zones(
    building: Building, dynamics: ZoneDynamics, targets: ComfortTargets, values: Floats
) -> set[int]:
    """Returns the zones that setpoints ``values`` [degC] (p, n) may leave too cold at a start of
    use: they could not get the reserve of their model further in time."""
    reserve = warm_up_reserve(building, np.zeros(len(values)))
    air = _reachable_air(building, dynamics, values, reserve)
    return {zone for zone, _, _ in _late_starts(building, targets, air, values)}


def _reachable_air(
    building: Building,
    dynamics: ZoneDynamics,
    values: Floats,
    reserve: Floats,
    until: int | None = None,
) -> Floats:
    """Air temperatures [degC] (p, n + 1), before use less ``reserve`` after warm-ups whose setpoint
    is as much higher: whether there is time for it. Only the first ``until`` steps where that is
    all that is asked."""
    asked = values.copy()
    off = np.zeros((len(values), building.n + 1))
    for z, free in enumerate(building.held_steps):
        for first, _ in true_periods(building.use[z] > 0):
            step = first
            while (
                step > free
                and building.use[z, step - 1] == 0
                and _asks_for_use(values[z], step, first)
            ):
                step -= 1
            asked[z, step:first] += reserve[z]
            off[z, step:first] = reserve[z]
    air = roll_out(building, dynamics, asked[:, :until]).air
    return np.asarray(air - off[:, : air.shape[1]])


def _asks_for_use(values: Floats, step: int, first: int) -> bool:
    """Whether the step before ``step`` has at least the setpoint of the use from ``first`` on."""
    return bool(values[step - 1] >= values[first] - 1e-9)


def _late_starts(
    building: Building, targets: ComfortTargets, air: Floats, values: Floats
) -> list[tuple[int, int, int]]:
    """(zone, step to be raised, first step in use) where a zone is too cold when its use starts."""
    ready = steps_ready_before_use(building.inputs.step_h)
    late_starts = []
    for z in range(len(building.zones)):
        for first, _ in true_periods(building.use[z] > 0):
            warm = air[z, max(0, first - ready)] >= targets.low[z, first] - LATE_BELOW_K
            if first == 0 or warm:
                continue
            step = first - 1
            while step >= 0 and values[z, step] >= values[z, first] - 1e-9:
                step -= 1
            if step >= 0 and building.use[z, step] == 0 and not building.held[z, step]:
                late_starts.append((z, step, first))
    return late_starts
