"""Turns on a line: writes first, else in order, and nobody's turn is lost."""

from __future__ import annotations

import asyncio

import pytest

from drivers.fieldbus.line_queue import LineQueue


async def test_the_urgent_go_first_and_the_others_in_order() -> None:
    turns, order = LineQueue(), []

    async def go(name: str, urgent: bool) -> None:
        await turns.acquire(urgent=urgent, within_s=1)
        order.append(name)
        await asyncio.sleep(0)
        turns.release()

    await turns.acquire(urgent=False, within_s=1)
    waiting = [go("r1", False), go("r2", False), go("w1", True), go("r3", False), go("w2", True)]
    tasks = [asyncio.ensure_future(each) for each in waiting]
    await asyncio.sleep(0)
    assert turns.waiting == 5
    turns.release()
    await asyncio.gather(*tasks)
    assert order == ["w1", "w2", "r1", "r2", "r3"]


async def test_whoever_waits_too_long_leaves_the_queue() -> None:
    turns = LineQueue()
    await turns.acquire(urgent=False, within_s=1)
    with pytest.raises(TimeoutError):
        await turns.acquire(urgent=False, within_s=0.01)
    assert turns.waiting == 0
    turns.release()
    await turns.acquire(urgent=False, within_s=0.01)


async def test_a_turn_given_to_somebody_who_is_cancelled_goes_on() -> None:
    turns = LineQueue()
    await turns.acquire(urgent=False, within_s=1)
    first = asyncio.ensure_future(turns.acquire(urgent=False, within_s=1))
    second = asyncio.ensure_future(turns.acquire(urgent=False, within_s=1))
    await asyncio.sleep(0)
    turns.release()
    first.cancel()
    await asyncio.wait_for(second, 1)
    turns.release()
    await turns.acquire(urgent=True, within_s=0.01)
