"""Readings that tell of people are for those who operate the building (SECURITY.md)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bms.model.assets.point import Privacy
from bms.model.planning.plan_digest import sealed
from bms.model.readings.measurement import Quality, Reading
from tests.rigs.fakes.api import NOW, World, a_lodge_plan, a_world, live_in
from tests.rigs.fakes.city import HOUR, QUARTER, lodge
from tests.rigs.fakes.ventilation import CO2, airy_lodge
from tests.rigs.web.routes import gets_of

POINT = "lodge/hall.temp"
PPM = 777.125


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A building one of whose points is of the class personal."""
    site = lodge()
    points = tuple(
        replace(p, privacy=Privacy.PERSONAL) if p.id == POINT else p for p in site.points
    )
    world = a_world(tmp_path, sites=(replace(site, points=points),))
    world.store.add_readings([Reading(POINT, NOW - HOUR, 21.5, Quality.GOOD)])
    return world


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("operate", 200)])
async def test_m4_the_class_of_a_point_decides_who_sees_its_series(
    world: World, scope: str, status: int
) -> None:
    async with world.browser(**world.key(scope)) as browser:
        for asked in ({}, {"step": "1h"}):
            answer = await browser.get(f"/v1/points/{POINT}/readings", params=asked)
            assert answer.status_code == status
            assert ("21.5" in answer.text) is (status == 200)


@pytest.mark.parametrize(("scope", "shown"), [("read", False), ("operate", True)])
async def test_m4_the_newest_value_is_hidden_with_it(world: World, scope: str, shown: bool) -> None:
    async with world.browser(**world.key(scope)) as browser:
        rows = (await browser.get("/v1/sites/lodge/points")).json()["points"]
    (row,) = (row for row in rows if row["id"] == POINT)
    assert (row["latest"] is not None) is shown


@pytest.fixture
def watched(tmp_path: Path) -> World:
    """A room whose CO2 is known in every place that knows it: readings, plan, receipts."""
    site = airy_lodge()
    points = (replace(p, privacy=Privacy.PERSONAL) if p.id == CO2 else p for p in site.points)
    world = a_world(tmp_path, sites=(replace(site, points=tuple(points)),))
    live_in(world)
    times = (NOW - i * QUARTER for i in range(96))
    world.store.add_readings([Reading(CO2, time, PPM, Quality.GOOD) for time in times])
    plan = a_lodge_plan("p1", NOW)
    zones = tuple(replace(zone, co2_ppm=PPM) for zone in plan.problem.zones)
    plan = sealed(replace(plan, id="p2", problem=replace(plan.problem, zones=zones)))
    world.store.add_plan(plan)
    return world


async def test_m4_a_key_that_reads_finds_a_personal_value_nowhere(watched: World) -> None:
    paths = [*gets_of(watched), f"/v1/points/{CO2}/readings", "/v1/plans/p2"]
    assert len(paths) > 35
    seen = {}
    for scope in ("read", "operate", "controller:lodge/rooms", "ingest"):
        async with watched.browser(**watched.key(scope)) as browser:
            for path in paths:
                for headers in ({}, {"accept": "text/html"}):
                    answer = await browser.get(path, headers=headers)
                    if f"{PPM:.3f}"[:5] in answer.text.replace(",", "."):
                        seen[scope, path] = answer.status_code
    assert {path for scope, path in seen if scope != "operate"} == set()
    assert ("operate", f"/v1/points/{CO2}/readings") in seen, "it is there to be found"
    assert ("operate", "/v1/sites/lodge/points") in seen


async def test_m4_open_pages_show_no_personal_value(watched: World) -> None:
    settings = watched.city.settings.model_copy(update={"open_dashboard": True})
    world = watched.rewired(settings=settings)
    async with world.browser() as browser:
        for path in gets_of(world):
            assert f"{PPM:.3f}"[:5] not in (await browser.get(path)).text.replace(",", ".")
