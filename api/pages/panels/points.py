"""Points, meters and devices as people call them, and values as they say them."""

from __future__ import annotations

from api.pages.language import PageTranslator
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.readings.units import Unit

ROLES_IN_WORDS = tuple(role for role in Role if role is not Role.OTHER)
SHOWN_UNITS = {
    Unit.DEG_C: " °C",
    Unit.KELVIN: " K",
    Unit.ON_OFF: "",
    Unit.COUNT: "",
}


def what_of(point_id: str, site: Site, t: PageTranslator) -> str:
    """A point in words; what the site file calls it where there are none for it."""
    point = next((p for p in site.points if p.id == point_id), None)
    if point is None:
        return point_id.partition("/")[2] or point_id
    if point.role not in ROLES_IN_WORDS:
        return point.said[0] if point.said else point_id.partition("/")[2]
    words = t(f"role_{point.role.value}", what=_whose(point, site, t))
    return words.rstrip(", ")


def _whose(point: Point, site: Site, t: PageTranslator) -> str:
    """The room, the unit or the meter of a point."""
    if point.zone is not None:
        return site.zone(point.zone).name
    if point.meter is not None:
        return meter_name(site, point.meter, t)
    return point.ventilation or ""


def meter_name(site: Site, meter_id: str, t: PageTranslator) -> str:
    """A meter by what it measures; with its id where the site has several of these."""
    meter = next((m for m in site.meters if m.id == meter_id), None)
    if meter is None:
        return meter_id
    name = t(f"meter_{meter.commodity.value}")
    same = [m for m in site.meters if m.commodity is meter.commodity]
    return f"{name} ({meter.number or meter.id})" if len(same) > 1 else name


def device_name(site: Site, device_id: str, t: PageTranslator) -> str:
    """A device by the rooms and the units that hang on it; else by its id."""
    here = [p for p in site.points if p.device == device_id]
    rooms = dict.fromkeys(site.zone(p.zone).name for p in here if p.zone is not None)
    units = dict.fromkeys(p.ventilation for p in here if p.ventilation is not None)
    meters = dict.fromkeys(meter_name(site, p.meter, t) for p in here if p.meter is not None)
    named = [*rooms, *filter(None, units)] or list(meters)
    return ", ".join(named[:3]) or device_id.partition("/")[2] or device_id


def value_text(value: float, unit: Unit, t: PageTranslator) -> str:
    """A value of a point as people say it."""
    if unit is Unit.ON_OFF:
        return t("on") if value >= 0.5 else t("off")
    return t.number(value, 1) + SHOWN_UNITS.get(unit, f" {unit.value}")
