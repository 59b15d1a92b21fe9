"""The portfolio of portfolios: what it adds up, and how it names who is silent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from bms.model.savings.objection import Verdict
from bms.model.savings.upstream import (
    ToldSaving,
    ToldUse,
    ToldYear,
    UpstreamLook,
    UpstreamNumbers,
)
from tests.rigs.fakes.api import HTML, NOW, World, a_world

HOURS = timedelta(hours=3)


def told(name: str, kwh: float) -> ToldSaving:
    return ToldSaving(
        id=name,
        adjusted_baseline_kwh=1000.0 + kwh,
        measured_kwh=1000.0,
        saving_kwh=kwh,
        saving_low_kwh=kwh - 10.0,
        saving_high_kwh=kwh + 10.0,
        confidence=0.9,
        verdict=Verdict.VERIFIED,
    )


def a_look(name: str, kwh: float, *sites: str) -> UpstreamLook:
    numbers = UpstreamNumbers(
        at=NOW - HOURS,
        portfolio=told("portfolio", kwh),
        sites=tuple(told(site, kwh / 2) for site in sites),
    )
    return UpstreamLook(name=name, url=f"https://{name}.example.dk", numbers=numbers)


def a_year(heat: float) -> ToldYear:
    row = ToldUse(
        commodity="heat", unit="kWh", buildings=2, area_m2=500.0, use=heat, co2_kg=heat / 10
    )
    return ToldYear(year=2018, until=date(2018, 11, 1), totals=(row,))


def with_year(look: UpstreamLook, heat: float) -> UpstreamLook:
    assert look.numbers is not None
    return replace(look, numbers=replace(look.numbers, consumption=a_year(heat)))


@dataclass(frozen=True)
class Seen:
    """A federation as it was seen."""

    found: tuple[UpstreamLook, ...]

    def looks(self) -> tuple[UpstreamLook, ...]:
        return self.found


@pytest.fixture
def world(tmp_path: Path) -> World:
    silent = replace(
        a_look("silkeborg", 50.0, "school"), silent_since=NOW - timedelta(hours=2), error="HTTP 502"
    )
    never = UpstreamLook(name="samsø", url="https://samso.example.dk", numbers=None)
    made = a_world(tmp_path, sites=())
    aarhus = with_year(a_look("aarhus", 100.0, "hall", "school"), 4000.0)
    return seeing(made, aarhus, with_year(silent, 2000.0), never)


def seeing(made: World, *looks: UpstreamLook) -> World:
    return replace(made, city=replace(made.city, federation=Seen(looks)))


async def test_portfolios_add_up_and_the_silent_one_is_named_with_its_age(world: World) -> None:
    async with world.browser(**world.key("read")) as browser:
        body = (await browser.get("/v1/portfolio/savings")).json()
    assert body["portfolio"]["saving_kwh"] == 150.0
    assert body["portfolio"]["saving_low_kwh"] == pytest.approx(150.0 - 200.0**0.5)
    rows = {row["name"]: row for row in body["upstreams"]}
    assert [(n, r["silent"], r["buildings"]) for n, r in rows.items()] == [
        ("aarhus", False, 2),
        ("silkeborg", True, 1),
        ("samsø", False, None),
    ]
    assert rows["silkeborg"]["age_s"] == 3 * 3600.0
    assert rows["silkeborg"]["error"] == "HTTP 502"
    assert [(row["upstream"], row["site"]) for row in body["sites"]] == [
        ("aarhus", "hall"),
        ("aarhus", "school"),
        ("silkeborg", "school"),
    ]


async def test_consumption_and_co2_of_all_stand_beside_each(world: World) -> None:
    async with world.browser(**world.key("read")) as browser:
        body = (await browser.get("/v1/portfolio/consumption")).json()
    (heat,) = body["totals"]
    assert (heat["year"], heat["commodity"], heat["unit"]) == (2018, "heat", "kWh")
    assert (heat["use"], heat["co2_kg"], heat["upstreams"]) == (6000.0, 600.0, 2)
    rows = {row["name"]: row["consumption"] for row in body["upstreams"]}
    assert rows["aarhus"]["totals"][0]["use"] == 4000.0
    assert rows["samsø"] is None


async def test_a_backend_that_is_named_twice_counts_once_and_is_told(world: World) -> None:
    look = with_year(a_look("aarhus", 100.0, "hall"), 4000.0)
    twin = replace(look, name="again", url="https://again.example.dk")
    async with (made := seeing(world, look, twin)).browser(**made.key("read")) as browser:
        savings = (await browser.get("/v1/portfolio/savings")).json()
        use = (await browser.get("/v1/portfolio/consumption")).json()
        page = (await browser.get("/?lang=en", headers=HTML)).text
    assert savings["portfolio"]["saving_kwh"] == 100.0
    assert [row["same_as"] for row in savings["upstreams"]] == [None, "aarhus"]
    assert [row["upstream"] for row in savings["sites"]] == ["aarhus"]
    assert use["totals"][0]["use"] == 4000.0
    assert "tells the same as aarhus" in page


async def test_the_page_has_consumption_and_co2_in_both_languages(world: World) -> None:
    for language, heat, all_of_it in (("da", "Varme", "6.000 kWh"), ("en", "Heat", "6,000 kWh")):
        async with world.browser(**world.key("read"), **HTML) as browser:
            page = (await browser.get(f"/?lang={language}")).text
        assert heat in page
        assert all_of_it in page
        assert "600 kg" in page


async def test_pages_of_buildings_follow_each_other(world: World) -> None:
    async with world.browser(**world.key("read")) as browser:
        first = (await browser.get("/v1/portfolio/savings?limit=2")).json()
        assert first["next"] == "aarhus/school"
        last = (await browser.get("/v1/portfolio/savings?cursor=aarhus/school")).json()
    assert [row["upstream"] for row in last["sites"]] == ["silkeborg"]
    assert last["portfolio"] == first["portfolio"]


async def test_the_list_of_upstreams_needs_a_key_and_tells_none(world: World) -> None:
    async with world.browser() as browser:
        assert (await browser.get("/v1/upstreams")).status_code == 401
        assert (await browser.get("/", headers=HTML)).status_code == 303
    async with world.browser(**world.key("read")) as browser:
        answer = await browser.get("/v1/upstreams")
    assert answer.json()[0]["url"] == "https://aarhus.example.dk"


async def test_the_page_names_who_is_silent_in_both_languages(world: World) -> None:
    for language, words in (("da", "Svarer ikke"), ("en", "Does not answer")):
        async with world.browser(**world.key("read"), **HTML) as browser:
            page = (await browser.get(f"/?lang={language}")).text
        assert words in page
        assert "silkeborg" in page
        assert "150 kWh" in page


async def test_what_only_a_city_has_is_not_there(world: World) -> None:
    async with world.browser(**world.key("read")) as browser:
        assert (await browser.get("/v1/sites")).status_code == 404
        assert (await browser.get("/healthz")).status_code == 200
        assert "/v1/upstreams" in (await browser.get("/openapi.json")).json()["paths"]
