"""Sensors with noise and resolution, and meters with registers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivers.simulator.buildings.occupancy import SLOTS, FloatArray
from drivers.simulator.buildings.stock import SimSite, Stock
from drivers.simulator.physics.thermal import Flows, ThermalState

IntArray = NDArray[np.int64]

ZONE_SIGNALS = ("temp", "setpoint", "valve", "co2")
SITE_SIGNALS = (
    "outdoor.temp",
    "plant.supply_temp",
    "plant.return_temp",
    "plant.curve_shift",
    "ahu1.run",
    "ahu1.supply_air_temp",
    "heat.energy",
    "heat.volume",
    "heat.power",
    "el.energy",
    "el.power",
)
HEAT_PUMP_SIGNALS = ("hp.energy", "hp.power")
AIR_SIGNALS = ("ahu1.flow", "ahu1.supply_air_setpoint")
"""Commands to the air handling unit, shown without noise after all other signals."""

NOISE = {"temp": 0.05, "co2": 8.0, "water": 0.05}
"""Standard deviation of temperatures [K], carbon dioxide [ppm] and water temperatures [K]."""
STEP = {"temp": 0.1, "valve": 1.0, "co2": 10.0, "energy": 0.1, "volume": 0.01, "power": 0.1}
"""Smallest step of what an instrument shows, in its unit."""


@dataclass
class MeterRegisters:
    """Cumulative meters, shapes (W, S): heat, electricity, heat pump [Wh], volume [m3]."""

    heat: FloatArray
    volume: FloatArray
    electricity: FloatArray
    heat_pump: FloatArray

    @classmethod
    def installed(cls, stock: Stock) -> MeterRegisters:
        """Registers that have been running for years, as their building's seed has it."""
        rows = [
            np.random.default_rng([member.seed, 5]).uniform(0.2, 0.9, 4) for member in stock.members
        ]
        place = np.array(rows)
        return cls(
            heat=place[None, :, 0] * 1e9,
            volume=place[None, :, 1] * 3e4,
            electricity=place[None, :, 2] * 1e9,
            heat_pump=place[None, :, 3] * 3e8,
        )

    def count(self, flows: Flows, dt_h: float) -> None:
        """Add the energy and water of one step; a register never runs backwards."""
        self.heat = self.heat + np.maximum(flows.heat, 0.0) * dt_h
        self.volume = self.volume + np.maximum(flows.volume, 0.0) * dt_h
        self.electricity = self.electricity + flows.electricity * dt_h
        self.heat_pump = self.heat_pump + flows.heat_pump * dt_h

    def split(self, worlds: int) -> MeterRegisters:
        """The first world's registers, ``worlds`` times."""
        return MeterRegisters(
            *(np.repeat(values[:1], worlds, axis=0) for values in vars(self).values())
        )


class EffectiveCommands(NamedTuple):
    """The values that act in our world: setpoints (N,) [degC]; run (0 or 1), shift of the heating
    curve [K], air flow [%] and setpoint of the supply air [degC], each (S,)."""

    setpoint: FloatArray
    run: FloatArray
    shift: FloatArray
    flow_pct: FloatArray
    supply_air_c: FloatArray


class SensorPanel:
    """All signals of all sites as one vector, with the place of each."""

    def __init__(self, stock: Stock) -> None:
        self.stock = stock
        self.names: list[tuple[str, ...]] = [signal_names(member) for member in stock.members]
        lengths = np.array([len(names) for names in self.names])
        self.first = np.concatenate([[0], np.cumsum(lengths)])
        flat = [name for names in self.names for name in names]
        self._noise = np.array([_noise_of(name) for name in flat])
        self._step = np.array([_step_of(name) for name in flat])
        self._register = np.array([name.endswith((".energy", ".volume")) for name in flat])
        self._day = -1
        self._draws = np.zeros((SLOTS, len(flat)))
        self._zone_place = {kind: self._zone_places(kind) for kind in ZONE_SIGNALS}
        pump = np.flatnonzero(stock.sites.heat_pump)
        self._pump = pump
        everywhere = np.arange(len(stock.members))
        self._site_place = {kind: self._site_places(kind, everywhere) for kind in SITE_SIGNALS}
        self._site_place |= {kind: self._site_places(kind, everywhere) for kind in AIR_SIGNALS}
        self._site_place |= {kind: self._site_places(kind, pump) for kind in HEAT_PUMP_SIGNALS}

    def _zone_places(self, kind: str) -> IntArray:
        offset = ZONE_SIGNALS.index(kind)
        place = []
        for index, site in enumerate(self.stock.zones.site):
            nth = index - int(self.stock.sites.first_zone[site])
            place.append(int(self.first[site]) + nth * len(ZONE_SIGNALS) + offset)
        return np.array(place)

    def _site_places(self, name: str, sites: IntArray) -> IntArray:
        return np.array(
            [self.first[site] + self.names[site].index(name) for site in sites], dtype=np.int64
        )

    def true_values(
        self,
        world: int,
        state: ThermalState,
        flows: Flows,
        registers: MeterRegisters,
        effective: EffectiveCommands,
        outdoor_c: float,
    ) -> FloatArray:
        """Every signal without noise, in its unit."""
        seen = np.zeros(int(self.first[-1]))
        zone = self._zone_place
        seen[zone["temp"]] = state.air[world]
        seen[zone["setpoint"]] = effective.setpoint
        seen[zone["valve"]] = 100.0 * state.thermostats.valve[world]
        seen[zone["co2"]] = state.co2[world]
        by_site = {
            "outdoor.temp": np.full(len(self.stock.members), outdoor_c),
            "plant.supply_temp": state.supply[world],
            "plant.return_temp": state.back[world],
            "plant.curve_shift": effective.shift,
            "ahu1.run": effective.run,
            "ahu1.supply_air_temp": state.supply_air[world],
            "ahu1.flow": effective.flow_pct,
            "ahu1.supply_air_setpoint": effective.supply_air_c,
            "heat.energy": registers.heat[world] / 1e3,
            "heat.volume": registers.volume[world],
            "heat.power": flows.heat[world] / 1e3,
            "el.energy": registers.electricity[world] / 1e3,
            "el.power": flows.electricity[world] / 1e3,
            "hp.energy": registers.heat_pump[world, self._pump] / 1e3,
            "hp.power": flows.heat_pump[world, self._pump] / 1e3,
        }
        for name, values in by_site.items():
            seen[self._site_place[name]] = values
        return seen

    def measured(self, true: FloatArray, day: int, slot: int) -> FloatArray:
        """Values of the instruments: with noise, rounded to their resolution (registers down)."""
        noisy = true + self._noise * self._drawn(day)[slot]
        steps = noisy / self._step
        rounded = np.where(self._register, np.floor(steps + 1e-9), np.round(steps))
        return np.asarray(np.round(rounded * self._step, 3))

    def of_site(self, values: FloatArray, site: int) -> dict[str, float]:
        """The signals of a site in the vector of all signals."""
        part = values[self.first[site] : self.first[site + 1]]
        return dict(zip(self.names[site], part.tolist(), strict=True))

    def _drawn(self, day: int) -> FloatArray:
        """Noise of a UTC day, which does not depend on how often it is read."""
        if day != self._day:
            quiet = np.zeros((SLOTS, len(AIR_SIGNALS)))
            parts: list[FloatArray] = []
            for member, names in zip(self.stock.members, self.names, strict=True):
                rng = np.random.default_rng([member.seed, 11, day])
                noisy = rng.standard_normal((SLOTS, len(names) - len(AIR_SIGNALS)))
                parts += [noisy, quiet]
            self._draws = np.hstack(parts)
            self._day = day
        return self._draws


def signal_names(site: SimSite) -> tuple[str, ...]:
    """Every signal of a site, zones first, commands to the air handling unit last."""
    zones = tuple(f"{zone.name}.{kind}" for zone in site.kind.zones for kind in ZONE_SIGNALS)
    pump = HEAT_PUMP_SIGNALS if site.archetype == "school" else ()
    return zones + SITE_SIGNALS + pump + AIR_SIGNALS


def _noise_of(name: str) -> float:
    last = name.rsplit(".", 1)[-1]
    if last in ("supply_temp", "return_temp"):
        return NOISE["water"]
    if last in ("temp", "supply_air_temp"):
        return NOISE["temp"]
    return NOISE.get(last, 0.0)


def _step_of(name: str) -> float:
    last = name.rsplit(".", 1)[-1]
    if last == "run":
        return 1.0
    return STEP.get(last, STEP["temp"])
