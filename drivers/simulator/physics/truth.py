"""The ground truth of each world, without sensor noise, to compare claims of savings with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from drivers.simulator.buildings.occupancy import BoolArray, FloatArray
from drivers.simulator.buildings.stock import Stock
from drivers.simulator.physics.thermal import Flows

WORLDS = ("own", "tuned", "ours")


@dataclass(frozen=True)
class TruthRecord:
    """Noise-free energy and comfort since the fork: S sites, W worlds, H hours.

    ``hours`` are the UTC starts of the hours; the first and the last may be incomplete.
    """

    sites: tuple[str, ...]
    worlds: tuple[str, ...]
    hours: tuple[datetime, ...]
    heat_kwh: FloatArray
    """(S, W, H) heat delivered to the building, hot water included."""
    electricity_kwh: FloatArray
    """(S, W, H) all electricity, a heat pump included."""
    heat_pump_kwh: FloatArray
    """(S, W, H) electricity of the heat pump; 0 where there is none."""
    billed_kwh: FloatArray
    """(S, W, H) district heat and electricity; electricity alone where a heat pump heats."""
    comfort_kh: FloatArray
    """(S, W) air temperature outside the comfort band while occupied, summed over zones [K h]."""
    comfort_by_zone: dict[str, dict[str, FloatArray]]
    """Site, zone: (W,) [K h]."""
    occupied_days: NDArray[np.int64]
    """(S,) local days on which any zone was occupied by its timetable."""


class Recorder:
    """Accumulates a ``TruthRecord`` step by step."""

    def __init__(self, stock: Stock, worlds: int) -> None:
        self._stock = stock
        self._shape = (worlds, len(stock.members))
        self._hours: list[int] = []
        self._energy: list[FloatArray] = []
        zones = [(kind.low_c, kind.high_c) for m in stock.members for kind in m.kind.zones]
        self._low, self._high = np.array(zones).T
        self._discomfort = np.zeros((worlds, len(zones)))
        self._days: list[set[int]] = [set() for _ in stock.members]

    def note(self, unix_s: float, flows: Flows, dt_h: float) -> None:
        """Add the energy of a step that began at ``unix_s`` [s] and lasted ``dt_h`` [h]."""
        hour = int(unix_s) // 3600
        if not self._hours or self._hours[-1] != hour:
            self._hours.append(hour)
            self._energy.append(np.zeros((3, *self._shape)))
        powers = np.stack([np.maximum(flows.heat, 0.0), flows.electricity, flows.heat_pump])
        self._energy[-1] += powers * (dt_h / 1000.0)

    def note_comfort(
        self, air_c: FloatArray, occupied: BoolArray, local_day: int, dt_h: float
    ) -> None:
        """Add the discomfort of a step: air (W, N) [degC] at its end, timetable occupancy (N,)."""
        if not occupied.any():
            return
        outside = np.maximum(self._low - air_c, 0.0) + np.maximum(air_c - self._high, 0.0)
        self._discomfort += outside * occupied * dt_h
        for site in np.unique(self._stock.zones.site[occupied]):
            self._days[int(site)].add(local_day)

    def record(self) -> TruthRecord:
        """The record of all steps so far."""
        members = self._stock.members
        energy = (
            np.stack(self._energy, axis=-1) if self._energy else np.zeros((3, *self._shape, 0))
        ).transpose(0, 2, 1, 3)
        heat, electricity, pump = energy
        bought = np.where(self._stock.sites.heat_pump[:, None, None], 0.0, heat)
        by_site = np.add.reduceat(self._discomfort, self._stock.sites.first_zone, axis=1)
        return TruthRecord(
            sites=tuple(member.id for member in members),
            worlds=WORLDS[: self._shape[0]],
            hours=tuple(datetime.fromtimestamp(hour * 3600, UTC) for hour in self._hours),
            heat_kwh=heat,
            electricity_kwh=electricity,
            heat_pump_kwh=pump,
            billed_kwh=bought + electricity,
            comfort_kh=by_site.T.copy(),
            comfort_by_zone=self._by_zone(),
            occupied_days=np.array([len(days) for days in self._days]),
        )

    def _by_zone(self) -> dict[str, dict[str, FloatArray]]:
        first = self._stock.sites.first_zone
        return {
            member.id: {
                zone.name: self._discomfort[:, int(first[site]) + nth].copy()
                for nth, zone in enumerate(member.kind.zones)
            }
            for site, member in enumerate(self._stock.members)
        }
