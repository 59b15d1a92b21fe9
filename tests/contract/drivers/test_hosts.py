"""How a device is found and connected to by the name or the address of its host."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import pytest

from bms.outgoing.names import rows_of
from drivers.fieldbus.wire import first_of, open_tcp

IPV4 = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")


def nobody(*_: object) -> list[Any]:
    raise AssertionError("somebody was asked")


@pytest.fixture
async def busy_threads() -> AsyncIterator[None]:
    """All threads of the event loop are taken."""
    let_go, taken = threading.Event(), threading.Semaphore(0)

    def hold() -> None:
        taken.release()
        let_go.wait(10)

    loop = asyncio.get_running_loop()
    held = [loop.run_in_executor(None, hold) for _ in range(40)]
    taken.acquire()
    yield
    let_go.set()
    await asyncio.gather(*held)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "::1", "fe80::1%1"])
async def test_an_address_is_its_own(host: str) -> None:
    ((_, _, _, _, address),) = await rows_of(host, 502, ask=nobody)
    assert address[1] == 502


async def test_names_need_no_thread_of_the_event_loop(busy_threads: None) -> None:
    async with asyncio.timeout(5):
        rows = await rows_of("localhost", 502)
    assert {row[4][0] for row in rows} <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".dk", "."])
async def test_what_is_no_name_is_an_error_of_the_system(host: str) -> None:
    with pytest.raises(OSError, match="is no name of a host"):
        await rows_of(host, 502)


async def test_an_error_of_the_server_of_names_is_that_of_the_caller() -> None:
    def away(*_: object) -> list[Any]:
        raise OSError("no server of names")

    with pytest.raises(OSError, match="no server of names"):
        await rows_of("gateway.invalid", 502, ask=away)


async def test_a_device_is_connected_to_while_all_threads_are_taken(busy_threads: None) -> None:
    """A server of names that hangs holds them: nobody else has to wait for it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        for host in ("127.0.0.1", "localhost"):
            made = await open_tcp(host, server.getsockname()[1], asyncio.Protocol(), 5)
            made.abort()


async def test_what_this_computer_cannot_do_spares_the_next_address() -> None:
    """Names have an IPv6 address first, also where the kernel has no IPv6."""
    never = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_UDP, "", ("127.0.0.1", 9))
    with socket.create_server(("127.0.0.1", 0)) as server:
        rows = [never, (*IPV4, server.getsockname())]
        wire = await first_of(rows, asyncio.get_running_loop().time() + 5)
        assert wire.getpeername() == server.getsockname()
        wire.close()


async def test_an_address_that_is_silent_leaves_time_for_the_next() -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        socket.create_server(("127.0.0.1", 0)) as server,
        ExitStack() as waiting,
    ):
        for _ in range(3):  # nobody accepts them, and the system drops what comes then
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        until = asyncio.get_running_loop().time() + 0.2
        silent, alive = (*IPV4, full.getsockname()), (*IPV4, server.getsockname())
        wire = await first_of([silent, alive], until)
        assert wire.getpeername() == server.getsockname()
        wire.close()
        with pytest.raises(TimeoutError):
            await first_of([silent], asyncio.get_running_loop().time() + 0.05)


async def test_a_refusal_is_said_in_the_words_of_the_system() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = (*IPV4, server.getsockname())
    with pytest.raises(ConnectionRefusedError) as refused:
        await first_of([nobody], asyncio.get_running_loop().time() + 5)
    assert refused.value.strerror == os.strerror(errno.ECONNREFUSED)
