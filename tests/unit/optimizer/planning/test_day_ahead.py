"""What each kind of decision is to bring adds up to what the plan gains on own control."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.model.planning.plan import DayAhead, DecisionKind
from bms.model.planning.problem import Problem
from optimizer import plan, read
from tests.rigs.paths import ROOT

CASES = ROOT / "tests" / "cases" / "plans"


def case(name: str) -> Problem:
    return read((CASES / name / "problem.json").read_text("utf-8"))


def day_of(problem: Problem) -> DayAhead:
    found = plan(problem).day_ahead
    assert found is not None
    return found


@pytest.mark.parametrize(
    "name",
    [
        "cheap_and_dear_days_of_96_hours",
        "negative_prices_at_noon",
        "heat_with_a_price_of_its_peak",
        "air_few_people_and_much_of_it",
        "steps_of_half_hours",
    ],
)
def test_the_kinds_add_up_to_the_gain_of_the_plan(name: str) -> None:
    day = day_of(case(name))
    assert sum(each.dkk for each in day.gains) == pytest.approx(day.gain_dkk, abs=0.05)
    saved = sum(each.kwh for each in day.gains)
    assert saved == pytest.approx(day.own_heat_kwh - day.heat_kwh, abs=0.5)


def test_storing_takes_more_heat_and_gains() -> None:
    day = day_of(case("cheap_and_dear_days_of_96_hours"))
    [storing] = [each for each in day.gains if each.kind is DecisionKind.STORING]
    assert storing.dkk > 0.0
    assert storing.kwh < 0.0


def test_a_price_that_nobody_knows_and_a_short_horizon_tell_nothing() -> None:
    problem = case("steps_of_half_hours")
    unknown = replace(problem, heat_dkk_per_kwh=(None,) * problem.steps)
    assert plan(unknown).day_ahead is None
    assert plan(replace(problem, model=None, history=None)).day_ahead is None


def test_storing_that_has_never_come_is_not_decided_on() -> None:
    problem = case("cheap_and_dear_days_of_96_hours")
    kinds = {each.kind for each in day_of(replace(problem, storing_share=0.05)).gains}
    assert DecisionKind.STORING not in kinds
