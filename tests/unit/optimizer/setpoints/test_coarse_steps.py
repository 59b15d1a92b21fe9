"""Levers that take whole or half kelvins: which step a zone in use is held at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bms.model.planning.plan import PlanStatus, Schedule
from bms.model.planning.problem import BuildingModel, Problem
from optimizer import check, plan
from optimizer.model.quantise import quantise_down, quantise_up
from tests.rigs.buildings.toy_building import LOW, Toy, lived_in
from tests.rigs.buildings.toy_problems import DAYS, problem, toy_model


@pytest.fixture(scope="module")
def toy() -> Toy:
    return lived_in(days=DAYS)


@pytest.fixture(scope="module")
def model() -> BuildingModel:
    return toy_model()


def with_facts(model: BuildingModel, **facts: float) -> BuildingModel:
    zones = tuple(replace(z, parameters={**z.parameters, **facts}) for z in model.zones)
    return replace(model, zones=zones)


def task_with(
    toy: Toy, model: BuildingModel, *, resolution: float, own_c: float, backoff: float | None = None
) -> Problem:
    """Limits of 20 degC in use, a building that keeps ``own_c`` there and 17 degC at night."""
    task = problem(toy, n=144, days=3)
    zones = tuple(
        replace(
            zone,
            lever=replace(zone.lever, resolution=resolution) if zone.lever else None,
            own_setpoint_c=tuple(own_c if low == LOW else 17.0 for low in zone.low_c),
            comfort_backoff_k=backoff,
        )
        for zone in task.zones
    )
    return replace(task, zones=zones, model=with_facts(model, droop_k=0.0, track_k=0.2))


def in_use(task: Problem, schedule: Schedule) -> set[float | None]:
    """The setpoints issued while the office is in use."""
    assert not check(task, schedule)
    office, step = task.zones[0], timedelta(seconds=task.step_s)
    assert office.lever is not None
    [row] = [row for row in schedule.setpoints if row.point == office.lever.point]
    return {row.value_at(task.start + i * step) for i, used in enumerate(office.occupied) if used}


class TestAZoneInUse:
    def test_is_held_at_the_step_below_its_own_setpoint_where_that_is_no_limit_less(
        self, toy: Toy, model: BuildingModel
    ) -> None:
        """The hall, which has no model, is left to its own control; the schedule says so."""
        known = replace(model, zones=model.zones[:1])
        task = task_with(toy, known, resolution=1.0, own_c=20.6)
        schedule = plan(task)
        assert {row.zone: row.status for row in schedule.zones} == {
            "office": PlanStatus.OPTIMAL,
            "hall": PlanStatus.FALLBACK,
        }
        assert schedule.status is PlanStatus.FALLBACK
        assert in_use(task, schedule) == {20.0}

    def test_gets_the_step_above_where_its_own_setpoint_is_higher(
        self, toy: Toy, model: BuildingModel
    ) -> None:
        task = task_with(toy, model, resolution=1.0, own_c=21.5)
        assert in_use(task, plan(task)) == {21.0}

    def test_gets_the_step_above_where_its_record_asks_for_a_margin(
        self, toy: Toy, model: BuildingModel
    ) -> None:
        task = task_with(toy, model, resolution=1.0, own_c=20.6, backoff=0.2)
        assert in_use(task, plan(task)) == {21.0}

    def test_gets_the_step_above_where_its_room_settles_below_its_setpoint(
        self, toy: Toy, model: BuildingModel
    ) -> None:
        task = task_with(toy, model, resolution=1.0, own_c=20.6)
        sagging = replace(task, model=with_facts(model, droop_k=-0.3, track_k=0.2))
        assert in_use(sagging, plan(sagging)) == {21.0}

    def test_keeps_its_margin_where_the_next_step_is_near(
        self, toy: Toy, model: BuildingModel
    ) -> None:
        task = task_with(toy, model, resolution=0.1, own_c=20.15)
        assert in_use(task, plan(task)) == {20.2}


def test_own_control_is_not_rounded_up_where_it_stands(toy: Toy, model: BuildingModel) -> None:
    """Where heat is free there is nothing to gain."""
    task = task_with(toy, model, resolution=1.0, own_c=20.4)
    nothing = (0.0,) * task.steps
    steady = tuple(replace(z, own_setpoint_c=(20.4,) * task.steps) for z in task.zones)
    task = replace(task, zones=steady)
    free = replace(task, heat_dkk_per_kwh=nothing, heat_kg_per_kwh=nothing, ventilation=())
    schedule = plan(free)
    assert schedule.status is PlanStatus.FALLBACK
    assert {words.code for words in schedule.reasons} >= {"own_control_as_good"}
    assert in_use(free, schedule) == {20.0}


def test_a_room_that_settles_above_needs_less_of_a_margin(toy: Toy, model: BuildingModel) -> None:
    task = task_with(toy, model, resolution=0.1, own_c=22.0)
    held: dict[float, set[float | None]] = {}
    for droop in (0.0, 0.2, 0.6):
        settles = replace(task, model=with_facts(model, droop_k=droop, track_k=0.5))
        held[droop] = in_use(settles, plan(settles))
    assert held == {0.0: {20.5}, 0.2: {20.3}, 0.6: {20.1}}  # never less than 0.1 K


def test_steps_below_and_above_enclose_a_value(toy: Toy) -> None:
    lever = problem(toy).zones[0].lever
    assert lever is not None
    coarse = replace(lever, resolution=0.7, origin=0.15)
    values = np.linspace(16.0, 23.2, 41)
    up, down = quantise_up(values, coarse), quantise_down(values, coarse)
    assert np.all((down <= values + 1e-6) & (values <= up + 1e-6))
    assert np.all(np.isclose(up - down, 0.7) | np.isclose(up, down))


@pytest.mark.parametrize(("own_c", "held_c"), [(22.0, 22.0), (20.3, 20.3), (19.0, 20.0)])
def test_without_a_model_a_zone_takes_no_more_than_today(
    toy: Toy, model: BuildingModel, own_c: float, held_c: float
) -> None:
    task = task_with(toy, model, resolution=0.1, own_c=own_c)
    blind = replace(task, model=None, history=None)
    assert in_use(blind, plan(blind)) == {held_c}
