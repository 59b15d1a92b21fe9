"""Points: what is measured or written, in which unit, and who may see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bms.model.assets.address import Address
from bms.model.assets.write_rule import WriteRule
from bms.model.readings.units import Unit


class Role(StrEnum):
    """What a point means to the services; the driver does not care."""

    ZONE_TEMP = "zone_temp"
    ZONE_SETPOINT = "zone_setpoint"
    ZONE_VALVE = "zone_valve"
    ZONE_CO2 = "zone_co2"
    OUTDOOR_TEMP = "outdoor_temp"
    SUPPLY_WATER_TEMP = "supply_water_temp"
    SUPPLY_WATER_SETPOINT = "supply_water_setpoint"
    RETURN_WATER_TEMP = "return_water_temp"
    PUMP_RUN = "pump_run"
    HEATING_CURVE_SHIFT = "heating_curve_shift"
    VENTILATION_RUN = "ventilation_run"
    VENTILATION_FLOW = "ventilation_flow"
    SUPPLY_AIR_SETPOINT = "supply_air_setpoint"
    SUPPLY_AIR_TEMP = "supply_air_temp"
    EXHAUST_AIR_TEMP = "exhaust_air_temp"
    METER_ENERGY = "meter_energy"
    METER_VOLUME = "meter_volume"
    METER_POWER = "meter_power"
    METER_FLOW_TEMP = "meter_flow_temp"
    METER_RETURN_TEMP = "meter_return_temp"
    OTHER = "other"


SLOW = (Role.ZONE_TEMP, Role.OUTDOOR_TEMP)
"""Roles whose values change slowly against an hour."""
HOUR_S, QUARTER_S = 3600, 900


class Privacy(StrEnum):
    """Who may see a point's series. ``personal`` (occupancy, CO2) is never open data."""

    OPEN = "open"
    INTERNAL = "internal"
    PERSONAL = "personal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One value of a device. ``id`` is ``site/point``; times in seconds [s], retention in days.

    ``max_age_s`` is how old a value may be that something is decided on [s]; None: by its role.
    ``said`` is what else the site file calls it: its name at the building, the register of its
    device's template. ``device`` is empty for what comes in a supplier's files or pushes. BACnet
    only: with ``cov`` the device tells us of changes; ``trend_log`` is the instance of the Trend
    Log object, on the same device, that records this point.
    """

    id: str
    site: str
    device: str
    role: Role
    unit: Unit
    address: Address
    zone: str | None = None
    meter: str | None = None
    ventilation: str | None = None
    interval_s: int = 900
    privacy: Privacy = Privacy.INTERNAL
    max_age_s: int | None = None
    retention_days: int | None = None
    low: float | None = None
    high: float | None = None
    write: WriteRule | None = None
    cov: bool = False
    trend_log: int | None = None
    said: tuple[str, ...] = ()

    @property
    def max_age(self) -> timedelta:
        """How old a value may be that something is decided on (clause W4): as declared, else two
        readings, and at least an hour where it changes slowly, a quarter of an hour elsewhere."""
        if self.max_age_s is not None:
            return timedelta(seconds=self.max_age_s)
        if self.role in SLOW:
            return timedelta(seconds=max(HOUR_S, 2 * self.interval_s))
        return timedelta(seconds=max(QUARTER_S, self.interval_s))
