"""Hourly re-planning without hunting: what has begun in an empty zone is carried through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bms.model.planning.plan import Schedule
from bms.model.planning.problem import BuildingModel, LearnedStart, Problem
from optimizer.planner import Optimizer
from optimizer.setpoints.warm_up_in_progress import warm_up_in_progress, zone_now
from tests.rigs.buildings.toy_building import (
    FLOOR,
    LOW,
    STEP_S,
    ZONES,
    Toy,
    lived_in,
)
from tests.rigs.buildings.toy_problems import DAYS, problem, toy_model

OPTIMIZER = Optimizer()
QUARTER = timedelta(seconds=STEP_S)


@pytest.fixture(scope="module")
def toy() -> Toy:
    return lived_in(days=DAYS)


@pytest.fixture(scope="module")
def model() -> BuildingModel:
    return toy_model()


@pytest.fixture(scope="module")
def task(toy: Toy, model: BuildingModel) -> Problem:
    """Monday 01:00 local time; use begins at 08:00."""
    return replace(problem(toy, days=4), model=model)


def values(schedule: Schedule, zone: str = "office") -> list[float]:
    plan = next(p for p in schedule.setpoints if p.point == f"toy/{zone}.setpoint")
    count = round((schedule.end - schedule.start) / QUARTER)
    found = [plan.value_at(schedule.start + QUARTER * k) for k in range(count)]
    return [value for value in found if value is not None]


def with_setpoints(task: Problem, ending: Sequence[float], temp: float | None = None) -> Problem:
    """The same question after these last setpoints [degC], and this temperature throughout."""
    assert task.history is not None
    zones = []
    for zone in task.history.zones:
        setpoint = (*zone.setpoint_c[: -len(ending)], *ending)
        temps = zone.temp_c if temp is None else (temp,) * len(zone.temp_c)
        zones.append(replace(zone, setpoint_c=setpoint, temp_c=temps))
    return replace(task, history=replace(task.history, zones=tuple(zones)))


def use_between(task: Problem, *hours: tuple[float, float]) -> Problem:
    """The office used in these hours of the horizon [h] instead."""
    used = [
        any(first * 4 <= k < last * 4 for first, last in hours)
        for k in range(len(task.zones[0].occupied))
    ]
    office = replace(
        task.zones[0],
        occupied=tuple(used),
        low_c=tuple(LOW if u else FLOOR for u in used),
        high_c=tuple(25.0 if u else 28.0 for u in used),
    )
    return replace(task, zones=(office, *task.zones[1:]))


@pytest.mark.slow
def test_a_warm_up_under_way_goes_on_even_in_a_room_that_is_warm_already(task: Problem) -> None:
    target = values(OPTIMIZER.plan(task))[7 * 4]
    fresh = values(OPTIMIZER.plan(with_setpoints(task, [17.0] * 30, temp=20.6)))
    going = values(OPTIMIZER.plan(with_setpoints(task, [17.0] * 26 + [target] * 4, temp=20.6)))
    assert min(fresh[: 7 * 4]) < target - 1.0
    assert min(going[: 7 * 4]) >= target


def test_a_gentle_warm_up_never_falls_back(task: Problem) -> None:
    going = values(OPTIMIZER.plan(with_setpoints(task, [16.5] * 26 + [18.5] * 4, temp=20.6)))
    assert min(going[: 7 * 4]) >= 18.5


def test_the_present_setpoint_counts_before_the_past_shows_it(task: Problem) -> None:
    past = with_setpoints(task, [17.0] * 30, temp=20.6)
    zones = tuple(replace(zone, setpoint_c=20.2) for zone in past.zones)
    plan = values(OPTIMIZER.plan(replace(past, zones=zones)))
    assert min(plan[: 7 * 4]) >= 20.0


def test_an_evening_of_the_buildings_own_programme_is_no_warm_up(task: Problem) -> None:
    """It has stood since the use ended: nothing has risen."""
    evening = with_setpoints(task, [21.5] * 240, temp=21.5)
    assert values(OPTIMIZER.plan(evening))[0] < 20.0


def test_a_rise_long_before_the_next_use_is_no_warm_up(task: Problem) -> None:
    later = use_between(with_setpoints(task, [17.0] * 26 + [20.5] * 4, temp=20.6), (20.0, 28.0))
    assert values(OPTIMIZER.plan(later))[0] < 20.0


@pytest.mark.slow
def test_a_setback_that_stands_is_kept(task: Problem) -> None:
    for standing in (16.5, 16.8, 17.1):
        plan = values(OPTIMIZER.plan(with_setpoints(task, [standing] * 20, temp=20.6)))
        assert plan[0] == pytest.approx(standing), standing


def test_a_value_kept_as_a_32_bit_number_does_not_creep(task: Problem) -> None:
    shown = float(np.float32(16.9))
    assert shown != 16.9
    past = with_setpoints(task, [shown] * 20, temp=20.6)
    zones = tuple(replace(zone, setpoint_c=shown) for zone in past.zones)
    assert values(OPTIMIZER.plan(replace(past, zones=zones)))[0] == pytest.approx(16.9, abs=1e-9)


def test_a_setback_that_would_heat_is_not_kept(task: Problem) -> None:
    plan = values(OPTIMIZER.plan(with_setpoints(task, [19.9] * 40, temp=20.2)))
    assert plan[0] < 19.0


def test_a_short_break_in_use_is_no_reason_to_move(task: Problem) -> None:
    short = values(OPTIMIZER.plan(use_between(task, (7.0, 13.0), (15.0, 19.0))))
    long = values(OPTIMIZER.plan(use_between(task, (7.0, 11.0), (19.0, 22.0))))
    assert min(short[7 * 4 : 19 * 4]) >= LOW - 0.3
    assert min(long[11 * 4 : 19 * 4]) < LOW - 1.0


def test_between_two_uses_a_setpoint_falls_once_and_then_rises(task: Problem) -> None:
    """Also where cheap hours tempt to heat for an hour and to coast through the next."""
    cheap = tuple(0.1 if k % 8 < 3 else 3.0 for k in range(task.steps))
    plan = OPTIMIZER.plan(replace(task, heat_dkk_per_kwh=cheap))
    for zone, used in zip(ZONES, (t.occupied for t in task.zones), strict=True):
        row = values(plan, zone)
        falls = [k for k in range(1, len(row)) if row[k] < row[k - 1]]
        assert all(used[k - 1] for k in falls), zone


def test_what_has_begun_is_not_known_without_a_past(task: Problem) -> None:
    asked = np.full((2, task.steps), 20.0)
    found = warm_up_in_progress(replace(task, history=None), task.zones, asked)
    assert np.isnan(found.warm).all()
    assert np.isnan(found.setback).all()
    office = task.zones[0]
    assert zone_now(replace(task, history=None), office).unoccupied_h == 0.0
    assert zone_now(task, replace(office, id="attic")).unoccupied_h == 0.0


def test_the_timetable_leads_longer_after_a_weekend_that_began_before_the_horizon(
    toy: Toy,
) -> None:
    """Monday morning: the absence lies mostly behind the start of the horizon."""
    learned = LearnedStart(dead_h=0.2, h_per_k=0.5, h_per_k2=0.0, long_h_per_k=0.3, margin_h=0.2)
    monday = replace(problem(toy, days=4), model=None)
    zones = tuple(
        replace(zone, learned_start=learned, own_setpoint_c=(21.0,) * monday.steps)
        for zone in monday.zones
    )
    monday = replace(monday, zones=zones)
    assert monday.start == datetime(2019, 1, 14, tzinfo=UTC)
    assert zone_now(monday, monday.zones[0]).unoccupied_h > 48.0
    tuesday = monday.history
    assert tuesday is not None
    used = replace(tuesday, zones=tuple(replace(z, occupied=(True,) * 384) for z in tuesday.zones))

    def first_warm(asked: Problem) -> int:
        return next(k for k, v in enumerate(values(OPTIMIZER.plan(asked))) if v >= LOW)

    assert first_warm(monday) < first_warm(replace(monday, history=used))
