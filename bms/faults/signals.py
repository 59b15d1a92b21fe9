"""What a column of readings means to the rules, and in which unit they have it."""

from __future__ import annotations

from bms.model.fact import TermCode


class Signal(TermCode):
    """A quantity that rules ask for. Temperatures [degC], valves, dampers and speeds 0..1, states
    0 or 1, amounts per step [kWh, m3], powers [kW], pressures [Pa]."""

    HEAT = "signal_heat"
    VOLUME = "signal_volume"
    METER_FLOW_TEMP = "signal_meter_flow_temp"
    METER_RETURN_TEMP = "signal_meter_return_temp"
    ELECTRICITY = "signal_electricity"
    WATER = "signal_water"
    OUTDOOR_TEMP = "signal_outdoor_temp"
    WEATHER_TEMP = "signal_weather_temp"
    SUN = "signal_sun"
    SUPPLY_TEMP = "signal_supply_temp"
    SUPPLY_SETPOINT = "signal_supply_setpoint"
    RETURN_TEMP = "signal_return_temp"
    ENABLED = "signal_enabled"
    PUMP = "signal_pump"
    VALVE = "signal_valve"
    COOLING_ON = "signal_cooling_on"
    ZONE_TEMP = "signal_zone_temp"
    ZONE_SETPOINT = "signal_zone_setpoint"
    ZONE_VALVE = "signal_zone_valve"
    ZONE_CO2 = "signal_zone_co2"
    WINDOW = "signal_window"
    HEAT_PUMP_RUN = "signal_heat_pump_run"
    HEAT_PUMP_POWER = "signal_heat_pump_power"
    HEAT_PUMP_HEAT = "signal_heat_pump_heat"
    SUPPLY_AIR_TEMP = "signal_supply_air_temp"
    SUPPLY_AIR_SETPOINT = "signal_supply_air_setpoint"
    MIXED_AIR_TEMP = "signal_mixed_air_temp"
    RETURN_AIR_TEMP = "signal_return_air_temp"
    RECOVERED_AIR_TEMP = "signal_recovered_air_temp"
    EXHAUST_AIR_TEMP = "signal_exhaust_air_temp"
    RECOVERY = "signal_recovery"
    FAN = "signal_fan"
    FAN_SPEED = "signal_fan_speed"
    RETURN_FAN = "signal_return_fan"
    RETURN_FAN_SPEED = "signal_return_fan_speed"
    OUTDOOR_DAMPER = "signal_outdoor_damper"
    COOLING_VALVE = "signal_cooling_valve"
    HEATING_VALVE = "signal_heating_valve"
    COOLING_COIL_IN = "signal_cooling_coil_in"
    COOLING_COIL_OUT = "signal_cooling_coil_out"
    HEATING_COIL_IN = "signal_heating_coil_in"
    HEATING_COIL_OUT = "signal_heating_coil_out"
    PRESSURE = "signal_pressure"
    PRESSURE_SETPOINT = "signal_pressure_setpoint"
    OCCUPIED = "signal_occupied"
    SCHEDULED = "signal_scheduled"
    OVERRIDE = "signal_override"
    DEVICE_CLOCK = "signal_device_clock"


AMOUNTS = frozenset({Signal.HEAT, Signal.VOLUME, Signal.ELECTRICITY, Signal.WATER})
"""Amounts per step, which add up."""
SHARES = frozenset(
    {
        Signal.VALVE,
        Signal.ZONE_VALVE,
        Signal.RECOVERY,
        Signal.FAN_SPEED,
        Signal.RETURN_FAN_SPEED,
        Signal.OUTDOOR_DAMPER,
        Signal.COOLING_VALVE,
        Signal.HEATING_VALVE,
    }
)
STATES = frozenset(
    {
        Signal.ENABLED,
        Signal.PUMP,
        Signal.COOLING_ON,
        Signal.WINDOW,
        Signal.HEAT_PUMP_RUN,
        Signal.FAN,
        Signal.RETURN_FAN,
        Signal.OCCUPIED,
        Signal.SCHEDULED,
        Signal.OVERRIDE,
    }
)
AIR_TEMPERATURES = frozenset(
    {
        Signal.SUPPLY_AIR_TEMP,
        Signal.MIXED_AIR_TEMP,
        Signal.RETURN_AIR_TEMP,
        Signal.RECOVERED_AIR_TEMP,
        Signal.EXHAUST_AIR_TEMP,
        Signal.COOLING_COIL_IN,
        Signal.COOLING_COIL_OUT,
        Signal.HEATING_COIL_IN,
        Signal.HEATING_COIL_OUT,
    }
)
WATER_TEMPERATURES = frozenset(
    {
        Signal.METER_FLOW_TEMP,
        Signal.METER_RETURN_TEMP,
        Signal.SUPPLY_TEMP,
        Signal.RETURN_TEMP,
        Signal.SUPPLY_SETPOINT,
    }
)
TEMPERATURES = (
    AIR_TEMPERATURES
    | WATER_TEMPERATURES
    | {Signal.OUTDOOR_TEMP, Signal.WEATHER_TEMP, Signal.ZONE_TEMP}
    | {Signal.ZONE_SETPOINT, Signal.SUPPLY_AIR_SETPOINT}
)


def unit_of(signal: Signal) -> str:
    """The unit in which rules have a signal; empty for states."""
    if signal in TEMPERATURES:
        return "°C"
    if signal in SHARES:
        return "%"
    named = {
        **dict.fromkeys((Signal.HEAT, Signal.ELECTRICITY), "kWh"),
        **dict.fromkeys((Signal.VOLUME, Signal.WATER), "m³"),
        **dict.fromkeys((Signal.HEAT_PUMP_POWER, Signal.HEAT_PUMP_HEAT), "kW"),
        **dict.fromkeys((Signal.PRESSURE, Signal.PRESSURE_SETPOINT), "Pa"),
        Signal.SUN: "W/m²",
        Signal.ZONE_CO2: "ppm",
        Signal.DEVICE_CLOCK: "s",
    }
    return named.get(signal, "")
