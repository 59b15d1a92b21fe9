"""What the optimiser says is said as people say it: names, weekdays, local time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bms.model.planning.plan import Schedule
from bms.model.planning.problem import BuildingModel, Problem
from bms.model.words import Words
from optimizer.planner import Optimizer
from tests.rigs.buildings.toy_building import lived_in
from tests.rigs.buildings.toy_problems import problem, toy_model

OPTIMIZER = Optimizer()
NAMES = ("Kontorer", "Salen")


@pytest.fixture(scope="module")
def task() -> Problem:
    return problem(lived_in(days=21), days=3, model=toy_model(21))


def named(task: Problem) -> Problem:
    zones = tuple(replace(z, name=name) for z, name in zip(task.zones, NAMES, strict=True))
    return replace(task, zones=zones)


def words(schedule: Schedule, code: str) -> list[Words]:
    return [words for words in schedule.reasons if words.code == code]


def test_a_warm_up_is_told_with_the_zones_name_and_the_weekday(task: Problem) -> None:
    said = words(OPTIMIZER.plan(named(task)), "warm_up_from")[0]
    assert said.da.startswith("Kontorer: opvarmningen begynder mandag 14. jan. kl. 0")
    assert said.en.startswith("Kontorer: heating up starts Monday 14 Jan 0")
    assert said.en.endswith(".")


def test_without_a_name_the_id_stands(task: Problem) -> None:
    said = words(OPTIMIZER.plan(task), "warm_up_from")[0]
    assert said.en.startswith("office: ")


def test_what_is_wrong_with_a_zone_is_told_with_its_name(task: Problem) -> None:
    good = named(task)
    assert good.model is not None
    wrong = replace(good.zones[0], low_c=(40.0,) * good.steps)
    lever = good.zones[0].lever
    assert lever is not None
    stiff = replace(good.zones[0], lever=replace(lever, minimum=30.0, maximum=10.0))
    half = replace(good, model=replace(good.model, zones=good.model.zones[1:]))
    for spoilt, code in (
        (replace(good, zones=(wrong, good.zones[1])), "bad_zone"),
        (replace(good, zones=(stiff, good.zones[1])), "bad_lever"),
        (half, "zone_without_model"),
    ):
        (said,) = words(OPTIMIZER.plan(spoilt), code)
        assert said.da.startswith("Kontorer: ")
        assert said.en.startswith("Kontorer: ")


def test_a_stuck_sensor_is_told_with_the_zones_name(task: Problem) -> None:
    toy = lived_in(days=14)
    history = toy.history()
    stuck = tuple(replace(z, temp_c=(21.0,) * len(z.temp_c)) for z in history.zones)
    answer = OPTIMIZER.identify(replace(named(task), history=replace(history, zones=stuck)))
    assert not isinstance(answer, BuildingModel)
    assert [reason.da.split(":")[0] for reason in answer.reasons] == list(NAMES)


def test_the_checker_says_when_in_local_time(task: Problem) -> None:
    plan = OPTIMIZER.plan(task)
    first = plan.setpoints[0]
    low = tuple(replace(step, value=16.0) for step in first.steps)
    cold = replace(plan, setpoints=(replace(first, steps=low), *plan.setpoints[1:]))
    (objection,) = OPTIMIZER.check(task, cold)
    assert objection.code == "check_comfort"
    assert objection.en.endswith("(Monday 14 Jan 08:00).")
    assert objection.da.endswith("(mandag 14. jan. kl. 08.00).")
    assert task.start + timedelta(hours=7) == datetime(2019, 1, 14, 7, tzinfo=UTC)
