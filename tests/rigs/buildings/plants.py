"""Plants without a fault, as columns, for the rules: a case changes what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from bms.faults.observations import Equipment, FaultContext, Observations
from bms.faults.signals import Signal
from bms.model.planning.grid import Ints
from bms.model.readings.series import Floats

Signals = Floats | float

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
    days: float = 1.0, step_s: int = 60, context: FaultContext = PAPERS, **changed: Signals
) -> Observations:
    """A unit with a mixing box that runs from 6 to 18 and cools at least outdoor air; ``changed``
    are columns by the names of their signals."""
    at, hour = _clock(days, step_s)
    on = ((hour >= 6) & (hour < 18)).astype(np.float64)
    columns: dict[str, Signals] = {
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


def recovery_unit(context: FaultContext = PAPERS, **changed: Signals) -> Observations:
    """A unit with heat recovery on a day of 0 degC: 80 % of the heat of 22 degC is recovered."""
    at, _ = _clock(1.0, 60)
    columns: dict[str, Signals] = {
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


def heating_circuit(
    days: float = 10.0, step_s: int = 900, context: FaultContext = PAPERS, **changed: Signals
) -> Observations:
    """A circuit of a cold week: 55 degC by day, 50 at night, cooled by 15 K, 20 kWh an hour."""
    at, hour = _clock(days, step_s)
    day = (hour >= 6) & (hour < 18)
    supply = np.where(day, 55.0, 50.0)
    columns: dict[str, Signals] = {
        "supply_temp": supply,
        "supply_setpoint": supply,
        "return_temp": supply - 15.0,
        "outdoor_temp": 2.0 + np.sin(hour / 12 * np.pi),
        "weather_temp": 2.0 + np.sin(hour / 12 * np.pi),
        "pump": 1.0,
        "valve": 0.4,
        "heat": 20.0 * step_s / 3600.0,
    }
    columns |= changed
    return _observed(Equipment.HEATING, at, step_s, columns, context)


def heat_pump(days: float = 6.0, step_s: int = 900, **changed: Signals) -> Observations:
    """A heat pump that runs an hour and rests an hour, at 3 kW and a COP of 3."""
    at, hour = _clock(days, step_s)
    on = hour % 2 < 1
    columns: dict[str, Signals] = {
        "heat_pump_run": np.where(on, 1.0, 0.0),
        "heat_pump_power": np.where(on, 3.0, 0.0),
        "heat_pump_heat": np.where(on, 9.0, 0.0),
    }
    return _observed(Equipment.HEAT_PUMP, at, step_s, columns | changed, PAPERS)


def heated_rooms(
    days: float = 8.0, step_s: int = 900, context: FaultContext = PAPERS, **changed: Signals
) -> Observations:
    """Three rooms at their setpoint of 21 degC in the cold, with valves that move; ``changed`` are
    columns of the building, or of the first room where its name begins with ``room_``."""
    at, hour = _clock(days, step_s)
    wave = np.sin(hour / 12 * np.pi)
    building: dict[str, Signals] = {"outdoor_temp": 2.0 + wave, "heat": 20.0 * step_s / 3600.0}
    own = {name[5:]: each for name, each in changed.items() if name.startswith("room_")}
    building |= {name: each for name, each in changed.items() if not name.startswith("room_")}
    sound: dict[str, Signals] = {
        "zone_temp": 21.0 + 0.2 * wave,
        "zone_setpoint": 21.0,
        "zone_valve": 0.5 + 0.2 * wave,
    }
    rooms: dict[Signal, dict[str, Floats]] = {}
    for nth in range(3):
        for name, values in {**sound, **(own if nth == 0 else {})}.items():
            column = np.array(np.broadcast_to(values, at.shape), dtype=np.float64)
            rooms.setdefault(Signal[name.upper()], {})[f"room{nth}"] = column
    return replace(_observed(Equipment.ROOMS, at, step_s, building, context), rooms=rooms)


def _clock(days: float, step_s: int) -> tuple[Ints, Floats]:
    """Starts of intervals from a Monday in January on, and their hours of the day."""
    at = MONDAY + step_s * np.arange(int(days * 86400 / step_s), dtype=np.int64)
    return at, (at - MONDAY) / 3600.0 % 24.0


def _observed(
    equipment: Equipment,
    at: np.ndarray,
    step_s: int,
    columns: dict[str, Signals],
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
