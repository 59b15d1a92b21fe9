"""Optimum start: warm-ups learned from mornings, on a plant of two nodes that no model is fitted
to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.assets.point import Role
from bms.model.planning.plan import PlanStatus, Schedule
from bms.model.planning.problem import (
    History,
    LearnedStart,
    Lever,
    Problem,
    Weather,
    ZoneHistory,
    ZoneTask,
)
from bms.model.readings.units import Unit
from optimizer import check, plan
from optimizer.setpoints.optimum_start import learn_start, temperature_after, warm_up_hours
from optimizer.setpoints.timetable import ZoneNow, timetable_setpoints

STEP_H = 0.25
DAY = 96
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
LOW_C, FLOOR_C, OWN_NIGHT_C, OWN_DAY_C = 20.0, 14.0, 15.6, 21.0
LEVER = Lever(point="hall", role=Role.ZONE_SETPOINT, unit=Unit.DEG_C, minimum=10.0, maximum=25.0)


def used(k: int) -> bool:
    """Working days from 8 to 16, quarter-hours from a Monday."""
    return k // DAY % 7 < 5 and 32 <= k % DAY < 64


def outdoor(k: int) -> float:
    return 1.0 + 4.0 * float(np.sin(k / (3.3 * DAY))) + 2.0 * float(np.sin((k - 36) * np.pi / 48))


def own_setpoint(k: int, begin: int) -> float:
    """The building's own programme: warm from ``begin`` quarters after midnight to 16 o'clock."""
    return OWN_DAY_C if k // DAY % 7 < 5 and begin <= k % DAY < 64 else OWN_NIGHT_C


@dataclass
class Plant:
    """Air and walls [kWh/K, kW/K], a radiator of ``power`` [kW] with a proportional valve."""

    power: float = 40.0
    air: float = 20.0
    wall: float = 20.0
    heat: float = 0.0
    rooms: list[float] = field(default_factory=list)
    setpoints: list[float] = field(default_factory=list)

    def step(self, setpoint: float) -> None:
        k = len(self.rooms)
        self.rooms.append(self.air)
        self.setpoints.append(setpoint)
        for _ in range(15):
            valve = float(np.clip((setpoint + 0.2 - self.air) / 0.4, 0.0, 1.0))
            people = 3.0 if used(k) else 0.0
            flow = 0.6 * (outdoor(k) - self.air) + 3.0 * (self.wall - self.air)
            self.heat += valve * self.power / 60
            self.air += (flow + valve * self.power + people) / 60 / 8.0
            self.wall += (3.0 * (self.air - self.wall) + 0.3 * (outdoor(k) - self.wall)) / 60 / 60.0

    def run(self, days: int, begin: int) -> Plant:
        for _ in range(days * DAY):
            self.step(own_setpoint(len(self.rooms), begin))
        return self

    def discomfort(self, first: int) -> float:
        """Kelvin hours below the band in use from step ``first`` on."""
        rows = range(first, len(self.rooms))
        return sum(max(0.0, LOW_C - self.rooms[k]) * STEP_H for k in rows if used(k))


def task(first: int, n: int, begin: int) -> ZoneTask:
    steps = range(first, first + n)
    return ZoneTask(
        id="hall",
        area_m2=400.0,
        occupied=tuple(used(k) for k in steps),
        low_c=tuple(LOW_C if used(k) else FLOOR_C for k in steps),
        high_c=(26.0,) * n,
        own_setpoint_c=tuple(own_setpoint(k, begin) for k in steps),
        lever=LEVER,
    )


def history(plant: Plant, days: int) -> History:
    n = days * DAY
    steps = range(len(plant.rooms) - n, len(plant.rooms))
    return History(
        start=MONDAY + timedelta(hours=STEP_H) * steps[0],
        step_s=900,
        weather=Weather(temp_out_c=tuple(map(outdoor, steps)), ghi_wm2=(0.0,) * n),
        heat_kw=(None,) * n,
        zones=(
            ZoneHistory(
                id="hall",
                temp_c=tuple(round(plant.rooms[k], 1) for k in steps),
                setpoint_c=tuple(plant.setpoints[k] for k in steps),
                valve_pct=(None,) * n,
                occupied=tuple(map(used, steps)),
            ),
        ),
    )


def question(plant: Plant, days: int, begin: int) -> Problem:
    """A day and a half ahead, without a heat meter and so without a model."""
    first, n = len(plant.rooms), 144
    return Problem(
        site="s",
        start=MONDAY + timedelta(hours=STEP_H) * first,
        step_s=900,
        timezone="UTC",
        latitude=56.0,
        longitude=10.0,
        weather=Weather(
            temp_out_c=tuple(map(outdoor, range(first, first + n))), ghi_wm2=(0.0,) * n
        ),
        electricity_dkk_per_kwh=(1.0,) * n,
        heat_dkk_per_kwh=(0.7,) * n,
        electricity_kg_per_kwh=(0.1,) * n,
        heat_kg_per_kwh=(0.1,) * n,
        zones=(task(first, n, begin),),
        heat_source=HeatSource(kind=HeatSourceKind.DISTRICT_HEATING, capacity_kw=60.0),
        history=history(plant, days),
    )


def setpoints(schedule: Schedule) -> list[float]:
    [row] = schedule.setpoints
    return [
        step.value
        for step in row.steps
        for _ in range(round((step.end - step.start).total_seconds() / 900))
    ]


@pytest.fixture(scope="module")
def early() -> Plant:
    """Three weeks of a building that begins to heat at three o'clock, which is early enough."""
    return Plant().run(21, begin=12)


def test_a_warm_up_takes_what_the_mornings_took(early: Plant) -> None:
    learned = learn_start(question(early, 21, begin=12), task(21 * DAY, DAY, begin=12))
    assert learned is not None
    assert learned.starts == 15
    morning = 14 * DAY + 12
    rise, difference = LOW_C - early.rooms[morning], LOW_C - outdoor(morning)
    needed = next(k for k in range(DAY) if early.rooms[morning + k] >= LOW_C) * STEP_H
    assert needed <= warm_up_hours(learned, rise, difference, 64.0) <= needed + 0.75


def test_five_mornings_are_enough(early: Plant) -> None:
    assert learn_start(question(early, 7, begin=12), task(21 * DAY, DAY, begin=12)) is not None


def test_own_starts_that_are_late_teach_no_shorter_lead() -> None:
    late = Plant(power=25.0).run(14, begin=30)
    assert learn_start(question(late, 14, begin=30), task(14 * DAY, DAY, begin=30)) is None


def test_nothing_is_learned_from_what_was_not_seen(early: Plant) -> None:
    asked = question(early, 21, begin=12)
    assert asked.history is not None
    [seen], nothing = asked.history.zones, (None,) * (21 * DAY)
    for blind in (replace(seen, temp_c=nothing), replace(seen, setpoint_c=nothing)):
        unseen = replace(asked, history=replace(asked.history, zones=(blind,)))
        assert learn_start(unseen, asked.zones[0]) is None
    assert learn_start(replace(asked, history=None), asked.zones[0]) is None


def test_a_weekend_without_use_in_sight_forgets_no_mornings(early: Plant) -> None:
    friday = 18 * DAY + 80
    seen = replace(early, rooms=early.rooms[:friday], setpoints=early.setpoints[:friday])
    asked = question(seen, 18, begin=12)
    assert not any(asked.zones[0].occupied)
    assert learn_start(asked, asked.zones[0]) is not None


def test_a_warm_up_from_where_none_began_takes_longer() -> None:
    learned = LearnedStart(dead_h=0.2, h_per_k=0.1, h_per_k2=0.0, long_h_per_k=0.0, margin_h=0.25)
    known = replace(learned, deepest_k=4.0)
    assert warm_up_hours(known, 4.0, 10.0) == warm_up_hours(learned, 4.0, 10.0)
    assert warm_up_hours(known, 8.0, 10.0) == pytest.approx(2.0 * warm_up_hours(learned, 8.0, 10.0))


def test_a_room_without_heat_falls_to_its_setpoint_at_most() -> None:
    learned = LearnedStart(dead_h=0.2, h_per_k=0.5, h_per_k2=0.0, long_h_per_k=0.0, margin_h=0.25)
    assert temperature_after(learned, 21.0, -5.0, 8.0, 15.3) == 15.3
    known = replace(learned, time_constant_h=50.0)
    assert temperature_after(known, 21.0, -5.0, 8.0, 15.3) == pytest.approx(17.155, abs=0.01)
    assert temperature_after(known, 21.0, 30.0, 8.0, 15.3) == 21.0


@pytest.mark.slow
def test_a_zone_without_a_model_is_in_time_at_less_heat_than_its_own_control(early: Plant) -> None:
    """A plan every hour for a week, on the plant itself."""
    own, ours = replica(early).run(7, begin=12), replica(early)
    first, begun = 21 * DAY, ours.heat
    for _ in range(7 * 24):
        asked = question(ours, 21, begin=12)
        schedule = plan(asked)
        assert not check(asked, schedule)
        assert schedule.status is PlanStatus.FALLBACK
        values = setpoints(schedule)
        assert all(v <= own_setpoint(len(ours.rooms) + k, 12) for k, v in enumerate(values))
        for value in values[:4]:
            ours.step(value)
    assert {each.code for each in schedule.reasons} >= {"learned_start"}
    assert ours.heat - begun < 0.93 * (own.heat - begun)
    assert ours.discomfort(first) <= own.discomfort(first) + 0.5
    under_control = question(ours, 7, begin=12)
    assert learn_start(under_control, under_control.zones[0]) is not None


def replica(plant: Plant) -> Plant:
    """The same plant in the same state, to go another way."""
    return replace(plant, rooms=list(plant.rooms), setpoints=list(plant.setpoints))


def test_the_checker_refuses_more_than_own_control_without_a_model(early: Plant) -> None:
    asked = question(early, 21, begin=12)
    schedule = plan(asked)
    [row] = schedule.setpoints
    warmer = replace(
        row, steps=(replace(row.steps[0], end=row.steps[-1].end, value=OWN_NIGHT_C + 4.5),)
    )
    [objection] = check(asked, replace(schedule, setpoints=(warmer,)))
    assert objection.code == "check_above_own"


def test_a_zone_that_was_cold_at_its_starts_may_begin_before_its_own_programme() -> None:
    late = Plant(power=25.0).run(14, begin=31)
    asked = question(late, 14, begin=31)
    schedule = plan(asked)
    assert not check(asked, schedule)
    values = setpoints(schedule)
    assert min(k for k, v in enumerate(values) if v >= LOW_C) < 31


@pytest.mark.parametrize(("deepest_k", "begins_at"), [(8.5, 7.0), (4.0, 6.0)])
def test_from_where_no_warm_up_began_the_own_programme_is_early_enough(
    deepest_k: float, begins_at: float
) -> None:
    """Monday 0 o'clock in a room at 13 degC, whose own programme rises at 6."""
    learned = LearnedStart(
        dead_h=0.2,
        h_per_k=0.05,
        h_per_k2=0.0,
        long_h_per_k=0.0,
        margin_h=0.25,
        deepest_k=deepest_k,
    )
    hall = replace(task(21 * DAY, DAY, begin=24), learned_start=learned)
    now = ZoneNow(unoccupied_h=56.0, room_c=13.0, setback_c=12.0)
    values = timetable_setpoints(hall, LEVER, np.full(DAY, 0.0), STEP_H, now)
    assert min(k for k, v in enumerate(values) if v >= LOW_C) * STEP_H == begins_at


@pytest.mark.parametrize(("outdoors_c", "setback_c"), [(8.0, 14.5), (-20.0, 15.6)])
def test_a_zone_falls_no_further_than_its_own_lead_warms_it(
    outdoors_c: float, setback_c: float
) -> None:
    """Two hours warm it by 12 K on a mild night, by 3.5 K in frost; own control falls to 15.6."""
    learned = LearnedStart(
        dead_h=0.0,
        h_per_k=0.0,
        h_per_k2=0.012,
        long_h_per_k=0.0,
        margin_h=0.25,
        deepest_k=4.5,
    )
    hall = replace(task(21 * DAY, DAY, begin=24), learned_start=learned)
    values = timetable_setpoints(hall, LEVER, np.full(DAY, outdoors_c), STEP_H, ZoneNow())
    assert values[0] == pytest.approx(setback_c)
