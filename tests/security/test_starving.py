"""Whoever only looks, however often, leaves the threads and connections of whoever acts alone:
controllers fetch their schedules, people release (SECURITY.md)."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path
from typing import IO

import httpx
import pytest

from api.access.rules import MAKES_WAY_S, MANY_CONTROLLERS
from api.live.changes import MOST_LISTENERS, MOST_OF_ONE
from bms.model.reporting.request import FileForm
from bms.model.reporting.table import Report
from bms.model.savings.measure import KeptMeasure
from bms.runtime.wire import FileReporter
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.api import World, a_lodge_plan, a_world
from tests.rigs.web.event_stream import Stream

CROWD = 80
"""More at once than a server has threads."""


class SlowStore(MemoryStore):
    """Takes as long to tell of measures as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.asked = 0

    def measures(self, site: str) -> list[KeptMeasure]:
        self.asked += 1
        assert self.go.wait(20)
        return super().measures(site)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = a_world(tmp_path, store=SlowStore())
    made.store.add_plan(a_lodge_plan())
    return made


async def test_viewers_leave_threads_for_controllers_and_for_a_release(world: World) -> None:
    assert isinstance(world.store, SlowStore)
    slow = world.store
    async with world.browser() as browser:
        viewer = world.key("read@lodge")
        crowd = [
            asyncio.create_task(browser.get("/v1/measures", headers=viewer)) for _ in range(CROWD)
        ]
        try:
            while not slow.asked:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            async with asyncio.timeout(5):
                fetched = await browser.get(
                    "/v1/controllers/lodge/rooms/schedule",
                    headers=world.key("controller:lodge/rooms"),
                )
                alive = await browser.get("/healthz")
                released = await browser.post(
                    "/v1/release",
                    json={"all": True, "reason": "a test"},
                    headers=world.key("operate"),
                )
        finally:
            slow.go.set()
        answers = await asyncio.gather(*crowd)
    assert fetched.status_code == 200
    assert alive.status_code == 200
    assert released.status_code in (200, 202)
    assert {answer.status_code for answer in answers} == {200}


async def test_viewers_go_one_by_one_while_many_controllers_ask(world: World) -> None:
    assert isinstance(world.store, SlowStore)
    world.store.go.set()
    controller, viewer = world.key("controller:lodge/rooms"), world.key("read@lodge")
    seen: list[float] = []

    async def look(browser: httpx.AsyncClient) -> None:
        await browser.get("/v1/measures", headers=viewer)
        seen.append(asyncio.get_running_loop().time())

    async with world.browser() as browser:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(look(browser) for _ in range(4)))
        alone = seen[-1] - began
        path = "/v1/controllers/lodge/rooms/schedule"
        for _ in range(MANY_CONTROLLERS):
            await browser.get(path, headers=controller)
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(look(browser) for _ in range(4)))
    assert seen[-1] - began >= 4 * MAKES_WAY_S > alone


class SlowReporter:
    """``Reporter``: takes as long to write a report as the test wants."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self._reporter = FileReporter()

    def title(self, report: Report, language: str) -> str:
        return self._reporter.title(report, language)

    def write(self, report: Report, form: FileForm, out: IO[bytes]) -> None:
        assert self.go.wait(20)
        self._reporter.write(report, form, out)


async def test_files_that_anybody_waits_for_take_no_threads_of_viewers(world: World) -> None:
    slow = SlowReporter()
    world = world.rewired(reporter=slow)
    async with world.browser() as browser:
        path = "/open-data/energy-2019.csv"
        crowd = [asyncio.create_task(browser.get(path)) for _ in range(CROWD)]
        try:
            await asyncio.sleep(0.3)
            async with asyncio.timeout(5):
                seen = await browser.get("/v1/sites", headers=world.key("read"))
        finally:
            slow.go.set()
        answers = await asyncio.gather(*crowd)
    assert seen.status_code == 200
    told = [answer.status_code for answer in answers]
    assert set(told) == {200, 503}
    assert {answer.headers.get("retry-after") for answer in answers} == {None, "30"}


async def test_one_key_takes_a_part_of_the_places_of_listeners(world: World) -> None:
    greedy, other = world.key("read"), world.key("read")
    async with contextlib.AsyncExitStack() as open_streams:
        for _ in range(MOST_OF_ONE):
            assert await status_of(await open_streams.enter_async_context(Stream(world, **greedy)))
        async with world.browser() as browser:
            refused = await browser.get("/v1/events", headers=greedy)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
        assert refused.headers["content-type"] == "application/problem+json"
        await status_of(await open_streams.enter_async_context(Stream(world, **other)))
    assert MOST_OF_ONE < MOST_LISTENERS
    async with Stream(world, **greedy) as again:
        assert await status_of(again) == 200, "places are given back"


async def test_all_at_once_are_not_more_than_there_is_room_for(world: World) -> None:
    keys = [world.key("read") for _ in range(4)]
    async with contextlib.AsyncExitStack() as open_streams:
        asked = [Stream(world, **keys[i % 4]) for i in range(MOST_LISTENERS + 40)]
        for each in asked:
            await open_streams.enter_async_context(each)
        statuses = await asyncio.gather(*map(status_of, asked))
    assert statuses.count(200) == MOST_LISTENERS


async def status_of(stream: Stream) -> int:
    status, _ = await stream.start()
    return status
