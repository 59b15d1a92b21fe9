"""Open data: what everybody may fetch, what is never in it, and the catalogue's mandatory parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from bms.model.assets.point import Point, Privacy, Role
from bms.model.assets.site import Mode, Site
from bms.model.codec import from_json, to_json
from bms.model.readings.measurement import Reading
from bms.services.reporting.open_data import is_open
from tests.rigs.fakes.api import HTML, World, a_world, live_in, meters
from tests.rigs.fakes.city import lodge
from tests.rigs.reports import read_csv, read_parquet

BARN = from_json(
    Site, to_json(replace(lodge(), mode=Mode.AUTO, area_m2=900.0)).replace("lodge", "barn")
)
HALL = replace(lodge(), mode=Mode.AUTO, area_m2=900.0)
MANDATORY = {
    "dcat:Catalog": ("dct:title", "dct:description", "dct:publisher"),
    "dcat:Dataset": ("dct:title", "dct:description"),
    "dcat:Distribution": ("dcat:accessURL",),
    "dcat:DataService": ("dct:title", "dcat:endpointURL"),
    "foaf:Agent": ("foaf:name",),
}
"""sh:minCount 1 of the shapes of DCAT-AP 3.0.0."""


def a_city(home: Path, *sites: Site) -> World:
    made = a_world(home, sites=sites or (HALL,))
    live_in(made)
    return made


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return a_city(tmp_path_factory.mktemp("open"))


async def get(world: World, path: str, **headers: str) -> httpx.Response:
    async with world.browser(**headers) as browser:
        return await browser.get(path)


def nodes(value: object) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    if isinstance(value, Mapping):
        found += [value] if "@type" in value else []
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            found += nodes(each)
    return found


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/open-data/catalog.jsonld", "*/*"),
        ("/open-data", "application/ld+json"),
        ("/open-data", "application/json"),
    ],
)
async def test_the_catalogue_has_what_the_shapes_want(world: World, path: str, accept: str) -> None:
    answer = await get(world, path, accept=accept)
    assert answer.headers["content-type"] == "application/ld+json"
    found = answer.json()
    kinds = [node["@type"] for node in nodes(found)]
    assert kinds.count("dcat:Dataset") == 3
    assert kinds.count("dcat:Distribution") == 6
    for node in nodes(found):
        for name in MANDATORY.get(node["@type"], ()):
            assert node.get(name), (node["@type"], name)
    assert all(
        name.partition(":")[0] in found["@context"]
        for n in nodes(found)
        for name in n
        if ":" in name
    )
    file = found["dcat:dataset"][0]["dcat:distribution"][0]
    assert file["dct:license"]["@id"].endswith("CC_BY_4_0")
    assert file["dcat:accessURL"]["@id"] == "http://localhost/open-data/energy-2019.csv"
    assert {each["@language"] for each in found["dct:title"]} == {"da", "en"}


async def test_the_files_hold_what_the_building_used_each_day(world: World) -> None:
    answer = await get(world, "/open-data/energy-2019.csv")
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    rows = read_csv(answer.content)
    assert set(rows[0]) == {
        *("building", "building_name", "use_of_building", "area_m2", "day", "commodity"),
        *("use", "unit"),
    }
    assert {row["commodity"] for row in rows} == {"heat", "electricity"}
    assert rows[0]["day"] == "2019-01-01"
    assert rows[-1]["day"] == "2019-01-27"
    async with world.browser(**world.key("read")) as browser:
        said = await browser.get("/v1/sites/lodge/consumption?year=2019")
    heat = sum(float(row["use"]) for row in rows if row["commodity"] == "heat")
    assert heat == pytest.approx(said.json()["commodities"][0]["so_far"]["use"], abs=0.1)
    parquet = read_parquet((await get(world, "/open-data/energy-2019.parquet")).content)
    assert [row["use"] for row in parquet] == [float(row["use"]) for row in rows]
    assert parquet[0]["day"] == date(2019, 1, 1)
    part = await get(world, "/open-data/energy-2019.csv", range="bytes=0-9")
    assert (part.status_code, part.content) == (206, answer.content[:10])


async def test_a_citizen_reads_the_number_of_the_city_and_how_sure_it_is(world: World) -> None:
    page = await get(world, "/open-data?lang=da", **HTML)
    assert "Sparet: " in page.text
    assert "90 % sikkerhed mellem" in page.text
    assert "CC BY 4.0" in page.text
    assert "Accept" in page.headers["vary"]
    assert "Saved: " in (await get(world, "/open-data?lang=en", **HTML)).text


@pytest.mark.parametrize("path", ["energy-2019.pdf", "energy-1999.csv", "energy-2019.json"])
async def test_there_is_no_other_file(world: World, path: str) -> None:
    assert (await get(world, f"/open-data/{path}")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, True),
        ({"area_m2": 499.0}, False),
        ({"use": "health"}, False),
        ({"zones": tuple(replace(zone, people=3.0) for zone in HALL.zones)}, False),
        ({"zones": tuple(replace(zone, people=100.0) for zone in HALL.zones)}, True),
    ],
)
def test_a_building_where_few_people_could_be_read_is_left_out(
    changes: dict[str, Any], shown: bool
) -> None:
    assert is_open(replace(HALL, **changes)) is shown


def personal(site: Site) -> tuple[Point, ...]:
    """The points of a site whose meter of electricity tells of people."""
    return tuple(
        replace(point, privacy=Privacy.PERSONAL)
        if point.meter == "el" and point.role is Role.METER_ENERGY
        else point
        for point in site.points
    )


async def test_a_meter_that_is_personal_is_left_out(tmp_path: Path) -> None:
    world = a_city(tmp_path, replace(HALL, points=personal(HALL)))
    rows = read_csv((await get(world, "/open-data/energy-2019.csv")).content)
    assert {row["commodity"] for row in rows} == {"heat"}


@pytest.mark.parametrize(
    "hidden",
    [{"area_m2": 100.0}, {"points": "personal"}],
    ids=["a small building", "a personal meter"],
)
async def test_the_number_of_the_city_is_of_what_is_published(
    tmp_path: Path, hidden: dict[str, Any]
) -> None:
    """Otherwise the building that is left out is the number of the city without the files."""
    small = replace(BARN, **({"points": personal(BARN)} if "points" in hidden else hidden))
    alone, both = a_city(tmp_path / "a", HALL), a_city(tmp_path / "b", HALL, small)
    both.store.add_readings(
        Reading(each.point.replace("lodge", "barn"), each.time, each.value) for each in meters()
    )
    told = [(await get(world, "/open-data?lang=en", **HTML)).text for world in (alone, both)]
    numbers = [re.findall(r"<p[^>]*>([^<]*kWh[^<]*)</p>", page) for page in told]
    assert numbers[0]
    assert numbers[0] == numbers[1]


async def test_where_nothing_is_published_the_city_has_no_number(tmp_path: Path) -> None:
    page = await get(a_city(tmp_path, replace(HALL, area_m2=100.0)), "/open-data?lang=en", **HTML)
    assert page.status_code == 200
    assert "kWh" not in page.text
    assert "being made" not in page.text
