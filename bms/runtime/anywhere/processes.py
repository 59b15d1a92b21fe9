"""Detection, assessment and exports in processes of their own: what they compute holds up no tick.

Each process has a wired city of its own on the same database. Plans and learning stay where the
journal is; what they compute runs in ``bms.runtime.load.planner_pool``.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from bms.config import Settings
from bms.model.assets.site import Site
from bms.ports.jobs import JobHandler, JobHandlers, JobKind, JobOrder
from bms.runtime.load.planner_pool import begin_quietly

POOLED = (JobKind.FAULTS, JobKind.PROOFS, JobKind.ANSWERS, JobKind.EXPORT)


class JobProcesses:
    """``processes`` [1] that do the jobs of ``POOLED`` for ``sites``, which may change meanwhile.

    Nothing is started before the first job. A process that is lost is replaced, and its job done by
    the new one; one that loses that as well is done here.
    """

    def __init__(self, settings: Settings, sites: Mapping[str, Site], processes: int) -> None:
        self._settings, self._sites, self._processes = settings, sites, processes
        self._known: tuple[Site, ...] = ()
        self._pool: ProcessPoolExecutor | None = None

    def in_place_of(self, here: JobHandlers) -> JobHandlers:
        """The same handlers, those of ``POOLED`` in the processes."""
        there = {kind: self._there(here[kind]) for kind in POOLED if kind in here}
        return {**here, **there}

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that run, by their ids."""
        processes = None if self._pool is None else self._pool._processes
        return tuple(processes or ())

    def close(self) -> None:
        """End the processes; what they have not begun is dropped."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def _there(self, here: JobHandler) -> JobHandler:
        async def job(order: JobOrder) -> None:
            for _ in range(2):  # it may have been lost before it was asked for anything
                pool = self._started()
                try:
                    await asyncio.wrap_future(pool.submit(_do, order))
                except BrokenProcessPool:
                    if self._pool is pool:
                        self.close()
                else:
                    return
            await here(order)

        return job

    def _started(self) -> ProcessPoolExecutor:
        """The processes, new ones where the sites have changed since."""
        now = tuple(self._sites.values())
        same = len(now) == len(self._known) and all(map(_is, now, self._known))
        if self._pool is None or not same:
            self.close()
            self._known = now
            self._pool = ProcessPoolExecutor(
                self._processes,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_begin,
                initargs=(os.getpid(), self._settings, now),
            )
        return self._pool


def _is(one: Site, other: Site) -> bool:
    return one is other


_handlers: JobHandlers = {}


def _begin(parent: int, settings: Settings, sites: Sequence[Site]) -> None:
    """Make this process ready: a city of its own, on the same database."""
    global _handlers
    begin_quietly(parent)
    from bms.runtime.anywhere.handlers import handlers
    from bms.runtime.wire import wire

    _handlers = handlers(wire(settings, sites=sites))


def _do(order: JobOrder) -> None:
    async def job() -> None:
        await _handlers[order.kind](order)

    asyncio.run(job())
