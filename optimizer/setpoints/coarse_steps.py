"""Levers with coarse steps: when the step below a wanted setpoint is the right one.

A thermostat that takes whole kelvins cannot be asked for 21.2 degC. Rounded up that is 22 degC all
day, which costs more than any plan saves. Where the building's own setpoint is below that as well,
and the step below is not under the limit, that step is used: it is what the zone is held at today,
rounded, and the back-off inside the band is given up for it. A zone that asks for a back-off keeps
it.
"""

from __future__ import annotations

import numpy as np

from bms.model.planning.problem import Lever
from optimizer.horizon.building import Building
from optimizer.model.quantise import SLACK, quantise_down, quantise_up
from optimizer.model.rc_network import Floats

COSTLY_ROUNDING_K = 0.25
"""Rounding up by less costs little, and is kept for comfort."""


def lower_targets(building: Building, inner: Floats) -> Floats:
    """Returns the temperatures to keep in use [degC] (p, n): ``inner``, or those of the step
    below."""
    result = inner.copy()
    for z, zone in enumerate(building.zones):
        if zone.lever is not None:
            droop = min(0.0, float(building.droop[z]))
            least = building.low[z] + max(0.0, zone.comfort_backoff_k or 0.0)
            result[z] = droop + lower_step(
                inner[z] - droop, zone.lever, building.own_setpoint[z], least - droop
            )
    return result


def lower_own_setpoints(building: Building, own: Floats) -> Floats:
    """Returns own setpoints [degC] (p, n), those between two coarse steps lowered to the step below
    where that is not under the limit."""
    result = own.copy()
    for z, zone in enumerate(building.zones):
        if zone.lever is not None:
            result[z] = lower_step(own[z], zone.lever, own[z], building.low[z])
    return result


def lower_step(asked: Floats, lever: Lever, own: Floats, least: Floats) -> Floats:
    """Returns setpoints [degC] (n,): ``asked``, or the step below it where the next one is clearly
    above ``asked`` and above ``own``, and the one below is not under ``least``."""
    above, below = quantise_up(asked, lever), quantise_down(asked, lever)
    dear = (above - asked >= COSTLY_ROUNDING_K) & (own < above - SLACK)
    return np.where(dear & (below >= least - SLACK), np.minimum(below, asked), asked)
