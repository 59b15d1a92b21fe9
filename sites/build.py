"""Checked records → the nouns. Nothing can go wrong here any more."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from functools import cache
from typing import Any

import holidays

from bms.model.assets.device import (
    Device,
    DeviceTemplate,
    ModbusTraits,
    ReadableRange,
    SerialLine,
    TemplatePoint,
)
from bms.model.assets.equipment import HeatSource, Ventilation
from bms.model.assets.point import Point, Privacy, Role
from bms.model.assets.site import Comfort, Power, Site, Weights, Zone
from bms.model.assets.timetable import Period, WeekTimetable
from bms.model.assets.write_rule import Release, WriteRule
from sites.parts import USUAL_PORTS, Draft, modbus_address
from sites.rules.supplier import meter_of, supplier_points, virtual_meter
from sites.schema.shapes import Record

HOLIDAY_YEARS = range(2015, 2036)

_SENSITIVE = (Role.ZONE_CO2,)
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


def build_site(draft: Draft) -> Site:
    """The site of a draft that has no mistakes."""
    site = draft.site
    timetables = {name: _timetable(record) for name, record in draft.timetables().items()}
    position, tariffs = site["position"], site.get("tariffs")
    prices = tariffs.values if tariffs else {}
    return Site(
        id=site["site"],
        name_da=site["name"]["da"],
        name_en=site["name"]["en"],
        use=site["use"],
        area_m2=site["area_m2"],
        latitude=position["latitude"],
        longitude=position["longitude"],
        timezone=site["timezone"],
        heat_source=HeatSource(**site["heat_source"].values),
        zones=tuple(_zone(zone, timetables) for zone in draft.parts("zones")),
        devices=tuple(_device(draft, device, site["site"]) for device in draft.parts("devices")),
        points=(
            *(_point(draft, point, timetables) for point in draft.points),
            *(p for meter in draft.parts("meters") for p in supplier_points(site["site"], meter)),
        ),
        meters=tuple(meter_of(meter) for meter in draft.parts("meters")),
        virtual_meters=tuple(
            virtual_meter(virtual, draft.parts("zones"), site["area_m2"])
            for virtual in draft.parts("virtual_meters")
        ),
        ventilation=tuple(_ventilation(unit, timetables) for unit in draft.parts("ventilation")),
        mode=site["mode"],
        price_area=prices.get("price_area", "DK1"),
        electricity_tariff=prices.get("electricity", "konstant_c"),
        heat_tariff=prices.get("heat", "kredslob"),
        weights=Weights(**site["weights"].values) if site.get("weights") else Weights(),
        power=Power(**site["power"].values) if site.get("power") else Power(),
        closures=tuple((c["from"], c["to"]) for c in draft.parts("closures")),
        closed_dates=_public_holidays(site["holidays"]),
    )


@cache
def _public_holidays(country: str) -> frozenset[date]:
    if country == "none":
        return frozenset()
    return frozenset(holidays.country_holidays(country, years=HOLIDAY_YEARS))


def _timetable(record: Record) -> WeekTimetable:
    periods = tuple(Period(p["days"], p["from"], p["to"], p["value"]) for p in record["periods"])
    return WeekTimetable(periods, record["default"], record.get("closed"))


def _zone(record: Record, timetables: dict[str, WeekTimetable]) -> Zone:
    comfort = record.get("comfort")
    return Zone(
        id=record["id"],
        name=record["name"],
        area_m2=record["area_m2"],
        occupancy=timetables[record["occupancy"]],
        own_setpoint=timetables[record["own_setpoint"]],
        comfort=Comfort(**comfort.values) if comfort else Comfort(),
        people=record.get("people"),
        volume_m3=record.get("volume_m3"),
    )


def _ventilation(record: Record, timetables: dict[str, WeekTimetable]) -> Ventilation:
    own: dict[str, WeekTimetable] = {
        name: _steady(record[name], timetables)
        for name in ("own_run", "own_flow_pct", "own_supply_c")
        if name in record.values
    }
    values: dict[str, Any] = {**record.values, **own}
    return Ventilation(**values)


def _steady(given: float | str, timetables: dict[str, WeekTimetable]) -> WeekTimetable:
    """A named timetable, or one that has the same number all week."""
    return timetables[given] if isinstance(given, str) else WeekTimetable(default=given)


def _device(draft: Draft, record: Record, site: str) -> Device:
    values = {"port": USUAL_PORTS[record["protocol"]], "host": "", **record.values}
    own = {name: values.pop(name) for name in _TRAITS if name in values}
    if "ranges" in own:
        own["ranges"] = tuple(ReadableRange(**given.values) for given in own["ranges"])
    if "serial" in values:
        values["serial"] = SerialLine(**values["serial"].values)
    if "heartbeat" in values:
        values["heartbeat"] = modbus_address(values["heartbeat"])
    template = draft.templates.get(record.get("template") or "")
    usual = template.traits if isinstance(template, DeviceTemplate) else ModbusTraits()
    values["set_clock"] = record["set_clock"] == "true"
    identity = {"id": f"{site}/{record['id']}", "site": site}
    return Device(**{**values, **identity, "traits": replace(usual, **own)})


def _point(draft: Draft, record: Record, timetables: dict[str, WeekTimetable]) -> Point:
    site = draft.site["site"]
    template = draft.template_point(record)
    address = draft.address(record)
    assert address is not None, "the rules ask for an address"
    usual = Privacy.PERSONAL if record["role"] in _SENSITIVE else Privacy.INTERNAL
    return Point(
        id=f"{site}/{record['id']}",
        site=site,
        device=f"{site}/{record['device']}",
        role=record["role"],
        unit=record["unit"],
        address=address,
        low=record.values.get("low", template.low if template else None),
        high=record.values.get("high", template.high if template else None),
        privacy=record.values.get("privacy", usual),
        write=(_write_rule(record["write"], timetables, template) if record.get("write") else None),
        cov=record["cov"] == "true",
        **{name: record[name] for name in _FIELDS_OF_A_POINT if name in record.values},
    )


def _write_rule(
    record: Record, timetables: dict[str, WeekTimetable], template: TemplatePoint | None
) -> WriteRule:
    usual = {name: getattr(template, name) for name in _BUDGETS} if template else {}
    values = {**usual, **record.values}
    minimum, maximum = values.pop("min"), values.pop("max")
    release = _release(values.pop("release"), timetables)
    return WriteRule(minimum=minimum, maximum=maximum, release=release, **values)


def _release(record: Record, timetables: dict[str, WeekTimetable]) -> Release:
    enable, timetable = record.get("enable"), record.get("timetable")
    return Release(
        kind=record["kind"],
        enable=modbus_address(enable) if enable else None,
        timetable=timetables[timetable] if timetable else None,
        value=record.get("value"),
        schedule=record.get("schedule"),
    )
