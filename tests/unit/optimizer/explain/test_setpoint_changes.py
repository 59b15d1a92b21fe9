"""Each change of a value has one reason, which fits what happens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bms.messages.translator import translator
from bms.model.fact import Moment
from bms.model.planning.plan import Schedule
from bms.model.planning.problem import Problem
from optimizer import plan, read
from tests.rigs.paths import ROOT

CASES = ROOT / "tests" / "cases" / "plans"


def answered(case: str) -> tuple[Problem, Schedule]:
    problem = read((CASES / case / "problem.json").read_text("utf-8"))
    return problem, plan(problem)


def said(schedule: Schedule, point: str = "room.set") -> list[tuple[str, str]]:
    """(local time, code) of every change."""
    return [
        (f"{each.at:%a %H:%M}", each.why.code) for each in schedule.changes if each.point == point
    ]


def hours_of(rows: Iterable[tuple[str, str]], code: str) -> list[str]:
    return [when for when, found in rows if found == code]


@pytest.mark.parametrize("folder", sorted(CASES.iterdir()), ids=lambda folder: folder.name)
def test_every_change_has_one_reason_in_both_languages(folder: Path) -> None:
    _, schedule = answered(folder.name)
    changes = [(plan.point, step.start) for plan in schedule.setpoints for step in plan.steps[1:]]
    assert [(each.point, each.at) for each in schedule.changes] == changes
    for language in ("da", "en"):
        t = translator(language, "Europe/Copenhagen")
        assert all(t.describe(each.why) for each in schedule.changes)


def test_cheap_hours_store_and_dear_ones_live_on_it() -> None:
    _, schedule = answered("cheap_and_dear_days_of_96_hours")
    rows = said(schedule)
    assert hours_of(rows, "change_store")[:2] == ["Sat 12:00", "Sun 12:00"]
    assert hours_of(rows, "change_stored")[:2] == ["Sat 16:00", "Sun 16:00"]


def test_a_warm_up_tells_the_use_that_it_is_for() -> None:
    problem, schedule = answered("steps_of_quarter_hours")
    first = next(each for each in schedule.changes if each.why.code == "change_warm_up")
    use = problem.zones[0].occupied.index(True)
    begins = problem.start + timedelta(seconds=use * problem.step_s)
    assert first.why.parameters["use"] == Moment(begins)


def test_hours_that_pay_are_named() -> None:
    _, schedule = answered("negative_prices_at_noon")
    assert "Mon 12:00" in hours_of(said(schedule), "change_paid")


def test_a_price_of_the_peak_warms_slowly() -> None:
    _, schedule = answered("heat_with_a_price_of_its_peak")
    assert hours_of(said(schedule), "change_warm_up_gentle")


def test_without_a_model_the_buildings_own_timetable_is_the_reason() -> None:
    problem, _ = answered("steps_of_quarter_hours")
    schedule = plan(replace(problem, model=None, history=None))
    assert {each.why.code for each in schedule.changes} == {"change_own_programme"}
