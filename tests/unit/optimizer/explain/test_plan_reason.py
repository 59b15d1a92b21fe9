"""What the optimiser says is said as people say it: names, weekdays, local time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bms.messages import translator
from bms.model.fact import Fact, Moment, fact
from bms.model.planning.plan import Schedule
from bms.model.planning.problem import BuildingModel, Problem
from optimizer.explain.plan_reason import PlanReason
from optimizer.planner import Optimizer
from tests.rigs.buildings.toy_building import lived_in
from tests.rigs.buildings.toy_problems import DAYS, problem, toy_model

OPTIMIZER = Optimizer()
NAMES = ("Kontorer", "Salen")


@pytest.fixture(scope="module")
def task() -> Problem:
    return problem(lived_in(days=DAYS), days=3, model=toy_model())


def named(task: Problem) -> Problem:
    zones = tuple(replace(z, name=name) for z, name in zip(task.zones, NAMES, strict=True))
    return replace(task, zones=zones)


def reasons(schedule: Schedule, code: str) -> list[Fact]:
    return [each for each in schedule.reasons if isinstance(each, Fact) and each.code == code]


def da(fact: Fact) -> str:
    return translator("da", "Europe/Copenhagen").describe(fact)


def en(fact: Fact) -> str:
    return translator("en", "Europe/Copenhagen").describe(fact)


@pytest.mark.parametrize(
    ("moment", "danish", "english"),
    [
        (
            datetime(2019, 1, 21, 6, 15, tzinfo=UTC),
            "mandag 21. jan. kl. 07:15",
            "Monday 21 Jan 07:15",
        ),
        (
            datetime(2019, 6, 30, 22, 5, tzinfo=UTC),
            "mandag 1. jul. kl. 00:05",
            "Monday 1 Jul 00:05",
        ),
        (
            datetime(2019, 3, 31, 1, 0, tzinfo=UTC),  # the hour that summer time skips
            "søndag 31. mar. kl. 03:00",
            "Sunday 31 Mar 03:00",
        ),
    ],
)
def test_moments_are_said_in_local_time(moment: datetime, danish: str, english: str) -> None:
    told = fact(PlanReason.WARM_UP_FROM, zone="Hall", start=Moment(moment))
    assert da(told) == f"Hall: opvarmningen begynder {danish}."
    assert en(told) == f"Hall: heating up starts {english}."


@pytest.mark.slow
def test_a_warm_up_is_told_with_the_zones_name_and_the_weekday(task: Problem) -> None:
    said = reasons(OPTIMIZER.plan(named(task)), "warm_up_from")[0]
    assert da(said).startswith("Kontorer: opvarmningen begynder mandag 14. jan. kl. 0")
    assert en(said).startswith("Kontorer: heating up starts Monday 14 Jan 0")
    assert en(said).endswith(".")


@pytest.mark.slow
def test_without_a_name_the_id_stands(task: Problem) -> None:
    said = reasons(OPTIMIZER.plan(task), "warm_up_from")[0]
    assert en(said).startswith("office: ")


@pytest.mark.slow
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
        (said,) = reasons(OPTIMIZER.plan(spoilt), code)
        assert da(said).startswith("Kontorer: ")
        assert en(said).startswith("Kontorer: ")


def test_a_stuck_sensor_is_told_with_the_zones_name(task: Problem) -> None:
    toy = lived_in(days=DAYS)
    history = toy.history()
    stuck = tuple(replace(z, temp_c=(21.0,) * len(z.temp_c)) for z in history.zones)
    answer = OPTIMIZER.identify(replace(named(task), history=replace(history, zones=stuck)))
    assert not isinstance(answer, BuildingModel)
    assert [da(reason).split(":")[0] for reason in answer.reasons] == list(NAMES)


def test_the_checker_says_when_in_local_time(task: Problem) -> None:
    plan = OPTIMIZER.plan(task)
    first = plan.setpoints[0]
    low = tuple(replace(step, value=16.0) for step in first.steps)
    cold = replace(plan, setpoints=(replace(first, steps=low), *plan.setpoints[1:]))
    (objection,) = OPTIMIZER.check(task, cold)
    assert objection.code == "check_comfort"
    assert en(objection).endswith("(Monday 14 Jan 08:00).")
    assert da(objection).endswith("(mandag 14. jan. kl. 08:00).")
    assert task.start + timedelta(hours=7) == datetime(2019, 1, 14, 7, tzinfo=UTC)
