"""Readings that tell of people are for those who operate the building (SECURITY.md)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bms.model.assets.point import Privacy
from bms.model.readings.measurement import Quality, Reading
from tests.rigs.fakes.api import NOW, World, a_world
from tests.rigs.fakes.city import HOUR, lodge

POINT = "lodge/hall.temp"


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
