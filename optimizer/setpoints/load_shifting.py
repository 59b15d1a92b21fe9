"""Preheating: heat in cheap hours for expensive ones, by setpoints above the plain plan's.

A building stores heat for hours, a heavy one for a day; where the price varies by a good part of
itself, storage gains more than anything else in a plan. Models overestimate it: a plan has to
promise a saving of :data:`REQUIRED_SAVING_PART` of the cost of heat, or its setpoints stay as they
are.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.horizon.building import Building
from optimizer.horizon.rollout import RolloutResult
from optimizer.linear_program.program import Solution
from optimizer.model.quantise import round_up
from optimizer.model.rc_network import Bools, Floats
from optimizer.setpoints.timetable import true_periods

LIFTS_K = (0.5, 1.0, 2.0)
"""How far a setpoint may be raised above the highest that the plain plan has."""
STEP_K = 0.5
LEAST_RISE_K = 0.25
BELOW_HIGH_K = 0.5
"""How far from the upper limit a raised setpoint stays: thermostats overshoot."""
HEATING_PART = 0.02
MOST_CHANGES = 12
"""Setpoint changes of a zone in 24 h; more of them are hunting, whatever they save."""
LEAST_PRICE_VARIATION = 0.3
"""Standard deviation of the price relative to its mean, below which nothing is stored."""
REQUIRED_SAVING_PART = 0.35
"""Part of the cost of heat that storing has to promise. In detailed simulations what it gained was
about a third of that cost less than the models had promised, in light and heavy buildings."""
COP_LOSS_AT_FULL = 0.3
"""Relative loss of COP from no load to full power: 2.5 % for each of some 12 K of water."""
STORED_PART = 0.5
"""What heat left at the end is worth of the mean price: a part is lost before it is needed."""


def price_varies(building: Building) -> bool:
    """Whether the price of heat varies enough between hours for preheating."""
    price = building.inputs.heat_price
    return float(np.std(price)) > LEAST_PRICE_VARIATION * abs(float(np.mean(price)))


def preheating_setpoints(
    building: Building, solution: Solution, values: Floats
) -> Iterator[Floats]:
    """Yields setpoints [degC] (p, n) that follow the planned heat above ``values``, one for each
    lift.

    They are not quantised yet; :func:`changes_seldom` says which may be issued.
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


def setpoints_in_paid_hours(building: Building, values: Floats) -> Iterator[Floats]:
    """Yields setpoints [degC] (p, n) above ``values`` in the hours in which heat is paid for taking
    it, one for each lift: what it saves later hangs on the model, what it earns does not."""
    paid = building.inputs.heat_price < 0.0
    if not paid.any():
        return
    highest = building.high - BELOW_HIGH_K
    usual = np.where(building.held, -np.inf, values).max(axis=1, keepdims=True)
    for lift in LIFTS_K:
        level = np.maximum(values, np.minimum(usual + lift, highest))
        yield building.with_held(np.where(paid, level, values))


def changes_seldom(setpoints: Floats, step_h: float) -> bool:
    """Whether no zone's setpoint (p, n) changes more than :data:`MOST_CHANGES` times in 24 h."""
    changed = np.diff(setpoints, axis=1) != 0.0
    day = max(1, round(24.0 / step_h))
    counts = np.cumsum(np.pad(changed, ((0, 0), (day, 0))), axis=1)
    return bool((counts[:, day:] - counts[:, :-day]).max(initial=0) <= MOST_CHANGES)


def _steady(level: Floats, up: Bools) -> Floats:
    """The highest level [degC] of each raised period throughout it (p, n)."""
    result = level.copy()
    for z in range(len(level)):
        for first, last in true_periods(up[z]):
            result[z, first:last] = level[z, first:last].max()
    return result


def cost_with_losses(building: Building, costs: float, rollout: RolloutResult) -> float:
    """Returns ``costs`` [DKK], in which the heat left counts at the mean price, with only
    :data:`STORED_PART` of that, and with the loss of a heat pump at high load."""
    left = float(building.rc.stored_kwh(rollout.air[:, -1], rollout.mass[:, -1]).sum())
    price = max(0.0, float(building.inputs.heat_price.mean()))
    return costs + left * price * (1.0 - STORED_PART) + _full_load_loss(building, rollout)


def _full_load_loss(building: Building, rollout: RolloutResult) -> float:
    """Cost of the COP that a heat pump loses at high load [DKK], where its water is warmer than on
    average."""
    inputs = building.inputs
    if not np.any(inputs.cop != 1.0):
        return 0.0
    heat = rollout.heat.sum(axis=0)
    full = np.maximum(np.minimum(building.heat_max.sum(axis=0), building.capacity_kw), 1e-6)
    return float((heat * heat / full) @ inputs.heat_price) * inputs.step_h * COP_LOSS_AT_FULL


def required_saving(building: Building, rollout: RolloutResult) -> float:
    """Returns the least saving [DKK] for which setpoints are changed: a part of the cost of
    heat."""
    inputs = building.inputs
    heat_cost = float(rollout.heat.sum(axis=0) @ inputs.heat_price) * inputs.step_h
    return REQUIRED_SAVING_PART * abs(heat_cost)
