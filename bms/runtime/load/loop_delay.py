"""How long what is due waits for the event loop: a tick or an answer that comes late shows here."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator

EVERY_S = 0.1
KEPT = 3000
"""Delays that are kept [1]: of the last five minutes."""
QUANTILE = 0.99


class LoopDelays:
    """The delays of the last minutes."""

    def __init__(self) -> None:
        self._delays: deque[float] = deque(maxlen=KEPT)

    def add(self, delay_s: float) -> None:
        """One more delay [s]."""
        self._delays.append(max(0.0, delay_s))

    def high(self) -> float | None:
        """The 99th percentile of the last five minutes [s]; None before the first."""
        ordered = sorted(self._delays)
        return ordered[int(QUANTILE * (len(ordered) - 1))] if ordered else None


@contextlib.asynccontextmanager
async def watched_loop() -> AsyncIterator[LoopDelays]:
    """The delays of this event loop while the block runs."""
    delays = LoopDelays()

    async def watch() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(EVERY_S)
            delays.add(time.monotonic() - began - EVERY_S)

    watching = asyncio.create_task(watch())
    try:
        yield delays
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
