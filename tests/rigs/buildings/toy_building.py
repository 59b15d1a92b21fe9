"""A small building for the optimiser's tests: physics of its own, stepped minute by minute.

Three nodes per zone (air, furniture, walls), radiators that lag, thermostats with a proportional
band, one heat meter with hot water in it. Nothing here is shared with the optimiser.
"""

from __future__ import annotations

from copy import copy, deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from math import pi, sin
from zoneinfo import ZoneInfo

import numpy as np

from bms.model.assets.point import Role
from bms.model.planning.plan import Schedule
from bms.model.planning.problem import (
    History,
    Lever,
    VentilationHistory,
    VentilationTask,
    Weather,
    ZoneHistory,
    ZoneTask,
)
from bms.model.readings.units import Unit

LOCAL = ZoneInfo("Europe/Copenhagen")
ZONES = ("office", "hall")
AREA = np.array([600.0, 300.0])
SHARE = (2 / 3, 1 / 3)
STEP_S = 900
LOW, HIGH, FLOOR, CEILING = 20.0, 25.0, 16.0, 28.0
HOT_WATER_KW = 3.0
FLOW_M3_H, FAN_KW, RECOVERY = 3000.0, 2.0, 0.7


def weather(moment: datetime) -> tuple[float, float]:
    """Outdoor temperature [degC] and sun [W/m2] of a made-up winter."""
    hours = moment.timestamp() / 3600.0
    daily = 2.5 * sin((hours % 24 - 9.0) / 24.0 * 2 * pi)
    slow = 3.0 * sin(hours / 61.0) + 2.0 * sin(hours / 37.0 + 1.0)
    sun = max(0.0, sin((hours % 24 - 7.5) / 9.0 * pi)) if 7.5 < hours % 24 < 16.5 else 0.0
    clear = 0.5 + 0.5 * sin(hours / 29.0)
    return 2.0 + daily + slow, 280.0 * sun * clear


def in_use(zone: int, moment: datetime) -> bool:
    local = moment.astimezone(LOCAL)
    end = 16 if zone == 0 else 20
    return local.weekday() < 5 and 8 <= local.hour < end


def own_setpoint(moment: datetime) -> float:
    return 21.5 if 5 <= moment.astimezone(LOCAL).hour < 20 else 19.0


def own_run(moment: datetime) -> float:
    local = moment.astimezone(LOCAL)
    return float(local.weekday() < 5 and 6 <= local.hour < 18)


def moments(start: datetime, n: int) -> list[datetime]:
    return [start + timedelta(seconds=STEP_S * i) for i in range(n)]


@dataclass
class Room:
    """Temperatures of a zone [degC] and the heat of its radiators [kW]."""

    area_m2: float
    air: float = 20.0
    inside: float = 20.0
    walls: float = 18.0
    radiator: float = 0.0

    def minute(self, heat: float, outdoors: float, sun: float, busy: float, fresh: float) -> None:
        """One minute with ``heat`` [kW] to its radiators and ``fresh`` [kW/K] of outdoor air."""
        dt, area = 1.0 / 60.0, self.area_m2
        self.radiator += (heat - self.radiator) * dt / 0.25
        exchange = 0.006 * area * (self.inside - self.air)
        to_walls = 0.005 * area * (self.air - self.walls)
        gains = area * (0.0012 + 0.006 * busy) + 0.012 * area * sun / 1000.0
        loss = (0.0005 * area + fresh) * (self.air - outdoors)
        self.air += dt * (self.radiator + gains + exchange - to_walls - loss) / (0.010 * area)
        self.inside -= dt * exchange / (0.020 * area)
        outward = 0.0008 * area * (self.walls - outdoors)
        self.walls += dt * (to_walls - outward) / (0.060 * area)


Row = tuple[np.ndarray, np.ndarray, np.ndarray, float, float]
"""What instruments show of a quarter: temperatures and setpoints [degC], valves [%], whether the
ventilation runs, heat [kW]. A row is never changed."""


class Toy:
    """The building and what its instruments have shown, at quarter-hours."""

    def __init__(self, now: datetime) -> None:
        self.start = self.now = now
        self.rooms = [Room(float(area)) for area in AREA]
        self.rows: list[Row] = []
        self.discomfort = [0.0, 0.0]
        self.heat_kwh = self.fan_kwh = 0.0
        self._noise = np.random.default_rng(7)

    @property
    def air(self) -> np.ndarray:
        return np.array([room.air for room in self.rooms])

    def copy(self) -> Toy:
        """Another one that goes its own way from here."""
        other = copy(self)
        other.rooms = [replace(room) for room in self.rooms]
        other.rows = list(self.rows)
        other.discomfort = list(self.discomfort)
        other._noise = deepcopy(self._noise)
        return other

    def step(self, setpoint: np.ndarray, run: float) -> None:
        """One quarter-hour under thermostats that hold ``setpoint`` [degC]."""
        seen = self.air + self._noise.normal(0.0, 0.05, 2)
        people = [float(in_use(z, self.now)) for z in (0, 1)]
        busy = [float(n * u) for n, u in zip(people, self._noise.uniform(0.8, 1.2, 2), strict=True)]
        fresh = run * FLOW_M3_H * 0.335e-3 * (1.0 - RECOVERY)
        wanted, valves, meter = setpoint.tolist(), [0.0, 0.0], 0.0
        for minute in range(15):
            outdoors, sun = weather(self.now + timedelta(minutes=minute))
            meter += HOT_WATER_KW / 15.0
            for z, room in enumerate(self.rooms):
                valve = min(max(0.2 + wanted[z] - room.air, 0.0), 1.0)
                heat = valve * _full_kw(room.area_m2, outdoors)
                room.minute(heat, outdoors, sun, busy[z], fresh * SHARE[z])
                valves[z] += valve / 15.0
                meter += heat / 15.0
                below, above = LOW - room.air, room.air - HIGH
                self.discomfort[z] += max(0.0, below, above) * people[z] / 60.0
        self.rows.append((seen, setpoint.copy(), 100.0 * np.array(valves), run, meter))
        self.heat_kwh += meter / 4.0
        self.fan_kwh += FAN_KW * run / 4.0
        self.now += timedelta(seconds=STEP_S)

    def own(self, steps: int) -> Toy:
        """Run on the building's own control."""
        for _ in range(steps):
            self.step(np.full(2, own_setpoint(self.now)), own_run(self.now))
        return self

    def history(self, days: float | None = None) -> History:
        skip = 0 if days is None else max(0, len(self.rows) - round(days * 96))
        start = self.start + timedelta(seconds=STEP_S * skip)
        rows = self.rows[skip:]
        grid = moments(start, len(rows))
        return History(
            start=start,
            step_s=STEP_S,
            weather=forecast(start, len(rows)),
            heat_kw=tuple(round(row[4], 1) for row in rows),
            zones=tuple(
                ZoneHistory(
                    id=name,
                    temp_c=tuple(round(float(row[0][z]), 1) for row in rows),
                    setpoint_c=tuple(float(row[1][z]) for row in rows),
                    valve_pct=tuple(round(float(row[2][z])) for row in rows),
                    occupied=tuple(in_use(z, moment) for moment in grid),
                )
                for z, name in enumerate(ZONES)
            ),
            ventilation=(VentilationHistory(id="ahu1", run=tuple(row[3] for row in rows)),),
        )


def _full_kw(area_m2: float, outdoors: float) -> float:
    """Heat of fully opened radiators [kW]; their water is warmer on cold days."""
    return area_m2 * 0.06 * (1.0 + 0.3 * max(0.0, 10.0 - outdoors) / 20.0)


def forecast(start: datetime, n: int) -> Weather:
    pairs = [weather(moment + timedelta(seconds=STEP_S / 2)) for moment in moments(start, n)]
    return Weather(
        temp_out_c=tuple(round(t, 2) for t, _ in pairs),
        ghi_wm2=tuple(round(g, 1) for _, g in pairs),
    )


def zone_tasks(start: datetime, n: int) -> tuple[ZoneTask, ...]:
    grid = moments(start, n)
    tasks = []
    for z, name in enumerate(ZONES):
        used = tuple(in_use(z, moment) for moment in grid)
        tasks.append(
            ZoneTask(
                id=name,
                area_m2=float(AREA[z]),
                occupied=used,
                low_c=tuple(LOW if u else FLOOR for u in used),
                high_c=tuple(HIGH if u else CEILING for u in used),
                own_setpoint_c=tuple(own_setpoint(moment) for moment in grid),
                lever=Lever(
                    point=f"toy/{name}.setpoint",
                    role=Role.ZONE_SETPOINT,
                    unit=Unit.DEG_C,
                    minimum=15.0,
                    maximum=24.0,
                ),
            )
        )
    return tuple(tasks)


def ventilation(start: datetime, n: int) -> tuple[VentilationTask, ...]:
    grid = moments(start, n + 2)
    used = [in_use(0, m) or in_use(1, m) for m in grid]
    return (
        VentilationTask(
            id="ahu1",
            zones=ZONES,
            flow_m3_h=FLOW_M3_H,
            fan_kw=FAN_KW,
            recovery=RECOVERY,
            own_run=tuple(own_run(moment) for moment in grid[:n]),
            required=tuple(any(used[i : i + 3]) for i in range(n)),
            lever=Lever(
                point="toy/ahu1.run",
                role=Role.VENTILATION_RUN,
                unit=Unit.ON_OFF,
                minimum=0.0,
                maximum=1.0,
                resolution=1.0,
            ),
        ),
    )


def obey(toy: Toy, schedule: Schedule, steps: int) -> None:
    """Let the building follow a schedule."""
    plans = {plan.point: plan for plan in schedule.setpoints}
    for _ in range(steps):
        values = [plans[f"toy/{name}.setpoint"].value_at(toy.now) for name in ZONES]
        run = plans["toy/ahu1.run"].value_at(toy.now)
        assert None not in values
        assert run is not None
        toy.step(np.array(values), run)


@cache
def _lived(days: int) -> Toy:
    return Toy(now=datetime(2019, 1, 14, tzinfo=UTC) - timedelta(days=days)).own(days * 96)


def lived_in(days: int = 28) -> Toy:
    """The building after some weeks under its own control, on a Monday at midnight UTC."""
    return _lived(days).copy()
