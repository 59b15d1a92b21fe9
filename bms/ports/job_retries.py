"""How often a job is tried and how long is waited in between, the same in every list of jobs."""

from __future__ import annotations

import asyncio
import logging

from bms.errors import JobFailed
from bms.ports.jobs import JobHandler, JobOrder

log = logging.getLogger(__name__)

MOST_TRIES = 3
"""How often a job is tried [1], by workers that fail and by workers that die alike."""
RETRY_S = 0.2
"""The pause before a job is tried once more [s]; it doubles each time."""


async def tried(handler: JobHandler, order: JobOrder, pause_s: float = RETRY_S) -> None:
    """Do the job, up to ``MOST_TRIES`` times. Raises ``JobFailed`` with the last reason."""
    for again in range(1, MOST_TRIES + 1):
        try:
            await handler(order)
        except Exception as error:
            log.debug("%s, try %d", order.name, again, exc_info=True)
            if again == MOST_TRIES:
                raise JobFailed(str(error) or repr(error)) from error
            await asyncio.sleep(pause_s * 2 ** (again - 1))
        else:
            return
