"""Temperatures that a plan keeps, with a back-off for what models and thermostats miss."""

from __future__ import annotations

import numpy as np

from bms.model.planning.problem import Problem
from optimizer.horizon.building import Building
from optimizer.linear_program.program import FLOOR_FACTOR, ComfortTargets
from optimizer.model.rc_network import Floats
from optimizer.setpoints.coarse_steps import lower_targets
from optimizer.setpoints.warm_up_timing import steps_ready_before_use, warm_up_reserve

LEAST_BACKOFF_K = 0.1
LARGEST_BACKOFF_K = 0.5
FLOOR_BACKOFF_K = 0.2


def comfort_targets(problem: Problem, building: Building) -> ComfortTargets:
    """Returns the limits of the air temperature [degC] at the end of every step and the price of
    missing them [DKK/(K h)].

    In use the lower one lies the back-off inside the band; before use it is already what the use
    asks for, and the reserve of a warm-up above that.
    """
    backoff = comfort_backoffs(building)[:, np.newaxis]
    in_use = building.use > 0
    inner = np.where(in_use, lower_targets(building, building.low + backoff), -np.inf)
    coming = inner
    for _ in range(1 + steps_ready_before_use(building.inputs.step_h)):
        coming = np.maximum(coming, np.concatenate([coming[:, 1:], coming[:, -1:]], axis=1))
    reserve = warm_up_reserve(building, backoff[:, 0])[:, np.newaxis]
    coming = np.where(in_use, coming, coming + reserve)
    low = np.maximum(np.maximum(inner, coming), building.low + FLOOR_BACKOFF_K * ~in_use)
    busy = np.isfinite(inner) | np.isfinite(coming)
    price = problem.weights.comfort_dkk_per_kh * np.where(busy, 1.0, FLOOR_FACTOR)
    return ComfortTargets(low=np.minimum(low, building.high), high=building.high, price=price)


def comfort_backoffs(building: Building) -> Floats:
    """Returns how far inside the band each zone's plan stays in use [K] (p,).

    It is what the zone asks for; where that is not known, the spread of its thermostat less how far
    above its setpoint that settles anyway.
    """
    above = np.maximum(0.0, building.droop)
    by_spread = np.clip(building.spread - above, LEAST_BACKOFF_K, LARGEST_BACKOFF_K)
    asked = (zone.comfort_backoff_k for zone in building.zones)
    return np.array(
        [own if k is None else k for own, k in zip(by_spread.tolist(), asked, strict=True)]
    )
