"""Budgets and targets: who set which, and what of them falls on the days so far."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bms.errors import ConfigError
from bms.model.assets.site import YearlyGoal
from bms.model.readings.units import Commodity
from bms.services.accounts.city_year import consumption_of_site, portfolio_consumption
from bms.services.accounts.daily_use import commodities_of
from bms.services.accounts.goals import (
    GoalRequest,
    goal_of,
    set_goal,
    standing_goals,
)
from bms.services.assessment.savings_cache import SavingsCache
from tests.rigs.fakes.api import NOW, World, a_world, live_in
from tests.rigs.fakes.city import lodge

FILED = YearlyGoal(year=2019, commodity=Commodity.HEAT, budget=50_000.0, target=40_000.0)
LESS = YearlyGoal(year=2019, commodity=Commodity.HEAT, budget=45_000.0)
ASKED = GoalRequest(goal=LESS, author="eva", reason="as the council decided")


def asking(**goal: object) -> GoalRequest:
    return replace(ASKED, goal=replace(LESS, **goal))


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = a_world(tmp_path, sites=(replace(lodge(), goals=(FILED,)),))
    live_in(made)
    return made


def test_what_somebody_sets_takes_the_place_of_the_site_file(world: World) -> None:
    site, ledgers = world.city.site("lodge"), world.store
    assert standing_goals(site, ())[0].kept is None
    made = set_goal(ledgers, site, ASKED, NOW)
    later = set_goal(ledgers, site, asking(budget=44_000.0, target=43_000.0), NOW)
    kept = ledgers.goals(["lodge"])
    assert kept == [made, later]
    (standing,) = standing_goals(site, kept)
    assert (standing.goal.budget, standing.goal.target) == (44_000.0, 43_000.0)
    assert standing.kept == later
    assert goal_of(site, kept, 2020, Commodity.HEAT).goal.budget is None


def test_none_is_a_goal_too(world: World) -> None:
    site = world.city.site("lodge")
    set_goal(world.store, site, asking(budget=None), NOW)
    cache = SavingsCache(world.city.assessment)
    heat = consumption_of_site(cache, site).answer.commodities[0]
    assert (heat.budget, heat.so_far.budget, heat.months[0].budget) == (None, None, None)


def test_it_is_told_at_once_and_no_answer_is_made_anew_for_it(world: World) -> None:
    site, cache = world.city.site("lodge"), SavingsCache(world.city.assessment, reader=True)
    before = consumption_of_site(cache, site)
    set_goal(world.store, site, ASKED, NOW + timedelta(hours=1))
    after = consumption_of_site(cache, site)
    assert (after.made_at, after.edition) == (before.made_at, before.edition)
    heat = after.answer.commodities[0]
    assert heat.so_far.budget == pytest.approx(45_000.0 * heat.so_far.share)
    assert sum(month.budget for month in heat.months) == pytest.approx(45_000.0)
    total = portfolio_consumption(cache).together.totals[0]
    assert total.budget == heat.so_far.budget
    assert total.months[0].budget == heat.months[0].budget


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (asking(commodity=Commodity.WATER), "water is not metered at lodge; there is: heat"),
        (asking(year=2030), "year 2030: give one within 10 years"),
        (asking(budget=float("nan")), "nan is no amount"),
        (asking(target=-1.0), "-1 is no amount"),
        (replace(ASKED, reason=" "), "say who sets it, and why"),
    ],
)
def test_what_cannot_be_is_refused(world: World, wrong: GoalRequest, said: str) -> None:
    site = world.city.site("lodge")
    assert Commodity.WATER not in commodities_of(site)
    with pytest.raises(ConfigError, match=said):
        set_goal(world.store, site, wrong, NOW)
    assert world.store.goals(["lodge"]) == []
