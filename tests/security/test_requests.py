"""A person without a key, or with a wrong one, at the API (SECURITY.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from api.failed_keys import MOST_A_MINUTE, network_of
from api.hosts_and_body_sizes import MOST_BYTES, MOST_BYTES_WITHOUT_KEY
from bms.model.readings.measurement import Quality, Reading
from bms.store.sql.store import SqlStore
from tests.rigs.fakes.api import NOW, World, a_world
from tests.rigs.web.forms import send_form


class Stream:
    """A body that counts what is taken of it."""

    def __init__(self, size: int) -> None:
        self.size, self.taken = size, 0

    async def pieces(self) -> AsyncIterator[bytes]:
        while self.taken < self.size:
            self.taken += 1000
            yield b"x" * 1000


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path)


@pytest.mark.parametrize("path", ["/v1/ingest", "/v1/release", "/login", "/v1/nothing", "/"])
async def test_a_body_without_a_key_is_not_kept(world: World, path: str) -> None:
    stream = Stream(50 * MOST_BYTES_WITHOUT_KEY)
    async with world.browser() as browser:
        answer = await browser.post(path, content=stream.pieces())
    assert answer.status_code in (401, 403, 404, 405, 413)
    assert stream.taken <= 2 * MOST_BYTES_WITHOUT_KEY


@pytest.mark.parametrize("path", ["/v1/ingest", "/v1/release"])
async def test_a_body_that_says_it_is_too_large_is_not_read(world: World, path: str) -> None:
    async with world.browser(**world.key("operate")) as browser:
        answer = await browser.post(path, content=b"x" * (MOST_BYTES + 1))
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    async with world.browser() as browser:
        answer = await browser.post(path, content=b"x" * (MOST_BYTES_WITHOUT_KEY + 1))
    assert answer.status_code == 413


async def test_a_body_that_does_not_say_its_size_is_counted(world: World) -> None:
    stream = Stream(2 * MOST_BYTES)
    async with world.browser(**world.key("operate")) as browser:
        answer = await browser.post(
            "/v1/release", content=stream.pieces(), headers={"content-type": "application/json"}
        )
    assert answer.status_code == 413


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "", "localhost.evil", "[x"])
async def test_a_name_that_is_not_ours_is_answered_nothing(world: World, host: str) -> None:
    async with world.browser(host=host) as browser:
        answer = await browser.get("/v1/sites")
    assert answer.status_code == 421
    assert "evil" not in answer.text


@pytest.mark.parametrize("host", ["localhost:8000", "LOCALHOST", "10.0.0.7:8000", "[::1]:8000"])
async def test_our_names_and_addresses_are_known(world: World, host: str) -> None:
    async with world.browser(host=host, **world.key("read")) as browser:
        assert (await browser.get("/v1/sites")).status_code == 200


async def test_a_name_of_the_settings_is_known(tmp_path: Path) -> None:
    world = a_world(tmp_path, hosts="energi.aarhus.dk, bms")
    async with world.browser(host="Energi.Aarhus.dk", **world.key("read")) as browser:
        assert (await browser.get("/v1/sites")).status_code == 200


async def test_wrong_keys_are_slowed_and_right_ones_are_not(world: World) -> None:
    right = world.key("read")
    async with world.browser() as browser:
        wrong = {"authorization": "Bearer bms_00000000_wrong"}
        answers = [await browser.get("/v1/sites", headers=wrong) for _ in range(MOST_A_MINUTE)]
        assert {answer.status_code for answer in answers} == {401}
        slowed = await browser.get("/v1/sites", headers=wrong)
        assert slowed.status_code == 429
        assert 1 <= int(slowed.headers["retry-after"]) <= 61
        assert (await browser.get("/v1/sites", headers=right)).status_code == 200


async def test_wrong_keys_of_the_form_are_slowed(world: World) -> None:
    async with world.browser() as browser:
        statuses = [
            (await send_form(browser, "/login", {"key": "bms_1_x"})).status_code
            for _ in range(MOST_A_MINUTE + 1)
        ]
    assert statuses == [403] * MOST_A_MINUTE + [429]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("", "nonsense", False),
    ],
)
def test_an_address_is_counted_with_its_network(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


async def test_https_is_kept(world: World) -> None:
    transport = httpx.ASGITransport(world.app)
    async with httpx.AsyncClient(transport=transport, base_url="https://localhost") as browser:
        answer = await browser.get("/healthz")
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    async with world.browser() as browser:
        assert "strict-transport-security" not in (await browser.get("/healthz")).headers


@pytest.fixture(scope="module")
def full_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    """A point with a hundred thousand readings."""
    store = SqlStore(f"sqlite:///{tmp_path_factory.mktemp('full')}/bms.db")
    store.add_readings(
        Reading("lodge/hall.temp", NOW - timedelta(seconds=i), float(i % 7), Quality.GOOD)
        for i in range(1, 100_001)
    )
    yield store
    store.close()


async def test_m2_a_key_that_asks_for_much_is_cut_off(full_store: SqlStore, tmp_path: Path) -> None:
    asked = {"step": "1d", "start": (NOW - timedelta(days=2)).isoformat()}
    for limit, status in ((0.0001, 503), (60.0, 200)):
        world = a_world(tmp_path, store=full_store, statement_s=limit)
        async with world.browser(**world.key("read")) as browser:
            answer = await browser.get("/v1/points/lodge/hall.temp/readings", params=asked)
            assert answer.status_code == status
    assert full_store.readings("lodge/hall.temp", NOW - timedelta(seconds=9), NOW) != []


async def test_m2_it_is_told_in_a_problem_with_a_word(full_store: SqlStore, tmp_path: Path) -> None:
    world = a_world(tmp_path, store=full_store, statement_s=0.0001)
    asked = {"step": "1d", "start": (NOW - timedelta(days=2)).isoformat()}
    async with world.browser(**world.key("read")) as browser:
        answer = await browser.get("/v1/points/lodge/hall.temp/readings", params=asked)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"]
        assert "takes more than 0.0001 s" in answer.json()["detail"]
        assert (await browser.get("/v1/sites")).status_code == 200


async def test_m2_what_changes_something_is_never_cut_off(
    full_store: SqlStore, tmp_path: Path
) -> None:
    world = a_world(tmp_path, store=full_store, statement_s=0.0001)
    async with world.browser(**world.key("operate")) as browser:
        mode = {"mode": "observe", "reason": "a test"}
        assert (await browser.post("/v1/sites/lodge/mode", json=mode)).status_code == 200
        release = {"all": True, "reason": "a test"}
        assert (await browser.post("/v1/release", json=release)).status_code == 200
