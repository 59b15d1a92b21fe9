"""A small building with its weather and prices: numbers that one can work out by hand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np

from bms.errors import FeedError
from bms.model.assets.address import BacnetAddress, ModbusAddress, Table
from bms.model.assets.device import Device
from bms.model.assets.equipment import HeatSource, HeatSourceKind, Meter, Ventilation
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Comfort, Site, Zone
from bms.model.assets.timetable import Period, WeekTimetable
from bms.model.assets.write_rule import Release, ReleaseKind, WriteRule
from bms.model.fact import Fact
from bms.model.planning.cooling_fee import CoolingRule
from bms.model.planning.feed import FeedSeries, WeatherSeries
from bms.model.planning.heat_charges import PeakCharge
from bms.model.readings.series import Series, grid_length
from bms.model.readings.units import Commodity, Unit

HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
EVERY_DAY = frozenset(range(7))
OPEN = WeekTimetable((Period(EVERY_DAY, 8 * 60, 16 * 60, 1.0),), 0.0, closed_value=0.0)
OWN_SETPOINT = WeekTimetable((Period(EVERY_DAY, 5 * 60, 20 * 60, 21.0),), 18.0)
OWN_RUN = WeekTimetable((Period(EVERY_DAY, 6 * 60, 18 * 60, 1.0),), 0.0)
CLOSED = date(2019, 4, 19)


def _point(name: str, device: str, role: Role, unit: Unit, **more: object) -> Point:
    made = Point(
        id=f"lodge/{name}",
        site="lodge",
        device=f"lodge/{device}",
        role=role,
        unit=unit,
        address=ModbusAddress(table=Table.INPUT, address=len(name)),
    )
    return replace(made, **more)


def _write(minimum: float, maximum: float, resolution: float) -> WriteRule:
    return WriteRule(
        minimum=minimum,
        maximum=maximum,
        resolution=resolution,
        release=Release(kind=ReleaseKind.NULL),
        hold_safe=(minimum, maximum),
    )


def lodge(kind: HeatSourceKind = HeatSourceKind.DISTRICT_HEATING) -> Site:
    """One zone, one air-handling unit, two devices; meters ``heat``, ``el`` and submeter ``hp``.

    In use 08:00 to 16:00 local time every day but on ``CLOSED``.
    """
    return Site(
        id="lodge",
        name_da="Hytten",
        name_en="The lodge",
        use="other",
        area_m2=200.0,
        latitude=52.2,
        longitude=-0.5,
        timezone="Europe/Copenhagen",
        heat_source=HeatSource(kind=kind, capacity_kw=20.0),
        zones=(
            Zone(
                id="hall",
                name="Hall",
                area_m2=200.0,
                occupancy=OPEN,
                own_setpoint=OWN_SETPOINT,
                comfort=Comfort(low_c=20.0, high_c=24.0, floor_c=16.0, ceiling_c=28.0),
            ),
        ),
        ventilation=(
            Ventilation(
                id="ahu1",
                zones=("hall",),
                flow_m3_h=1000.0,
                fan_kw=1.0,
                recovery=0.7,
                own_run=OWN_RUN,
                lead_min=30,
            ),
        ),
        devices=(
            Device(id="lodge/rooms", site="lodge", protocol="modbus", host="127.0.0.1", port=1),
            Device(id="lodge/plant", site="lodge", protocol="bacnet", host="127.0.0.1", port=2),
        ),
        points=(
            _point("hall.temp", "rooms", Role.ZONE_TEMP, Unit.DEG_C, zone="hall", low=-20, high=50),
            _point("hall.valve", "rooms", Role.ZONE_VALVE, Unit.PERCENT, zone="hall"),
            _point(
                "hall.setpoint",
                "rooms",
                Role.ZONE_SETPOINT,
                Unit.DEG_C,
                zone="hall",
                write=_write(16.0, 23.0, 0.5),
            ),
            _point("outdoor.temp", "plant", Role.OUTDOOR_TEMP, Unit.DEG_C),
            _point(
                "ahu1.run",
                "plant",
                Role.VENTILATION_RUN,
                Unit.ON_OFF,
                ventilation="ahu1",
                address=BacnetAddress(object_type="binary-value", instance=1),
            ),
            _point("heat.energy", "plant", Role.METER_ENERGY, Unit.KWH, meter="heat"),
            _point("heat.power", "plant", Role.METER_POWER, Unit.KW, meter="heat"),
            _point("el.energy", "plant", Role.METER_ENERGY, Unit.KWH, meter="el"),
            _point("hp.energy", "plant", Role.METER_ENERGY, Unit.KWH, meter="hp"),
        ),
        meters=(
            Meter(id="heat", commodity=Commodity.HEAT),
            Meter(id="el", commodity=Commodity.ELECTRICITY),
            Meter(id="hp", commodity=Commodity.ELECTRICITY, billed=False),
        ),
        closed_dates=frozenset({CLOSED}),
    )


def another_lodge(name: str, area_m2: float = 200.0) -> Site:
    """A lodge of another name and size."""
    site = lodge()

    def renamed(text: str) -> str:
        return text.replace("lodge/", f"{name}/")

    points = tuple(
        replace(point, id=renamed(point.id), site=name, device=renamed(point.device))
        for point in site.points
    )
    devices = tuple(replace(d, id=renamed(d.id), site=name) for d in site.devices)
    return replace(
        site,
        id=name,
        name_da=f"Hytte {name}",
        name_en=f"Lodge {name}",
        area_m2=area_m2,
        points=points,
        devices=devices,
    )


def slow_lodge() -> Site:
    """The lodge with a ramp at its setpoint and a fan that stays on for an hour."""
    site = lodge()
    rule = next(p.write for p in site.points if p.id == "lodge/hall.setpoint")
    assert rule is not None
    rules = {
        "lodge/hall.setpoint": replace(rule, max_change=4.0),
        "lodge/ahu1.run": replace(rule, minimum=0.0, maximum=1.0, resolution=1.0, minimum_on=60.0),
    }
    points = tuple(replace(p, write=rules.get(p.id)) for p in site.points)
    return replace(site, points=points)


@dataclass
class FakeFeed:
    """``bms.ports.feeds.Feed``: temperature is the hour of the day (UTC) [degC], price the quarter
    of the hour (0..3) [DKK/kWh], emissions twice that [kg/kWh]. ``away`` names what cannot be
    had."""

    away: set[str] = field(default_factory=set)

    def weather(
        self, latitude: float, longitude: float, *, start: datetime, end: datetime, now: datetime
    ) -> WeatherSeries:
        first = start.replace(minute=0, second=0, microsecond=0)
        hours = [(first + HOUR * i).hour for i in range(grid_length(first, end, HOUR))]
        return WeatherSeries(
            temp_out_c=self._series("weather", first, HOUR, hours, "degC"),
            ghi_wm2=self._series("weather", first, HOUR, [100.0 * h for h in hours], "W/m2"),
        )

    def spot(self, area: str, *, start: datetime, end: datetime, now: datetime) -> FeedSeries:
        return self._series("spot", start, QUARTER, _quarters(start, end), "DKK/kWh")

    def emissions(self, area: str, *, start: datetime, end: datetime, now: datetime) -> FeedSeries:
        values = [2.0 * value for value in _quarters(start, end)]
        return self._series("emissions", start, QUARTER, values, "kg/kWh")

    def _series(
        self, what: str, start: datetime, step: timedelta, values: list[float], unit: str
    ) -> FeedSeries:
        if what in self.away:
            raise FeedError(f"{what} is away")
        series = Series(start, step, np.array(values, dtype=np.float64))
        return FeedSeries(series=series, unit=unit, source="fake", issued_at=start)


def _quarters(start: datetime, end: datetime) -> list[float]:
    return [
        float((start + QUARTER * i).minute // 15) for i in range(grid_length(start, end, QUARTER))
    ]


class FlatTariffs:
    """``bms.ports.feeds.Tariffs``: electricity is spot and 1 [DKK/kWh]; heat 0.5 [DKK/kWh], 0.1
    [kg]."""

    def electricity(self, tariff: str, spot: Series) -> Series:
        return Series(spot.start, spot.step, spot.values + 1.0)

    def heat(self, tariff: str, start: datetime, step: timedelta, n: int) -> Series:
        return Series(start, step, np.full(n, 0.5))

    def heat_emissions(self, tariff: str, start: datetime, step: timedelta, n: int) -> Series:
        return Series(start, step, np.full(n, 0.1))

    def list_notes(self) -> tuple[Fact, ...]:
        return ()

    def peak_charge(self, tariff: str, day: date) -> PeakCharge | None:
        return None

    def cooling_rule(self, tariff: str, day: date) -> CoolingRule | None:
        """Below 30 K a fee of 8 DKK/(K MWh)."""
        return CoolingRule(
            first=date(2019, 1, 1), end=None, below_k=30.0, malus_dkk_per_k_mwh=8.0, source="fake"
        )


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)
