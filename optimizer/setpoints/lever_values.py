"""Setpoints as they can be issued: values that the levers take, each held for a while."""

from __future__ import annotations

import numpy as np

from optimizer.horizon.building import Building
from optimizer.model.quantise import settle
from optimizer.model.rc_network import Floats
from optimizer.setpoints.tracking import held


def lever_values(building: Building, setpoints: Floats) -> Floats:
    """Returns what the levers take of ``setpoints`` [degC] (p, n), inside the limits of the zones;
    zones without a lever keep their own setpoint."""
    result = building.own_setpoint.copy()
    for z, zone in enumerate(building.zones):
        if zone.lever is not None:
            steady = held(settle(setpoints[z], zone.lever), building.outlook.step_h)
            result[z] = settle(np.clip(steady, building.low[z], building.high[z]), zone.lever)
    return result
