"""A reply to come, and the transport below a protocol."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from drivers.fieldbus.wire import Reply, WireTransport

MUCH = bytes(range(256)) * 20_000


class Heard(asyncio.Protocol):
    """Keeps what comes."""

    def __init__(self) -> None:
        self.data = b""
        self.made = 0
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.made += 1

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


def expected() -> Reply[int]:
    return Reply.expected(asyncio.get_running_loop())


# Replies


async def test_who_awaits_a_reply_goes_on_before_the_callback_that_brings_it_returns() -> None:
    reply, order = expected(), list[object]()

    async def ask() -> None:
        order.append(await reply)
        order.append(asyncio.current_task() is asking)

    def bring() -> None:
        reply.bring(7)
        order.append("brought")

    asking = asyncio.create_task(ask())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(bring)
    await asking
    assert order == [7, True, "brought"]


async def test_a_reply_that_came_before_anybody_awaits_it_is_there() -> None:
    reply = expected()
    reply.bring(7)
    assert await reply == 7


async def test_all_who_await_a_reply_get_it() -> None:
    reply = expected()

    async def ask() -> int:
        return await reply

    asking = [asyncio.create_task(ask()) for _ in range(3)]
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(reply.bring, 7)
    assert await asyncio.gather(*asking) == [7, 7, 7]


async def test_a_reply_is_given_up_with_the_task_that_awaits_it() -> None:
    reply = expected()

    async def ask() -> int:
        return await reply

    asking = asyncio.create_task(ask())
    await asyncio.sleep(0)
    asking.cancel()  # by another task, within which no third can go on
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert reply.cancelled()


async def test_a_reply_fails_within_whatever_task_found_that_out() -> None:
    reply = expected()

    async def ask() -> int:
        return await reply

    asking = asyncio.create_task(ask())
    await asyncio.sleep(0)
    reply.set_exception(ConnectionError("gone"))
    with pytest.raises(ConnectionError, match="gone"):
        await asking


async def test_a_time_out_of_the_caller_gives_a_reply_up() -> None:
    reply = expected()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await reply
    assert reply.cancelled()


async def test_who_wants_to_know_no_more_is_not_told() -> None:
    reply, told = expected(), list[object]()
    reply.add_done_callback(told.append)
    assert reply.remove_done_callback(told.append) == 1
    reply.bring(7)
    await asyncio.sleep(0)
    assert told == []


# Transports


async def test_more_than_the_port_takes_at_once_goes_out_in_order() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    transport = WireTransport(ours, Heard())
    transport.write(MUCH)
    transport.write(b"and the rest")
    got = b""
    while len(got) < len(MUCH) + len(b"and the rest"):
        got += await asyncio.get_running_loop().sock_recv(theirs, 65_536)
    assert got == MUCH + b"and the rest"
    transport.write(b"again")
    assert await asyncio.get_running_loop().sock_recv(theirs, 16) == b"again"
    transport.abort()
    theirs.close()


async def test_what_comes_is_handed_on_until_the_peer_has_gone() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    heard = Heard()
    transport = WireTransport(ours, heard)
    theirs.sendall(b"hello")
    theirs.close()
    assert await heard.lost is None
    assert (heard.made, heard.data) == (1, b"hello")
    assert transport.is_closing()
    assert ours.fileno() == -1
    transport.write(b"to nobody")
    transport.abort()


async def test_a_write_to_a_peer_that_has_gone_ends_the_connection() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.close()
    heard = Heard()
    WireTransport(ours, heard).write(b"hello")
    assert isinstance(await heard.lost, BrokenPipeError)


async def test_a_protocol_that_fails_loses_its_connection(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Heard):
        def data_received(self, data: bytes) -> None:
            raise RuntimeError("a bug")

    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    failing = Failing()
    WireTransport(ours, failing)
    theirs.sendall(b"hello")
    assert isinstance(await failing.lost, RuntimeError)
    assert "a bug" in caplog.text
    assert theirs.recv(1) == b""
    theirs.close()


async def test_a_port_that_cannot_be_watched_is_closed(tmp_path: Path) -> None:
    class NoPort:
        """A file: no event loop watches those."""

        def __init__(self) -> None:
            self.file = (tmp_path / "file").open("wb")

        def fileno(self) -> int:
            return self.file.fileno()

        def recv(self, size: int) -> bytes:
            return b""

        def send(self, data: bytes | bytearray | memoryview) -> int:
            return 0

        def close(self) -> None:
            self.file.close()

    port = NoPort()
    with pytest.raises(PermissionError):
        WireTransport(port, Heard())
    assert port.file.closed


def test_a_transport_ends_after_its_event_loop_has() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    async def made() -> WireTransport:
        return WireTransport(ours, asyncio.Protocol())

    transport = asyncio.run(made())
    transport.abort()
    assert theirs.recv(1) == b""
    theirs.close()
