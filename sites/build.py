"""Builds ``bms.model`` objects from the checked sections of a site file. Raises nothing."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from functools import cache
from typing import Any

import holidays

from bms.model.assets.address import MqttAddress
from bms.model.assets.device import (
    Bbmd,
    Device,
    DeviceTemplate,
    Fingerprint,
    ModbusTraits,
    MqttAccess,
    ReadableRange,
    SerialLine,
    TemplatePoint,
)
from bms.model.assets.equipment import HeatSource, HeatSourceKind, Ventilation
from bms.model.assets.point import Point, Privacy, Role
from bms.model.assets.site import Comfort, Power, Site, Weights, YearlyGoal, Zone
from bms.model.assets.timetable import Period, WeekTimetable
from bms.model.assets.write_rule import Release, WriteRule
from sites.parsed_site import ParsedSite, modbus_address, said_of
from sites.protocols import PROTOCOLS
from sites.rules.supplier import build_meter, build_virtual_meter, supplier_points
from sites.schema.sections import Section

HOLIDAY_YEARS = range(2015, 2036)
AARHUS = (56.16, 10.20)
"""Latitude and longitude [degrees] of a site that does not say where it stands."""

_SENSITIVE = (Role.ZONE_CO2,)
_DAY_S = 86_400
_TRAITS = tuple(field.name for field in fields(ModbusTraits))
_BUDGETS = ("writes_per_day", "writes_lifetime")
_FIELDS_OF_A_POINT = (
    "zone",
    "meter",
    "ventilation",
    "interval_s",
    "retention_days",
    "trend_log",
)


def build_site(parsed: ParsedSite) -> Site:
    """The site of a parsed site file that has no mistakes."""
    site = parsed.site
    timetables = {name: _timetable(section) for name, section in parsed.timetables().items()}
    position, tariffs, source = (site.get(n) for n in ("position", "tariffs", "heat_source"))
    latitude, longitude = (
        AARHUS if position is None else (position["latitude"], position["longitude"])
    )
    name = site["name"]
    prices = tariffs.values if tariffs else {}
    return Site(
        id=site["site"],
        name_da=name if isinstance(name, str) else name["da"],
        name_en=name if isinstance(name, str) else name["en"],
        address=site.get("address") or "",
        use=site["use"],
        area_m2=site["area_m2"],
        latitude=latitude,
        longitude=longitude,
        timezone=site["timezone"],
        heat_source=_usual_source(site["area_m2"])
        if source is None
        else HeatSource(**source.values),
        zones=tuple(_zone(zone, timetables) for zone in parsed.sections("zones")),
        devices=tuple(
            _device(parsed, device, site["site"]) for device in parsed.sections("devices")
        ),
        points=(
            *(_point(parsed, point, timetables) for point in parsed.points),
            *(
                p
                for meter in parsed.sections("meters")
                for p in supplier_points(site["site"], meter)
            ),
        ),
        meters=tuple(build_meter(meter) for meter in parsed.sections("meters")),
        virtual_meters=tuple(
            build_virtual_meter(virtual, parsed.sections("zones"), site["area_m2"])
            for virtual in parsed.sections("virtual_meters")
        ),
        ventilation=tuple(
            _ventilation(unit, timetables) for unit in parsed.sections("ventilation")
        ),
        mode=site["mode"],
        price_area=prices.get("price_area", "DK1"),
        electricity_tariff=prices.get("electricity", "konstant_c"),
        heat_tariff=prices.get("heat", "kredslob"),
        weights=Weights(**site["weights"].values) if site.get("weights") else Weights(),
        excitation_nights=site["excitation_nights"],
        power=Power(**site["power"].values) if site.get("power") else Power(),
        energy_label=site.get("energy_label"),
        goals=tuple(YearlyGoal(**goal.values) for goal in parsed.sections("goals")),
        closures=tuple((c["from"], c["to"]) for c in parsed.sections("closures")),
        closed_dates=_public_holidays(site["holidays"]),
    )


def _usual_source(area_m2: float) -> HeatSource:
    """District heating at 50 W/m2, for a site of meters alone, of which nothing is planned."""
    return HeatSource(kind=HeatSourceKind.DISTRICT_HEATING, capacity_kw=0.05 * area_m2)


@cache
def _public_holidays(country: str) -> frozenset[date]:
    if country == "none":
        return frozenset()
    return frozenset(holidays.country_holidays(country, years=HOLIDAY_YEARS))


def _timetable(section: Section) -> WeekTimetable:
    periods = tuple(Period(p["days"], p["from"], p["to"], p["value"]) for p in section["periods"])
    return WeekTimetable(periods, section["default"], section.get("closed"))


def _zone(section: Section, timetables: dict[str, WeekTimetable]) -> Zone:
    comfort = section.get("comfort")
    return Zone(
        id=section["id"],
        name=section["name"],
        area_m2=section["area_m2"],
        occupancy=timetables[section["occupancy"]],
        own_setpoint=timetables[section["own_setpoint"]],
        comfort=Comfort(**comfort.values) if comfort else Comfort(),
        people=section.get("people"),
        volume_m3=section.get("volume_m3"),
    )


def _ventilation(section: Section, timetables: dict[str, WeekTimetable]) -> Ventilation:
    own: dict[str, WeekTimetable] = {
        name: _constant_or_timetable(section[name], timetables)
        for name in ("own_run", "own_flow_pct", "own_supply_c")
        if name in section.values
    }
    values: dict[str, Any] = {**section.values, **own}
    return Ventilation(**values)


def _constant_or_timetable(
    given: float | str, timetables: dict[str, WeekTimetable]
) -> WeekTimetable:
    """The timetable of that name, or one that has the given number all week."""
    return timetables[given] if isinstance(given, str) else WeekTimetable(default=given)


def _device(parsed: ParsedSite, section: Section, site: str) -> Device:
    usual_port = PROTOCOLS[section["protocol"]].port or 0
    values = {"port": usual_port, "host": "", **section.values}
    own = {name: values.pop(name) for name in _TRAITS if name in values}
    if "ranges" in own:
        own["ranges"] = tuple(ReadableRange(**given.values) for given in own["ranges"])
    if "serial" in values:
        values["serial"] = SerialLine(**values["serial"].values)
    if isinstance(values.get("heartbeat"), Section):
        values["heartbeat"] = modbus_address(values["heartbeat"])
    template = parsed.templates.get(section.get("template") or "")
    usual = template.traits if isinstance(template, DeviceTemplate) else ModbusTraits()
    if isinstance(template, DeviceTemplate):
        values["texts"] = tuple(template.texts.items())
    _nested(values)
    for name, folded in (("mac", str.lower), ("secondary", str.upper)):
        if name in values:
            values[name] = folded(values[name])
    for flag in ("set_clock", "shared", "fetches", "any_transaction"):
        values[flag] = section[flag] == "true"
    identity = {"id": f"{site}/{section['id']}", "site": site}
    return Device(**{**values, **identity, "traits": replace(usual, **own)})


def _nested(values: dict[str, Any]) -> None:
    """Make objects of the sections of a device that stand for one."""
    if "bbmd" in values:
        values["bbmd"] = Bbmd(**values["bbmd"].values)
    if "mqtt" in values:
        access = values["mqtt"].values
        values["mqtt"] = MqttAccess(**{**access, "tls": access["tls"] == "true"})
    if "fingerprint" in values:
        values["fingerprint"] = Fingerprint(**values["fingerprint"].values)


def _point(parsed: ParsedSite, section: Section, timetables: dict[str, WeekTimetable]) -> Point:
    site = parsed.site["site"]
    template = parsed.template_point(section)
    address = parsed.address(section)
    assert address is not None, "the rules ask for an address"
    usual = Privacy.PERSONAL if section["role"] in _SENSITIVE else Privacy.INTERNAL
    return Point(
        id=f"{site}/{section['id']}",
        site=site,
        device=f"{site}/{section['device']}",
        role=section["role"],
        unit=section["unit"],
        address=address,
        low=section.values.get("low", template.low if template else None),
        high=section.values.get("high", template.high if template else None),
        privacy=section.values.get("privacy", usual),
        write=(
            _write_rule(section["write"], timetables, template) if section.get("write") else None
        ),
        max_age_s=section.values.get("max_age"),
        cov=section["cov"] == "true" or isinstance(address, MqttAddress),
        said=said_of(section),
        **{
            **{name: section[name] for name in _FIELDS_OF_A_POINT if name in section.values},
            **_read_rarely(parsed, section),
        },
    )


def _read_rarely(parsed: ParsedSite, section: Section) -> dict[str, int]:
    """How often a meter with a budget of reads is read, where its point is silent [s]."""
    device = parsed.device_of(section)
    most = device.get("reads_per_day") if device is not None else None
    return {"interval_s": _DAY_S // most} if most and "interval_s" not in section.places else {}


def _write_rule(
    section: Section, timetables: dict[str, WeekTimetable], template: TemplatePoint | None
) -> WriteRule:
    usual = {name: getattr(template, name) for name in _BUDGETS} if template else {}
    values = {**usual, **section.values}
    minimum, maximum = values.pop("min"), values.pop("max")
    release = _release(values.pop("release"), timetables)
    return WriteRule(minimum=minimum, maximum=maximum, release=release, **values)


def _release(section: Section, timetables: dict[str, WeekTimetable]) -> Release:
    enable, timetable = section.get("enable"), section.get("timetable")
    return Release(
        kind=section["kind"],
        enable=modbus_address(enable) if enable else None,
        timetable=timetables[timetable] if timetable else None,
        value=section.get("value"),
        schedule=section.get("schedule"),
    )
