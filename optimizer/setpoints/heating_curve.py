"""The heating curve's parallel shift: cooler supply water where radiators have power to spare.

The power of a radiator grows with its excess temperature to the power 1.3 (EN 442-2). So water that
is ``s`` K cooler leaves ``(1 - s / excess)**1.3`` of the power, and the plan's heat is still
possible where it is below that part, with a reserve. ``excess`` is that of a mild day, when it is
least. Cooler water means a better COP of a heat pump, a cooler return and less loss from pipes.
Only the COP is counted, and only where the heat source says by how much it rises
(:func:`cop_with`).
"""

from __future__ import annotations

import numpy as np

from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.planning.problem import Lever, Problem
from optimizer.horizon.building import Building
from optimizer.horizon.rollout import RolloutResult
from optimizer.linear_program.time_blocks import clock_minimum
from optimizer.model.lever_pace import paced_with_held
from optimizer.model.quantise import has_value, quantise_up
from optimizer.model.rc_network import Floats

RADIATOR_EXPONENT = 1.3
EXCESS_K = 10.0
"""Excess temperature of the radiators on a mild day [K]."""
COUNTED_PART = 0.6
"""The part of the power that is counted on."""
LARGEST_K = 6.0
AHEAD_H = 1.5
"""How long before more heat is needed the water is back [h]."""
SPAN_H = 2.0
MARGIN_K = 0.1
"""A zone this close to its lower limit [K] gets the water of the curve as commissioned."""


def curve_lever(problem: Problem) -> Lever | None:
    """Returns the lever of the shift where it takes 0 and negative values, else None."""
    lever = problem.curve.lever if problem.curve else None
    usable = lever is not None and has_value(lever) and lever.minimum <= 0.0 <= lever.maximum
    return lever if usable else None


def curve_shifts(
    problem: Problem, building: Building, rollout: RolloutResult, lever: Lever
) -> Floats:
    """Returns the shift [K] (n,) for the heat of ``rollout``: 0 or below, constant over
    :data:`SPAN_H`.

    It is 0 throughout where a zone of the problem has no model, but for a shift that is held.
    """
    if len(building.zones) < len(problem.zones):
        return own_curve_shifts(problem, lever)
    lower = _reducible_k(building, rollout).min(axis=0)
    ahead = _minimum_ahead(lower, round(AHEAD_H / building.inputs.step_h))
    steady = clock_minimum(problem, ahead, SPAN_H)
    shift = quantise_up(-np.floor(np.minimum(steady, LARGEST_K)), lever)
    return paced_with_held(problem, lever, shift)


def own_curve_shifts(problem: Problem, lever: Lever) -> Floats:
    """Returns the shift [K] (n,) without a plan: 0, or the one that is held."""
    return paced_with_held(problem, lever, np.zeros(problem.steps))


def cop_with(source: HeatSource, cop: Floats, shift_k: Floats) -> Floats:
    """Returns the COP (n,) with the curve shifted by ``shift_k`` [K] (n,): it rises by
    ``cop_gain_per_k`` for each kelvin that the water is cooler. A Carnot machine between 0 and 45
    degC gains about 0.02 per kelvin."""
    if source.kind is not HeatSourceKind.HEAT_PUMP:
        return cop
    return np.asarray(cop * (1.0 + source.cop_gain_per_k * np.maximum(0.0, -shift_k)))


def _reducible_k(building: Building, rollout: RolloutResult) -> Floats:
    """By how much the water of each zone may be cooler [K] (p, n)."""
    part = np.divide(
        rollout.heat,
        COUNTED_PART * building.heat_max,
        out=np.ones_like(rollout.heat),
        where=building.heat_max > 0,
    )
    spare = EXCESS_K * (1.0 - np.minimum(part, 1.0) ** (1.0 / RADIATOR_EXPONENT))
    coldest = np.minimum(rollout.air[:, :-1], rollout.air[:, 1:])
    return np.where(coldest >= building.low + MARGIN_K, spare, 0.0)


def _minimum_ahead(values: Floats, steps: int) -> Floats:
    """Minimum of each value and the ``steps`` that follow it (n,)."""
    padded = np.append(values, np.full(steps, values[-1]))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, steps + 1).min(axis=1))
