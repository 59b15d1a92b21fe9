"""A building as a detailed simulation program would model it, with numbers in its own words and K.

Layered walls by finite volumes (implicit), windows by orientation, wind through cracks, radiators
of steel and water, a thermostat with a band, a dead band and a noisy sensor. Steps of five minutes
inside. Nothing here is shared with the optimiser.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

LOCAL = ZoneInfo("Europe/Copenhagen")
KELVIN = 273.15
DT_S = 300.0
STEP_S = 1800
AREA_M2, VOLUME_M3, RADIATOR_W, BOILER_W = 500.0, 2500.0, 60e3, 90e3
LOW, HIGH, FLOOR, CEILING = 20.0, 25.0, 14.0, 30.0
FACES = ((0.0, 40.0), (np.pi / 2, 10.0), (-np.pi / 2, 10.0))
"""Azimuth from south, positive to the west [rad], and glass [m2]."""
AIR_J_PER_M3_K = 1206.0
NODES = 10

# Layers from inside out: thickness [m], conductivity [W/(m K)], heat capacity [J/(m3 K)].
GYPSUM, WOOL, BRICK = (0.03, 0.22, 9e5), (0.15, 0.04, 4e4), (0.11, 0.7, 1.5e6)
CONCRETE, FOAM = (0.10, 1.6, 2.1e6), (0.12, 0.04, 4e4)


class Wall:
    """One-dimensional conduction through layers; the outer side is at a given temperature."""

    def __init__(self, area_m2: float, *layers: tuple[float, float, float]) -> None:
        thickness = sum(layer[0] for layer in layers)
        dx = thickness / NODES
        middle = (np.arange(NODES) + 0.5) * dx
        which = np.searchsorted(np.cumsum([layer[0] for layer in layers]), middle)
        k = np.array([layers[i][1] for i in which])
        self.capacity = np.array([layers[i][2] for i in which]) * dx
        between = 1.0 / (dx / 2 / k[:-1] + dx / 2 / k[1:])
        self.inside, self.outside = 1.0 / (0.13 + dx / 2 / k[0]), 1.0 / (0.04 + dx / 2 / k[-1])
        flow = np.diag(np.r_[self.inside, between] + np.r_[between, self.outside])
        flow -= np.diag(between, 1) + np.diag(between, -1)
        self.step = np.linalg.inv(np.eye(NODES) + DT_S * flow / self.capacity[:, np.newaxis])
        self.area_m2 = area_m2
        self.temp = np.linspace(19.0, 8.0, NODES)

    def advance(self, room: float, outer: float, radiant_w_m2: float) -> float:
        """Heat from the room into the wall [W] over one inner step."""
        taken = self.inside * (room - self.temp[0]) * self.area_m2
        forced = self.temp.copy()
        forced[0] += DT_S * (self.inside * room + radiant_w_m2) / self.capacity[0]
        forced[-1] += DT_S * self.outside * outer / self.capacity[-1]
        self.temp = self.step @ forced
        return float(taken)


@dataclass
class ForeignBuilding:
    """A hall that is used on workdays from 8 to 16, under its own thermostat."""

    now: datetime
    room: float = 20.0
    furniture: float = 20.0
    radiator: float = 25.0
    valve: float = 0.0
    heat_kwh: float = 0.0
    discomfort_kh: float = 0.0
    rows: list[tuple[float, float, float]] = field(default_factory=list)
    """Measured temperature [degC], setpoint [degC] and heat [kW] of each step."""

    def __post_init__(self) -> None:
        self.began = self.now
        self._noise = np.random.default_rng(11)
        self._walls = (
            Wall(260.0, GYPSUM, WOOL, BRICK),
            Wall(500.0, GYPSUM, WOOL, WOOL),
            Wall(500.0, CONCRETE, FOAM),
        )

    def advance(self, setpoint_k: float) -> None:
        """One step of half an hour with the thermostat at ``setpoint_k`` [K]."""
        seen, heat_w = self.room + self._noise.normal(0.0, 0.05), 0.0
        people = float(used(self.now)) * self._noise.uniform(0.6, 1.3)
        setpoint, parts = setpoint_k - KELVIN, int(STEP_S / DT_S)
        for part in range(parts):
            moment = self.now + timedelta(seconds=DT_S * part)
            heat_w += self._inner(setpoint, moment, people) / parts
            miss = max(0.0, LOW - self.room) + max(0.0, self.room - HIGH)
            self.discomfort_kh += miss * used(self.now) * DT_S / 3600.0
        self.rows.append((seen, setpoint, heat_w / 1000.0))
        self.heat_kwh += heat_w / 1000.0 * STEP_S / 3600.0
        self.now += timedelta(seconds=STEP_S)

    def _inner(self, setpoint: float, moment: datetime, people: float) -> float:
        """Heat drawn from the plant [W]."""
        outdoors, sun, wind = weather(moment)
        asked = np.clip(0.5 + (setpoint - self.room - self._noise.normal(0.0, 0.03)) / 1.2, 0, 1)
        if abs(asked - self.valve) > 0.06:
            self.valve = float(asked)
        supply = np.clip(45.0 - 1.1 * outdoors, 25.0, 75.0)
        drawn = min(BOILER_W, self.valve * RADIATOR_W / 15.0 * max(0.0, supply - self.radiator))
        given = RADIATOR_W * (max(0.0, self.radiator - self.room) / 30.0) ** 1.3
        self.radiator += DT_S * (drawn - given) / (RADIATOR_W * 25.0)
        solar = 0.5 * sum(area * facade(moment, face, sun) for face, area in FACES)
        radiant = (0.4 * given + 0.6 * solar) / sum(wall.area_m2 for wall in self._walls)
        into_walls = sum(
            wall.advance(self.room, outer, radiant)
            for wall, outer in zip(self._walls, (outdoors, outdoors, 9.0), strict=True)
        )
        air_change = (0.08 + 0.03 * wind) * VOLUME_M3 * AIR_J_PER_M3_K / 3600.0
        loss = (1.6 * sum(area for _, area in FACES) + air_change) * (self.room - outdoors)
        exchange = 8.0 * AREA_M2 * (self.furniture - self.room)
        gains = AREA_M2 * (1.5 + 12.0 * people) + 0.25 * solar + 0.6 * given
        self.room += (
            DT_S * (gains + exchange - into_walls - loss) / (1.6 * VOLUME_M3 * AIR_J_PER_M3_K)
        )
        self.furniture += DT_S * (0.15 * solar - exchange) / (AREA_M2 * 4e4)
        return float(drawn)

    def own(self, days: float) -> ForeignBuilding:
        """Run on its own control."""
        for _ in range(round(days * 86400 / STEP_S)):
            self.advance(own_setpoint(self.now))
        return self

    def past(self, days: float) -> dict[str, list[float]]:
        """What the trend logs hold, oldest first: K, W/m2, kW."""
        rows = self.rows[-round(days * 86400 / STEP_S) :]
        start = self.now - timedelta(seconds=STEP_S * len(rows))
        logged = outlook(start, len(rows))
        return {
            **logged,
            "TRoom": [round(row[0] + KELVIN, 2) for row in rows],
            "TSet": [row[1] + KELVIN for row in rows],
            "heat_kw": [round(row[2], 2) for row in rows],
        }

    def ahead(self, hours: float) -> dict[str, list[float]]:
        """Forecast and limits from now on."""
        return outlook(self.now, round(hours * 3600 / STEP_S))


def outlook(start: datetime, n: int) -> dict[str, list[float]]:
    """Weather, use, limits and own setpoint on the grid of the building; temperatures in K."""
    grid = [start + timedelta(seconds=STEP_S * i) for i in range(n)]
    sky = [weather(moment + timedelta(seconds=STEP_S / 2)) for moment in grid]
    use = [used(moment) for moment in grid]
    return {
        "TDryBul": [round(outdoors + KELVIN, 2) for outdoors, _, _ in sky],
        "HGloHor": [round(sun, 1) for _, sun, _ in sky],
        "used": [*use],
        "TLow": [(LOW if u else FLOOR) + KELVIN for u in use],
        "THigh": [(HIGH if u else CEILING) + KELVIN for u in use],
        "TOwn": [own_setpoint(moment) for moment in grid],
    }


def used(moment: datetime) -> bool:
    local = moment.astimezone(LOCAL)
    return local.weekday() < 5 and 8 <= local.hour < 16


def own_setpoint(moment: datetime) -> float:
    """Its own night setback [K]."""
    local = moment.astimezone(LOCAL)
    return KELVIN + (21.5 if local.weekday() < 5 and 4 <= local.hour < 18 else 18.5)


def weather(moment: datetime) -> tuple[float, float, float]:
    """Outdoor temperature [degC], global irradiance [W/m2] and wind [m/s] of a made-up winter."""
    hours = moment.timestamp() / 3600.0
    clouds = 0.5 + 0.5 * np.sin(hours / 31.0) * np.sin(hours / 11.0 + 2.0)
    outdoors = 1.0 + 3.5 * np.sin(hours / 53.0) + 2.5 * np.sin(hours / 23.0) + 1.5 * clouds
    wind = 4.0 + 3.0 * np.sin(hours / 17.0 + 1.0)
    return float(outdoors), max(0.0, 900.0 * height(moment) * (1.0 - 0.7 * clouds)), float(wind)


def height(moment: datetime) -> float:
    """Sine of the sun's height over 56 degrees north."""
    utc = moment.astimezone(UTC)
    tilt = np.radians(23.45 * np.sin(2 * np.pi * (284 + utc.timetuple().tm_yday) / 365))
    angle = np.radians(15.0 * (utc.hour + utc.minute / 60.0 - 11.3))
    return float(np.sin(0.977) * np.sin(tilt) + np.cos(0.977) * np.cos(tilt) * np.cos(angle))


def facade(moment: datetime, azimuth: float, ghi: float) -> float:
    """Irradiance on a wall [W/m2]: a third is diffuse, the rest comes from the sun."""
    up = height(moment)
    if up < 0.03:
        return 0.5 * ghi
    utc = moment.astimezone(UTC)
    west = np.radians(15.0 * (utc.hour + utc.minute / 60.0 - 11.3))
    facing = max(0.0, np.cos(west - azimuth)) * np.sqrt(1.0 - up**2) / max(up, 0.1)
    return float(ghi * (0.17 + 0.66 * min(facing, 4.0)))
