"""The loop of these tests: its time does not hang on the machine."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import Callable
from multiprocessing import resource_tracker

import pytest
from anyio import to_thread
from anyio.from_thread import start_blocking_portal

from tests.rigs.steady_loop import IN_FLIGHT_TTY_S, STEP_S, SteadyLoop

STALL_S = 0.2


async def test_the_tests_of_this_folder_run_on_it() -> None:
    assert isinstance(asyncio.get_running_loop(), SteadyLoop)


async def test_a_stall_is_nobodys_delay() -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with asyncio.timeout(STALL_S / 2):
        time.sleep(STALL_S)
        await asyncio.sleep(0)
    assert loop.time() - started < STALL_S / 2


async def test_a_stall_between_a_request_and_its_reply_is_no_time_out() -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        time.sleep(STALL_S)
        writer.write(await reader.readexactly(1))
        writer.close()

    server = await asyncio.start_server(reply, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    writer.write(b"!")
    async with asyncio.timeout(STALL_S / 2):
        assert await reader.read() == b"!"
    writer.close()
    server.close()


LONG_S = 3.0


async def sleeps() -> tuple[float, float]:
    """How long a sleep and a time-out take by the loop and by the wall [s]."""
    loop = asyncio.get_running_loop()
    started, wall = loop.time(), time.monotonic()
    await asyncio.sleep(LONG_S / 2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(LONG_S / 2):
            await asyncio.Event().wait()
    return loop.time() - started, time.monotonic() - wall


async def test_where_nobody_can_come_sleep_and_time_out_are_over_at_once() -> None:
    slept, waited = await sleeps()
    assert LONG_S <= slept < LONG_S + 20 * STEP_S
    assert waited < LONG_S


async def test_what_another_test_has_kept_is_nobody_who_comes() -> None:
    resource_tracker.ensure_running()
    with start_blocking_portal() as portal:
        portal.call(to_thread.run_sync, threading.get_ident)
        _, waited = await sleeps()
    assert waited < LONG_S


async def test_octets_of_a_pseudo_terminal_are_waited_for_longer() -> None:
    """A thread of the kernel carries them, which a busy machine lets wait for its turn."""
    ends = os.openpty()
    loop = asyncio.get_running_loop()
    loop.add_reader(ends[0], lambda: None)
    try:
        began = time.monotonic()
        await asyncio.sleep(60)
        assert IN_FLIGHT_TTY_S <= time.monotonic() - began < 60
    finally:
        loop.remove_reader(ends[0])
        for end in ends:
            os.close(end)


async def test_what_is_on_its_way_comes_before_a_sleep_is_over() -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(20):
            await asyncio.sleep(0.1)
            writer.write(await reader.readexactly(1))
        writer.close()

    server = await asyncio.start_server(reply, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    for _ in range(20):
        async with asyncio.timeout(0.2):
            writer.write(b"!")
            assert await reader.readexactly(1) == b"!"
    writer.close()
    server.close()


def in_a_thread_of_the_loop(came: threading.Event) -> None:
    asyncio.get_running_loop().run_in_executor(None, came.wait)


def in_a_thread_of_its_own(came: threading.Event) -> None:
    threading.Thread(target=came.wait).start()


@pytest.mark.parametrize("work", [in_a_thread_of_the_loop, in_a_thread_of_its_own])
async def test_while_others_work_time_is_the_walls(work: Callable[[threading.Event], None]) -> None:
    loop, came = asyncio.get_running_loop(), threading.Event()
    work(came)
    try:
        started, wall = loop.time(), time.monotonic()
        await asyncio.sleep(0.1)
        assert loop.time() - started >= 0.1
        assert time.monotonic() - wall >= 0.1 - 1e-3
    finally:
        came.set()


async def test_a_child_alone_is_somebody_who_works() -> None:
    process = subprocess.Popen(["sleep", "60"])
    try:
        wall = time.monotonic()
        await asyncio.sleep(0.1)
        assert time.monotonic() - wall >= 0.1 - 1e-3
    finally:
        process.kill()
        process.wait()
