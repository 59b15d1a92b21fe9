"""A store without a disk: the fake of every test, and the shortest description of a store."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from bms.store.memory.answers import MemoryAnswers
from bms.store.memory.keys import MemoryKeys
from bms.store.memory.ledgers import MemoryLedgers
from bms.store.memory.people import MemoryPeople
from bms.store.memory.plans import MemoryPlans
from bms.store.memory.readings import MemoryReadings
from bms.store.memory.trials import MemoryTrials
from bms.store.memory.trust import MemoryTrust
from bms.store.memory.work import MemoryWork
from bms.store.rollups.local_days import TIMEZONE, LocalDays


class MemoryStore(
    MemoryReadings,
    MemoryPlans,
    MemoryTrust,
    MemoryLedgers,
    MemoryKeys,
    MemoryPeople,
    MemoryTrials,
    MemoryWork,
    MemoryAnswers,
):
    """Implements ``Store`` in memory; also ``corrections``.

    Days are those of ``timezone``, owners by the clock ``server`` [s]. Raises ConfigError for a
    time zone that cannot be served.
    """

    def __init__(
        self, timezone: str = TIMEZONE, server: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(LocalDays(timezone))
        self._server = server

    def snapshot(self) -> AbstractContextManager[None]:
        """See ``Store``."""
        return nullcontext()

    def close(self) -> None:
        """Nothing to close."""
