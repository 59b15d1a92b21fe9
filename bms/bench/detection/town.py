"""Buildings by the hour for planted faults: the simulated municipality, and a second physics.

The second physics shares no equation with the simulator: one thermal mass with a proportional
controller, hot water by a profile, district heating with a constant secondary return, electricity
and water by profiles with noise that is correlated from day to day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import holidays
import numpy as np

from bms.bench.figure import Progress
from bms.bench.planning.energyplus import WEATHER
from bms.faults.observations import Equipment, FaultContext, Observations
from bms.faults.prices import WATER_KWH_M3K
from bms.faults.signals import Signal
from bms.model.planning.cooling_fee import CoolingRule
from bms.model.planning.grid import Flags, Ints
from bms.model.readings.series import Floats
from drivers.simulator.buildings.archetypes import ARCHETYPES
from drivers.simulator.buildings.occupancy import is_closed
from drivers.simulator.buildings.weather import WeatherTable
from drivers.simulator.municipality import Municipality, SimSite

ZONE = "Europe/London"
"""The weather is that of a place in this zone."""
START = datetime(2018, 1, 5, tzinfo=UTC)
DAYS = 560
EPOCH = date(1970, 1, 1)
KINDS = ("townhall", "school", "sportshall")
HEAT_PUMP = "school"
RULE = CoolingRule(
    first=date(2018, 1, 1), end=None, below_k=22.0, malus_dkk_per_k_mwh=6.0, source="bench"
)
"""A cooling rule whose limit untouched buildings keep."""


@dataclass(frozen=True, slots=True, eq=False)
class HourlyBuilding:
    """Hourly columns of a building without a fault, and what its papers say."""

    name: str
    at: Ints
    columns: Mapping[Signal, Floats]
    rooms: Mapping[str, Floats]
    context: FaultContext

    def subject(
        self, equipment: Equipment, columns: Mapping[Signal, Floats], until: int | None = None
    ) -> Observations:
        """A subject of the rules from some of its columns, up to hour ``until``."""
        end = slice(0, until)
        rooms: dict[Signal, dict[str, Floats]] = {}
        if equipment is Equipment.ROOMS:
            rooms = {Signal.ZONE_TEMP: {name: v[end] for name, v in self.rooms.items()}}
        return Observations(
            site_id=self.name,
            subject=equipment.value,
            equipment=equipment,
            at=self.at[end],
            step_s=3600,
            signals={signal: values[end] for signal, values in columns.items()},
            rooms=rooms,
            context=self.context,
        )


def papers(first: datetime, days: int) -> FaultContext:
    """A building that is closed on weekends, public holidays and a week at Christmas."""
    years = range(first.year, first.year + 3)
    listed = set(holidays.country_holidays("GB", years=years))
    listed |= {date(year, 12, day) for year in years for day in range(24, 32)}
    listed |= {date(year, 2, day) for year in years for day in range(11, 18)}
    return FaultContext(
        timezone=ZONE,
        heat_dkk_kwh=0.6,
        electricity_dkk_kwh=1.4,
        water_dkk_m3=60.0,
        cooling=RULE,
        closed=frozenset((day - EPOCH).days for day in listed),
    )


def weather_hours(days: int) -> tuple[Ints, Floats, Floats]:
    """Moments [epoch s], outdoor temperature [degC] and irradiance [W/m2] of the bench."""
    table = WeatherTable.from_csv_gz(WEATHER)
    skip = int((START - table.start) / timedelta(hours=1))
    n = 24 * days
    at = int(START.timestamp()) + 3600 * np.arange(n, dtype=np.int64)
    return at, table.temp_c[skip : skip + n], table.ghi_wm2[skip : skip + n]


def municipality(count: int, days: int, report: Progress) -> list[HourlyBuilding]:
    """Buildings of the simulated municipality under their own control."""
    world = Municipality(
        [SimSite(f"sim{i}", KINDS[i % 3], seed=500 + i) for i in range(count)],
        WeatherTable.from_csv_gz(WEATHER),
        START,
    )
    past = world.history(
        START + timedelta(days=days), 3600, lambda share: report("simulating buildings", share)
    )
    hours = weather_hours(days)
    return [
        simulated(f"sim{i}", hours, past[f"sim{i}"], simulated_papers(KINDS[i % 3]))
        for i in range(count)
    ]


def simulated_papers(archetype: str) -> FaultContext:
    """What a site file says of a simulated building: its closed days, weekdays and hours of use.

    Its own control knows no closed days and heats on them, which the rules find and say.
    """
    last = START.date() + timedelta(days=DAYS)
    days = (START.date() + timedelta(days=n) for n in range((last - START.date()).days))
    minutes = [
        (weekday, minute)
        for zone in ARCHETYPES[archetype].zones
        for period in zone.use.periods
        for weekday in period.days
        for minute in (period.start_min, period.end_min)
    ]
    return FaultContext(
        timezone="Europe/Copenhagen",
        heat_dkk_kwh=0.6,
        electricity_dkk_kwh=1.4,
        water_dkk_m3=60.0,
        cooling=None if archetype == HEAT_PUMP else RULE,
        closed=frozenset((day - EPOCH).days for day in days if is_closed(archetype, day)),
        closed_weekdays=frozenset(range(7)) - {weekday for weekday, _ in minutes},
        opens_min=min(minute for _, minute in minutes),
        closes_min=max(minute for _, minute in minutes),
    )


def simulated(
    name: str,
    hours: tuple[Ints, Floats, Floats],
    signals: Mapping[str, Floats],
    context: FaultContext,
) -> HourlyBuilding:
    """A building of the municipality as columns of the rules."""
    at, outdoor, sun = hours
    rng = np.random.default_rng(len(name) + int(signals["heat.energy"][0]))
    heat, volume = _per_hour(signals["heat.energy"]), _per_hour(signals["heat.volume"])
    with np.errstate(invalid="ignore", divide="ignore"):
        cooling = np.where(volume > 0, heat / (volume * WATER_KWH_M3K), np.nan)
    flow = 75.0 - 0.5 * np.clip(outdoor, -5, 20) + rng.normal(0, 0.8, len(at))
    rooms = {
        signal.partition(".")[0]: values
        for signal, values in signals.items()
        if signal.endswith(".temp") and not signal.startswith("outdoor")
    }
    return HourlyBuilding(
        name,
        at,
        {
            Signal.HEAT: heat,
            Signal.VOLUME: volume,
            Signal.METER_FLOW_TEMP: flow,
            Signal.METER_RETURN_TEMP: flow - np.nan_to_num(cooling, nan=2.0),
            Signal.OUTDOOR_TEMP: outdoor,
            Signal.SUN: sun,
            Signal.ELECTRICITY: _per_hour(signals["el.energy"]),
            Signal.WATER: water_use(at, context, rng),
        },
        rooms,
        context,
    )


def _per_hour(register: Floats) -> Floats:
    return np.maximum(np.diff(register, prepend=2 * register[0] - register[1]), 0.0)


def second_physics(count: int, days: int, seed: int = 7) -> list[HourlyBuilding]:
    """Buildings of the second physics."""
    at, outdoor, sun = weather_hours(days)
    context = papers(START, days)
    rng = np.random.default_rng(seed)
    plain = Observations(
        site_id="",
        subject="",
        equipment=Equipment.ANY,
        at=at,
        step_s=3600,
        signals={},
        context=context,
    )
    hour, closed = plain.local.minute // 60, plain.closed
    temps, heats = _rooms(count, outdoor, sun, hour, closed, rng)
    return [
        _building(f"two{i}", (at, outdoor, sun), temps[:, i], heats[:, i], plain, rng)
        for i in range(count)
    ]


def _rooms(
    count: int, outdoor: Floats, sun: Floats, hour: Ints, closed: Flags, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Room temperatures [degC] and heat [kWh] of every building, shapes (n, count)."""
    loss = rng.uniform(0.6, 2.5, count)  # [kW/K]
    mass = loss * rng.uniform(20.0, 60.0, count)  # [kWh/K]
    gain = loss * rng.uniform(1.0, 3.0, count)
    aperture = loss * rng.uniform(0.002, 0.006, count)
    comfort, setback = rng.uniform(20.5, 22.0, count), rng.uniform(2.5, 5.0, count)
    temps = np.empty((len(outdoor), count))
    heats = np.empty_like(temps)
    room = comfort.copy()
    for i in range(len(outdoor)):
        used = (5 <= hour[i] < 17) and not closed[i]
        wanted = comfort if used else comfort - setback
        free = outdoor[i] < 16.0
        heat = np.clip(
            (wanted - room) * 1.2 * loss * 4.0 + loss * (room - outdoor[i]) * 0.5, 0, 40 * loss
        )
        heat = heat * free
        people = gain * (1.0 if (8 <= hour[i] < 16) and not closed[i] else 0.15)
        room = room + (heat + people + aperture * sun[i] - loss * (room - outdoor[i])) / mass
        temps[i], heats[i] = room, heat
    return temps, heats


def _building(
    name: str,
    hours: tuple[Ints, Floats, Floats],
    room: Floats,
    heat: Floats,
    plain: Observations,
    rng: np.random.Generator,
) -> HourlyBuilding:
    at, outdoor, sun = hours
    n = len(at)
    minute, used = plain.local.minute, plain.in_use
    base = 0.06 * float(np.percentile(heat, 90))
    draw = base * rng.uniform(0.5, 1.5) * used * rng.gamma(2.0, 0.5, n)
    total = heat * (1 + _wander(n, 0.04, rng)) + base * 0.8 + draw
    cooling = np.clip(31.0 + 6.0 * (heat > 0) - 0.12 * outdoor + _wander(n, 1.2, rng), 8.0, 60.0)
    flow = np.clip(78.0 - 0.6 * outdoor, 65.0, 85.0) + _wander(n, 0.8, rng)
    volume = np.round(total / (cooling * WATER_KWH_M3K), 3)
    people = np.clip((minute - 420) / 120.0, 0, 1) * used
    power = rng.uniform(4.0, 15.0)
    el = power * (0.3 + 0.9 * people + 0.15 * used) * (1 + _wander(n, 0.05, rng))
    return HourlyBuilding(
        name,
        at,
        {
            Signal.HEAT: np.round(total, 2),
            Signal.VOLUME: volume,
            Signal.METER_FLOW_TEMP: flow,
            Signal.METER_RETURN_TEMP: flow - cooling,
            Signal.OUTDOOR_TEMP: outdoor,
            Signal.SUN: sun,
            Signal.ELECTRICITY: np.round(el, 2),
            Signal.WATER: water_use(at, plain.context, rng),
        },
        {f"room{i}": room + rng.normal(0, 0.3) + _wander(n, 0.2, rng) for i in range(4)},
        plain.context,
    )


def water_use(at: Ints, context: FaultContext, rng: np.random.Generator) -> Floats:
    """Water of a building [m3/h]: drawn in the hours of use, seldom outside them."""
    seen = Observations(
        site_id="",
        subject="",
        equipment=Equipment.ANY,
        at=at,
        step_s=3600,
        signals={},
        context=context,
    )
    rate = np.where(seen.in_use, 0.25, 0.006)
    return np.round(rng.poisson(rate * 40.0) / 40.0 * rng.uniform(0.5, 1.5), 3)


def _wander(n: int, size: float, rng: np.random.Generator) -> Floats:
    """Noise with half of its variance correlated over days."""
    days = rng.normal(0, size, n // 24 + 2)
    smooth = np.convolve(days, [0.3, 0.4, 0.3], "same")
    slow = np.interp(np.arange(n) / 24.0, np.arange(len(days)), smooth)
    wander: Floats = slow + rng.normal(0, 0.7 * size, n)
    return wander
