"""A municipality of one-node rooms: the seam of the physics with numbers one can work out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from drivers.simulator.interfaces import SiteHistory

START = datetime(2019, 1, 14, 0, 0, tzinfo=UTC)
ZONES = {
    "townhall": ("north", "south"),
    "school": ("class_south", "gym"),
    "sportshall": ("hall", "changing"),
}
METERS = ("heat.energy", "heat.volume", "heat.power", "el.energy", "el.power")
PLANT = ("outdoor.temp", "plant.supply_temp", "plant.return_temp", "ahu1.supply_air_temp")
DAY, NIGHT = 21.5, 19.0
OWN_AIR = {"ahu1.flow": 100.0, "ahu1.supply_air_setpoint": 18.0}


@dataclass(frozen=True)
class ToyRecord:
    start: datetime
    heat_kwh: np.ndarray


class ToyMunicipality:
    """Rooms go half of the way to their setpoint every quarter of an hour.

    Own programme (UTC): setpoint 21.5 from 05 to 20, else 19; ventilation from 06 to 18.
    """

    def __init__(self, sites: Sequence[str] = tuple(ZONES), start: datetime = START) -> None:
        self._now = start
        self._held: dict[tuple[str, str], float] = {}
        self._temps = {(s, z): NIGHT for s in sites for z in ZONES[s]}
        self._energy = dict.fromkeys(sites, 1234.5)

    @property
    def now(self) -> datetime:
        return self._now

    def zones(self, site: str) -> tuple[str, ...]:
        return ZONES[site]

    def signals(self, site: str) -> tuple[str, ...]:
        return tuple(self.sensors(site))

    def command(self, site: str, signal: str, value: float | None) -> None:
        if value is None:
            self._held.pop((site, signal), None)
        else:
            self._held[site, signal] = value

    def own_value(self, site: str, signal: str) -> float:
        if signal.endswith(".setpoint"):
            return DAY if 5 <= self._now.hour < 20 else NIGHT
        if signal == "ahu1.run":
            return float(6 <= self._now.hour < 18)
        return OWN_AIR.get(signal, 0.0)

    def acting(self, site: str, signal: str) -> float:
        return self._held.get((site, signal), self.own_value(site, signal))

    def advance(self, seconds: int) -> None:
        share = 1.0 - 0.5 ** (seconds / 900)
        for (site, zone), temp in self._temps.items():
            wish = self.acting(site, f"{zone}.setpoint")
            self._temps[site, zone] = temp + share * (wish - temp)
        for site in self._energy:
            self._energy[site] += 10.0 * seconds / 3600
        self._now += timedelta(seconds=seconds)

    def sensors(self, site: str) -> dict[str, float]:
        found = dict.fromkeys(PLANT, 4.2) | dict.fromkeys(METERS, 10.0)
        found["heat.energy"] = round(self._energy[site], 1)
        found |= {"plant.curve_shift": self.acting(site, "plant.curve_shift")}
        found |= {"ahu1.run": self.acting(site, "ahu1.run")}
        found |= {signal: self.acting(site, signal) for signal in OWN_AIR}
        if site == "school":
            found |= {"hp.energy": 777.7, "hp.power": 12.3}
        for zone in ZONES[site]:
            found |= {
                f"{zone}.temp": round(self._temps[site, zone], 1),
                f"{zone}.valve": 50.0,
                f"{zone}.co2": 620.0,
                f"{zone}.setpoint": self.acting(site, f"{zone}.setpoint"),
            }
        return found

    def fork_worlds(self) -> None:
        self._energy = dict.fromkeys(self._energy, 2000.0)

    def record(self) -> ToyRecord:
        return ToyRecord(self._now, np.array([[1.0, np.nan]]))

    def history(
        self, until: datetime, step_s: int, on_step: Callable[[float], None] | None = None
    ) -> SiteHistory:
        steps = int((until - self._now).total_seconds()) // step_s
        rows: dict[str, list[dict[str, float]]] = {site: [] for site in self._energy}
        for i in range(steps):
            self.advance(step_s)
            for site, row in rows.items():
                row.append(self.sensors(site))
            if on_step is not None:
                on_step((i + 1) / steps)
        return {
            site: {signal: np.array([r[signal] for r in row]) for signal in row[0]}
            for site, row in rows.items()
        }
