"""Heat in cheap hours for dear ones: setpoints above what is asked for, in use and out of it.

A building keeps heat for hours, a heavy one for a day; where the price of power swings by a good
part of itself that is more than all else a plan can gain. Models promise too much of it: a plan
has to foresee :data:`LEAST_GAIN` of the cost of heat, or its setpoints stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.horizon.building import Building
from optimizer.horizon.rollout import RolloutResult
from optimizer.linear_program.program import Solution
from optimizer.model.quantise import round_up
from optimizer.model.rc_network import Bools, Floats
from optimizer.setpoints.timetable import spans

LIFTS_K = (0.5, 1.0, 2.0)
"""How far a setpoint may be raised above the highest that the plain plan has."""
STEP_K = 0.5
LEAST_RISE_K = 0.25
BELOW_HIGH_K = 0.5
"""How far from the upper limit a raised setpoint stays: thermostats overshoot."""
HEATING_PART = 0.02
MOST_CHANGES = 12
"""Setpoint changes of a zone in 24 h; more of them are hunting, whatever they save."""
LEAST_SWING = 0.3
"""Standard deviation of the price relative to its mean, below which nothing is stored."""
LEAST_GAIN = 0.35
"""Part of the cost of heat that storing has to promise. In detailed simulations what it gained was
about a third of that cost less than the models had promised, in light and heavy buildings."""
COP_LOSS_AT_FULL = 0.3
"""Relative loss of COP from no load to full power: 2.5 % for each of some 12 K of water."""
STORED_PART = 0.5
"""What heat left at the end is worth of the mean price: a part is lost before it is needed."""


def swings(building: Building) -> bool:
    """Whether the price of heat differs enough between hours."""
    price = building.inputs.heat_price
    return float(np.std(price)) > LEAST_SWING * float(np.mean(price)) > 0.0


def ways_to_store(building: Building, solution: Solution, values: Floats) -> Iterator[Floats]:
    """Setpoints [degC] (p, n) that follow the planned heat above ``values``, one for each lift.

    Before they are rounded to what the levers take; :func:`calm` says which may be issued.
    """
    planned = round_up(solution.air - building.droop[:, np.newaxis], STEP_K)
    price = building.inputs.heat_price
    heating = solution.heat > HEATING_PART * np.maximum(building.heat_max, 1e-6)
    cheap = heating & (price < price.mean())
    highest = building.high - BELOW_HIGH_K
    usual = np.where(building.held, -np.inf, values).max(axis=1, keepdims=True)
    for lift in LIFTS_K:
        level = np.minimum(np.minimum(planned, usual + lift), highest)
        up = cheap & (level > values + LEAST_RISE_K)
        raised = np.where(up, np.maximum(values, np.minimum(_steady(level, up), highest)), values)
        yield building.with_held(raised)


def calm(setpoints: Floats, step_h: float) -> bool:
    """Whether no zone's setpoint (p, n) changes more than :data:`MOST_CHANGES` times in 24 h."""
    changed = np.diff(setpoints, axis=1) != 0.0
    day = max(1, round(24.0 / step_h))
    counts = np.cumsum(np.pad(changed, ((0, 0), (day, 0))), axis=1)
    return bool((counts[:, day:] - counts[:, :-day]).max(initial=0) <= MOST_CHANGES)


def _steady(level: Floats, up: Bools) -> Floats:
    """In each stretch its highest throughout: a thermostat is asked once."""
    result = level.copy()
    for z in range(len(level)):
        for first, last in spans(up[z]):
            result[z, first:last] = level[z, first:last].max()
    return result


def spent(building: Building, costs: float, rollout: RolloutResult) -> float:
    """``costs`` [DKK], which count the heat left at the mean price, with only a part of that: a
    store that is filled and not used has gained little. A heat pump pays for its bursts, too."""
    left = float(building.rc.stored_kwh(rollout.air[:, -1], rollout.mass[:, -1]).sum())
    price = max(0.0, float(building.inputs.heat_price.mean()))
    return costs + left * price * (1.0 - STORED_PART) + _bursts(building, rollout)


def _bursts(building: Building, rollout: RolloutResult) -> float:
    """What a heat pump loses at high power [DKK], where its water is warmer than on the mean."""
    inputs = building.inputs
    if not np.any(inputs.cop != 1.0):
        return 0.0
    heat = rollout.heat.sum(axis=0)
    full = np.maximum(np.minimum(building.heat_max.sum(axis=0), building.capacity_kw), 1e-6)
    return float((heat * heat / full) @ inputs.heat_price) * inputs.step_h * COP_LOSS_AT_FULL


def least_gain(building: Building, rollout: RolloutResult) -> float:
    """What storing has to save [DKK] to be worth its changes: a part of what the heat costs."""
    inputs = building.inputs
    heat_cost = float(rollout.heat.sum(axis=0) @ inputs.heat_price) * inputs.step_h
    return LEAST_GAIN * abs(heat_cost)
