"""Consumption of a year, missing data and the state of meters through the API."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rigs.fakes.api import World, a_world, live_in


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    home: Path = tmp_path_factory.mktemp("accounts")
    made = a_world(home)
    live_in(made)
    return made


async def get(world: World, path: str):
    async with world.browser(**world.key("read")) as browser:
        return await browser.get(path)


async def test_a_city_and_its_building_tell_the_same_year(world: World) -> None:
    city = (await get(world, "/v1/portfolio/consumption?year=2018")).json()
    lodge = (await get(world, "/v1/sites/lodge/consumption?year=2018")).json()
    assert lodge.pop("made_at")
    assert not lodge.pop("newer_under_way")
    assert city["sites"] == [lodge]
    assert city["freshness"]["buildings"] == 1
    assert (lodge["year"], lodge["until"]) == (2018, "2019-01-01")
    heat = lodge["commodities"][0]
    assert (heat["commodity"], heat["unit"]) == ("heat", "kWh")
    assert city["together"]["totals"][0]["use"] == heat["so_far"]["use"]
    assert len(heat["months"]) == 12


async def test_a_group_leaves_the_others_out(world: World) -> None:
    body = (await get(world, "/v1/portfolio/consumption?group=nothing")).json()
    assert (body["sites"], body["together"]["totals"]) == ([], [])


async def test_years_that_have_not_begun_are_refused(world: World) -> None:
    for path in ("/v1/sites/lodge/consumption", "/v1/portfolio/consumption"):
        assert (await get(world, f"{path}?year=2021")).status_code == 422
        assert (await get(world, f"{path}?year=9999")).status_code == 422


async def test_missing_data_and_states(world: World) -> None:
    missing = (await get(world, "/v1/portfolio/missing-data")).json()
    assert (missing["missing"], missing["next"]) == ([], None)
    assert missing["freshness"]["not_made_yet"] == 0
    body = (await get(world, "/v1/portfolio/quality?period=2018-03-01..2018-04-01")).json()
    meters = {row["meter"]: row for row in body["meters"]}
    assert meters["lodge/heat"]["state"] == "good"
    assert meters["lodge/heat"]["coverage"] == 1.0
    future = await get(world, "/v1/portfolio/quality?period=2031-03-01..2031-04-01")
    assert future.status_code == 422
