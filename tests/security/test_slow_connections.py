"""Whoever opens connections and holds them (SECURITY.md): the backend keeps files of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.hosts_and_body_sizes import counted
from bms.runtime.bounded_http import BoundedProtocol

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Impatient(BoundedProtocol):
    head_s = 0.3
    most = 20


async def slow_app(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answers after longer than a head may take."""
    await asyncio.sleep(3 * Impatient.head_s)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"late"})


@contextlib.asynccontextmanager
async def served(app: ASGIApp = slow_app) -> AsyncIterator[int]:
    """A server on loopback; its port."""
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=Impatient, lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        await task
        bound.close()


async def opened(port: int, sent: bytes) -> Connection:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    return reader, writer


async def answered(connection: Connection) -> bytes:
    """What comes until the connection is closed."""
    reader, writer = connection
    try:
        async with asyncio.timeout(8):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize("sent", [b"", b"GET", HEAD + b"X-Slow: "])
async def test_half_a_request_is_not_waited_for(sent: bytes) -> None:
    async with served() as port:
        assert b"200" not in await answered(await opened(port, sent))


async def test_a_head_is_bounded() -> None:
    """The parser itself takes heads of any length (CWE-770)."""
    async with served() as port:
        connection = await opened(port, HEAD)
        await asyncio.sleep(0.05)
        connection[1].write(9 * (b"X-More: " + b"x" * 8000 + b"\r\n"))
        assert b" 400 " in await answered(connection)


async def test_what_comes_behind_a_body_is_no_field_of_the_head() -> None:
    seen: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        seen.extend(name for name, _ in scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"late"})

    chunks = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\n"
    async with served(app) as port:
        await answered(await opened(port, HEAD + chunks + b"Authorization: Bearer x\r\n\r\n"))
    assert b"host" in seen
    assert b"authorization" not in seen


async def test_an_answer_may_take_longer_than_a_question() -> None:
    async with served() as port:
        connection = await opened(port, HEAD + b"\r\n")
        assert (await connection[0].readuntil(b"late")).startswith(b"HTTP/1.1 200")
        connection[1].write(HEAD)  # the next one, never ended
        assert b"200" not in await answered(connection)


async def test_connections_are_bounded_and_serve_again() -> None:
    async with served() as port:
        many = [await opened(port, HEAD + b"\r\n") for _ in range(2 * Impatient.most)]
        got = [await answered(connection) for connection in many]
        assert sum(b"late" in each for each in got) <= Impatient.most
        last = await opened(port, HEAD + b"Connection: close\r\n\r\n")
        assert b"late" in await answered(last)


async def test_connections_that_ask_nothing_keep_nobody_out() -> None:
    async with served() as port:
        held = [await opened(port, b"GET") for _ in range(Impatient.most)]
        await asyncio.sleep(0.05)
        asking = [await opened(port, HEAD + b"Connection: close\r\n\r\n") for _ in range(5)]
        got = await asyncio.gather(*map(answered, asking))
        assert all(b"late" in each for each in got)
        for _, writer in held:
            writer.close()


async def test_a_body_that_drips_is_not_waited_for() -> None:
    async def drips() -> Message:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"x", "more_body": True}

    receive = counted(drips, 1000, within_s=0.2)
    for _ in range(2):
        await receive()
    await asyncio.sleep(0.2)
    with pytest.raises(HTTPException) as refused:
        await receive()
    assert refused.value.status_code == 408


async def test_who_listens_after_his_body_is_not_cut_off() -> None:
    """A stream of events waits for the end of the connection as long as it lasts."""
    messages = iter([{"type": "http.request", "body": b""}, {"type": "http.disconnect"}])

    async def later() -> Message:
        await asyncio.sleep(0.15)
        return next(messages)

    receive = counted(later, 1000, within_s=0.2)
    await receive()
    assert (await receive())["type"] == "http.disconnect"
