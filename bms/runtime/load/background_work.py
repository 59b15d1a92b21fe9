"""Limits of slow work (identification, prediction, planning): a write finds a free thread."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from datetime import datetime

from bms.model.assets.site import Site
from bms.services.ownership.selection import few

log = logging.getLogger(__name__)

SITES_AT_ONCE = min(os.cpu_count() or 1, 16)
"""Sites that are identified, predicted or planned at once [1]. More would be no faster, and would
take all threads of the pool (processors + 4) from writes, releases and decisions of people."""
JOBS_AT_ONCE = SITES_AT_ONCE + 1
"""Jobs that are done at once [1]: one for each processor, and a place that is kept for plans."""
PATIENCE_S = 120.0
"""How long a tick of dispatch waits for a new plan [s, real]; most take a second or two."""

TOLD_AFTER_S = 1.0
"""How long sites that are slow are collected before they are told of [s, real]."""

SiteTask = Callable[[Site, datetime], Awaitable[object]]


def limited(turns: asyncio.Semaphore, task: SiteTask) -> SiteTask:
    """The same task, for as many sites at once as ``turns`` allow."""

    async def waiting(site: Site, now: datetime) -> object:
        async with turns:
            return await task(site, now)

    return waiting


class Replanning:
    """Plans that a tick of dispatch needs at once.

    One that takes longer than ``patience_s`` [s] goes on in the background: the tick does not hold
    up other sites for it, and the next tick does not begin another.
    """

    def __init__(
        self, plan: SiteTask, patience_s: float = PATIENCE_S, told_after_s: float = TOLD_AFTER_S
    ) -> None:
        self._told_after_s = told_after_s
        self._plan = plan
        self._patience_s = patience_s
        self._slow: set[str] = set()
        self._under_way: dict[str, asyncio.Future[object]] = {}

    async def plan(self, site: Site, now: datetime) -> None:
        """Return once there is a plan, or patience is over. Raises what planning raises."""
        task = self._under_way.get(site.id)
        if task is None or task.done():  # one that ended between two ticks is over
            task = self._under_way[site.id] = asyncio.ensure_future(self._plan(site, now))
        done, _ = await asyncio.wait({task}, timeout=self._patience_s)
        if not done:
            self._tell_of(site.id)
            task.add_done_callback(_retrieve_result)
            return
        del self._under_way[site.id]
        task.result()

    def _tell_of(self, site: str) -> None:
        """One line for all sites whose patience ends together."""
        if not self._slow:
            asyncio.get_running_loop().call_later(self._told_after_s, self._tell)
        self._slow.add(site)

    def _tell(self) -> None:
        log.error("planning %s again takes long; the plan in force is written", few(self._slow))
        self._slow.clear()


def _retrieve_result(task: asyncio.Future[object]) -> None:
    """Retrieve the exception of a task, or asyncio logs that it never was."""
    if not task.cancelled():
        task.exception()
