"""Which list of jobs a process works on: its own, or one that the workers of a city share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta

from bms.errors import StoreUnavailable
from bms.runtime.anywhere.handlers import handlers
from bms.runtime.city import City, Stores
from bms.runtime.load.background_work import SITES_AT_ONCE
from bms.runtime.load.local_jobs import LocalJobs
from bms.store.database.availability import Availability
from bms.store.shared_jobs import SharedJobs
from bms.store.sql.store import SqlStore

FORGET_EVERY = timedelta(hours=6)


@contextlib.asynccontextmanager
async def with_list(city: City, whole: City) -> AsyncIterator[City]:
    """The city with its list of jobs, which this process works on while the block runs.

    ``whole`` has all sites: those of a shared list may be of any. Raises ``ConfigError``.
    """
    if city.settings.jobs == "here":
        jobs = LocalJobs(handlers(city), SITES_AT_ONCE)
        try:
            yield replace(city, jobs=jobs)
        finally:
            jobs.close()
        return
    async with SharedJobs(city.settings.database).open() as shared:
        with _of_any_owner(whole) as anywhere:
            working = asyncio.create_task(shared.work(handlers(anywhere), SITES_AT_ONCE))
            tidying = asyncio.create_task(_forget_failed(shared))
            try:
                yield replace(city, jobs=shared)
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
