"""The table of buildings: order, search, filters and pages, all by the address."""

from __future__ import annotations

import gzip
import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from api.pages.city.kept import THREAD
from api.pages.city.table import BARS, TableAsked, sparkline
from bms.model.assets.site import Mode
from bms.model.readings.measurement import Reading
from tests.rigs.fakes.api import HTML, NOW, World, a_world
from tests.rigs.fakes.city import another_lodge

NAMES = ("Åby Hal", "Skolen", "Ærøskole", "Øgade", "Aarhus Bad", "Zoologisk")
MOST_COMPRESSED = 60_000


def a_city(home: Path, n: int = 6) -> World:
    """Lodges whose room is the colder the later they come."""
    sites = tuple(
        replace(
            another_lodge(f"b{i:03d}"),
            name_da=NAMES[i % 6] if n <= 6 else f"{NAMES[i % 6]} {i}",
            use="school" if i % 2 else "office",
            mode=Mode.OBSERVE,
        )
        for i in range(n)
    )
    world = a_world(home, sites=sites, open_dashboard=True)
    temps = [Reading(f"{s.id}/hall.temp", NOW, 21.0 - i * 0.5) for i, s in enumerate(sites)]
    world.store.add_readings(temps)
    return world


async def rows(world: World, address: str) -> list[str]:
    """The ids of the buildings of the table, in its order."""
    async with world.browser(**HTML) as browser:
        answer = await browser.get(address)
    assert answer.status_code == 200
    body = answer.text.partition('class="city-table"')[2].partition("<tbody>")[2]
    return re.findall('<tr><th scope="row"><a href="/sites/([^"]+)"', body)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/", "543210"),
        ("/?sort=name", "152304"),
        ("/?sort=coldest&down=1", "012345"),
        ("/?sort=nonsense", "543210"),
        ("/?q=skole", "21"),
        ("/?use=school", "531"),
        ("/?mode=auto", ""),
        ("/?open=1", "54"),
        ("/?per=2", "54"),
        ("/?per=2&page=2", "32"),
        ("/?per=2&page=99", "10"),
        ("/?per=0&page=-1", "5"),
        ("/?per=x&page=%F0", "543210"),
    ],
)
async def test_the_address_says_which_rows_in_which_order(
    tmp_path: Path, address: str, expected: str
) -> None:
    found = await rows(a_city(tmp_path), address)
    assert [each[-1] for each in found] == list(expected)


async def test_a_city_of_650_is_one_page_of_less_than_60_kb(tmp_path: Path) -> None:
    world = a_city(tmp_path, 650)
    async with world.browser(**HTML) as browser:
        await browser.get("/")
        for thread in threading.enumerate():  # on a busy computer it takes longer than a page waits
            if thread.name == THREAD:
                thread.join(10.0)
        async with browser.stream("GET", "/?per=1000") as answer:
            packed = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert len(packed) <= MOST_COMPRESSED
    assert gzip.decompress(packed).count(b'<tr><th scope="row"><a href="/sites/') == 650


def test_links_keep_what_was_asked_for() -> None:
    asked = TableAsked(search="å b", use="school", sort="name", page=3)
    assert asked.link() == "/?q=%C3%A5+b&use=school&sort=name&page=3"
    assert asked.link(page=1, sort="worst", search="x") == "/?q=%C3%A5+b&use=school&search=x"
    assert TableAsked().link() == "/"


def test_a_sparkline_stands_on_zero() -> None:
    assert sparkline([1.0]) == ""
    assert sparkline([0.0, 7.0]) == BARS[0] + BARS[-1]
    assert sparkline([5.0, 5.0]) == BARS[-1] * 2
    assert sparkline([0.0, 0.0]) == BARS[0] * 2
