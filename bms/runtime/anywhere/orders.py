"""How the job table asks for what any process of the city may do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from dataclasses import replace
from datetime import datetime

from bms.errors import ConfigError
from bms.model.assets.site import Site
from bms.model.control.evidence import CITY
from bms.ports.jobs import JobKind, JobOrder, Jobs, Priority
from bms.runtime.anywhere.handlers import handlers
from bms.runtime.anywhere.owner_knowledge import knowledge_of
from bms.runtime.city import City
from bms.runtime.load.background_work import JOBS_AT_ONCE, SiteTask
from bms.runtime.load.local_jobs import LocalJobs
from bms.services.off_loop import off_loop

DAY_S = 86_400
LOOP_LOOK_S = 0.2
"""How often whoever waits in a thread sees whether the event loop still runs [s]."""


def with_jobs(city: City) -> City:
    """The city with a list of jobs: its own where it has one, else one of this process."""
    if city.jobs is not None:
        return city
    return replace(city, jobs=LocalJobs(handlers(city), JOBS_AT_ONCE))


def jobs_of(city: City) -> Jobs:
    """The list of jobs of a city that has one."""
    if city.jobs is None:
        raise ConfigError("this process has no list of jobs")
    return city.jobs


def ordered(city: City, kind: JobKind, priority: Priority, *, daily: bool = False) -> SiteTask:
    """The task that has a job of this kind done for a site, and waits for it; one of those that
    are ``daily`` is done once in a UTC day by the whole city."""
    jobs = jobs_of(city)

    async def task(site: Site, now: datetime) -> object:
        known = ""
        if jobs.shared and kind is JobKind.PLAN:
            known = await off_loop(knowledge_of, city, site)
        slot = int(now.timestamp()) // DAY_S * DAY_S if daily else None
        return await jobs.done(
            JobOrder(kind=kind, subject=site.id, at=now, priority=priority, slot=slot, known=known)
        )

    return task


def making_exports(city: City) -> Callable[[str], object]:
    """What has an export made by the list of the event loop that runs, and waits for it in another
    thread, no longer than that loop runs: the export is taken up again later."""
    loop, jobs, clock = asyncio.get_running_loop(), jobs_of(city), city.clock

    def make(export_id: str) -> None:
        if not loop.is_running():
            return
        order = JobOrder(
            kind=JobKind.EXPORT, subject=export_id, at=clock.now(), priority=Priority.PERSON
        )
        asked = asyncio.run_coroutine_threadsafe(jobs.done(order), loop)
        while loop.is_running():
            with contextlib.suppress(TimeoutError, CancelledError):
                asked.result(LOOP_LOOK_S)
            if asked.done():
                return

    return make


def ordered_for_city(city: City, kind: JobKind, now: datetime) -> Awaitable[bool]:
    """Have a job done that concerns the whole city."""
    order = JobOrder(kind=kind, subject=CITY, at=now, priority=Priority.REPORT)
    return jobs_of(city).done(order)
