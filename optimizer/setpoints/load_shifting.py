"""Preheating: heat in cheap hours for expensive ones, by setpoints above the plain plan's.

A building stores heat for hours, a heavy one for a day; where the price varies by a good part of
itself, storage gains more than anything else in a plan. Models overestimate what comes back: of the
heat that a plan saves later only a share counts, the smaller the more the models erred a day ahead,
while what is bought earlier counts in full. Setpoints stay as they are unless that pays on average
over an ensemble of what building and weather may be, and by more than its spread.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.horizon.building import Building
from optimizer.horizon.ensemble import Ensemble
from optimizer.horizon.rollout import RolloutResult
from optimizer.linear_program.program import Solution
from optimizer.model.quantise import round_up
from optimizer.model.rc_network import Bools, Floats
from optimizer.setpoints.lever_values import LEAST_HOLD_H
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
SHARE_LOST_PER_K = 0.5
"""How much less of the heat saved later is counted on for each kelvin that the models erred on
held-out days 24 h ahead [1/K]."""
MOST_ERROR_K = 0.5
"""A model that erred by more [K] stores nothing until the meter has shown what comes of it."""
LEAST_GAIN_PART = 0.01
"""Part of the cost of heat that storing has to gain on average."""
BOUND_SPREADS = 1.0
"""So many spreads of the ensemble below its mean the gain must still not be a loss."""
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


def spikes_too_short(building: Building) -> int:
    """Returns how often the price of heat rises by more than its mean for a shorter time than a
    setpoint is held, so that no plan can follow it."""
    price, step_h = building.inputs.heat_price, building.inputs.step_h
    level = float(np.mean(np.abs(price)))
    dear = np.zeros(len(price) + 2, dtype=bool)
    dear[1:-1] = price > float(np.median(price)) + level
    edges = np.flatnonzero(np.diff(dear))
    return int(((edges[1::2] - edges[::2]) * step_h < LEAST_HOLD_H).sum())


def _steady(level: Floats, up: Bools) -> Floats:
    """The highest level [degC] of each raised period throughout it (p, n)."""
    result = level.copy()
    for z in range(len(level)):
        for first, last in true_periods(up[z]):
            result[z, first:last] = level[z, first:last].max()
    return result


def storing_gain(ensemble: Ensemble, plain: Floats, stored: Floats) -> Floats:
    """Returns what setpoints ``stored`` gain on ``plain`` [degC] (p, n) in every member of an
    ensemble [DKK] (m,): the part of the heat saved later that comes, less the heat bought earlier
    and the COP that a heat pump loses by it. What is left at the end counts :data:`STORED_PART`."""
    building = ensemble.members[0][0]
    price, step_h = building.inputs.heat_price, building.inputs.step_h
    before, after = ensemble.roll_out(plain), ensemble.roll_out(stored)
    change = (after.heat - before.heat) * step_h
    left = ensemble.stored_kwh(after) - ensemble.stored_kwh(before)
    worth = STORED_PART * max(0.0, float(price.mean()))
    back = np.maximum(0.0, -change) @ price + worth * left
    bought = np.maximum(0.0, change) @ price
    loss = _full_load_loss(building, after.heat) - _full_load_loss(building, before.heat)
    return np.asarray(counted_share(building) * back - bought - loss)


def counted_share(building: Building) -> float:
    """Returns the part 0..1 of the heat that storing saves later by the models which is counted on:
    what has come so far by the meter or, where that is not known yet, by their error 24 h ahead,
    weighted by the power of the zones; 0 where that is more than :data:`MOST_ERROR_K`."""
    known = building.storing_share
    if known is not None and np.isfinite(known):
        return float(np.clip(known, 0.0, 1.0))
    errors = np.array([abs(model.rmse_24h_k) for model in building.models])
    error_k = float(np.average(errors, weights=building.heat_max.max(axis=1) + 1e-6))
    if error_k > MOST_ERROR_K:
        return 0.0
    return float(np.clip(1.0 - SHARE_LOST_PER_K * error_k, 0.0, 1.0))


def pays(gain: Floats, building: Building, rollout: RolloutResult) -> bool:
    """Whether a gain (m,) [DKK] over an ensemble is worth other setpoints than those of
    ``rollout``."""
    inputs = building.inputs
    heat_cost = float(rollout.heat.sum(axis=0) @ inputs.heat_price) * inputs.step_h
    mean, spread = float(gain.mean()), float(gain.std())
    return mean > LEAST_GAIN_PART * abs(heat_cost) and mean > BOUND_SPREADS * spread


def _full_load_loss(building: Building, heat: Floats) -> Floats:
    """Cost of the COP that a heat pump loses at high load [DKK] (m,) by its heat [kW] (m, n), where
    its water is warmer than on average."""
    inputs = building.inputs
    if not np.any(inputs.cop != 1.0):
        return np.zeros(len(heat))
    full = np.maximum(np.minimum(building.heat_max.sum(axis=0), building.capacity_kw), 1e-6)
    return np.asarray((heat * heat / full) @ inputs.heat_price * inputs.step_h * COP_LOSS_AT_FULL)
