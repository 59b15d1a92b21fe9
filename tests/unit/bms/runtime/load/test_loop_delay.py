"""Delays of the event loop."""

from __future__ import annotations

import asyncio
import time

from bms.runtime.load.loop_delay import LoopDelays, watched_loop


def test_the_99th_percentile_of_what_is_kept() -> None:
    delays = LoopDelays()
    assert delays.high() is None
    for number in range(100):
        delays.add(number / 100)
    delays.add(-1.0)
    assert delays.high() == 0.98


async def test_work_that_holds_the_loop_up_is_seen() -> None:
    async with watched_loop() as delays:
        await asyncio.sleep(0.01)
        time.sleep(0.3)
        async with asyncio.timeout(5):
            while delays.high() is None:
                await asyncio.sleep(0.01)
    assert (delays.high() or 0.0) > 0.1
