"""What a building is: zones, devices, meters and points."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from bms.model.assets.device import Device
from bms.model.assets.equipment import HeatSource, Meter, Ventilation, VirtualMeter
from bms.model.assets.point import Point, Role
from bms.model.assets.timetable import WeekTimetable
from bms.model.readings.units import Commodity


class Mode(StrEnum):
    """How far a site is trusted to us."""

    OBSERVE = "observe"
    ADVISE = "advise"
    AUTO = "auto"

    def at_most(self, highest: Mode) -> Mode:
        """This mode, or ``highest`` where that is lower."""
        ranks = list(Mode)
        return min(self, highest, key=ranks.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comfort:
    """Temperature band in use [degC], and the limits that no price can buy out of use.

    ``co2_limit_ppm`` [ppm] is the highest CO2 of the room air in use, None where none is asked for;
    1000 is what BR18 §447 has for schools and day care.
    """

    low_c: float = 20.0
    high_c: float = 25.0
    floor_c: float = 16.0
    ceiling_c: float = 28.0
    co2_limit_ppm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """Part of a building that is heated and used as one.

    ``occupancy`` is 1 in use and 0 out of use; ``own_setpoint`` [degC] is what the building's own
    control asks for today; both are local weekly timetables. ``people`` is how many are in while it
    is in use, ``volume_m3`` [m3] that of its air; None where nobody said so.
    """

    id: str
    name: str
    area_m2: float
    occupancy: WeekTimetable
    own_setpoint: WeekTimetable
    comfort: Comfort = Comfort()
    people: float | None = None
    volume_m3: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What things that are not on a bill are worth, in DKK."""

    comfort_dkk_per_kh: float = 60.0
    """Price of one kelvin outside the band for one hour in use, per zone [DKK/(K h)]."""
    co2_dkk_per_kg: float = 0.75
    """Price of emissions on top of the bill [DKK/kg CO2]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Limit and price of the power that the site's heat is billed by, clock-hour means.

    ``limit_kw`` [kW] must not be exceeded; ``peak_dkk_per_kw`` [DKK/kW] is what each kW of the
    month's peak costs, None where the tariff tells.
    """

    limit_kw: float | None = None
    peak_dkk_per_kw: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class YearlyGoal:
    """What a building may use of a commodity in a calendar year [kWh; m3 of water]: the ``budget``
    that was set, and the ``target`` that is aimed at; None where nobody said so."""

    year: int
    commodity: Commodity
    budget: float | None = None
    target: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One municipal building. Areas [m2], position in degrees (WGS 84). ``mode`` is the highest one
    that it may be put to; ``excitation_nights`` is on how many nights a zone without a model may be
    set back further than usual, to learn how it responds. ``energy_label`` is as it was entered,
    never computed from what was measured."""

    id: str
    name_da: str
    name_en: str
    use: str
    area_m2: float
    latitude: float
    longitude: float
    timezone: str
    heat_source: HeatSource
    zones: tuple[Zone, ...]
    devices: tuple[Device, ...]
    points: tuple[Point, ...]
    meters: tuple[Meter, ...]
    virtual_meters: tuple[VirtualMeter, ...] = ()
    ventilation: tuple[Ventilation, ...] = ()
    mode: Mode = Mode.OBSERVE
    price_area: str = "DK1"
    electricity_tariff: str = "konstant_c"
    heat_tariff: str = "kredslob"
    weights: Weights = Weights()
    excitation_nights: int = 0
    power: Power = Power()
    address: str = ""
    closures: tuple[tuple[date, date], ...] = ()
    energy_label: str | None = None
    goals: tuple[YearlyGoal, ...] = ()
    closed_dates: frozenset[date] = field(default=frozenset(), repr=False)

    def closed(self, day: date) -> bool:
        """Whether the site is closed on this local day: a public holiday or a listed closure."""
        return day in self.closed_dates or any(
            first <= day <= last for first, last in self.closures
        )

    def mode_by(self, said: Mode | None) -> Mode:
        """The mode in force where a person set ``said``, or nobody did (None): plans are written
        where a person said so alone."""
        return (said or Mode.ADVISE).at_most(self.mode)

    def zone(self, zone_id: str) -> Zone:
        return next(zone for zone in self.zones if zone.id == zone_id)

    def device(self, device_id: str) -> Device:
        return next(device for device in self.devices if device.id == device_id)

    @property
    def polled(self) -> tuple[Point, ...]:
        """The points that are asked for over a network."""
        return tuple(point for point in self.points if point.device)

    def points_by_role(self, role: Role) -> tuple[Point, ...]:
        return tuple(point for point in self.points if point.role == role)

    def meter_point(self, meter_id: str, role: Role = Role.METER_ENERGY) -> Point | None:
        """The point of a meter that has this role, or None."""
        return next((p for p in self.points if p.meter == meter_id and p.role == role), None)
