"""Live runs: one pulse looks at building time and starts what has come due, site by site.

Each site has a due check of its own for each job, so that a slow one misses its own ticks only
(DESIGN, law 7).
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bms.errors import StoreUnavailable
from bms.model.clock_reading import ClockReading
from bms.ports.clock import Clock
from bms.runtime.jobs import DAY, Job

log = logging.getLogger(__name__)

SET_BACK = timedelta(minutes=1)
"""A calendar that goes back by less than this delays no job by more than that."""
SET_FORWARD = timedelta(minutes=10)
MOST_TOLD = 5
"""In so many ways it is said that the database is away [1]."""
CUT_OFF_S = 5.0
"""How long a run that was cut off has to keep its receipts [s]."""


class CalendarWatch:
    """Compares the calendar with running time: somebody may set the clock (W14)."""

    def __init__(self, first: ClockReading) -> None:
        self._last = first
        self._low = self._high = timedelta(0)
        """How far the calendar was behind and ahead of running time since it jumped last."""
        self._ahead = timedelta(0)

    def jumped(self, at: ClockReading) -> bool:
        """Whether the calendar went back, or forward by more than ``SET_FORWARD``, against running
        time since it did so last, or the computer started anew."""
        last, self._last = self._last, at
        gone = at.elapsed.since(last.elapsed)
        if gone is not None:
            self._ahead += at.calendar - last.calendar - gone
            self._low, self._high = min(self._low, self._ahead), max(self._high, self._ahead)
            small = self._ahead > self._high - SET_BACK and self._ahead <= self._low + SET_FORWARD
            if small:
                return False
        self._ahead = self._low = self._high = timedelta(0)
        log.warning(
            "the clock was set: %s at running time %.0f s, then %s at %.0f s. All jobs are due",
            last.calendar.isoformat(),
            last.elapsed.seconds,
            at.calendar.isoformat(),
            at.elapsed.seconds,
        )
        return True


class FailedJobs:
    """Says what jobs failed of: each time, but what fails because the database is away once for all
    sites and ticks, and again when it is back."""

    def __init__(self) -> None:
        self._without: set[str] = set()
        self._told: set[str] = set()

    def failed(self, job: str, now: datetime, error: Exception) -> None:
        """A run has failed."""
        log.debug("%s", job, exc_info=error)
        if isinstance(error, StoreUnavailable):
            self._without.add(job)
            if str(error) in self._told or len(self._told) >= MOST_TOLD:
                return
            self._told.add(str(error))
        log.error("%s failed at %s: %s", job, now.isoformat(), error)

    def went_well(self, job: str) -> None:
        """A run has ended well: where it was one of those, the database is back."""
        if job in self._without:
            log.warning("the database answers again; %d jobs were without it", len(self._without))
            self._without.clear()
            self._told.clear()


@dataclass(order=True, slots=True)
class _Due:
    """When a job is due next; of those due together the first of the table comes first."""

    at: datetime
    order: int
    job: Job = field(compare=False)


class Pulse:
    """Starts every job, or every site of it, once building time has come to its due time.

    Building time may run faster than the wall (a simulator owns it), so due times are looked at
    rather than slept for. What still runs is not started again: its due times are missed, and when
    it has ended the last of them is made up for at once. So there are never more runs at once than
    there are jobs and sites; what needs a thread or a processor for long is limited by
    ``bms.runtime.load.background_work``.
    """

    def __init__(self, jobs: Sequence[Job], clock: Clock) -> None:
        self._clock = clock
        first = clock.reading()
        self._watch = CalendarWatch(first)
        self._jumps = 0
        parts = [part for job in jobs for part in job.parts or (job,)]
        self._waiting = [
            _Due(job.next_at_or_after(first.calendar), order, job)
            for order, job in enumerate(parts)
        ]
        heapq.heapify(self._waiting)
        self._jobs = {part.name: (order, part) for order, part in enumerate(parts)}
        self._begun: set[str] = set()
        self._failures = FailedJobs()
        self._running: set[asyncio.Task[None]] = set()

    def exchange(self, jobs: Sequence[Job]) -> None:
        """Run these jobs from now on. What was there before under the same name keeps its due time;
        what runs at the moment runs to its end, and is not begun again where it is gone."""
        now = self._clock.now()
        parts = [part for job in jobs for part in job.parts or (job,)]
        due_at = {due.job.name: due.at for due in self._waiting}
        self._jobs = {part.name: (order, part) for order, part in enumerate(parts)}
        self._waiting = [
            _Due(due_at.get(name, now), order, part)
            for name, (order, part) in self._jobs.items()
            if name not in self._begun
        ]
        heapq.heapify(self._waiting)

    def look(self) -> None:
        """Start what is due."""
        at = self._clock.reading()
        if self._watch.jumped(at):
            self._jumps += 1
            self._waiting = [_Due(at.calendar, due.order, due.job) for due in self._waiting]
            heapq.heapify(self._waiting)
        while self._waiting and self._waiting[0].at <= at.calendar:
            due = heapq.heappop(self._waiting)
            self._begun.add(due.job.name)
            task = asyncio.create_task(self._run(due, at.calendar))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def hurry(self, sites: Collection[str], name: str = "") -> None:
        """What is done at these sites several times a day is due now; of the jobs whose part of a
        site begins with ``name``."""
        now = self._clock.now()
        for due in self._waiting:
            job = due.job
            if job.site in sites and job.every < DAY and job.name.startswith(name):
                due.at = min(due.at, now)
        heapq.heapify(self._waiting)

    async def _run(self, due: _Due, now: datetime) -> None:
        jumps = self._jumps
        try:
            await due.job.run(now)
        except Exception as error:
            self._failures.failed(due.job.name, now, error)
        else:
            self._failures.went_well(due.job.name)
        finally:
            self._put_back(due, now, jumped=jumps != self._jumps)

    def _put_back(self, due: _Due, now: datetime, *, jumped: bool) -> None:
        """The job is due again, unless it was taken out of the table meanwhile."""
        self._begun.discard(due.job.name)
        known = self._jobs.get(due.job.name)
        if known is not None:
            order, job = known
            at = self._clock.now() if jumped else job.next_after(now)
            heapq.heappush(self._waiting, _Due(at, order, job))

    async def wait_until_idle(self, patience_s: float) -> bool:
        """Whether no run is in progress any more; waits at most ``patience_s`` [s]."""
        if self._running:
            await asyncio.wait(self._running, timeout=patience_s)
        return not self._running

    async def end(self, patience_s: float) -> bool:
        """Wait until no run is in progress, at most ``patience_s`` [s]; what is then still in
        progress is cut off, has ``CUT_OFF_S`` to keep what it has done, and the answer is False."""
        idle = await self.wait_until_idle(patience_s)
        for task in self._running:
            task.cancel()
        await self.wait_until_idle(CUT_OFF_S)
        return idle


def scheduler(pulse: Pulse, *, pulse_seconds: float = 1.0) -> AsyncIOScheduler:
    """A scheduler, not yet started, that lets the pulse look every ``pulse_seconds`` [s]."""

    async def look() -> None:
        pulse.look()

    made = AsyncIOScheduler(timezone="UTC")
    made.add_job(
        look,
        IntervalTrigger(seconds=pulse_seconds, timezone="UTC"),
        id="pulse",
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    return made
