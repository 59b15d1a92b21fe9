"""What a building is: zones, devices, meters and points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from bms.model.assets.address import Address, ModbusAddress, NetworkAddress, Table, TextAddress
from bms.model.assets.timetable import WeekTimetable
from bms.model.readings.metering import MeterExchange
from bms.model.readings.units import Commodity, Unit


class Role(StrEnum):
    """What a point means to the services; the driver does not care."""

    ZONE_TEMP = "zone_temp"
    ZONE_SETPOINT = "zone_setpoint"
    ZONE_VALVE = "zone_valve"
    ZONE_CO2 = "zone_co2"
    OUTDOOR_TEMP = "outdoor_temp"
    SUPPLY_WATER_TEMP = "supply_water_temp"
    RETURN_WATER_TEMP = "return_water_temp"
    HEATING_CURVE_SHIFT = "heating_curve_shift"
    VENTILATION_RUN = "ventilation_run"
    VENTILATION_FLOW = "ventilation_flow"
    SUPPLY_AIR_SETPOINT = "supply_air_setpoint"
    SUPPLY_AIR_TEMP = "supply_air_temp"
    METER_ENERGY = "meter_energy"
    METER_VOLUME = "meter_volume"
    METER_POWER = "meter_power"
    METER_FLOW_TEMP = "meter_flow_temp"
    METER_RETURN_TEMP = "meter_return_temp"
    OTHER = "other"


class Mode(StrEnum):
    """How far a site is trusted to us."""

    OBSERVE = "observe"
    ADVISE = "advise"
    AUTO = "auto"


class Privacy(StrEnum):
    """Who may see a point's series. ``personal`` (occupancy, CO2) is never open data."""

    OPEN = "open"
    INTERNAL = "internal"
    PERSONAL = "personal"


class ReleaseKind(StrEnum):
    """The way back to the building's own control, declared for each writable point."""

    NULL = "null"
    REMOTE_ENABLE = "remote_enable"
    TIMETABLE = "timetable"
    CONSTANT = "constant"
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """How a point is given back.

    ``null``: relinquish our BACnet slot. ``remote_enable``: write 0 to the register ``enable``
    (it is set to 1 with each write). ``timetable``: write the value that ``timetable`` has at the
    moment of release. ``constant``: write ``value``. ``schedule``: the point is written through the
    BACnet Schedule object of that instance, as an exception that ends with the lease, and given
    back by taking the exception away.
    """

    kind: ReleaseKind
    enable: ModbusAddress | None = None
    timetable: WeekTimetable | None = None
    value: float | None = None
    schedule: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRule:
    """What may be written to a point, in the unit of the point.

    ``resolution`` is the smallest step that the point takes, ``tolerance`` how far a read-back may
    lie from what was written. ``hold_safe`` is the range of values that can stand for days without
    harm; ``watchdog_s`` [s] is the device's own time-out, where it has one. A point with neither is
    refused for ``auto`` (DESIGN, law 1). ``max_change`` is the ramp limit: the largest change that
    one write may make. ``writes_per_day`` and ``writes_lifetime`` are how often the device's memory
    may be written; a release is counted too, and never refused.
    """

    minimum: float
    maximum: float
    release: Release
    resolution: float = 0.1
    tolerance: float = 0.06
    priority: int = 13
    hold_safe: tuple[float, float] | None = None
    watchdog_s: float | None = None
    max_change: float | None = None
    writes_per_day: int | None = None
    writes_lifetime: int | None = None

    def __post_init__(self) -> None:
        if not 9 <= self.priority <= 15:
            raise ValueError(f"write priority {self.priority} is outside 9..15")
        if not self.minimum < self.maximum:
            raise ValueError(f"limits {self.minimum}..{self.maximum} leave nothing to write")

    @property
    def ends_by_itself(self) -> bool:
        """Whether the device gives the point back when nobody renews what was written."""
        return self.watchdog_s is not None or self.release.kind is ReleaseKind.SCHEDULE


class Framing(StrEnum):
    """How Modbus frames travel."""

    TCP = "tcp"
    RTU_OVER_TCP = "rtu_over_tcp"
    RTU = "rtu"


class Parity(StrEnum):
    """Parity of a serial line."""

    NONE = "none"
    EVEN = "even"
    ODD = "odd"


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialLine:
    """A serial port with 8 data bits; ``baud`` in bits per second [1/s]."""

    path: str
    baud: int = 9600
    parity: Parity = Parity.EVEN
    stop_bits: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadableRange:
    """Addresses of a table, both ends included, that can be read without a refusal."""

    table: Table
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusTraits:
    """What a device model asks of whoever polls it.

    ``max_registers`` is the largest count of one read, ``ranges`` what can be read in one go
    (where a table has ranges, reads do not leave them for registers that nobody asked for),
    ``max_gap`` how many such registers a read may span elsewhere, ``pause_s`` [s] the rest that the
    unit needs between two requests. ``close_after_s`` [s] is how long a connection that nobody uses
    stays open, for devices that serve one client only; without it, it stays.
    """

    max_registers: int = 125
    ranges: tuple[ReadableRange, ...] = ()
    max_gap: int = 64
    pause_s: float = 0.0
    close_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatePoint:
    """One value of a device model, as its template in ``drivers/devices`` declares it.

    ``unverified`` marks a register whose source is second-hand or contradicted.
    """

    name: str
    unit: Unit
    address: NetworkAddress
    low: float | None = None
    high: float | None = None
    unverified: bool = False
    writes_per_day: int | None = None
    writes_lifetime: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTemplate(Mapping[str, TemplatePoint]):
    """A device model: its points and texts by name, how to poll it, and its source."""

    model: str
    maker: str
    source: str
    tested_on_hardware: bool
    notes: str
    points: Mapping[str, TemplatePoint]
    texts: Mapping[str, TextAddress]
    traits: ModbusTraits = ModbusTraits()

    def __getitem__(self, name: str) -> TemplatePoint:
        return self.points[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.points)

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A controller, meter or gateway on the network. ``id`` is ``site/device``.

    Modbus only: ``framing`` and, for a serial line, ``serial`` in place of host and port;
    ``traits`` as the model asks; ``line_pause_s`` [s] is the rest that the whole line or gateway
    needs between two requests; ``heartbeat`` is a register that is toggled between 0 and 1 once in
    each round of successful writes, so that the device notices when we are gone.
    BACnet only: ``set_clock`` allows us to set its clock.
    """

    id: str
    site: str
    protocol: str
    host: str
    port: int
    unit: int = 1
    instance: int | None = None
    timeout_s: float = 2.0
    template: str | None = None
    framing: Framing = Framing.TCP
    serial: SerialLine | None = None
    traits: ModbusTraits = ModbusTraits()
    line_pause_s: float = 0.0
    heartbeat: ModbusAddress | None = None
    set_clock: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One value of a device. ``id`` is ``site/point``; times in seconds [s], retention in days.

    ``device`` is empty for what comes in a supplier's files or pushes. BACnet only: with ``cov``
    the device tells us of changes; ``trend_log`` is the instance of the Trend Log object, on the
    same device, that records this point.
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
    retention_days: int | None = None
    low: float | None = None
    high: float | None = None
    write: WriteRule | None = None
    cov: bool = False
    trend_log: int | None = None


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
class Ventilation:
    """An air-handling unit. Flow [m3/h], fan power at that flow [kW], recovery 0..1.

    ``own_run`` is 1 while the building's own control runs it; ``lead_min`` [min] is how long
    before use it has to run. ``own_flow_pct`` is the flow that its own control has while it runs,
    ``least_flow_pct`` the least while people are in [% of ``flow_m3_h``]; ``own_supply_c`` is its
    own setpoint of the supply air [degC], None where there is no heating coil.
    """

    id: str
    zones: tuple[str, ...]
    flow_m3_h: float
    fan_kw: float
    recovery: float
    own_run: WeekTimetable
    lead_min: int = 30
    own_flow_pct: WeekTimetable = WeekTimetable(default=100.0)
    least_flow_pct: float = 0.0
    own_supply_c: WeekTimetable | None = None


class HeatSourceKind(StrEnum):
    DISTRICT_HEATING = "district_heating"
    HEAT_PUMP = "heat_pump"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatSource:
    """Where the heat comes from. ``capacity_kw`` [kW] heat; ``cop``: (outdoor [degC], COP)."""

    kind: HeatSourceKind
    """`district_heating` or `heat_pump`; any other boiler is as district heating at its price."""
    capacity_kw: float
    """Most heat that it can give [kW]."""
    cop: tuple[tuple[float, float], ...] = ()
    """Heat pump: pairs of outdoor temperature [degC] and heat per electricity [kWh/kWh]."""
    least_run_min: float = 0.0
    """How long it runs at least once it has started [min]."""
    least_stop_min: float = 0.0
    """How long it rests at least once it has stopped [min]."""
    least_kw: float = 0.0
    """Least heat that it gives while it runs [kW]."""
    cop_gain_per_k: float = 0.0
    """Heat pump: relative gain in COP for each kelvin of cooler supply water [1/K]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A meter. ``billed`` marks the meters whose sum is the site's use (submeters are not).

    ``register_max`` [unit of the energy point] is where the register rolls over; ``number`` is
    what the supplier calls the meter or metering point; ``exchanges`` oldest first.
    """

    id: str
    commodity: Commodity
    billed: bool = True
    register_max: float | None = None
    multiplier: float = 1.0
    max_kw: float | None = None
    number: str | None = None
    exchanges: tuple[MeterExchange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualMeter:
    """A meter that nobody installed: the sum of ``factor`` times the use of each meter.

    A difference has a factor of -1, a share by area the share of the area.
    """

    id: str
    commodity: Commodity
    terms: tuple[tuple[str, float], ...]


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
class Site:
    """One municipal building. Areas [m2], position in degrees (WGS 84)."""

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
    power: Power = Power()
    closures: tuple[tuple[date, date], ...] = ()
    closed_dates: frozenset[date] = field(default=frozenset(), repr=False)

    def closed(self, day: date) -> bool:
        """Whether the site is closed on this local day: a public holiday or a listed closure."""
        return day in self.closed_dates or any(
            first <= day <= last for first, last in self.closures
        )

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
