"""Setpoints as they can be issued: values that the levers take, each held for a while."""

from __future__ import annotations

import numpy as np

from optimizer.horizon.building import Building
from optimizer.model.quantise import settle
from optimizer.model.rc_network import Floats
from optimizer.setpoints.tracking import held


def lever_values(building: Building, setpoints: Floats) -> Floats:
    """Returns what the levers take of ``setpoints`` [degC] (p, n), inside the limits of the zones;
    zones without a lever keep their own setpoint, and what somebody holds stays as it is."""
    result = building.own_setpoint.copy()
    for z, (zone, first) in enumerate(zip(building.zones, building.held_steps, strict=True)):
        if zone.lever is not None and first < building.n:
            free = slice(first, None)
            steady = held(settle(setpoints[z, free], zone.lever), building.inputs.step_h)
            within = np.clip(steady, building.low[z, free], building.high[z, free])
            result[z, free] = settle(within, zone.lever)
    return result
