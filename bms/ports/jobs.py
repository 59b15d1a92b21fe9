"""Jobs that any process of the city can do: learning, planning, assessment, detection, reports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Protocol


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
    EXPORT = "export"


class Priority(IntEnum):
    """Of the jobs that wait the highest is begun first."""

    REPORT = 0
    LEARN = 10
    PERSON = 15
    """A person waits for it."""
    PLAN = 20
    AT_ONCE = 30
    """A tick of dispatch waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOrder:
    """One job. ``subject`` is a site, ``CITY`` or an export; two jobs of one subject never run at
    once.

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
        it. Raises ``JobFailed`` where it failed ``bms.ports.job_retries.MOST_TRIES`` times, and
        StoreError where the list is in a database that is away.
        """
        ...
