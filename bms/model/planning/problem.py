"""The question put to the optimiser: one value, storable and replayable.

All series are tuples over the same grid: element ``i`` belongs to the interval that starts at
``start + i * step_s``; None is "not known". JSON in and out goes through ``bms.model.codec``; a
text written by people or other programs is read by ``optimizer.read``, which also takes one number
in place of a series.

Temperatures are in degC, or in K where the problem's ``temperature_unit`` says so ([temp] below);
a lever and the values planned for it are in the lever's own unit. The text under each field is its
description in the JSON Schema.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import isfinite

from bms.model.assets.equipment import HeatSource
from bms.model.assets.point import Role
from bms.model.assets.site import Weights
from bms.model.fact import Fact
from bms.model.readings.units import Unit

Numbers = tuple[float | None, ...]
DAYS_FOR_A_MODEL = 10.0
"""A history of fewer days is not enough to identify a model from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldValue:
    """A value at which somebody holds a lever: it is planned around, not planned with.

    Raises ``ValueError`` for a value that is not finite and for an end without offset.
    """

    value: float
    """The value that stands there, whatever the limits and the comfort band [unit of the lever]."""
    by: str | Fact
    """Who holds it: a name, or what is known of the holder."""
    until: datetime | None = None
    """End of the hold (exclusive), ISO 8601 with offset; null: beyond the horizon. One that is not
    after the start of the horizon is passed over."""

    def __post_init__(self) -> None:
        if not isfinite(self.value):
            raise ValueError("a value that is held has to be a finite number")
        if self.until is not None and self.until.tzinfo is None:
            raise ValueError("the end of a hold needs an offset, like 2026-01-12T06:00:00+01:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lever:
    """A point that a plan may move, with its limits in the point's unit."""

    point: str
    """Name of the point; the answer uses the same."""
    role: Role
    """What the point does: `zone_setpoint` for a zone; `ventilation_run`, `ventilation_flow` and
    `supply_air_setpoint` for an air-handling unit; `heating_curve_shift` for the curve."""
    unit: Unit
    """Unit of the limits and of the values in the answer: `degC`, `K` (absolute), `on/off`, `%`."""
    minimum: float
    """Lowest value that may be written [unit]."""
    maximum: float
    """Highest value that may be written [unit]."""
    resolution: float = 0.1
    """Smallest step that the point takes [unit]."""
    origin: float = 0.0
    """Values are `origin` plus whole multiples of `resolution` [unit]."""
    held: HeldValue | None = None
    """The value at which a person or the building holds it from the start of the horizon on; null:
    it is free."""
    max_change: float | None = None
    """Most that it may change in an hour [unit/h], in even steps; null: as much as it likes."""
    minimum_on: float = 0.0
    """Least time that it stays on [min]; unit `on/off` only."""
    minimum_off: float = 0.0
    """Least time that it stays off [min]; unit `on/off` only."""
    standing: float | None = None
    """Effective value at the start [unit], from which `max_change` and the least times count; null:
    not known."""
    standing_min: float | None = None
    """For how long it has stood there [min]; null: nobody knows, it may be new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Outdoor air temperature [temp] and global horizontal irradiance [W/m2], interval means."""

    temp_out_c: Numbers
    """Outdoor air temperature [temp] of each step, interval mean; null where it is not known."""
    ghi_wm2: Numbers
    """Global horizontal irradiance [W/m2] of each step, interval mean; null where not known."""
    temp_out_spread_k: Numbers = ()
    """Standard deviation of the error of the outdoor temperature [K] of each step, as forecasts
    have erred before; empty where there is no record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedStart:
    """What a zone's recorded days tell of it without a thermal model: its warm-ups, how closely it
    is held in use, and how it cools in the evening. A warm-up takes
    ``dead_h + rise * (h_per_k + h_per_k2 * difference + long_h_per_k * long)`` hours, with the rise
    [K] to the band in use, the difference [K] between the band and outdoors, and ``long`` 1 after
    more than a day without use, else 0."""

    dead_h: float
    """Time until the room begins to rise [h]."""
    h_per_k: float
    """Hours per kelvin of rise [h/K]."""
    h_per_k2: float
    """The same per kelvin of difference between the band and outdoors [h/K2]."""
    long_h_per_k: float
    """Hours more per kelvin of rise after more than a day without use [h/K]."""
    margin_h: float
    """By how much longer nine of ten recorded warm-ups took at most [h]."""
    time_constant_h: float | None = None
    """Time constant of the room without heat [h]; null: not known, it falls to its setpoint."""
    starts: int = 0
    """Number of recorded warm-ups."""
    deepest_k: float | None = None
    """Largest rise of one of them [K]; null: not known."""
    hold_k: float | None = None
    """How far below its setpoint the room is at most while it is heated in use [K]; null: not
    known."""
    hourly_fall: float | None = None
    """Part of the difference to outdoors that the room loses in the first hour after the setpoint
    fell [1/h], at most; null: not known, there is no optimum stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneTask:
    """One zone over the horizon.

    ``low_c`` and ``high_c`` [temp] are the limits in force at each step: the comfort band in use,
    floor and ceiling out of use. ``own_setpoint_c`` is what the building's own control would ask
    for. Without a lever the zone follows its own control. ``name`` is what people call the zone;
    ``setpoint_c`` [temp] is the effective setpoint at the start, None when it is not known.
    ``comfort_backoff_k`` is how far inside the band the plan stays in use, None to let the spread
    of the thermostat decide.
    """

    id: str
    """Name of the zone; history and ventilation use the same."""
    area_m2: float
    """Floor area [m2]; the heat of one meter is divided by it where nothing better is known."""
    occupied: tuple[bool, ...]
    """Whether people are in during each step."""
    low_c: tuple[float, ...]
    """Lowest temperature [temp] at each step: comfort while in use, floor otherwise."""
    high_c: tuple[float, ...]
    """Highest temperature [temp] at each step: comfort while in use, ceiling otherwise."""
    own_setpoint_c: tuple[float, ...]
    """Setpoint [temp] that the building's own control would have at each step."""
    lever: Lever | None = None
    """The setpoint that may be written; null: the zone follows its own control."""
    name: str = ""
    """What people call the zone."""
    setpoint_c: float | None = None
    """Effective setpoint [temp] at the start; null when it is not known."""
    comfort_backoff_k: float | None = None
    """How far inside the band the plan stays in use [K]; null: by the thermostat's spread."""
    start_backoff_k: float | None = None
    """How far inside the band a warm-up is meant to get by the start of use [K], so that a start
    that the model is wrong about is still in time; null: by the model's own error."""
    learned_start: LearnedStart | None = None
    """What its recorded mornings tell, for plans without a model of it; null: it is learned from
    the history."""
    nights_excited: int | None = None
    """How many nights have departed from its habit so far; null: they are counted in the
    history."""
    volume_m3: float | None = None
    """Volume of its air [m3]; null: 2.8 m times the area."""
    people: Numbers = ()
    """Persons expected at each step while it is occupied, as if all were adults; null or left out:
    not known, and then the flow of its units is not lowered."""
    co2_limit_ppm: float | None = None
    """Highest CO2 of the room air while people are in [ppm]; null: no limit is asked for."""
    co2_ppm: float | None = None
    """CO2 measured at the start [ppm]; null: not known, and then it is taken to be at its limit."""
    blind_since: datetime | None = None
    """Since when nobody sees its temperature, ISO 8601 with offset; null: it is seen. From an hour
    before the start on the plan is relaxed and says so."""

    @property
    def called(self) -> str:
        """The name for people, or the id where there is none."""
        return self.name or self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class VentilationTask:
    """One air-handling unit over the horizon; ``own_run`` is its own control's run signal 0/1.

    ``required`` is true where the unit has to run because people are in (or about to be).
    """

    id: str
    """Name of the unit; the history uses the same."""
    zones: tuple[str, ...]
    """Ids of the zones that it serves."""
    flow_m3_h: float
    """Air flow while it runs [m3/h]."""
    fan_kw: float
    """Electric power of the fans while it runs [kW]."""
    recovery: float
    """Efficiency of the heat recovery, 0..1."""
    own_run: tuple[float, ...]
    """Run signal 0..1 that its own control would have at each step."""
    required: tuple[bool, ...]
    """Whether it has to run at each step."""
    lever: Lever | None = None
    """The run signal that may be written (unit `on/off`); null: it follows its own control."""
    flow_lever: Lever | None = None
    """The flow while it runs that may be written (unit `%` of `flow_m3_h`); null: its own."""
    own_flow_pct: tuple[float, ...] = ()
    """Flow [%] of `flow_m3_h` that its own control has while it runs; left out: 100 throughout."""
    least_flow_pct: float = 0.0
    """Least flow while people are in [%] of `flow_m3_h`, whatever the CO2."""
    supply_lever: Lever | None = None
    """The setpoint of the supply air that may be written (`degC` or `K`), downwards only; null: its
    own."""
    own_supply_c: tuple[float, ...] = ()
    """Setpoint [temp] of the supply air that its own control has; left out: no heating coil."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveTask:
    """The heating curve's parallel shift [K] over the horizon; 0 is the curve as commissioned."""

    lever: Lever
    """The point that the shift is written to; its lower limit is the largest shift down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneHistory:
    """Measured past of a zone: temperature [temp], effective setpoint [temp], valve [%], use."""

    id: str
    """Name of the zone."""
    temp_c: Numbers
    """Room temperature [temp] at the start of each step; null where it is not known."""
    setpoint_c: Numbers
    """Setpoint in force [temp] at each step; null where it is not known."""
    valve_pct: Numbers
    """Opening of the heating valve [%], interval mean; null where there is none."""
    occupied: tuple[bool, ...]
    """Whether people were in during each step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VentilationHistory:
    """Measured past of an air-handling unit."""

    id: str
    """Name of the unit."""
    run: Numbers
    """Run signal 0..1, interval mean, times flow / 100 where the flow is known and not full; null
    where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Measured past of a building on its own grid; it ends where the horizon starts.

    ``heat_kw`` is the mean heating power of the whole building [kW] (one meter for all zones).
    """

    start: datetime
    """Start of the first step, ISO 8601 with offset."""
    step_s: int
    """Length of its steps [s]; it may differ from that of the horizon."""
    weather: Weather
    """Measured weather."""
    heat_kw: Numbers
    """Mean heating power of the whole building [kW] in each step: heat, not electricity."""
    zones: tuple[ZoneHistory, ...]
    """Measured past of the zones."""
    ventilation: tuple[VentilationHistory, ...] = ()
    """Measured past of the air-handling units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneModel:
    """Identified RC model of one zone.

    ``parameters`` are named and in SI-like units written in the name (``ua_kw_per_k`` and so on);
    ``rmse_24h_k`` [K] is the error exactly 24 h ahead on held-out days, beside its two rivals;
    ``standard_errors`` say, under the same names, how sure each parameter is.
    """

    zone: str
    """Id of the zone."""
    order: str
    """Model structure: `1R1C`, `2R2C`, `3R2C`."""
    parameters: dict[str, float]
    """Parameters by name; the unit stands in the name."""
    rmse_24h_k: float
    """Error exactly 24 h ahead on held-out days [K]."""
    persistence_k: float
    """The same error of "like now" [K]."""
    last_week_k: float
    """The same error of "like the same time last week" [K]."""
    standard_errors: dict[str, float] = field(default_factory=dict)
    """How sure each parameter is, under the same names; missing where nothing tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingModel:
    """The zones' models, when and from what they were identified."""

    site: str
    """Name of the building."""
    identified_at: datetime
    """End of the history that it was identified from, ISO 8601 with offset."""
    days: float
    """Length of that history [days]."""
    zones: tuple[ZoneModel, ...]
    """Models of the zones; a zone that could not be identified is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoModel:
    """Why there is no model: what is missing."""

    site: str
    """Name of the building."""
    reasons: tuple[Fact, ...]
    """What is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Everything a plan depends on. Prices [DKK/kWh], emission factors [kg CO2/kWh].

    ``history`` holds at least the last days, from which the state is estimated; with ``model``
    None it is also what a model is identified from. ``temperature_unit`` (degC or K) is the unit
    of every temperature in it, but for the levers' limits, which are in the lever's own unit.
    """

    site: str
    """Name of the building."""
    start: datetime
    """Start of the horizon, ISO 8601 with offset."""
    step_s: int
    """Length of the steps of the horizon [s], 300 to 3600."""
    timezone: str
    """IANA name of the local time zone, for days of the week and reasons."""
    latitude: float
    """North of the equator [deg]."""
    longitude: float
    """East of Greenwich [deg]."""
    weather: Weather
    """Forecast over the horizon; the length of its temperature is that of the horizon."""
    electricity_dkk_per_kwh: Numbers
    """Price of electricity [DKK/kWh]; null where it is not known."""
    heat_dkk_per_kwh: Numbers
    """Price of district heat [DKK/kWh]; null where it is not known."""
    electricity_kg_per_kwh: Numbers
    """Emission factor of electricity [kg CO2/kWh]; null where it is not known."""
    heat_kg_per_kwh: Numbers
    """Emission factor of district heat [kg CO2/kWh]; null where it is not known."""
    zones: tuple[ZoneTask, ...]
    """The zones over the horizon."""
    heat_source: HeatSource
    """Where the heat comes from."""
    ventilation: tuple[VentilationTask, ...] = ()
    """The air-handling units over the horizon."""
    history: History | None = None
    """Measured past; it ends where the horizon starts."""
    model: BuildingModel | None = None
    """An identified model; null: one is identified from the history."""
    weights: Weights = Weights()
    """What comfort and emissions are worth [DKK]."""
    notes: tuple[Fact, ...] = ()
    """Facts about the inputs that the answer repeats among its reasons."""
    temperature_unit: Unit = Unit.DEG_C
    """Unit of all temperatures but the levers': `degC` or `K`."""
    peak_so_far_kw: float | None = None
    """Highest power of the month so far [kW], of what heat is billed by."""
    peak_dkk_per_kw: float = 0.0
    """Price of each kW by which that power exceeds the highest so far [DKK/kW]."""
    power_limit_kw: float | None = None
    """Power that must not be exceeded [kW], of what heat is billed by; null: none."""
    other_load_kw: Numbers = ()
    """What others draw behind the same meter at each step, less what solar cells there give [kW]:
    below 0 there is power to spare; null or left out: not known."""
    export_dkk_per_kwh: Numbers = ()
    """What is paid for electricity that is delivered [DKK/kWh]; null or left out: power to spare
    counts as if it were bought."""
    curve: CurveTask | None = None
    """The heating curve's shift, where it may be written."""
    excitation_nights: int = 0
    """On how many nights a zone without a model may be set back further than usual, to learn how it
    answers; 0: the site does not consent."""

    storing_share: float | None = None
    """Part 0..1 of what storing heat saves by the model that has come so far, by the heat meter;
    null: not known yet, the error of the model tells how much is counted on."""

    @property
    def steps(self) -> int:
        """Length of the horizon in steps."""
        return len(self.weather.temp_out_c)

    @property
    def levers(self) -> tuple[Lever, ...]:
        """Every point that a plan may move: of zones, of air-handling units, of the curve."""
        found = [zone.lever for zone in self.zones]
        for unit in self.ventilation:
            found += (unit.lever, unit.flow_lever, unit.supply_lever)
        found += () if self.curve is None else (self.curve.lever,)
        return tuple(lever for lever in found if lever is not None)

    def held_steps(self, lever: Lever | None) -> int:
        """For how many steps from the start on somebody holds a lever: all that begin before the
        end of the hold."""
        if lever is None or lever.held is None or self.step_s <= 0 or self.start.tzinfo is None:
            return 0
        if lever.held.until is None:
            return self.steps
        until_end = -((self.start - lever.held.until) // timedelta(seconds=self.step_s))
        return min(self.steps, max(0, until_end))
