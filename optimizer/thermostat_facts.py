"""What the past shows about a zone's own controller: power, droop and how well it holds."""

from __future__ import annotations

import numpy as np

from optimizer.past import Past
from optimizer.shares import HeatShares
from optimizer.thermal import Floats

STEADY_H = 3.0
LEAST_STEADY = 24
FULL_VALVE_PCT = 90.0
LEAST_FULL = 8
WARM_UP_QUANTILE = 0.75
"""A warm-up starts from cold radiators, which take more than they do on average."""
LARGEST_DROOP_K = 1.0
DEFAULT_TRACK_K = 0.2


def thermostat_facts(past: Past, shares: HeatShares, z: int) -> dict[str, float]:
    """Named facts of zone ``z``.

    ``heat_max_kw`` and ``heat_max_cold_kw`` [kW]: power with an open valve at 15 degC outdoors and
    what -5 degC adds. ``droop_k`` [K]: how far the room settles from its setpoint;
    ``track_k`` [K]: the spread around that.
    """
    droop, track = _steady(past, z)
    base, by_cold = _power(past, shares, z)
    return {
        "heat_max_kw": base,
        "heat_max_cold_kw": by_cold,
        "droop_k": droop,
        "track_k": track,
    }


def _steady(past: Past, z: int) -> tuple[float, float]:
    """Offset from the setpoint and its spread [K] while the thermostat is in command."""
    setpoint, temp, valve = past.setpoint[z], past.temp[z], past.valve[z]
    hold = round(STEADY_H / past.step_h)
    same = np.zeros(past.steps, dtype=bool)
    if past.steps <= hold:
        return 0.0, DEFAULT_TRACK_K
    windows = np.lib.stride_tricks.sliding_window_view(setpoint, hold + 1)
    same[hold:] = np.ptp(windows, axis=1) < 0.05
    commanding = same & (past.use[z] > 0) & (valve > 3.0) & (valve < FULL_VALVE_PCT)
    error = (temp - setpoint)[commanding & np.isfinite(temp)]
    if len(error) < LEAST_STEADY:
        return 0.0, DEFAULT_TRACK_K
    droop = float(np.clip(np.median(error), -LARGEST_DROOP_K, LARGEST_DROOP_K))
    return droop, float(np.quantile(np.abs(error - droop), 0.7))


def _power(past: Past, shares: HeatShares, z: int) -> tuple[float, float]:
    """Power with an open valve [kW] at 15 degC outdoors, and what -5 degC adds."""
    heat: Floats = shares.divide(
        past.heat, past.valve, past.temp_out, past.building_run, past.building_use
    )[z]
    full = np.isfinite(heat) & (past.valve[z] >= FULL_VALVE_PCT)
    if not shares.by_valve or full.sum() < LEAST_FULL:
        known = heat[np.isfinite(heat)]
        return (float(np.quantile(known, 0.97)) if len(known) else 0.0), 0.0
    expected = shares.radiators(past.valve, past.temp_out)[z]
    factor = float(np.quantile(heat[full] / np.maximum(expected[full], 1e-9), WARM_UP_QUANTILE))
    return float(shares.valve_kw[z]) * factor, float(shares.valve_cold_kw[z]) * factor
