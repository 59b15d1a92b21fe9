"""Files of reports: made by pages of ours only, and for whoever asked for them (SECURITY.md)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bms.services.reporting.exports import Exports
from tests.rigs.fakes.api import HTML, World, a_world, live_in

BODY = {"kind": "meters", "scope": "site:lodge", "period": "2019-01", "format": "csv"}
ASKED = "/reports/file?kind=meters&site=lodge&period=2019-01&format=csv"


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = a_world(tmp_path, open_dashboard=True)
    live_in(made)
    return made


def exports(world: World) -> Exports:
    found: Exports = world.app.state.exports
    return found


@pytest.mark.parametrize("where", ["cross-site", "same-site", "junk"])
async def test_a_page_elsewhere_has_no_report_made(world: World, where: str) -> None:
    """An image of that address would fill the room for reports of whoever looks at the page."""
    async with world.browser(**HTML, **{"Sec-Fetch-Site": where}) as browser:
        answer = await browser.get(ASKED)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/reports?kind=meters&site=lodge"
    async with world.browser(**HTML, **{"Sec-Fetch-Site": "same-origin"}) as browser:
        made = (await browser.get(ASKED)).headers["location"]
    assert made.startswith("/reports/")


async def fetched(world: World) -> str:
    """The address of a file that the first key had made."""
    async with world.browser(**world.key("read")) as browser:
        asked = await browser.post("/v1/exports", json=BODY)
        assert asked.status_code == 202, asked.text
        exports(world).settle()
        return f"/v1/exports/{asked.json()['id']}/file"


async def test_a_file_of_a_report_is_for_whoever_asked_for_it(world: World) -> None:
    place = await fetched(world)
    for scope in ("read", "operate", "ingest"):
        async with world.browser(**world.key(scope)) as browser:
            assert (await browser.get(place)).status_code in (403, 404)
    async with world.browser() as browser:
        assert (await browser.get(place)).status_code == 401
        assert (await browser.get(place.replace("/v1/exports", "/reports"))).status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        *("..%2f..%2fbms.db", "%2e%2e/%2e%2e/bms.db", "..%5c..%5cbms.db", "%00", "..;"),
        *("%2fetc%2fpasswd", "a" * 5000, "%c0%ae%c0%ae%2f", "0123456789abcdef0123456%00"),
    ],
)
async def test_a_name_leads_to_no_other_file(world: World, name: str) -> None:
    async with world.browser(**world.key("read")) as browser:
        for place in (f"/v1/exports/{name}/file", f"/reports/{name}/file", f"/reports/{name}"):
            answer = await browser.get(place)
            assert answer.status_code in (307, 401, 404, 405, 422), place
            assert b"SQLite" not in answer.content


async def test_a_file_is_kept_by_nobody_on_the_way_and_taken_for_nothing_else(world: World) -> None:
    async with world.browser() as browser:
        made = (await browser.get(ASKED, headers=HTML)).headers["location"]
        exports(world).settle()
        answer = await browser.get(f"{made}/file")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith('attachment; filename="')
    assert answer.headers["content-type"].startswith("text/csv")


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=" + ",".join(f"{i}-{i}" for i in range(0, 12_000, 2)),
        "bytes=" + "0-," * 6000 + "0-",
        "bytes=" + "9" * 5000 + "-",
        "bytes=-" + "9" * 4000,
        "bytes=5-1",
        "lines=1-2",
        "bytes=" + " " * 9000,
    ],
)
async def test_parts_of_a_file_are_cheap_to_ask_for(world: World, wanted: str) -> None:
    async with world.browser() as browser:
        made = (await browser.get(ASKED, headers=HTML)).headers["location"]
        exports(world).settle()
        started = time.process_time()
        answer = await browser.get(f"{made}/file", headers={"Range": wanted})
    assert time.process_time() - started < 2
    assert answer.status_code in (200, 206, 400, 416)
    assert len(answer.content) < 1_000_000
