"""Levers with coarse steps: when the step below what a zone is to have is the right one.

A thermostat that takes whole kelvins cannot be asked for 21.2 degC. Rounded up that is 22 degC all
day, which costs more than any plan saves. Where the building's own setpoint is below that as well,
and the step below does not lie under the limit, that step is what the zone is held at today,
rounded: the margin inside the band is given up for it. A zone whose record asks for a margin keeps
that.
"""

from __future__ import annotations

import numpy as np

from bms.model.planning.problem import Lever
from optimizer.horizon.building import Building
from optimizer.model.quantise import SLACK, settle, settle_down
from optimizer.model.rc_network import Floats

DEAR_K = 0.25
"""Rounding up by less costs little, and is kept for comfort."""


def step_below(building: Building, inner: Floats) -> Floats:
    """Temperatures to keep in use [degC] (p, n): ``inner``, or what the step below gives."""
    result = inner.copy()
    for z, zone in enumerate(building.zones):
        if zone.lever is not None:
            droop = min(0.0, float(building.droop[z]))
            least = building.low[z] + max(0.0, zone.comfort_backoff_k or 0.0)
            result[z] = droop + lower_step(
                inner[z] - droop, zone.lever, building.own_setpoint[z], least - droop
            )
    return result


def own_below(building: Building, own: Floats) -> Floats:
    """Own setpoints [degC] (p, n), those between two coarse steps as the lower one of them where
    that is not under the limit."""
    result = own.copy()
    for z, zone in enumerate(building.zones):
        if zone.lever is not None:
            result[z] = lower_step(own[z], zone.lever, own[z], building.low[z])
    return result


def lower_step(asked: Floats, lever: Lever, own: Floats, least: Floats) -> Floats:
    """Setpoints [degC] (n,): ``asked``, or the step below it where the next one is clearly more,
    more than ``own`` as well, and the one below is not under ``least``."""
    above, below = settle(asked, lever), settle_down(asked, lever)
    dear = (above - asked >= DEAR_K) & (own < above - SLACK)
    return np.where(dear & (below >= least - SLACK), np.minimum(below, asked), asked)
