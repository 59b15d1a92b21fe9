"""Setpoints as they are issued: values that the levers take, each for a least time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from optimizer.horizon.building import Building
from optimizer.model.lever_pace import paced
from optimizer.model.quantise import quantise_up
from optimizer.model.rc_network import Floats

LEAST_HOLD_H = 0.5
"""How long a value is issued at least [h]."""


def lever_values(building: Building, setpoints: Floats) -> Floats:
    """Returns the values that the levers take for ``setpoints`` [degC] (p, n), inside the limits of
    the zones; zones without a lever keep their own setpoint, and held setpoints stay."""
    result = building.own_setpoint.copy()
    for z, (zone, first) in enumerate(zip(building.zones, building.held_steps, strict=True)):
        if zone.lever is not None and first < building.n:
            free = slice(first, None)
            steady = _with_least_hold(
                quantise_up(setpoints[z, free], zone.lever), building.inputs.step_h
            )
            within = np.clip(steady, building.low[z, free], building.high[z, free])
            result[z, free] = quantise_up(within, zone.lever)
            result[z] = paced(result[z], zone.lever, building.inputs.step_h, first)
    return result


def _with_least_hold(values: Floats, step_h: float) -> Floats:
    """Values (n,) none of which is shorter than :data:`LEAST_HOLD_H`: short dips are filled, short
    peaks begin earlier."""
    least = max(1, round(LEAST_HOLD_H / step_h))
    result = values.copy()
    for _ in range(len(values)):
        runs = _constant_runs(result)
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


def _constant_runs(values: Floats) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(values)) + 1
    bounds = [0, *edges.tolist(), len(values)]
    return list(pairwise(bounds))
