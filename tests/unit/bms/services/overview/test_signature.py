"""The energy signature: days by heating season."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bms.services.overview.signature import season_of, signature
from tests.rigs.fakes.api import World, a_world, live_in


@pytest.mark.parametrize(
    ("day", "season"),
    [
        (date(2019, 6, 30), 2018),
        (date(2019, 7, 1), 2019),
        (date(2019, 12, 31), 2019),
        (date(2020, 1, 1), 2019),
    ],
)
def test_a_winter_lies_in_one_season(day: date, season: int) -> None:
    assert season_of(day) == season


def seasons(world: World) -> list[tuple[int, int]]:
    found = signature(world.app.state.savings, world.city.site("lodge"))
    return [(season.year, len(season.kwh)) for season in found]


def test_a_year_behind_us_is_two_seasons(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    live_in(world)
    (before, _), (now, n) = seasons(world)
    assert (before, now) == (2017, 2018)
    assert n > 200


def test_colder_days_use_more(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    live_in(world)
    season = signature(world.app.state.savings, world.city.site("lodge"))[-1]
    cold = [kwh for temp, kwh in zip(season.temp_c, season.kwh, strict=True) if temp < 0]
    mild = [kwh for temp, kwh in zip(season.temp_c, season.kwh, strict=True) if temp > 12]
    assert min(cold) > max(mild)


def test_without_readings_or_weather_there_is_none(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    assert seasons(world) == []
    live_in(world)
    world.feed.away.add("weather")
    assert seasons(world) == []
