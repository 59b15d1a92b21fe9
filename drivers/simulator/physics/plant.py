"""Heat plants: a district heating substation or an air-to-water heat pump; capacity and supply."""

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
EXCHANGER_K = 4.0
"""Least temperature difference over the heat exchanger of a substation [K]."""


def cop(outdoor_c: FloatArray | float, supply_c: FloatArray | float) -> FloatArray:
    """Full-load coefficient of performance of a heat pump over outdoor air and supply water [degC].

    A constant share of Carnot between the refrigerant's temperatures, less what defrosting takes
    around the freezing point, where air carries most frost.
    """
    hot = np.asarray(supply_c) + CONDENSER_K + KELVIN
    cold = np.asarray(outdoor_c) - EVAPORATOR_K + KELVIN
    frost = 1.0 - 0.09 * np.exp(-(((np.asarray(outdoor_c) - 1.0) / 3.5) ** 2))
    return np.clip(SHARE_OF_CARNOT * hot / np.maximum(hot - cold, 10.0) * frost, 1.0, 6.5)


def capacity(
    nominal_w: FloatArray, is_heat_pump: NDArray[np.bool_], outdoor_c: float
) -> FloatArray:
    """Heat that the plants can give [W]: a substation its nominal capacity, a heat pump that at
    -7 degC outdoors and more in milder air."""
    of_heat_pump = nominal_w * float(np.clip(1.0 + 0.015 * (outdoor_c + 7.0), 0.8, 1.25))
    return np.where(is_heat_pump, of_heat_pump, nominal_w)


def primary_supply(outdoor_c: float) -> float:
    """Supply water of the district heating network [degC]: 65 in summer, up to 80 in frost."""
    return min(max(72.5 - 0.75 * outdoor_c, 65.0), 80.0)


def highest_supply(is_heat_pump: NDArray[np.bool_], outdoor_c: float) -> FloatArray:
    """Warmest supply water that the plants can give [degC]."""
    return np.where(is_heat_pump, MAX_SUPPLY_C, primary_supply(outdoor_c) - EXCHANGER_K)


def electricity(
    rooms_w: FloatArray,
    dhw_w: FloatArray,
    capacity_w: FloatArray,
    outdoor_c: float,
    supply_c: FloatArray,
) -> FloatArray:
    """Electric power of a heat pump [W] for ``rooms_w`` at ``supply_c`` and for hot water.

    Part load costs as in EN 14825 (``DEGRADATION``).
    """
    load = (rooms_w + dhw_w) / np.maximum(capacity_w, 1.0)
    load = np.clip(load / LEAST_LOAD, 0.05, 1.0)
    part = load / (DEGRADATION * load + 1.0 - DEGRADATION)
    full = rooms_w / cop(outdoor_c, supply_c) + dhw_w / cop(outdoor_c, DHW_SUPPLY_C)
    return np.asarray(full / part + STANDBY_W)
