"""Live runs: APScheduler wakes every job of the table when building time has come to it."""

from __future__ import annotations

from collections.abc import Sequence

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bms.ports import Clock
from bms.runtime.jobs import Job


class Pulse:
    """Runs its job when building time has passed a due time; missed ones are not made up for."""

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


def scheduler(jobs: Sequence[Job], clock: Clock, *, pulse_seconds: float = 1.0) -> AsyncIOScheduler:
    """A scheduler, not yet started, that looks at building time every ``pulse_seconds`` [s].

    Building time may run faster than the wall (a simulator owns it), so due times are looked at
    rather than slept for. A job that still runs is not started again.
    """
    made = AsyncIOScheduler(timezone="UTC")
    for job in jobs:
        made.add_job(
            Pulse(job, clock).look,
            IntervalTrigger(seconds=pulse_seconds, timezone="UTC"),
            id=job.name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
    return made
