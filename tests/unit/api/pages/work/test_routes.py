"""The work list on the pages, and what people say of its items."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from bms.model.fact import fact
from bms.model.work.finding import Evidence, EvidenceSeries, Price, Severity
from bms.model.work.item import Closing, WorkKind, WorkState
from bms.services.work.sources.data import DataCode
from tests.rigs.fakes.api import HTML, NOW, World, a_world, live_in
from tests.rigs.web.forms import send_form
from tests.rigs.work.rows import a_cause, a_work_item

LINE = EvidenceSeries(
    name="outdoor_temperature",
    unit="°C",
    start=NOW - timedelta(days=3),
    step_s=3600,
    values=tuple(None if i == 30 else 5.0 + i % 24 for i in range(72)),
)
COOLING = a_cause(
    what=fact(DataCode.METER_MISSING, meter="heat", since=None),
    look_for=fact(DataCode.LOOK_AT_SUPPLIER),
    evidence=Evidence(start=LINE.start, end=NOW, series=(LINE,)),
    comfort_kh_year=120.0,
    confidence=0.8,
)
SILENT = a_cause(
    "lodge/rooms",
    kind=WorkKind.DEVICE_SILENT,
    rule="",
    severity=Severity.HIGH,
    what=fact(DataCode.DEVICE_SILENT, device="rooms", since=None),
    price=Price(),
    follows=tuple(f"lodge/p{i}" for i in range(40)),
)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[tuple[World, httpx.AsyncClient]]:
    """Two items, and the browser of a person who may operate."""
    world = a_world(tmp_path, open_dashboard=True)
    live_in(world)
    items = [a_work_item("w1", cause=COOLING), a_work_item("w2", cause=SILENT)]
    world.store.keep_items(items)
    async with world.browser(**world.key("operate"), **HTML) as browser:
        yield world, browser


async def say(browser: httpx.AsyncClient, act: str, **fields: str) -> httpx.Response:
    return await send_form(browser, f"/work-list/w1/{act}", fields, "/work-list/w1")


async def test_the_list_says_where_what_and_what_it_costs(
    desk: tuple[World, httpx.AsyncClient],
) -> None:
    _, browser = desk
    page = (await browser.get("/work-list")).text
    assert page.index("rooms har ikke svaret") < page.index("Måler heat")
    assert "4.000 kr/år" in page
    assert '<a href="/work-list/w1">' in page
    only = (await browser.get("/work-list?kind=device_silent&site=lodge")).text
    assert "/work-list/w2" in only
    assert "/work-list/w1" not in only
    english = (await browser.get("/work-list?lang=en")).text
    assert "DKK 4,000 a year" in english


async def test_an_item_has_its_price_picture_and_what_to_look_for(
    desk: tuple[World, httpx.AsyncClient],
) -> None:
    _, browser = desk
    page = (await browser.get("/work-list/w1")).text
    assert "4.000 kr om året kan spares (2.000–6.000)" in page
    assert "Spørg leverandøren" in page
    assert "<svg" in page
    assert "120 gradtimer" in page
    assert "80 %" in page
    silent = (await browser.get("/work-list/w2")).text
    assert "p11" in silent
    assert "og 28 til" in silent


async def test_every_answer_is_a_form_without_script(
    desk: tuple[World, httpx.AsyncClient],
) -> None:
    world, browser = desk
    assert (await say(browser, "ack")).status_code == 303
    assert (await say(browser, "assign", to="VVS-manden")).status_code == 303
    page = (await browser.get("/work-list/w1")).text
    assert "tildelt: VVS-manden" in page
    assert (await say(browser, "snooze", until="week")).status_code == 303
    assert world.store.item("w1").snoozed_until(NOW) is not None
    assert "/work-list/w1" not in (await browser.get("/work-list")).text
    assert "/work-list/w1" in (await browser.get("/work-list?show=asleep")).text
    done = await say(browser, "close", closing="repaired", reason="ventil skiftet")
    assert done.headers["location"] == "/work-list/w1"
    item = world.store.item("w1")
    assert (item.state(NOW), item.closed.closing) == (  # type: ignore[union-attr]
        *(WorkState.CLOSED, Closing.REPAIRED),
    )
    page = (await browser.get("/work-list/w1")).text
    assert "Besparelsen følges som indsats" in page
    assert "ventil skiftet" in page
    assert 'name="closing"' not in page
    assert "/work-list/w1" in (await browser.get("/work-list?show=closed")).text


@pytest.mark.parametrize(
    ("act", "fields", "problem"),
    [
        ("assign", {"to": " "}, "Skriv, hvem der tager sig af det"),
        ("snooze", {"until": "forever"}, "Vælg, hvor længe det kan vente"),
        ("close", {"closing": "cleared"}, "Vælg, hvordan det er afsluttet"),
        ("close", {"closing": "not_a_fault", "reason": ""}, "Skriv, hvorfor det ikke er en fejl"),
    ],
)
async def test_what_is_missing_is_said_on_the_page(
    desk: tuple[World, httpx.AsyncClient], act: str, fields: dict[str, str], problem: str
) -> None:
    world, browser = desk
    answer = await say(browser, act, **fields)
    assert answer.status_code == 422
    assert problem in answer.text
    assert world.store.item("w1").events == ()


async def test_a_form_of_another_page_is_refused(desk: tuple[World, httpx.AsyncClient]) -> None:
    world, browser = desk
    answer = await browser.post("/work-list/w1/ack", data={"csrf": "made up"})
    assert answer.status_code == 403
    assert world.store.item("w1").events == ()


async def test_who_only_looks_has_no_forms(tmp_path: Path) -> None:
    world = a_world(tmp_path, open_dashboard=True)
    world.store.keep_items([a_work_item("w1", cause=COOLING)])
    async with world.browser(**HTML) as browser:
        assert 'action="/work-list/w1/ack"' not in (await browser.get("/work-list/w1")).text
        assert (await browser.get("/work-list")).status_code == 200
        assert (await browser.get("/work-list/w9")).status_code == 404


async def test_an_empty_list_says_what_comes_here(tmp_path: Path) -> None:
    world = a_world(tmp_path, open_dashboard=True)
    async with world.browser(**HTML) as browser:
        assert "Her er intet lige nu" in (await browser.get("/work-list")).text
