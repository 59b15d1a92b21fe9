"""The lodge with an air-handling unit whose run, flow and supply air may be written."""

from __future__ import annotations

from dataclasses import replace

from bms.model.assets.address import ModbusAddress, Table
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Comfort, Site
from bms.model.assets.timetable import Period, WeekTimetable
from bms.model.assets.write_rule import Release, ReleaseKind, WriteRule
from bms.model.readings.units import Unit
from tests.rigs.fakes.city import EVERY_DAY, lodge

RUN, FLOW, SUPPLY = "lodge/ahu1.run", "lodge/ahu1.flow", "lodge/ahu1.supply_air_setpoint"
CO2 = "lodge/hall.co2"
LEAST_PCT = 33.0
OWN_SUPPLY = WeekTimetable((Period(EVERY_DAY, 5 * 60, 8 * 60, 20.0),), 18.0)


def _point(point_id: str, role: Role, unit: Unit, **more: object) -> Point:
    made = Point(
        id=point_id,
        site="lodge",
        device="lodge/rooms",
        role=role,
        unit=unit,
        address=ModbusAddress(table=Table.HOLDING, address=100 + len(point_id)),
    )
    return replace(made, **more)


def _write(low: float, high: float, resolution: float, home: float) -> WriteRule:
    return WriteRule(
        minimum=low,
        maximum=high,
        resolution=resolution,
        release=Release(kind=ReleaseKind.CONSTANT, value=home),
        hold_safe=(low, high),
    )


def airy_lodge(*, resolution: float = 5.0, co2_limit_ppm: float | None = 1000.0) -> Site:
    """30 people in 600 m3 while it is in use (08:00 to 16:00 local); its flow takes steps of
    ``resolution`` [%] from 10 to 100."""
    site = lodge()
    (hall,), (unit,) = site.zones, site.ventilation
    comfort = replace(hall.comfort, co2_limit_ppm=co2_limit_ppm)
    assert isinstance(comfort, Comfort)
    run = next(p for p in site.points if p.id == RUN)
    others = tuple(p for p in site.points if p.id != RUN)
    return replace(
        site,
        zones=(replace(hall, comfort=comfort, people=30.0, volume_m3=600.0),),
        ventilation=(replace(unit, least_flow_pct=LEAST_PCT, own_supply_c=OWN_SUPPLY),),
        points=(
            *others,
            replace(run, device="lodge/rooms", write=_write(0.0, 1.0, 1.0, 0.0)),
            _point(
                FLOW,
                Role.VENTILATION_FLOW,
                Unit.PERCENT,
                ventilation="ahu1",
                write=_write(10.0, 100.0, resolution, 100.0),
            ),
            _point(
                SUPPLY,
                Role.SUPPLY_AIR_SETPOINT,
                Unit.DEG_C,
                ventilation="ahu1",
                write=_write(15.0, 22.0, 0.5, 18.0),
            ),
            _point(CO2, Role.ZONE_CO2, Unit.PPM, zone="hall"),
        ),
    )
