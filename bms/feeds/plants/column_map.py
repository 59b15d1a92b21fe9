"""The map of a plant's file: which column is which signal, and what the building's papers say.

YAML. Either ``columns:`` with a signal, or a signal and a unit, by the column's name; or, short,
the signals and columns alone, in whichever order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bms.errors import ConfigError
from bms.faults.observations import Equipment, FaultContext
from bms.faults.signals import Signal
from bms.feeds.plants.column_guess import Guess, guess
from bms.model.yaml_data import read_yaml_file

_BY_NAME = {signal.name.lower(): signal for signal in Signal}
ALIASES = {
    "sat": Signal.SUPPLY_AIR_TEMP,
    "sat_setpoint": Signal.SUPPLY_AIR_SETPOINT,
    "satsp": Signal.SUPPLY_AIR_SETPOINT,
    "supply_air_temperature": Signal.SUPPLY_AIR_TEMP,
    "supply_air_temp_setpoint": Signal.SUPPLY_AIR_SETPOINT,
    "mat": Signal.MIXED_AIR_TEMP,
    "rat": Signal.RETURN_AIR_TEMP,
    "oat": Signal.OUTDOOR_TEMP,
    "outdoor_air_temp": Signal.OUTDOOR_TEMP,
    "fan_status": Signal.FAN,
    "supply_fan": Signal.FAN,
    "supply_fan_speed": Signal.FAN_SPEED,
    "oa_damper": Signal.OUTDOOR_DAMPER,
    "damper": Signal.OUTDOOR_DAMPER,
    "cooling_coil_valve": Signal.COOLING_VALVE,
    "heating_coil_valve": Signal.HEATING_VALVE,
    "duct_static_pressure": Signal.PRESSURE,
    "duct_static_pressure_setpoint": Signal.PRESSURE_SETPOINT,
    "supply_water_temp": Signal.SUPPLY_TEMP,
    "return_water_temp": Signal.RETURN_TEMP,
    "supply_water_setpoint": Signal.SUPPLY_SETPOINT,
    "flow": Signal.VOLUME,
    "heat_power": Signal.HEAT,
    "operating": Signal.PUMP,
    "pump_run": Signal.PUMP,
    "meter_energy": Signal.HEAT,
    "meter_volume": Signal.VOLUME,
    "occupancy": Signal.OCCUPIED,
}
"""Other names that maps may use: the field's abbreviations and roles of site files."""
SETTINGS = frozenset(
    {
        *("timezone", "heat_dkk_kwh", "electricity_dkk_kwh", "water_dkk_m3", "cooling_limit_k"),
        *("opens_min", "closes_min", "always_in_use", "stop_c", "area_m2", "oa_min", "recovery"),
        *("fan_kw", "air_m3_h", "latitude"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """``columns`` by name; those that are not named are guessed unless ``only``. ``time`` names the
    column of time, ``time_format`` is strptime's. ``context`` is what the papers say."""

    columns: Mapping[str, Guess] = field(default_factory=dict)
    time: str | None = None
    time_format: str | None = None
    timezone: str | None = None
    equipment: Equipment | None = None
    only: bool = False
    context: FaultContext = FaultContext(timezone="UTC")

    def of(self, name: str) -> Guess | None:
        """What a column is."""
        named = self.columns.get(name) or self.columns.get(name.strip())
        return named if named is not None or self.only else guess(name)


def signal_named(text: str) -> tuple[Signal, str | None] | None:
    """The signal of a map's word, ``role`` or ``role@room``, or None."""
    name, _, place = text.strip().partition("@")
    key = name.strip().lower().replace(" ", "_").replace("-", "_")
    signal = _BY_NAME.get(key) or ALIASES.get(key)
    return None if signal is None else (signal, place or None)


def read_map(path: Path) -> ColumnMap:
    """A map file. Raises ``ConfigError`` that names what cannot be understood."""
    content = read_yaml_file(path)
    if not isinstance(content, Mapping):
        raise ConfigError(f"{path}: a map has keys and values, e.g. columns: {{name: signal}}")
    try:
        return map_of(content, str(path))
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path}: something has another form than it should: {error}") from error


def map_of(content: Mapping[Any, Any], where: str) -> ColumnMap:
    """The map of what stands in its file. Raises ``ConfigError``."""
    settings = dict(content.get("settings") or {})
    keys = {"columns", "time", "time_format", "timezone", "equipment", "settings", "closed", "only"}
    listed = content.get("columns", content.get("roles"))
    if listed is None:
        listed = {key: value for key, value in content.items() if key not in keys}
    if isinstance(listed, list):
        listed = {
            row.get("column", row.get("name")): row for row in listed if isinstance(row, Mapping)
        }
    columns, time = _columns(listed, where)
    unknown = sorted(set(settings) - set(SETTINGS))
    if unknown:
        raise ConfigError(
            f"{where}: settings {', '.join(unknown)} are not known; {', '.join(sorted(SETTINGS))}"
        )
    zone = content.get("timezone") or settings.pop("timezone", None)
    _check_zone(zone, where)
    closed = frozenset(_day(text, where) for text in content.get("closed") or ())
    try:
        equipment = Equipment(content["equipment"]) if content.get("equipment") else None
        context = FaultContext(timezone=zone or "UTC", closed=closed, **settings)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from error
    return ColumnMap(
        columns=columns,
        time=content.get("time") or time,
        time_format=None if content.get("time_format") is None else str(content["time_format"]),
        timezone=zone,
        equipment=equipment,
        only=bool(content.get("only", False)),
        context=context,
    )


def _check_zone(zone: object, where: str) -> None:
    try:
        ZoneInfo(str(zone or "UTC"))
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:
        raise ConfigError(f"{where}: timezone {zone!r} is not known") from error


def _columns(listed: Mapping[Any, Any], where: str) -> tuple[dict[str, Guess], str | None]:
    found: dict[str, Guess] = {}
    time = None
    for key, value in listed.items():
        text, unit = value, None
        if isinstance(value, Mapping):
            text = value.get("signal", value.get("role", value.get("column")))
            unit = value.get("unit")
        key, text = str(key), "" if text is None else str(text)
        if "time" in (key.lower(), text.lower()) or "timestamp" in (key.lower(), text.lower()):
            time = text if key.lower() in ("time", "timestamp") else key
            continue
        signal, column = signal_named(text), key
        if signal is None:
            signal, column = signal_named(key), text
        if signal is None:
            if text.lower() in ("", "ignore", "none", "-", "label"):
                continue
            raise ConfigError(
                f"{where}: neither {key!r} nor {text!r} is a signal; "
                f"there are: {', '.join(sorted(_BY_NAME))}"
            )
        found[column] = Guess(signal[0], unit, signal[1])
    return found, time


def _day(text: object, where: str) -> int:
    try:
        day = text if isinstance(text, date) else date.fromisoformat(str(text))
    except ValueError as error:
        raise ConfigError(f"{where}: closed: {text!r} is no date") from error
    return (day - date(1970, 1, 1)).days
