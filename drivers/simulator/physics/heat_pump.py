"""The school's air-to-water heat pump: what it can give and what that costs in electricity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

KELVIN = 273.15
SHARE_OF_CARNOT = 0.5
CONDENSER_K = 4.0
EVAPORATOR_K = 8.0
DEGRADATION = 0.9
"""Cc of EN 14825 for cycling: PLF = r / (Cc r + 1 - Cc), r the load over the least modulation."""
LEAST_LOAD = 0.25
"""Share of its capacity down to which the compressor modulates before it cycles."""
STANDBY_W = 250.0
DHW_SUPPLY_C = 55.0
MAX_SUPPLY_C = 58.0


def cop(outdoor_c: FloatArray | float, supply_c: FloatArray | float) -> FloatArray:
    """Full-load coefficient of performance over outdoor air and supply water.

    A constant share of Carnot between the refrigerant's temperatures, less what defrosting takes
    around the freezing point, where air carries most frost.
    """
    hot = np.asarray(supply_c) + CONDENSER_K + KELVIN
    cold = np.asarray(outdoor_c) - EVAPORATOR_K + KELVIN
    frost = 1.0 - 0.09 * np.exp(-(((np.asarray(outdoor_c) - 1.0) / 3.5) ** 2))
    return np.clip(SHARE_OF_CARNOT * hot / np.maximum(hot - cold, 10.0) * frost, 1.0, 6.5)


def capacity(nominal_w: FloatArray, outdoor_c: float) -> FloatArray:
    """Heat that it can give [W]: nominal at -7 degC outdoors, more in milder air."""
    return nominal_w * float(np.clip(1.0 + 0.015 * (outdoor_c + 7.0), 0.8, 1.25))


def electricity(
    rooms_w: FloatArray,
    dhw_w: FloatArray,
    capacity_w: FloatArray,
    outdoor_c: float,
    supply_c: FloatArray,
) -> FloatArray:
    """Electric power for heat to rooms at ``supply_c`` and to hot water, with cycling loss [W]."""
    load = (rooms_w + dhw_w) / np.maximum(capacity_w, 1.0)
    load = np.clip(load / LEAST_LOAD, 0.05, 1.0)
    part = load / (DEGRADATION * load + 1.0 - DEGRADATION)
    full = rooms_w / cop(outdoor_c, supply_c) + dhw_w / cop(outdoor_c, DHW_SUPPLY_C)
    return np.asarray(full / part + STANDBY_W)
