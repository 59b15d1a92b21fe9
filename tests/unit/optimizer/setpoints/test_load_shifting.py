"""Heat is stored ahead of dear hours where prices swing, and only there."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from bms.model.planning.plan import Schedule
from bms.model.planning.problem import Problem
from optimizer import check, plan, read
from optimizer.setpoints.load_shifting import MOST_CHANGES, changes_seldom
from tests.rigs.paths import ROOT

CASE = ROOT / "tests" / "cases" / "plans" / "steps_of_quarter_hours" / "problem.json"
HIGH_C = 25.0


@pytest.fixture(scope="module")
def problem() -> Problem:
    """One room in use by day; 15 min."""
    return read(json.dumps(json.loads(CASE.read_text("utf-8"))))


def priced(problem: Problem, cheap: float, dear: float, hours: int = 3) -> Problem:
    """By turns ``hours`` cheap and as many dear ones."""
    block = hours * 3600 // problem.step_s
    prices = [cheap if k // block % 2 == 0 else dear for k in range(problem.steps)]
    return replace(problem, heat_dkk_per_kwh=tuple(prices))


def values(schedule: Schedule) -> list[float]:
    return [step.value for plan in schedule.setpoints for step in plan.steps]


class TestStoring:
    def test_setpoints_rise_in_cheap_hours_where_the_price_swings(self, problem: Problem) -> None:
        swinging = priced(problem, 0.05, 1.5)
        plain, stored = plan(priced(problem, 0.775, 0.775)), plan(swinging)
        raised = [s for p in stored.setpoints for s in p.steps if s.value > max(values(plain))]
        block_s = 3 * 3600

        assert raised
        for step in raised:
            began = (step.start - problem.start).total_seconds()
            assert began // block_s % 2 == 0
        assert check(swinging, stored) == ()

    def test_they_keep_away_from_the_upper_limit(self, problem: Problem) -> None:
        assert max(values(plan(priced(problem, 0.01, 3.0)))) <= HIGH_C - 0.5

    def test_a_price_that_hardly_swings_changes_nothing(self, problem: Problem) -> None:
        flat, nearly = plan(priced(problem, 0.7, 0.7)), plan(priced(problem, 0.65, 0.75))

        assert max(values(nearly)) <= max(values(flat)) + 1e-9

    def test_what_is_stored_pays(self, problem: Problem) -> None:
        """The plan that ignores the price, billed by it, costs more."""
        swinging = priced(problem, 0.05, 1.5)
        stored = plan(swinging)

        assert stored.expected.cost_dkk is not None
        assert stored.own_control.cost_dkk is not None
        assert stored.expected.cost_dkk < 0.9 * stored.own_control.cost_dkk

    def test_prices_that_swing_every_hour_are_not_hunted(self, problem: Problem) -> None:
        schedule = plan(priced(problem, 0.05, 1.5, hours=1))
        days = max(1.0, problem.steps * problem.step_s / 86400.0)

        assert len(values(schedule)) <= 1 + MOST_CHANGES * np.ceil(days)
        assert check(problem, schedule) == ()


def test_calm_counts_the_worst_day_not_the_mean() -> None:
    steady = np.full((1, 96), 20.0)
    hunting = steady.copy()
    hunting[0, 24 : 24 + MOST_CHANGES + 2 : 2] = 21.0

    assert changes_seldom(steady, 1.0)
    assert not changes_seldom(hunting, 1.0)
    assert changes_seldom(hunting[:, :30], 1.0)


def test_an_unsure_model_plans_like_a_setback_whatever_the_price() -> None:
    """One that erred by more than 0.5 K: as if the price were its mean all day."""
    case = ROOT / "tests" / "cases" / "plans" / "cheap_and_dear_days_of_96_hours" / "problem.json"
    problem = read(case.read_text("utf-8"))
    assert problem.model is not None
    zones = tuple(replace(zone, rmse_24h_k=0.9) for zone in problem.model.zones)
    unsure = replace(problem, model=replace(problem.model, zones=zones))
    prices = [price for price in problem.electricity_dkk_per_kwh if price is not None]
    mean = (sum(prices) / len(prices),) * problem.steps
    assert plan(unsure).setpoints == plan(replace(unsure, electricity_dkk_per_kwh=mean)).setpoints
    assert plan(unsure).setpoints != plan(problem).setpoints
    shown_by_the_meter = replace(unsure, storing_share=0.9)
    assert plan(shown_by_the_meter).setpoints != plan(unsure).setpoints
