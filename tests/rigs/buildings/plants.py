"""Plants without a fault, as columns, for the rules: a case changes what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from bms.faults.observations import Equipment, FaultContext, Observations
from bms.faults.signals import Signal
from bms.model.readings.series import Floats

MONDAY = int(datetime(2025, 1, 6, tzinfo=UTC).timestamp())
PAPERS = FaultContext(
    timezone="UTC",
    heat_dkk_kwh=0.6,
    electricity_dkk_kwh=1.5,
    water_dkk_m3=60.0,
    fan_kw=2.0,
    air_m3_h=4000.0,
)


def air_handler(
    days: float = 1.0, step_s: int = 60, context: FaultContext = PAPERS, **changed: Floats | float
) -> Observations:
    """A unit with a mixing box that runs from 6 to 18 and cools at least outdoor air; ``changed``
    are columns by the names of their signals."""
    n = int(days * 86400 / step_s)
    at = MONDAY + step_s * np.arange(n, dtype=np.int64)
    hour = (at - MONDAY) / 3600.0 % 24.0
    on = ((hour >= 6) & (hour < 18)).astype(np.float64)
    columns: dict[str, Floats | float] = {
        "supply_air_temp": np.where(on > 0, 13.0, 22.0),
        "supply_air_setpoint": 13.0,
        "outdoor_temp": 30.0,
        "mixed_air_temp": np.where(on > 0, 24.4, 23.0),
        "return_air_temp": 23.0,
        "fan": on,
        "return_fan": on,
        "fan_speed": np.where(on > 0, 0.7, 0.0),
        "return_fan_speed": np.where(on > 0, 0.56, 0.0),
        "outdoor_damper": np.where(on > 0, 0.2, 0.0),
        "cooling_valve": np.where(on > 0, 0.5, 0.0),
        "heating_valve": 0.0,
        "pressure": np.where(on > 0, 350.0, 0.0),
        "pressure_setpoint": 350.0,
        "occupied": on,
    }
    columns |= changed
    return _observed(Equipment.AIR_HANDLER, at, step_s, columns, context)


def recovery_unit(context: FaultContext = PAPERS, **changed: Floats | float) -> Observations:
    """A unit with heat recovery on a day of 0 degC: 80 % of the heat of 22 degC is recovered."""
    n = 1440
    at = MONDAY + 60 * np.arange(n, dtype=np.int64)
    columns: dict[str, Floats | float] = {
        "supply_air_temp": 19.5,
        "supply_air_setpoint": 19.5,
        "outdoor_temp": 0.0,
        "recovered_air_temp": 17.6,
        "return_air_temp": 22.0,
        "exhaust_air_temp": 5.0,
        "recovery": 1.0,
        "fan": 1.0,
        "fan_speed": 0.7,
        "heating_valve": 0.1,
        "cooling_valve": 0.0,
    }
    columns |= changed
    return _observed(Equipment.AIR_HANDLER, at, 60, columns, context)


def _observed(
    equipment: Equipment,
    at: np.ndarray,
    step_s: int,
    columns: dict[str, Floats | float],
    context: FaultContext,
) -> Observations:
    signals = {
        Signal[name.upper()]: np.array(np.broadcast_to(values, at.shape), dtype=np.float64)
        for name, values in columns.items()
        if values is not None
    }
    return Observations(
        site_id="site",
        subject="unit",
        equipment=equipment,
        at=at,
        step_s=step_s,
        signals=signals,
        context=context,
    )


def without(seen: Observations, *names: str) -> Observations:
    """The same subject without some of its columns."""
    gone = {Signal[name.upper()] for name in names}
    kept = {signal: values for signal, values in seen.signals.items() if signal not in gone}
    return replace(seen, signals=kept)
