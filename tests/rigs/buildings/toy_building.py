"""A small building for the optimiser's tests: physics of its own, stepped minute by minute.

Three nodes per zone (air, furniture, walls), radiators that lag, thermostats with a proportional
band, one heat meter with hot water in it. Nothing here is shared with the optimiser.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.assets.point import Role
from bms.model.planning.plan import Schedule
from bms.model.planning.problem import (
    History,
    Lever,
    Problem,
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
STEP_S = 900
LOW, HIGH, FLOOR, CEILING = 20.0, 25.0, 16.0, 28.0
HOT_WATER_KW = 3.0
FLOW_M3_H, FAN_KW, RECOVERY = 3000.0, 2.0, 0.7


def weather(moment: datetime) -> tuple[float, float]:
    """Outdoor temperature [degC] and sun [W/m2] of a made-up winter."""
    hours = moment.timestamp() / 3600.0
    daily = 2.5 * np.sin((hours % 24 - 9.0) / 24.0 * 2 * np.pi)
    slow = 3.0 * np.sin(hours / 61.0) + 2.0 * np.sin(hours / 37.0 + 1.0)
    sun = max(0.0, np.sin((hours % 24 - 7.5) / 9.0 * np.pi)) if 7.5 < hours % 24 < 16.5 else 0.0
    clear = 0.5 + 0.5 * np.sin(hours / 29.0)
    return float(2.0 + daily + slow), float(280.0 * sun * clear)


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
class Toy:
    """The building and what its instruments have shown, at quarter-hours."""

    now: datetime
    air: np.ndarray = field(default_factory=lambda: np.array([20.0, 20.0]))
    inside: np.ndarray = field(default_factory=lambda: np.array([20.0, 20.0]))
    walls: np.ndarray = field(default_factory=lambda: np.array([18.0, 18.0]))
    radiator: np.ndarray = field(default_factory=lambda: np.zeros(2))
    rows: list[tuple[np.ndarray, np.ndarray, np.ndarray, float, float]] = field(
        default_factory=list
    )
    discomfort: np.ndarray = field(default_factory=lambda: np.zeros(2))
    heat_kwh: float = 0.0
    fan_kwh: float = 0.0

    def __post_init__(self) -> None:
        self.start = self.now
        self._noise = np.random.default_rng(7)

    def step(self, setpoint: np.ndarray, run: float) -> None:
        """One quarter-hour under thermostats that hold ``setpoint`` [degC]."""
        seen = self.air + self._noise.normal(0.0, 0.05, 2)
        people = np.array([float(in_use(z, self.now)) for z in (0, 1)])
        busy = people * self._noise.uniform(0.8, 1.2, 2)
        valves, meter = np.zeros(2), 0.0
        for minute in range(15):
            outdoors, sun = weather(self.now + timedelta(minutes=minute))
            valve = np.clip(0.2 + (setpoint - self.air) / 1.0, 0.0, 1.0)
            self._minute(valve, outdoors, sun, busy, run)
            valves += valve / 15.0
            meter += float((valve * self._full_kw(outdoors)).sum() + HOT_WATER_KW) / 15.0
            below = np.maximum(0.0, LOW - self.air) + np.maximum(0.0, self.air - HIGH)
            self.discomfort += below * people / 60.0
        self.rows.append((seen, setpoint.copy(), 100.0 * valves, run, meter))
        self.heat_kwh += meter / 4.0
        self.fan_kwh += FAN_KW * run / 4.0
        self.now += timedelta(seconds=STEP_S)

    def _full_kw(self, outdoors: float) -> np.ndarray:
        return AREA * 0.06 * (1.0 + 0.3 * max(0.0, 10.0 - outdoors) / 20.0)

    def _minute(
        self, valve: np.ndarray, outdoors: float, sun: float, busy: np.ndarray, run: float
    ) -> None:
        dt = 1.0 / 60.0
        self.radiator += (valve * self._full_kw(outdoors) - self.radiator) * dt / 0.25
        exchange = 0.006 * AREA * (self.inside - self.air)
        to_walls = 0.005 * AREA * (self.air - self.walls)
        fresh = run * FLOW_M3_H * 0.335e-3 * (1.0 - RECOVERY) * AREA / AREA.sum()
        gains = AREA * (0.0012 + 0.006 * busy) + 0.012 * AREA * sun / 1000.0
        loss = (0.0005 * AREA + fresh) * (self.air - outdoors)
        self.air = self.air + dt * (self.radiator + gains + exchange - to_walls - loss) / (
            0.010 * AREA
        )
        self.inside = self.inside - dt * exchange / (0.020 * AREA)
        outward = 0.0008 * AREA * (self.walls - outdoors)
        self.walls = self.walls + dt * (to_walls - outward) / (0.060 * AREA)

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


def problem(toy: Toy, *, n: int = 144, days: float | None = None) -> Problem:
    """Plan the toy building from now on, district-heated at a flat price."""
    return Problem(
        site="toy",
        start=toy.now,
        step_s=STEP_S,
        timezone="Europe/Copenhagen",
        latitude=56.2,
        longitude=10.2,
        weather=forecast(toy.now, n),
        electricity_dkk_per_kwh=(1.4,) * n,
        heat_dkk_per_kwh=(0.65,) * n,
        electricity_kg_per_kwh=(0.1,) * n,
        heat_kg_per_kwh=(0.045,) * n,
        zones=zone_tasks(toy.now, n),
        ventilation=ventilation(toy.now, n),
        heat_source=HeatSource(kind=HeatSourceKind.DISTRICT_HEATING, capacity_kw=80.0),
        history=toy.history(days),
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


def lived_in(days: int = 28) -> Toy:
    """The building after some weeks under its own control, on a Monday at midnight UTC."""
    return Toy(now=datetime(2019, 1, 14, tzinfo=UTC) - timedelta(days=days)).own(days * 96)
