"""Heat, air and water in the simulated buildings.

Each zone has four temperatures: room air with furniture, inner mass, the core of its envelope, and
the water and metal of its radiators. One step of any length solves them together, backward Euler
with the radiator's exponent taken from the step before, so it is stable for every step and loses no
heat. World is the first axis (W), zones (N) or sites (S) the last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivers.simulator.buildings.occupancy import FloatArray
from drivers.simulator.buildings.stock import AIR_WHM3K, Stock
from drivers.simulator.physics import plant
from drivers.simulator.physics.boundary_conditions import DayInputs
from drivers.simulator.physics.local_control import Thermostats, heating_curve

RADIATOR_EXPONENT = 1.3
"""EN 442: emission grows with the excess temperature to this power."""
WATER_WHM3K = 1163.0
"""Heat capacity of water [Wh/(m3 K)]."""
CO2_OUTDOORS_PPM = 420.0
PIPE_ROOM_C = 16.0
"""Where heat lost from pipes goes: a cellar that no zone counts."""
SUPPLY_H = 10.0 / 60.0
COIL_H = 4.0 / 60.0
DAMPER_H = 2.0 / 60.0
WINDOW_ACH = 6.0
DAMPER_LEAK = 0.02
FAN_HEAT_K = 0.5
MIN_SPLIT_K = 3.0


@dataclass
class ThermalState:
    """Temperatures and flows of all buildings. Zone arrays (W, N), site arrays (W, S)."""

    air: FloatArray  # [degC]
    mass: FloatArray  # [degC]
    wall: FloatArray  # [degC]
    radiator: FloatArray  # [degC]
    co2: FloatArray  # [ppm]
    thermostats: Thermostats
    supply: FloatArray  # supply water [degC]
    back: FloatArray  # return water [degC]
    flow: FloatArray  # air handling unit [m3/h]
    coil: FloatArray  # heating coil [W]
    supply_air: FloatArray  # at its sensor [degC]


@dataclass(frozen=True)
class Control:
    """Setpoints and commands of the controllers of each world."""

    setpoint: FloatArray  # (W, N) [degC]
    run: FloatArray  # (W, S) 0 or 1
    shift: FloatArray  # (W, S) [K]
    flow: FloatArray  # (W, S) share of the full air flow while it runs, 0..1
    supply_air: FloatArray  # (W, S) setpoint of the supply air [degC]


@dataclass(frozen=True)
class SlotInputs:
    """The boundary conditions of one slot of 300 s."""

    outdoor_c: float
    curve_c: float
    wind_ms: float
    sol_air_k: float
    heating: float
    leak: FloatArray  # (S,)
    fan: FloatArray  # (S,)
    to_air: FloatArray  # (N,)
    to_mass: FloatArray
    to_wall: FloatArray
    co2: FloatArray
    airing: FloatArray
    present: FloatArray
    window_c: FloatArray
    electricity: FloatArray  # (S,)
    dhw: FloatArray  # (S,)

    @classmethod
    def of(cls, day: DayInputs, slot: int) -> SlotInputs:
        """The boundary conditions of a slot of a day."""
        return cls(
            outdoor_c=float(day.sky.temp_c[slot]),
            curve_c=float(day.sky.temp_3h_c[slot]),
            wind_ms=float(day.sky.wind_ms[slot]),
            sol_air_k=float(day.sol_air_k[slot]),
            heating=float(day.heating[slot]),
            leak=day.leak,
            fan=day.fan,
            to_air=day.to_air_w[slot],
            to_mass=day.to_mass_w[slot],
            to_wall=day.to_wall_w[slot],
            co2=day.co2_m3h[slot],
            airing=day.airing_ach[slot],
            present=day.present[slot],
            window_c=day.window_c,
            electricity=day.electricity_w[slot],
            dhw=day.dhw_w[slot],
        )


@dataclass(frozen=True)
class Flows:
    """Mean powers of one step [W] and volume flow. Zone arrays (W, N), site arrays (W, S)."""

    radiators: FloatArray  # (W, N) water to radiators
    ventilation: FloatArray  # (W, N) supply air to rooms, negative when it cools
    leakage: FloatArray  # (W, N) lost through infiltration, windows opened, and glass
    envelope: FloatArray  # (W, N) lost through opaque walls
    heat: FloatArray  # (W, S) delivered by the plant, hot water included
    volume: FloatArray  # (W, S) through the heat meter [m3/h]
    heat_pump: FloatArray  # (W, S) its electricity, 0 where there is none
    electricity: FloatArray  # (W, S) all, the heat pump included


@dataclass(frozen=True)
class _Air:
    """Mechanical ventilation of one step."""

    conductance: FloatArray  # (W, N) heat capacity flow to each zone [W/K]
    temperature: FloatArray  # (W, S) supply air [degC]
    coil: FloatArray  # (W, S) [W]
    fan: FloatArray  # (W, S) [W]


@dataclass(frozen=True)
class _Water:
    """Radiator circuits of one step; ``demand = slope * supply - offset`` per site [W]."""

    flow: FloatArray  # (W, N) heat capacity flow through each radiator [W/K]
    emission: FloatArray  # (W, N) radiator to room [W/K]
    store: FloatArray  # (N,) radiator's heat capacity over the step [W/K]
    slope: FloatArray  # (W, S) [W/K]
    offset: FloatArray  # (W, S) [W]


class ThermalModel:
    """Steps the state of all buildings."""

    def __init__(self, stock: Stock, state: ThermalState) -> None:
        self.stock = stock
        self.state = state

    def step(self, x: SlotInputs, control: Control, dt_h: float) -> Flows:
        """Advance by ``dt_h`` [h] with constant inputs. Returns the mean flows."""
        s, sites = self.state, self.stock.sites
        on = np.full(s.supply.shape, x.heating)
        s.thermostats.move(control.setpoint, s.air, self._spread(on), dt_h)
        air = self._ventilate(x, control, on, dt_h)
        water = self._circulate(on, dt_h)
        capacity = plant.capacity(sites.capacity, sites.heat_pump, x.outdoor_c)
        self._heat_supply(x, control, air, water, capacity, dt_h)
        radiators, ventilation, leakage, envelope = self._solve_zones(x, air, water, dt_h)
        rooms = self._sum(radiators) + air.coil + self._pipe_loss(on)
        volume = self._return_water(x, air, water, rooms, dt_h)
        pump = np.where(
            sites.heat_pump,
            plant.electricity(rooms, x.dhw, capacity, x.outdoor_c, s.supply),
            0.0,
        )
        electricity = x.electricity + air.fan + sites.pump * on + pump
        return Flows(
            radiators, ventilation, leakage, envelope, rooms + x.dhw, volume, pump, electricity
        )

    def _sum(self, zone_values: FloatArray) -> FloatArray:
        return np.add.reduceat(zone_values, self.stock.sites.first_zone, axis=-1)

    def _spread(self, site_values: FloatArray) -> FloatArray:
        return site_values[..., self.stock.zones.site]

    def _ventilate(self, x: SlotInputs, control: Control, on: FloatArray, dt_h: float) -> _Air:
        """Air handling unit: damper, heat recovery, heating coil, fan (power as flow squared)."""
        s, sites, zones = self.state, self.stock.sites, self.stock.zones
        wanted = control.run * control.flow * sites.air_flow
        s.flow = s.flow + (wanted - s.flow) * _pull(dt_h, DAMPER_H)
        running = s.flow * AIR_WHM3K
        extract = self._sum(s.air * zones.air_share)
        recovered = x.outdoor_c + sites.recovery * (extract - x.outdoor_c)
        before = np.minimum(recovered, np.maximum(control.supply_air, x.outdoor_c))
        need = np.maximum(control.supply_air - before, 0.0) * running
        reach = 0.7 * np.maximum(s.supply - before, 0.0) * running
        target = np.minimum(need, reach) * on
        s.coil = np.minimum(s.coil + (target - s.coil) * _pull(dt_h, COIL_H), target)
        temperature = before + s.coil / np.maximum(running, 1.0) + FAN_HEAT_K
        share = s.flow / sites.air_flow
        seen = np.where(share > 0.1, temperature, extract - 1.0)
        s.supply_air = s.supply_air + (seen - s.supply_air) * _pull(dt_h, COIL_H)
        conductance = self._spread(running) * zones.air_share
        return _Air(conductance, temperature, s.coil, sites.fan * x.fan * share**2)

    def _circulate(self, on: FloatArray, dt_h: float) -> _Water:
        """Flow through the radiators, and how their demand follows the supply water."""
        s, zones = self.state, self.stock.zones
        excess = np.maximum(np.abs(s.radiator - s.air), 0.5)
        emission = zones.radiator * excess ** (RADIATOR_EXPONENT - 1.0)
        can_flow = self._spread(s.supply) > s.radiator
        flow = zones.flow * s.thermostats.valve**2 * can_flow
        store = zones.c_radiator / dt_h
        share = flow / (store + flow + emission)
        slope = self._sum(share * (store + emission)) + self.stock.sites.pipe_loss * on
        offset = self._sum(share * (store * s.radiator + emission * s.air))
        offset = offset + self.stock.sites.pipe_loss * PIPE_ROOM_C * on
        return _Water(flow, emission, store, slope, offset)

    def _heat_supply(
        self,
        x: SlotInputs,
        control: Control,
        air: _Air,
        water: _Water,
        capacity: FloatArray,
        dt_h: float,
    ) -> None:
        """Supply water follows the shifted curve, unless the plant cannot give that much."""
        s, sites = self.state, self.stock.sites
        highest = plant.highest_supply(sites.heat_pump, x.outdoor_c)
        curve = heating_curve(x.curve_c, sites.supply_cold, sites.supply_mild) + control.shift
        wanted = np.clip(curve, 22.0, highest) if x.heating else np.full_like(s.supply, 22.0)
        s.supply = s.supply + (wanted - s.supply) * _pull(dt_h, SUPPLY_H)
        left = np.maximum(capacity - x.dhw - air.coil, 0.0)
        affordable = (left + water.offset) / np.maximum(water.slope, 1.0)
        s.supply = np.where(
            water.slope > 0.0, np.maximum(np.minimum(s.supply, affordable), PIPE_ROOM_C), s.supply
        )

    def _solve_zones(
        self, x: SlotInputs, air: _Air, water: _Water, dt_h: float
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """All temperatures of all zones at the end of the step."""
        s, z = self.state, self.stock.zones
        store, mass, wall = z.c_air / dt_h, z.c_mass / dt_h, z.c_wall / dt_h
        leak = self._air_change(x)
        outside = z.h_glass + leak
        blown = self._spread(air.temperature)
        heat = self._spread(s.supply)
        around = (z.coupling * (s.air[..., z.neighbour] - s.air[..., None])).sum(axis=-1)
        sunlit = x.outdoor_c + x.sol_air_k
        of_mass, of_wall = mass + z.h_mass, wall + z.h_inner + z.h_outer
        of_radiator = water.store + water.flow + water.emission
        mass_push = mass * s.mass + x.to_mass
        wall_push = wall * s.wall + z.h_outer * sunlit + x.to_wall
        radiator_push = water.store * s.radiator + water.flow * heat
        pull = (
            store + outside + air.conductance
            + z.h_mass * (mass / of_mass)
            + z.h_inner * (1.0 - z.h_inner / of_wall)
            + water.emission * (1.0 - water.emission / of_radiator)
        )  # fmt: skip
        push = (
            store * s.air + outside * x.outdoor_c + air.conductance * blown + x.to_air + around
            + z.h_mass * mass_push / of_mass
            + z.h_inner * wall_push / of_wall
            + water.emission * radiator_push / of_radiator
        )  # fmt: skip
        s.air = push / pull
        s.mass = (mass_push + z.h_mass * s.air) / of_mass
        s.wall = (wall_push + z.h_inner * s.air) / of_wall
        s.radiator = (radiator_push + water.emission * s.air) / of_radiator
        self._update_co2(x, leak + air.conductance, dt_h)
        return (
            water.flow * (heat - s.radiator),
            air.conductance * (blown - s.air),
            outside * (s.air - x.outdoor_c),
            z.h_outer * (s.wall - sunlit),
        )

    def _air_change(self, x: SlotInputs) -> FloatArray:
        """Infiltration by stack and wind in quadrature, windows and dampers [W/K]. (W, N)"""
        s, z = self.state, self.stock.zones
        stack = np.abs(s.air - x.outdoor_c) / 20.0
        infiltration = z.leakage * np.sqrt(0.5 * stack + 0.5 * (x.wind_ms / 4.0) ** 2)
        urge = np.clip((s.air - x.window_c) / 1.5, 0.0, 1.0) * (x.present > 0.05)
        mild = min(max((x.outdoor_c + 2.0) / 12.0, 0.1), 1.0)
        windows = (WINDOW_ACH * mild * urge + x.airing) * z.volume * AIR_WHM3K
        dampers = DAMPER_LEAK * z.air_share * self._spread(self.stock.sites.air_flow) * AIR_WHM3K
        return self._spread(x.leak) * (infiltration + windows + dampers)

    def _update_co2(self, x: SlotInputs, exchange: FloatArray, dt_h: float) -> None:
        """Carbon dioxide of well-mixed zones; ``exchange`` is the fresh air [W/K]."""
        s, z = self.state, self.stock.zones
        fresh = exchange / AIR_WHM3K
        keep = z.volume / dt_h
        s.co2 = (keep * s.co2 + fresh * CO2_OUTDOORS_PPM + x.co2 * 1e6) / (keep + fresh)

    def _pipe_loss(self, on: FloatArray) -> FloatArray:
        loss = self.stock.sites.pipe_loss * (self.state.supply - PIPE_ROOM_C) * on
        return np.asarray(loss)

    def _return_water(
        self, x: SlotInputs, air: _Air, water: _Water, rooms: FloatArray, dt_h: float
    ) -> FloatArray:
        """Return water of the circuit; gives the flow through the heat meter [m3/h]."""
        s, sites = self.state, self.stock.sites
        coil_flow = air.coil / np.maximum(s.supply - 30.0, 5.0)
        flow = self._sum(water.flow) + coil_flow + sites.bypass
        mixed = np.maximum(s.supply - rooms / flow, 18.0)
        s.back = s.back + (mixed - s.back) * _pull(dt_h, SUPPLY_H)
        primary = plant.primary_supply(x.outdoor_c)
        split = np.where(sites.heat_pump, s.supply - s.back, primary - s.back - 2.0)
        dhw_split = np.where(sites.heat_pump, 5.0, primary - 30.0)
        return np.asarray(
            (rooms / np.maximum(split, MIN_SPLIT_K) + x.dhw / dhw_split) / WATER_WHM3K
        )


def _pull(dt_h: float, time_constant_h: float) -> float:
    """The share of a step that a first-order lag covers in ``dt_h`` [h]."""
    return float(1.0 - np.exp(-dt_h / time_constant_h))


def starting_state(stock: Stock, setpoint_c: FloatArray) -> ThermalState:
    """One world with every room at its setpoint (N,) and everything else at rest."""
    air = np.array(setpoint_c, dtype=np.float64)[None, :]
    per_site = np.ones((1, len(stock.members)))
    return ThermalState(
        air=air,
        mass=air.copy(),
        wall=air - 4.0,
        radiator=air + 8.0,
        co2=np.full_like(air, 450.0),
        thermostats=Thermostats(np.full_like(air, 0.3), np.full_like(air, 0.3)),
        supply=45.0 * per_site,
        back=32.0 * per_site,
        flow=0.0 * per_site,
        coil=0.0 * per_site,
        supply_air=20.0 * per_site,
    )


def copied(state: ThermalState, worlds: int) -> ThermalState:
    """The first world of a state, ``worlds`` times."""

    def repeat(values: FloatArray) -> FloatArray:
        return np.repeat(values[:1], worlds, axis=0)

    thermostats = Thermostats(repeat(state.thermostats.integral), repeat(state.thermostats.valve))
    names = (name for name in vars(state) if name != "thermostats")
    return ThermalState(
        thermostats=thermostats, **{name: repeat(getattr(state, name)) for name in names}
    )
