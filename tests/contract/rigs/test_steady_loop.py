"""The loop of these tests: its time stands still while the machine does."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.rigs.steady_loop import STEP_S, SteadyLoop

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


async def test_sleep_and_time_out_last_as_long_as_they_say() -> None:
    loop = asyncio.get_running_loop()
    started, wall = loop.time(), time.monotonic()
    await asyncio.sleep(0.05)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await asyncio.Event().wait()
    assert 0.1 <= loop.time() - started < 0.1 + 20 * STEP_S
    assert time.monotonic() - wall >= 0.1 - 1e-3
