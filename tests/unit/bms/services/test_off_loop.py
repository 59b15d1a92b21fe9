"""Synchronous work is done in a thread: the event loop goes on, results and errors come back."""

from __future__ import annotations

import asyncio
import threading

import pytest

from bms.errors import StoreUnavailable
from bms.services.off_loop import off_loop, side_by_side


async def test_the_loop_goes_on_while_work_waits() -> None:
    free = threading.Event()

    def work(text: str, *, times: int) -> str:
        assert free.wait(timeout=10)
        return text * times

    waiting = asyncio.create_task(off_loop(work, "a", times=3))
    await asyncio.sleep(0)
    assert not waiting.done()
    free.set()
    assert await waiting == "aaa"


async def test_what_work_raises_is_raised() -> None:
    def work() -> None:
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable, match="away"):
        await off_loop(work)


async def test_work_goes_on_when_its_caller_is_cancelled() -> None:
    begun, free, done = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        if free.wait(timeout=10):
            done.set()

    waiting = asyncio.create_task(off_loop(work))
    while not begun.is_set():
        await asyncio.sleep(0.001)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    free.set()
    assert done.wait(timeout=10)


async def after(seconds: float, done: list[float]) -> float:
    try:
        await asyncio.sleep(seconds)
    finally:
        await asyncio.sleep(seconds)
        done.append(seconds)
    return seconds


async def fails() -> float:
    raise ValueError("one of them")


async def test_answers_come_in_their_order() -> None:
    assert await side_by_side(after(0.02, []), after(0.01, [])) == [0.02, 0.01]
    assert await side_by_side() == []


async def test_the_others_end_before_an_error_is_raised() -> None:
    done: list[float] = []
    with pytest.raises(ValueError, match="one of them"):
        await side_by_side(fails(), after(0.01, done))
    assert done == [0.01]


async def test_where_the_caller_is_cut_off_all_of_them_end_first() -> None:
    done: list[float] = []
    task = asyncio.create_task(side_by_side(after(0.01, done), after(0.05, done)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [0.01, 0.05]
