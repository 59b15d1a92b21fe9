"""Jobs that any process of the city can do: learning, planning, assessment, detection, reports."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Protocol

from bms.errors import JobFailed

log = logging.getLogger(__name__)


class JobKind(StrEnum):
    """What is done; the values are stored in lists of jobs."""

    PLAN = "plan"
    PREDICTION = "prediction"
    IDENTIFY = "identify"
    FAULTS = "faults"
    PROOFS = "proofs"
    ANSWERS = "answers"
    CITY_ANSWERS = "city_answers"
    REPORTS = "reports"


class Priority(IntEnum):
    """Of the jobs that wait the highest is begun first."""

    REPORT = 0
    LEARN = 10
    PLAN = 20
    AT_ONCE = 30
    """A tick of dispatch waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOrder:
    """One job. ``subject`` is a site, or ``CITY``; two jobs of one subject never run at once.

    Of those with a ``slot`` [s since 1970] each is done once in the whole city, whoever else asks
    for it. ``known`` is what only the process that asks for it knows, as JSON.
    """

    kind: JobKind
    subject: str
    at: datetime
    """Building time for which it is done."""
    priority: Priority
    slot: int | None = None
    known: str = ""

    @property
    def name(self) -> str:
        """Kind and subject: of several orders of one name one waits at most."""
        return f"{self.kind} of {self.subject}"


JobHandler = Callable[[JobOrder], Awaitable[object]]
JobHandlers = Mapping[JobKind, JobHandler]

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


class Jobs(Protocol):
    """A list of jobs, of one process or of several."""

    @property
    def shared(self) -> bool:
        """Whether other processes do them, too: those do not see the journal of this home."""
        ...

    async def done(self, order: JobOrder) -> bool:
        """Have it done by whoever is free, and return once it is.

        An order of the same name that waits already becomes the job of both, at the higher of the
        two priorities. False where its slot was asked for before, so that somebody else sees to
        it. Raises ``JobFailed`` where it failed ``MOST_TRIES`` times, and StoreError where the list
        is in a database that is away.
        """
        ...
