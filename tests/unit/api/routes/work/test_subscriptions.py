"""Feeds of the work list for readers and calendars."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as Xml

import icalendar
import pytest

from bms.model.fact import fact
from bms.model.work.recipient import Subscription, WorkSelection
from bms.services.api_keys import digest
from bms.services.work.sources.data import DataCode
from tests.rigs.fakes.api import World, a_world
from tests.rigs.work.rows import a_cause, a_work_item

TOKEN = "a-token-of-its-own"


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = a_world(tmp_path)
    what = fact(DataCode.METER_MISSING, meter="heat <b>&\x07", since=None)
    made.store.keep_items([a_work_item("w1", cause=a_cause(what=what))])
    everything = Subscription(name="all", token=digest(TOKEN))
    nothing = WorkSelection(sites=frozenset({"barn"}))
    other = Subscription(name="barn", token=digest("other"), wants=nothing)
    return made.rewired(subscriptions=(everything, other), base_url="https://bms.example.dk")


async def test_a_reader_of_feeds_gets_what_is_open(world: World) -> None:
    async with world.browser() as browser:
        answer = await browser.get(f"/feeds/work.rss?token={TOKEN}")
        empty = await browser.get("/feeds/work.rss?token=other")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/rss+xml")
    assert "private" in answer.headers["cache-control"]
    (item,) = Xml.fromstring(answer.text).iter("item")
    assert item.findtext("guid") == "w1"
    assert item.findtext("link") == "https://bms.example.dk/work-list/w1"
    assert "4.000 kr" in (item.findtext("title") or "")
    assert list(Xml.fromstring(empty.text).iter("item")) == []


async def test_a_calendar_gets_a_day_an_item(world: World) -> None:
    async with world.browser() as browser:
        answer = await browser.get(f"/feeds/work.ics?token={TOKEN}")
    (event,) = icalendar.Calendar.from_ical(answer.text).walk("VEVENT")
    assert str(event["uid"]) == "w1@bms"
    assert "heat" in str(event["summary"])


@pytest.mark.parametrize("path", ["/feeds/work.rss", "/feeds/work.ics"])
async def test_without_its_token_nobody_reads_it(world: World, path: str) -> None:
    async with world.browser(**world.key("operate")) as browser:
        for query in ("", "?token=wrong", "?token="):
            assert (await browser.get(path + query)).status_code == 403
    async with world.browser() as browser:
        assert (await browser.get(f"/v1/work?token={TOKEN}")).status_code == 401
