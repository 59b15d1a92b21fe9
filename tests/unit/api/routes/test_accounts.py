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


async def test_a_goal_is_set_read_and_told_beside_the_year(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    live_in(world)
    body = {"year": 2019, "commodity": "heat", "budget": 50_000, "reason": "as decided"}
    async with world.browser(**world.key("energy_team")) as team:
        made = await team.post("/v1/sites/lodge/goals", json=body)
        assert made.status_code == 201
        assert made.json()["author"] == "energy_team of a test"
        later = await team.post("/v1/sites/lodge/goals", json={**body, "budget": 40_000})
        assert later.status_code == 201
        wrong = await team.post("/v1/sites/lodge/goals", json={**body, "commodity": "water"})
        assert (wrong.status_code, "not metered" in wrong.text) == (422, True)
        assert (await team.post("/v1/sites/barn/goals", json=body)).status_code == 404
    said = (await get(world, "/v1/sites/lodge/goals?year=2019")).json()
    assert [row["budget"] for row in said["in_force"]] == [40_000.0]
    assert [row["budget"] for row in said["history"]] == [40_000.0, 50_000.0]
    assert (await get(world, "/v1/sites/lodge/goals?year=2018")).json()["history"] == []
    year = (await get(world, "/v1/sites/lodge/consumption?year=2019")).json()
    assert year["commodities"][0]["budget"] == 40_000.0


@pytest.mark.parametrize("role", ["read", "facility_manager", "auditor", "ingest"])
async def test_a_goal_is_set_by_the_energy_team_alone(world: World, role: str) -> None:
    async with world.browser(**world.key(role)) as browser:
        body = {"year": 2019, "commodity": "heat", "budget": 1, "reason": "why not"}
        assert (await browser.post("/v1/sites/lodge/goals", json=body)).status_code == 403


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
