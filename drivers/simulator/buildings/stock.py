"""The buildings of a municipality as flat arrays: every zone of every site on one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivers.simulator.buildings.archetypes import ARCHETYPES, Archetype, PlantKind, ZoneType
from drivers.simulator.buildings.drift import Drift
from drivers.simulator.buildings.weather import FACADES_DEG

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

AIR_WHM3K = 0.34
"""Heat capacity of air [Wh/(m3 K)]."""
SOLAR_TRANSMITTANCE = 0.36
"""Of a window: glass, frame and dirt."""
INNER_LAYER = 2.6
"""Conductance between room and wall core over that of the whole wall."""
MAX_NEIGHBOURS = 3


@dataclass(frozen=True)
class SimSite:
    """A simulated building. ``scale`` multiplies its floor area and everything sized by it."""

    id: str
    archetype: str
    seed: int
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.archetype not in ARCHETYPES:
            raise ValueError(f"{self.id}: no archetype {self.archetype}; {', '.join(ARCHETYPES)}")
        if not 0.1 <= self.scale <= 10.0:
            raise ValueError(f"{self.id}: scale {self.scale} is not within 0.1 to 10")

    @property
    def kind(self) -> Archetype:
        """The archetype of the building."""
        return ARCHETYPES[self.archetype]


@dataclass(frozen=True)
class Zones:
    """Constants of all zones, shapes (N,) unless noted, in the order of the sites."""

    site: IntArray
    """Index of the site."""
    type: IntArray
    """Index among ``zone_types()``."""
    area: FloatArray  # [m2]
    volume: FloatArray  # [m3]
    c_air: FloatArray  # air and furniture [Wh/K]
    c_mass: FloatArray  # floors and inner walls [Wh/K]
    c_wall: FloatArray  # core of the envelope [Wh/K]
    c_radiator: FloatArray  # water and metal [Wh/K]
    h_mass: FloatArray  # room air to inner mass [W/K]
    h_inner: FloatArray  # room air to wall core [W/K]
    h_outer: FloatArray  # wall core to outdoors [W/K]
    h_glass: FloatArray  # room air to outdoors through windows and doors [W/K]
    leakage: FloatArray  # infiltration at 20 K and 4 m/s [W/K]
    radiator: FloatArray  # emission coefficient, Q = k dT^1.3 [W/K^1.3]
    flow: FloatArray  # heat capacity flow of an open valve [W/K]
    aperture: FloatArray  # (8, N) solar aperture by compass direction [m2]
    persons: FloatArray
    plug: FloatArray  # [W]
    light: FloatArray  # [W]
    air_share: FloatArray
    neighbour: IntArray  # (N, MAX_NEIGHBOURS) index of adjoining zones
    coupling: FloatArray  # (N, MAX_NEIGHBOURS) [W/K], 0 where there is none


@dataclass(frozen=True)
class Sites:
    """Constants of all sites, shapes (S,)."""

    first_zone: IntArray
    area: FloatArray  # [m2]
    heat_pump: NDArray[np.bool_]
    capacity: FloatArray  # of the plant at design conditions [W]
    supply_cold: FloatArray  # heating curve at -12 degC [degC]
    supply_mild: FloatArray  # heating curve at +15 degC [degC]
    pipe_loss: FloatArray  # [W/K]
    bypass: FloatArray  # heat capacity flow past closed valves [W/K]
    air_flow: FloatArray  # [m3/h]
    fan: FloatArray  # [W]
    recovery: FloatArray
    supply_air: FloatArray  # [degC]
    base: FloatArray  # electricity day and night [W]
    pump: FloatArray  # circulation pump [W]
    dhw_standing: FloatArray  # [W]
    dhw_draw: FloatArray  # per person present [W]


@dataclass(frozen=True)
class Stock:
    """All constants of all buildings."""

    members: tuple[SimSite, ...]
    zones: Zones
    sites: Sites
    drift: tuple[Drift, ...]

    @classmethod
    def of(cls, members: Sequence[SimSite]) -> Stock:
        """Size every building; its seed varies fabric, gains and plant by several percent."""
        if not members:
            raise ValueError("a municipality needs at least one building")
        if len({member.id for member in members}) != len(members):
            raise ValueError("two simulated buildings have the same id")
        zone_rows: list[dict[str, object]] = []
        site_rows: list[dict[str, object]] = []
        for index, member in enumerate(members):
            vary = _Variation(member.seed)
            first = len(zone_rows)
            site_rows.append({"first_zone": first, **_site_row(member, vary)})
            for place, zone in enumerate(member.kind.zones):
                neighbour, coupling = _neighbours(member, place, first)
                row = _zone_row(member, zone, vary)
                row |= {"site": index, "neighbour": neighbour, "coupling": coupling}
                zone_rows.append(row)
        zones = {name: np.array([row[name] for row in zone_rows]) for name in zone_rows[0]}
        zones["aperture"] = zones["aperture"].T.copy()
        sites = {name: np.array([row[name] for row in site_rows]) for name in site_rows[0]}
        drift = tuple(Drift.of(member.seed) for member in members)
        return cls(tuple(members), Zones(**zones), Sites(**sites), drift)


class _Variation:
    """Factors near 1 that make one building of a kind differ from the next."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 1])
        draw = rng.standard_normal(5)
        self.fabric, self.leakage, self.mass, self.use, self.sun = np.exp(
            np.array([0.05, 0.08, 0.08, 0.08, 0.08]) * np.clip(draw, -2.0, 2.0)
        )


def zone_types() -> tuple[tuple[Archetype, ZoneType], ...]:
    """Every zone type of every archetype, in a fixed order."""
    return tuple((kind, zone) for kind in ARCHETYPES.values() for zone in kind.zones)


_TYPE_INDEX = {(kind.name, zone.name): i for i, (kind, zone) in enumerate(zone_types())}


def _zone_row(member: SimSite, zone: ZoneType, vary: _Variation) -> dict[str, object]:
    area = zone.area_m2 * member.scale
    volume = area * zone.height_m
    heating = member.kind.heating
    opaque = zone.opaque_wm2k * area * vary.fabric
    aperture = np.zeros(len(FACADES_DEG))
    for position, share in zone.windows:
        aperture[position] += share * area * SOLAR_TRANSMITTANCE * vary.sun
    return {
        "type": _TYPE_INDEX[member.archetype, zone.name],
        "area": area,
        "volume": volume,
        "c_air": 12.0 * area + AIR_WHM3K * volume,
        "c_mass": member.kind.mass_whm2k * area * vary.mass,
        "c_wall": 22.0 * area * vary.mass,
        "c_radiator": 0.012 * heating.radiator_wm2 * area,
        "h_mass": 7.0 * area,
        "h_inner": INNER_LAYER * opaque,
        "h_outer": opaque * INNER_LAYER / (INNER_LAYER - 1.0),
        "h_glass": zone.glazing_wm2k * area * vary.fabric,
        "leakage": zone.leakage_ach * volume * AIR_WHM3K * vary.leakage,
        "radiator": heating.radiator_wm2 * area / 50.0**1.3,
        "flow": heating.flow_wm2k * area,
        "aperture": aperture,
        "persons": zone.persons_m2 * area * vary.use,
        "plug": zone.plug_wm2 * area * vary.use,
        "light": zone.light_wm2 * area * vary.use,
        "air_share": zone.air_share,
    }


def _neighbours(member: SimSite, place: int, first: int) -> tuple[list[int], list[float]]:
    index = [first + place] * MAX_NEIGHBOURS
    conductance = [0.0] * MAX_NEIGHBOURS
    touching = [pair for pair in member.kind.neighbours if place in pair[:2]]
    for slot, (a, b, value) in enumerate(touching):
        index[slot] = first + (b if a == place else a)
        conductance[slot] = value * member.scale
    return index, conductance


def _site_row(member: SimSite, vary: _Variation) -> dict[str, object]:
    kind = member.kind
    heating = kind.heating
    area = sum(zone.area_m2 for zone in kind.zones) * member.scale
    return {
        "area": area,
        "heat_pump": heating.kind is PlantKind.HEAT_PUMP,
        "capacity": heating.capacity_kw * 1000.0 * member.scale,
        "supply_cold": heating.supply_cold_c,
        "supply_mild": heating.supply_mild_c,
        "pipe_loss": 0.05 * area,
        "bypass": 0.02 * heating.flow_wm2k * area,
        "air_flow": kind.air.flow_m3h * member.scale,
        "fan": kind.air.fan_kw * 1000.0 * member.scale,
        "recovery": kind.air.recovery,
        "supply_air": kind.air.supply_air_c,
        "base": kind.base_wm2 * area * vary.use,
        "pump": 0.25 * area,
        "dhw_standing": heating.dhw_standing_wm2 * area,
        "dhw_draw": heating.dhw_draw_w_person,
    }
