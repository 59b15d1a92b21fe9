"""Slow work beside the way of a write: it waits its turn, and nobody waits for it too long."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from datetime import datetime

from bms.model.assets.site import Site

log = logging.getLogger(__name__)

AT_ONCE = min(os.cpu_count() or 1, 16)
"""Sites that learn, predict or plan at once [1]. More would be no faster, and would take all
threads of the pool (processors + 4) from those who write, release and keep a person's word."""
PATIENCE_S = 120.0
"""How long a tick of dispatch waits for a new plan [s, real]; most take a second or two."""

Verb = Callable[[Site, datetime], Awaitable[object]]


def in_turn(turns: asyncio.Semaphore, verb: Verb) -> Verb:
    """The same verb, for as many sites at once as there are turns."""

    async def waiting(site: Site, now: datetime) -> object:
        async with turns:
            return await verb(site, now)

    return waiting


class Replanning:
    """Plans of sites that a tick wants at once. One that takes long goes on by itself: the tick
    does not hold up other sites for it, and the next one does not begin another."""

    def __init__(self, plan: Verb, patience_s: float = PATIENCE_S) -> None:
        self._plan = plan
        self._patience_s = patience_s
        self._under_way: dict[str, asyncio.Future[object]] = {}

    async def plan(self, site: Site, now: datetime) -> None:
        """Return once there is a plan, or patience is over. Raises what planning raises."""
        task = self._under_way.get(site.id)
        if task is None or task.done():  # one that ended between two ticks has said what it had to
            task = self._under_way[site.id] = asyncio.ensure_future(self._plan(site, now))
        done, _ = await asyncio.wait({task}, timeout=self._patience_s)
        if not done:
            log.error("planning %s again takes long; the plan in force is written", site.id)
            task.add_done_callback(_heard)
            return
        del self._under_way[site.id]
        task.result()


def _heard(task: asyncio.Future[object]) -> None:
    """Somebody has to look at how it ended, or asyncio complains that nobody did."""
    if not task.cancelled():
        task.exception()
