"""What a building used in a year: measured, corrected, beside last year, budget and target."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from bms.errors import ConfigError
from bms.feeds.tariffs.factors import DANISH_NORMAL_YEAR, load_factors
from bms.model.assets.site import Site, YearlyGoal
from bms.model.codec import from_json, to_json
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.units import Commodity, Unit
from bms.services.accounts.city_year import consumption_of_site, portfolio_consumption
from bms.services.accounts.consumption_year import SiteYear, site_year
from bms.services.assessment.savings_cache import SavingsCache
from tests.rigs.fakes.api import CONTROL, World, a_world, live_in
from tests.rigs.fakes.city import lodge

GOALS = (YearlyGoal(year=2019, commodity=Commodity.HEAT, budget=50_000.0, target=40_000.0),)


def a_year(home: Path, site: Site | None = None) -> World:
    known = load_factors()
    chosen = site or replace(lodge(), goals=GOALS, energy_label="C")
    world = a_world(home, sites=(chosen,))
    live_in(world)
    return world.rewired(factors=known.factors, normal_year=known.normal_years[DANISH_NORMAL_YEAR])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_year(tmp_path)


def of_lodge(world: World, year: int | None = None) -> SiteYear:
    return site_year(world.city.assessment, world.city.site("lodge"), year)


def test_a_year_so_far_is_what_the_registers_moved(world: World) -> None:
    found = of_lodge(world)
    assert (found.year, found.until, found.energy_label) == (2019, date(2019, 1, 28), "C")
    heat, power = found.commodities
    (first,) = (r for r in world.store.readings("lodge/heat.energy", *_hour(date(2019, 1, 1))))
    (last,) = (r for r in world.store.readings("lodge/heat.energy", *_hour(date(2019, 1, 28))))
    assert heat.so_far.use == pytest.approx(last.value - first.value)
    assert (heat.so_far.days, heat.so_far.of) == (27, 27)
    assert power.so_far.corrected == power.so_far.use
    assert heat.so_far.corrected != pytest.approx(heat.so_far.use)
    assert heat.meters[0].use == pytest.approx(heat.so_far.use)
    assert (heat.unit, power.unit) == (Unit.KWH, Unit.KWH)


def _hour(day: date):
    start = CONTROL + (day - date(2019, 1, 14))
    return start, start + timedelta(minutes=1)


def test_budget_and_target_fall_on_the_known_days_by_degree_days(world: World) -> None:
    cache = SavingsCache(world.city.assessment)
    heat, power = consumption_of_site(cache, world.city.site("lodge")).answer.commodities
    months = load_factors().normal_years[DANISH_NORMAL_YEAR].months
    january = 0.26 * 31 / 365 + 0.74 * months[0] / sum(months)
    assert heat.so_far.budget == pytest.approx(50_000 * january * 27 / 31, rel=0.1)
    assert heat.so_far.target == pytest.approx(0.8 * heat.so_far.budget)
    assert heat.budget == 50_000.0
    assert sum(month.budget for month in heat.months) == pytest.approx(50_000.0)
    assert (power.budget, power.so_far.budget) == (None, None)


def test_this_year_is_held_against_the_same_days_of_the_last(world: World) -> None:
    _, power = of_lodge(world).commodities
    assert power.so_far.compared == 15
    assert power.so_far.change == pytest.approx(-0.19, abs=0.02)


def test_factors_are_those_of_the_day_and_what_has_none_is_not_known(world: World) -> None:
    heat, power = of_lodge(world).commodities
    assert heat.co2_kg == pytest.approx(heat.so_far.use * 0.0425)
    assert power.co2_kg is not None
    assert (heat.primary_kwh, power.primary_kwh) == (None, None)
    assert of_lodge(world, 2018).commodities[0].co2_kg is None


def test_missing_days_are_counted_and_not_filled_in(world: World) -> None:
    before = of_lodge(world).commodities[0].so_far
    at = CONTROL + timedelta(days=3)
    gone = [
        Reading(r.point, r.time, None, Quality.NO_REPLY, r.time)
        for r in world.store.readings("lodge/heat.energy", at - timedelta(hours=30), at)
    ]
    world.store.add_readings(gone)
    after = of_lodge(world).commodities[0].so_far
    assert after.days == before.days - 2
    assert after.use < before.use


def test_a_year_that_has_not_begun_is_refused(world: World) -> None:
    for year in (2020, 1900):
        with pytest.raises(ConfigError, match="give one from 1990 to 2019"):
            of_lodge(world, year)


def test_a_year_survives_being_kept(world: World) -> None:
    found = of_lodge(world, 2018)
    assert from_json(SiteYear, to_json(found)) == found


def test_the_city_is_the_sum_of_its_buildings_and_each_group(world: World) -> None:
    cache = SavingsCache(world.city.assessment)
    found = portfolio_consumption(cache)
    (row,) = found.sites
    assert row == consumption_of_site(cache, world.city.site("lodge")).answer
    heat = found.together.totals[0]
    assert (heat.commodity, heat.buildings) == (Commodity.HEAT, 1)
    assert heat.use == row.commodities[0].so_far.use
    assert heat.change == pytest.approx(row.commodities[0].so_far.change)
    assert heat.use_with_budget == heat.use
    assert [(group.use, group.buildings) for group in found.groups] == [(row.use, 1)]
    assert portfolio_consumption(cache, 2018, ()).sites == ()


def test_months_of_the_city_are_the_sums_of_those_of_its_buildings(world: World) -> None:
    found = portfolio_consumption(SavingsCache(world.city.assessment), 2018)
    (total, *_), ((own, *_),) = found.together.totals, [row.commodities for row in found.sites]
    assert [month.use for month in total.months] == [month.use for month in own.months]
    assert sum(month.use for month in total.months) == pytest.approx(total.use)
    february = own.months[1]
    doubled = replace(february, last_year=february.use / 2.0)
    assert february.change is None  # nothing is known of the year before
    assert doubled.change == pytest.approx(1.0)
    assert replace(doubled, days=doubled.of - 1).change is None
