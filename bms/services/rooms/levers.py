"""Which rooms a lever acts on, as the site file has it."""

from __future__ import annotations

from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site

OF_A_UNIT = (Role.VENTILATION_RUN, Role.VENTILATION_FLOW, Role.SUPPLY_AIR_SETPOINT)


def zones_of(site: Site, point: Point) -> tuple[str, ...]:
    """The ids of the zones whose temperature a writable point moves: its own, those of its
    air-handling unit, or all where it is the heating curve; none for other roles."""
    if point.role is Role.ZONE_SETPOINT:
        return (point.zone,) if point.zone is not None else ()
    if point.role is Role.HEATING_CURVE_SHIFT:
        return tuple(zone.id for zone in site.zones)
    if point.role in OF_A_UNIT:
        return next((unit.zones for unit in site.ventilation if unit.id == point.ventilation), ())
    return ()
