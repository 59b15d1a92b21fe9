"""Exports are made by the list of jobs, of one process or of several, and never by the API."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from bms.errors import StoreUnavailable
from bms.model.access.rules import AccessRules
from bms.ports.job_retries import MOST_TRIES
from bms.ports.jobs import JobHandlers, JobKind, JobOrder, Jobs, Priority
from bms.runtime.anywhere.handlers import handlers
from bms.runtime.anywhere.orders import making_exports
from bms.runtime.city import City
from bms.runtime.load.local_jobs import LocalJobs
from bms.store.shared_jobs import SharedJobs
from tests.rigs.fakes.api import World, a_world, live_in

BODY = {"kind": "savings", "scope": "site:lodge", "period": "2019-01", "format": "csv"}
LOOK_S = 0.02


@dataclass
class Worker:
    """Makes the exports of ``city``; before each one ``first`` may refuse it."""

    city: City
    first: Callable[[], None] = lambda: None
    begun: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Held back, what is learned takes long."""

    @property
    def handlers(self) -> JobHandlers:
        make = handlers(self.city)[JobKind.EXPORT]

        async def job(order: JobOrder) -> None:
            self.begun.append(order.subject)
            self.first()
            await make(order)

        return {JobKind.EXPORT: job, JobKind.IDENTIFY: self._learn}

    async def _learn(self, order: JobOrder) -> None:
        self.begun.append(order.subject)
        await self.gate.wait()


@contextlib.asynccontextmanager
async def local(worker: Worker) -> AsyncIterator[Jobs]:
    with contextlib.closing(LocalJobs(worker.handlers, 1, pause_s=0.0)) as jobs:
        yield jobs


@contextlib.asynccontextmanager
async def shared(url: str, worker: Worker) -> AsyncIterator[Jobs]:
    async with (
        SharedJobs(url, look_s=LOOK_S).open() as theirs,
        SharedJobs(url, look_s=LOOK_S).open() as ours,
    ):
        working = asyncio.create_task(theirs.work(worker.handlers, 2))
        yield ours
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


Lists = Callable[[Worker], contextlib.AbstractAsyncContextManager[Jobs]]


@pytest.fixture(params=["local", "shared"])
def list_of(request: pytest.FixtureRequest) -> Lists:
    if request.param == "local":
        return local
    url = request.getfixturevalue("postgres_url")
    return lambda worker: shared(url, worker)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = a_world(tmp_path)
    live_in(made)
    return made


def asking(world: World, jobs: Jobs) -> World:
    """The world as the process that serves sees it."""
    return world.rewired(make_export=making_exports(replace(world.city, jobs=jobs)))


async def finished(browser: httpx.AsyncClient, **changes: object) -> dict[str, str]:
    asked = await browser.post("/v1/exports", json={**BODY, **changes})
    assert asked.status_code == 202, asked.text
    async with asyncio.timeout(30):
        while True:
            known: dict[str, str] = (await browser.get(asked.headers["location"])).json()
            if known["state"] in ("done", "failed"):
                return known
            await asyncio.sleep(LOOK_S)


async def test_it_is_made_by_a_worker_and_fetched_whole_and_in_parts(
    world: World, list_of: Lists
) -> None:
    worker = Worker(world.city)
    async with list_of(worker) as jobs:
        served = asking(world, jobs)
        async with served.browser(**served.key("read")) as browser:
            known = await finished(browser)
            whole = await browser.get(known["file"])
            rest = await browser.get(known["file"], headers={"range": "bytes=100-"})
    assert worker.begun == [known["id"]]
    assert (known["state"], known["progress"]) == ("done", 1.0)
    assert hashlib.sha256(whole.content).hexdigest() == known["sha256"]
    assert (rest.status_code, rest.content) == (206, whole.content[100:])


async def test_one_that_cannot_be_made_says_why_and_is_not_tried_again(
    world: World, list_of: Lists
) -> None:
    worker = Worker(world.city)
    async with list_of(worker) as jobs:
        served = asking(world, jobs)
        async with served.browser(**served.key("read")) as browser:
            known = await finished(browser, sheet="nothing")
    assert (known["state"], len(worker.begun)) == ("failed", 1)
    assert "savings, measures, months" in known["error"]


async def test_a_database_that_is_away_for_a_moment_costs_nothing(
    world: World, list_of: Lists
) -> None:
    away = [StoreUnavailable("nobody answers")]

    def first() -> None:
        if away:
            raise away.pop()

    worker = Worker(world.city, first)
    async with list_of(worker) as jobs:
        served = asking(world, jobs)
        async with served.browser(**served.key("read")) as browser:
            assert (await finished(browser))["state"] == "done"
    assert len(worker.begun) == 2


async def test_one_that_fails_each_time_ends_with_a_reason(world: World, list_of: Lists) -> None:
    def first() -> None:
        raise ValueError("no weather")

    worker = Worker(world.city, first)
    async with list_of(worker) as jobs:
        served = asking(world, jobs)
        async with served.browser(**served.key("read")) as browser:
            known = await finished(browser)
    assert (known["state"], len(worker.begun)) == ("failed", MOST_TRIES)
    assert known["error"]


async def test_a_worker_that_sees_another_folder_is_named(
    world: World, list_of: Lists, tmp_path: Path
) -> None:
    elsewhere = world.city.settings.model_copy(update={"exports_dir": tmp_path / "elsewhere"})
    worker = Worker(replace(world.city, settings=elsewhere))
    async with list_of(worker) as jobs:
        served = asking(world, jobs)
        async with served.browser(**served.key("read")) as browser:
            assert (await finished(browser))["state"] == "failed"


async def test_who_may_see_the_file_is_asked_when_it_is_fetched(
    world: World, list_of: Lists
) -> None:
    groups = {"all": frozenset({"lodge"})}
    seen = world.rewired(access=AccessRules(groups=groups, grants={}))
    async with list_of(Worker(seen.city)) as jobs:
        served = asking(seen, jobs)
        async with served.browser(**served.key("viewer@group:all")) as browser:
            known = await finished(browser)
            groups["all"] = frozenset({"barn"})
            assert (await browser.get(known["file"])).status_code == 403


async def test_it_waits_for_nothing_that_is_learned(world: World, list_of: Lists) -> None:
    worker = Worker(world.city)

    def learning(site: str) -> JobOrder:
        now = world.clock.now()
        return JobOrder(kind=JobKind.IDENTIFY, subject=site, at=now, priority=Priority.LEARN)

    async with list_of(worker) as jobs:
        served = asking(world, jobs)
        async with served.browser(**served.key("read")) as browser, asyncio.TaskGroup() as group:
            for site in ("school", "hall", "barn"):
                group.create_task(jobs.done(learning(site)))
            while not worker.begun:
                await asyncio.sleep(LOOK_S)
            asked = group.create_task(finished(browser))
            while len(list(world.city.settings.exports.glob("*"))) < 1:
                await asyncio.sleep(LOOK_S)
            await asyncio.sleep(5 * LOOK_S)  # until its order is in the list
            worker.gate.set()
    assert worker.begun.index((await asked)["id"]) == 1
