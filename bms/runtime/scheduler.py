"""Live runs: APScheduler wakes every job of the table when building time has come to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bms.ports.clock import Clock
from bms.runtime.jobs import Job


class DueCheck:
    """Runs a job once building time has passed its due time; missed due times are skipped."""

    def __init__(self, job: Job, clock: Clock) -> None:
        self._job = job
        self._clock = clock
        self._due = job.next_at_or_after(clock.now())

    async def look(self) -> None:
        now = self._clock.now()
        if now < self._due:
            return
        self._due = self._job.next_after(now)
        await self._job.run(now)


class RunsInProgress:
    """Counts the runs in progress, so that a shutdown can wait for them."""

    def __init__(self) -> None:
        self._runs = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    def counted(self, job: Job) -> Job:
        """The same job, counted."""

        async def run(now: datetime) -> None:
            self._runs += 1
            self._quiet.clear()
            try:
                await job.run(now)
            finally:
                self._runs -= 1
                if self._runs == 0:
                    self._quiet.set()

        return replace(job, run=run)

    async def wait_until_idle(self, patience_s: float) -> bool:
        """Whether no run is in progress any more; waits at most ``patience_s`` [s]."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), patience_s)
        return self._quiet.is_set()


def scheduler(jobs: Sequence[Job], clock: Clock, *, pulse_seconds: float = 1.0) -> AsyncIOScheduler:
    """A scheduler, not yet started, that looks at building time every ``pulse_seconds`` [s].

    Building time may run faster than the wall (a simulator owns it), so due times are looked at
    rather than slept for. A job that still runs is not started again.
    """
    made = AsyncIOScheduler(timezone="UTC")
    for job in jobs:
        made.add_job(
            DueCheck(job, clock).look,
            IntervalTrigger(seconds=pulse_seconds, timezone="UTC"),
            id=job.name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
    return made
