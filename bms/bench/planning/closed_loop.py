"""Closed loops on plants that are not ours: own control, a setback tuned in hindsight, plans.

Learning takes :data:`LEARNING_DAYS` under the building's own schedule; then all worlds have the
same weeks. All worlds are priced by the heat of one meter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from bms.bench.figure import Figure, Progress
from bms.bench.planning.energyplus import (
    STEP,
    Plant,
    PlantRecord,
    Setpoints,
    groups_of,
    has_energyplus,
    run_plant,
)
from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.assets.point import Role
from bms.model.planning.problem import (
    BuildingModel,
    History,
    Lever,
    Problem,
    Weather,
    ZoneHistory,
    ZoneTask,
)
from bms.model.readings.units import Unit
from drivers.simulator.buildings.weather import LATITUDE_DEG, LONGITUDE_DEG
from optimizer.model.rc_network import Bools, Floats
from optimizer.planner import Optimizer

Ints = NDArray[np.intp]

LEARNING_DAYS = 21
MOST_DAYS = 35
PLANNED_DAYS = 14
HORIZON_H = 36
PLAN_EVERY = 4
"""Steps of the plant between plans."""
FLOOR_C, HIGH_C, LOW_C = 12.0, 25.0, 20.0
HIGHEST_C = 22.5
FLAT_PRICE = 0.7
SAME_COMFORT_KH = 0.1
STEP_S = round(STEP.total_seconds())
STEPS_PER_H = 3600 // STEP_S
DAY = 24 * STEPS_PER_H
LEARNING_STEPS = LEARNING_DAYS * DAY
LEARN_EVERY = 7 * DAY
LEAD_RATES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
"""Hours of warm-up per kelvin below 15 degC outdoors of the rivals' setbacks [h/K]."""
IN_USE_ABOVE_K = 0.1


@dataclass(frozen=True, slots=True)
class Loop:
    """A building, when people are in (weekday 0..6, local hour → bool), and the price [DKK/kWh] by
    hour of the year (n,)."""

    name: str
    plant: Plant
    in_use: Callable[[int, float], bool]
    first: datetime = datetime(2019, 1, 1, tzinfo=UTC)
    planned_days: int = PLANNED_DAYS

    @property
    def days(self) -> int:
        """Days of the whole run."""
        return LEARNING_DAYS + self.planned_days

    def use(self, n: int, offset: int = 0) -> Bools:
        """Returns whether people are in at ``n`` steps from ``offset`` on (n,)."""
        moments = (self.first + STEP * (offset + k) for k in range(n))
        return np.array([self.in_use(m.weekday(), m.hour + m.minute / 60.0) for m in moments])


@dataclass(frozen=True, slots=True)
class LoopResult:
    """Of the planned days: heat [kWh], its cost [DKK], and discomfort [K h] (z,) of every zone that
    is planned."""

    heat_kwh: float
    cost_dkk: float
    discomfort_kh: Floats


def result_of(loop: Loop, record: PlantRecord, price: Floats) -> LoopResult:
    """Returns what a world cost; ``price`` [DKK/kWh] (n,) by step of the whole run."""
    part = slice(LEARNING_STEPS, len(record))
    heat = record.heat[part] / STEPS_PER_H
    use = loop.use(len(record))[part]
    planned = [i for rows in groups_of(loop.plant, record.zones).values() for i in rows]
    cold = np.maximum(0.0, LOW_C - record.room[planned, part]) * use
    cost = float(heat @ price[part])
    return LoopResult(float(heat.sum()), cost, cold.sum(axis=1) / STEPS_PER_H)


def own_world(loop: Loop) -> PlantRecord:
    """Returns the record of the building under its own schedule."""
    return run_plant(loop.plant, loop.first, loop.days, None)


def setback_world(loop: Loop, own: PlantRecord, rate_h_per_k: float) -> PlantRecord:
    """Returns the record of a setback that begins to warm up by the outdoor temperature."""
    use = loop.use(len(own) + 12 * STEPS_PER_H)

    def control(seen: PlantRecord) -> Setpoints:
        k = len(seen)
        if k < LEARNING_STEPS:
            return None
        lead_h = min(10.0, rate_h_per_k * max(0.0, 15.0 - float(own.outdoor[k])))
        warm = use[k : k + 1 + round(lead_h * STEPS_PER_H)].any()
        value = LOW_C + IN_USE_ABOVE_K if warm else FLOOR_C
        return dict.fromkeys(loop.plant.groups, value)

    return run_plant(loop.plant, loop.first, loop.days, control)


@dataclass(slots=True)
class PlannedWorld:
    """Plans every hour from what was measured, with the weather of the own run as forecast; learnt
    again once a week."""

    loop: Loop
    own: PlantRecord
    price: Floats
    optimizer: Optimizer = field(default_factory=Optimizer)
    model: BuildingModel | None = None
    setpoints: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    made_at: int = 0

    def run(self) -> PlantRecord:
        """Returns the record of the planned world. Raises ``RuntimeError`` for a plan that the
        checker objects to."""
        return run_plant(self.loop.plant, self.loop.first, self.loop.days, self._control)

    def _control(self, seen: PlantRecord) -> Setpoints:
        k = len(seen)
        if k < LEARNING_STEPS:
            return None
        if (k - LEARNING_STEPS) % LEARN_EVERY == 0:
            found = self.optimizer.identify(self.problem(seen, MOST_DAYS, None))
            self.model = found if isinstance(found, BuildingModel) else None
        if (k - LEARNING_STEPS) % PLAN_EVERY == 0:
            self._plan(seen)
        return {name: row[k - self.made_at] for name, row in self.setpoints.items()}

    def _plan(self, seen: PlantRecord) -> None:
        problem = self.problem(seen, MOST_DAYS, self.model)
        schedule = self.optimizer.plan(problem)
        objections = self.optimizer.check(problem, schedule)
        if objections:
            raise RuntimeError(str(objections))
        moments = [problem.start + STEP * i for i in range(PLAN_EVERY)]
        self.made_at = len(seen)
        self.setpoints = {
            plan.point: tuple(plan.value_at(moment) or LOW_C for moment in moments)
            for plan in schedule.setpoints
        }

    def problem(self, seen: PlantRecord, days: int, model: BuildingModel | None) -> Problem:
        """Returns the question at the end of what was measured, with ``days`` of it."""
        k, n = len(seen), HORIZON_H * STEPS_PER_H
        ahead = np.minimum(k + np.arange(n), len(self.own) - 1)
        past = slice(max(0, k - days * DAY), k)
        groups = groups_of(self.loop.plant, seen.zones)
        use = self.loop.use(n, k)
        nothing = (0.0,) * n
        return Problem(
            site=self.loop.name,
            start=self.loop.first + STEP * k,
            step_s=STEP_S,
            timezone="UTC",
            latitude=LATITUDE_DEG,
            longitude=LONGITUDE_DEG,
            weather=_weather(self.own, ahead),
            electricity_dkk_per_kwh=nothing,
            heat_dkk_per_kwh=_numbers(self.price[ahead]),
            electricity_kg_per_kwh=nothing,
            heat_kg_per_kwh=nothing,
            zones=tuple(self._task(name, members, use, ahead) for name, members in groups.items()),
            heat_source=HeatSource(
                kind=HeatSourceKind.DISTRICT_HEATING, capacity_kw=float(2 * self.own.heat.max())
            ),
            history=History(
                start=self.loop.first + STEP * past.start,
                step_s=STEP_S,
                weather=_weather(seen, np.arange(past.start, past.stop)),
                heat_kw=_numbers(seen.heat[past]),
                zones=tuple(
                    self._history(seen, name, members, past) for name, members in groups.items()
                ),
            ),
            model=model,
        )

    def _task(self, name: str, members: list[int], use: Bools, ahead: Ints) -> ZoneTask:
        own = self.own.setpoint[members[0], ahead]
        return ZoneTask(
            id=name,
            area_m2=float(self.own.area[members].sum()),
            occupied=tuple(map(bool, use)),
            low_c=_numbers(np.where(use, LOW_C, FLOOR_C)),
            high_c=(HIGH_C,) * len(use),
            own_setpoint_c=_numbers(own),
            lever=Lever(
                point=name,
                role=Role.ZONE_SETPOINT,
                unit=Unit.DEG_C,
                minimum=FLOOR_C,
                maximum=HIGHEST_C,
            ),
        )

    def _history(
        self, seen: PlantRecord, name: str, members: list[int], past: slice
    ) -> ZoneHistory:
        room = np.average(seen.room[members, past], axis=0, weights=seen.area[members])
        return ZoneHistory(
            id=name,
            temp_c=_numbers(room),
            setpoint_c=_numbers(seen.setpoint[members[0], past]),
            valve_pct=(None,) * len(room),
            occupied=tuple(map(bool, self.loop.use(len(room), past.start))),
        )


def _weather(record: PlantRecord, steps: Ints) -> Weather:
    return Weather(temp_out_c=_numbers(record.outdoor[steps]), ghi_wm2=_numbers(record.ghi[steps]))


def _numbers(values: Floats) -> tuple[float, ...]:
    return tuple(values.tolist())


def moving_price(loop: Loop) -> Floats:
    """Returns a made-up spot price with the tariff of a Danish winter [DKK/kWh] (n,): days that are
    cheap or dear, a dear evening, a cheap night."""
    hour = np.arange(loop.days * DAY) // STEPS_PER_H % 24
    day = np.repeat(np.random.default_rng(1).uniform(0.3, 0.9, loop.days), DAY)
    tariff = np.where(
        (hour >= 17) & (hour < 21), 0.9, np.where((hour >= 6) & (hour < 17), 0.3, 0.1)
    )
    return np.asarray(day + tariff + 0.25 * np.sin((hour - 8) / 24 * 4 * np.pi))


def bench_closed_loops(report: Progress) -> list[Figure]:
    """Every loop against own control and the setback tuned in hindsight, at a flat and at a moving
    price."""
    if not has_energyplus():
        missing = "closed loops: EnergyPlus is not installed; pip install '.[bench]'"
        return [Figure(name=missing, value=0.0, unit="%", ok=True)]
    return [figure for loop in LOOPS for figure in loop_figures(loop, report)]


def loop_figures(loop: Loop, report: Progress) -> list[Figure]:
    """What plans cost beside own control and the cheapest setback that is no colder."""
    report(loop.name, 0.0)
    own = own_world(loop)
    setbacks = [setback_world(loop, own, rate) for rate in LEAD_RATES]
    figures = []
    prices = {"flat": np.full(loop.days * DAY, FLAT_PRICE), "moving": moving_price(loop)}
    for i, (kind, price) in enumerate(prices.items()):
        report(loop.name, (1 + i) / 3)
        ours = result_of(loop, PlannedWorld(loop, own, price).run(), price)
        base = result_of(loop, own, price)
        figures += _beside(loop, kind, ours, base, [result_of(loop, s, price) for s in setbacks])
    report(loop.name, 1.0)
    return figures


def _beside(
    loop: Loop, kind: str, ours: LoopResult, own: LoopResult, setbacks: list[LoopResult]
) -> list[Figure]:
    bound = float(own.discomfort_kh.max()) + SAME_COMFORT_KH
    warm = [each for each in setbacks if float(each.discomfort_kh.max()) <= bound]
    tuned = min((each.cost_dkk for each in warm), default=own.cost_dkk)
    cold = float(ours.discomfort_kh.max())
    rows = (("own control", own.cost_dkk, 0.5), ("tuned setback", tuned, 2.0))
    return [
        *(
            Figure(
                name=f"{loop.name}, {kind} price: cost beside {rival}",
                value=round(100 * (ours.cost_dkk / cost - 1), 1),
                unit="%",
                at_least=f"<= {most:g}",
                ok=ours.cost_dkk <= cost * (1 + most / 100),
                rival=f"{rival} [DKK]",
                rival_value=round(cost),
            )
            for rival, cost, most in rows
        ),
        Figure(
            name=f"{loop.name}, {kind} price: discomfort of the coldest zone",
            value=round(cold, 2),
            unit="K h",
            at_least=f"<= {bound:.2g}",
            ok=cold <= bound,
            rival="own control [K h]",
            rival_value=round(float(own.discomfort_kh.max()), 2),
        ),
    ]


LOOPS = (
    Loop(
        "secondary school",
        Plant(
            "RefBldgSecondarySchoolNew2004_Chicago",
            {
                "corner": "CORNER_CLASS",
                "multi": "MULT_CLASS",
                "office": "OFFICES|LIBRARY",
                "gym": "GYM",
                "hall": "AUDITORIUM",
                "cafe": "CAFETERIA",
            },
        ),
        lambda day, hour: day < 5 and 8 <= hour < 16,
    ),
    Loop(
        "retail",
        Plant(
            "RefBldgStand-aloneRetailNew2004_Chicago",
            {"back": "BACK", "core": "CORE", "front": "FRONT|POINT"},
        ),
        lambda day, hour: 9 <= hour < 20 if day < 6 else 10 <= hour < 18,
    ),
)
"""Reference buildings of other kinds than those that the planner was made with. Corridors that are
never as warm as :data:`LOW_C` by their own control are left to it."""
