"""From planned heat and temperatures to setpoints that a room thermostat can follow.

In use the setpoint is the planned temperature. Before use it is that same value from the moment the
plan starts to heat: the thermostat then does the warm-up at full power by itself. While the plan
lets the zone coast the setpoint is a setback some way below the planned temperature, so that a zone
that cools faster than planned is still heated.

Between two uses a setpoint falls once and then only rises; over a short break it stays. A warm-up
in progress (:mod:`optimizer.setpoints.warm_up_in_progress`) is carried through.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.horizon.building import Building, ZoneDynamics
from optimizer.linear_program.program import ComfortTargets, Solution
from optimizer.model.quantise import round_down, round_up
from optimizer.model.rc_network import Bools, Floats
from optimizer.setpoints.timetable import true_periods
from optimizer.setpoints.warm_up_in_progress import LONGEST_WARM_UP_H, WarmUpInProgress

SETBACK_BELOW_PLAN_K = 1.0
ABOVE_FLOOR_K = 0.2
COARSE_K = 0.5
HEATING_PART = 0.02
PLANT_FULL_PART = 0.95
RISING_K = 0.3
"""Heating that stays this close to the floor [K] holds it and is no warm-up."""
SHORT_BREAK_H = 2.5
KEPT_ABOVE_PLAN_K = 0.05
KEPT_BELOW_FRESH_K = 1.5


@dataclass(frozen=True, slots=True)
class WarmUpShape:
    """How a warm-up is asked for. From ``full_part`` of the power on it counts as full power;
    otherwise setpoints rise with the plan in steps of ``step_k`` [K]. With ``in_time`` it begins
    earlier, or goes to the target at once, where a zone would be late. It begins ``longest_h`` [h]
    before the use at most."""

    full_part: float = 0.7
    step_k: float = COARSE_K
    in_time: bool = True
    longest_h: float = LONGEST_WARM_UP_H


GENTLE = WarmUpShape(full_part=1.0, step_k=0.2)
GENTLEST = WarmUpShape(full_part=1.0, step_k=0.1, in_time=False)
ALL_NIGHT = WarmUpShape(full_part=1.0, step_k=0.1, in_time=False, longest_h=72.0)
"""Where power has a price."""


def occupied_setpoints(building: Building, targets: ComfortTargets) -> Floats:
    """Returns the setpoints of the thermostats in use [degC] (p, n).

    A room that settles above its setpoint in use has that from people and sun, who are not there
    when use begins: only one that settles below it is asked for more.
    """
    return np.asarray(targets.low - np.minimum(building.droop, 0.0)[:, np.newaxis])


def tracking_setpoints(
    building: Building,
    dynamics: ZoneDynamics,
    solution: Solution,
    targets: ComfortTargets,
    in_progress: WarmUpInProgress,
    shape: WarmUpShape,
) -> Floats:
    """Returns setpoints that track the planned heat [degC] (p, n), before they are quantised."""
    full = _at_full_power(building, dynamics, solution, shape.full_part)
    step_h, held_steps = building.inputs.step_h, building.held_steps
    asked = occupied_setpoints(building, targets)
    values = np.empty_like(building.use)
    for z in range(len(building.zones)):
        heating = solution.heat[z] > HEATING_PART * np.maximum(building.heat_max[z], 1e-6)
        planned = solution.air[z] - building.droop[z]
        in_use = building.use[z] > 0
        values[z] = asked[z]
        for begin, last in true_periods(~in_use):
            first = max(begin, held_steps[z])
            if first >= last:
                continue
            stretch = slice(first, last)
            before_h = in_progress.unoccupied_h[z] if begin == 0 else 0.0
            values[z, stretch] = _unoccupied_setpoints(
                _Break(
                    floor=building.low[z, stretch] + ABOVE_FLOOR_K - building.droop[z],
                    planned=planned[stretch],
                    heating=heating[stretch],
                    full=full[z, stretch],
                    coming=asked[z, last] if last < building.n else None,
                    since_h=(first - begin) * step_h + before_h,
                    standing=in_progress.setback[z] if first == 0 else np.nan,
                ),
                step_h,
                shape,
            )
            if first == 0 and np.isfinite(in_progress.warm[z]):
                values[z, stretch] = np.maximum(values[z, stretch], in_progress.warm[z])
    return building.with_held(np.clip(values, building.low, building.high))


def _at_full_power(
    building: Building, dynamics: ZoneDynamics, solution: Solution, part: float
) -> Bools:
    """Where radiators or the plant give all the power that the plan counts on (p, n)."""
    zone = solution.heat >= part * building.heat_max
    plant = solution.heat.sum(axis=0) >= PLANT_FULL_PART * dynamics.available_kw(
        building.capacity_kw
    )
    return np.asarray(zone | plant)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Break:
    """A stretch of ``k`` steps in which a zone is not in use.

    ``floor`` and ``planned`` [degC] (k,) are the lowest setpoint and the planned temperature, less
    the droop; ``heating`` and ``full`` (k,) are true where the plan heats, and at full power.
    ``coming`` [degC] is the setpoint of the use that follows, None where none does; ``since_h`` [h]
    is how long the break has lasted already; ``standing`` [degC] is the setback in force, or NaN.
    """

    floor: Floats
    planned: Floats
    heating: Bools
    full: Bools
    coming: float | None
    since_h: float
    standing: float


def _unoccupied_setpoints(out: _Break, step_h: float, shape: WarmUpShape) -> Floats:
    """Setpoints [degC] (k,) of a break: a setback, then the warm-up for the coming use."""
    n = len(out.planned)
    if out.coming is None:
        return _setback(out.floor, out.planned, out.standing)
    if n * step_h + out.since_h <= SHORT_BREAK_H:
        return np.maximum(out.floor, out.coming)
    rising = out.heating & (out.planned > out.floor + RISING_K)
    rising[: max(0, n - round(shape.longest_h / step_h))] = False
    begin = int(np.argmax(rising)) if rising.any() else n
    values = _setback(out.floor, out.planned[: begin or None], out.standing)
    followed = np.minimum(out.coming, round_up(out.planned, shape.step_k))
    gentle = np.where(rising & ~out.full, followed, out.coming)
    level = np.where(rising, gentle, -np.inf)
    values[begin:] = np.maximum(values[begin:], level[begin:])
    return np.asarray(np.maximum.accumulate(values))


def _setback(floor: Floats, coasting: Floats, standing: float) -> Floats:
    """Setpoint below the lowest planned temperature while the zone coasts, not below the floor.

    The setback in force is kept while it neither heats nor lies far below. Shape of ``floor``.
    """
    lowest = float(coasting.min())
    fresh = np.maximum(floor, float(round_down(np.array(lowest - SETBACK_BELOW_PLAN_K), COARSE_K)))
    most = max(float(fresh[0]), lowest + KEPT_ABOVE_PLAN_K)
    if fresh[0] - KEPT_BELOW_FRESH_K <= standing <= most:
        return np.full(len(floor), standing)
    return fresh
