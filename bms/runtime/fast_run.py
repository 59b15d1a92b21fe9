"""Fast runs: a heap over the job table; building time is moved from one due time to the next."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from bms.runtime.jobs import Job

MoveTo = Callable[[datetime], Awaitable[None]]


async def run_virtual(
    jobs: Sequence[Job],
    start: datetime,
    until: datetime,
    move_to: MoveTo,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Run the table from ``start`` up to, not including, ``until``.

    ``move_to`` brings the world and its clock (a simulator in lockstep) to a moment before the
    jobs of that moment run; at the end it is brought to ``until``. ``stopped`` is asked before
    every job, and ends the run where it stands.
    """
    now = start
    heap = [(job.next_at_or_after(start), order, job) for order, job in enumerate(jobs)]
    heapq.heapify(heap)
    while heap and heap[0][0] < until:
        if stopped():
            return
        moment, order, job = heapq.heappop(heap)
        if moment > now:
            await move_to(moment)
            now = moment
        await job.run(moment)
        heapq.heappush(heap, (job.next_after(moment), order, job))
    if until > now:
        await move_to(until)
