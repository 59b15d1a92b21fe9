"""Which list of jobs a process works on: its own, or one that the workers of a city share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta

from bms.errors import StoreUnavailable
from bms.ports.jobs import JobHandlers
from bms.runtime.anywhere.handlers import handlers
from bms.runtime.anywhere.processes import JobProcesses
from bms.runtime.city import City, Stores
from bms.runtime.load.background_work import JOBS_AT_ONCE
from bms.runtime.load.local_jobs import LocalJobs
from bms.runtime.load.planner_pool import processes_for
from bms.store.database.availability import Availability
from bms.store.shared_jobs import SharedJobs
from bms.store.sql.store import SqlStore

FORGET_EVERY = timedelta(hours=6)


@contextlib.asynccontextmanager
async def with_list(city: City, whole: City) -> AsyncIterator[City]:
    """The city with its list of jobs, which this process works on while the block runs.

    ``whole`` has all sites: those of a shared list may be of any. Raises ``ConfigError``.
    """
    processes = processes_for(len(city.sites), city.settings.planners)
    pool = JobProcesses(city.settings, whole.sites, processes) if processes else None

    def does(of: City) -> JobHandlers:
        return handlers(of) if pool is None else pool.in_place_of(handlers(of))

    with contextlib.closing(pool) if pool is not None else contextlib.nullcontext():
        if city.settings.jobs == "here":
            with contextlib.closing(LocalJobs(does(city), JOBS_AT_ONCE)) as jobs:
                yield replace(city, jobs=jobs)
        else:
            async with _shared(whole, does) as shared:
                yield replace(city, jobs=shared)


@contextlib.asynccontextmanager
async def with_exports(city: City) -> AsyncIterator[City]:
    """The city of a process that only serves, with a list that makes its exports: the workers'
    own where they share one, else one process beside it where the city is large."""
    if city.settings.jobs == "cluster":
        async with SharedJobs(city.settings.database).open() as shared:
            yield replace(city, jobs=shared)
        return
    processes = min(1, processes_for(len(city.sites), city.settings.planners))
    pool = JobProcesses(city.settings, city.sites, processes) if processes else None
    does = handlers(city) if pool is None else pool.in_place_of(handlers(city))
    with (
        contextlib.closing(pool) if pool is not None else contextlib.nullcontext(),
        contextlib.closing(LocalJobs(does, 1)) as jobs,
    ):
        yield replace(city, jobs=jobs)


@contextlib.asynccontextmanager
async def _shared(whole: City, does: Callable[[City], JobHandlers]) -> AsyncIterator[SharedJobs]:
    """The list that workers share; this one does jobs of it while the block runs."""
    async with SharedJobs(whole.settings.database).open() as shared:
        with _of_any_owner(whole) as anywhere:
            working = asyncio.create_task(shared.work(does(anywhere), JOBS_AT_ONCE))
            tidying = asyncio.create_task(_forget_failed(shared))
            try:
                yield shared
            finally:
                for task in (working, tidying):
                    task.cancel()
                await asyncio.gather(working, tidying, return_exceptions=True)


@contextlib.contextmanager
def _of_any_owner(city: City) -> Iterator[City]:
    """The city with a way to its database that no ownership fences: whoever does a job keeps what
    comes of it, also for a site that it owned once."""
    settings = city.settings
    store = SqlStore(
        settings.database, timezone=settings.timezone, availability=Availability(), at_once=False
    )
    try:
        yield replace(city, stores=Stores.of(store))
    finally:
        store.close()


async def _forget_failed(jobs: SharedJobs) -> None:
    while True:
        with contextlib.suppress(StoreUnavailable):
            await jobs.forget_failed()
        await asyncio.sleep(FORGET_EVERY.total_seconds())
