"""The lines between us and the controllers, UDP and TCP, which fail in every way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import cast

HOST = "127.0.0.1"
CLOGGED_S = 2.5
"""How late answers are on a clogged line [s]: later than anybody waits for them."""


class Traffic(StrEnum):
    """What a line does."""

    FREE = "free"
    AWAY = "away"
    ONE_WAY = "one_way"
    CLOGGED = "clogged"


class Line:
    """A relay in front of one controller. ``target`` is the port behind it now."""

    def __init__(self, target: int) -> None:
        self.target, self.traffic, self.port = target, Traffic.FREE, 0

    def to_device(self, send: Callable[[], None]) -> None:
        """Pass on a question."""
        if self.traffic is not Traffic.AWAY:
            send()

    def to_us(self, send: Callable[[], None]) -> None:
        """Pass on an answer."""
        if self.traffic is Traffic.CLOGGED:
            asyncio.get_running_loop().call_later(CLOGGED_S, send)
        elif self.traffic is Traffic.FREE:
            send()


class _RelaySocket(asyncio.DatagramProtocol):
    """One socket of a UDP relay; ``take`` gets what comes in."""

    def __init__(self, take: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._take = take

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._take(data, addr)

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        if not self.transport.is_closing():
            self.transport.sendto(data, to)


class DatagramLine(Line):
    """UDP: each of our sockets has one of its own towards the controller."""

    async def start(self) -> int:
        """Returns the port that we are to ask."""
        self._backs: dict[tuple[str, int], asyncio.Task[_RelaySocket]] = {}
        self._front = await _open(self._from_us)
        self.port = int(self._front.transport.get_extra_info("sockname")[1])
        return self.port

    def _from_us(self, data: bytes, client: tuple[str, int]) -> None:
        if client not in self._backs:
            self._backs[client] = asyncio.create_task(
                _open(lambda d, _: self.to_us(lambda: self._front.send(d, client)))
            )
        self._backs[client].add_done_callback(
            lambda task: self.to_device(lambda: task.result().send(data, (HOST, self.target)))
        )

    async def close(self) -> None:
        """Close every socket."""
        for back in self._backs.values():
            (await back).transport.close()
        self._front.transport.close()
        await asyncio.sleep(0)


async def _open(take: Callable[[bytes, tuple[str, int]], None]) -> _RelaySocket:
    loop = asyncio.get_running_loop()
    _, side = await loop.create_datagram_endpoint(lambda: _RelaySocket(take), local_addr=(HOST, 0))
    return side


class StreamLine(Line):
    """TCP: where the controller behind it has changed, open connections end."""

    async def start(self) -> int:
        """Returns the port that we are to ask."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server = await asyncio.start_server(self._session, HOST, 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self.port

    def hang_up(self) -> None:
        """End all connections."""
        for writer in self._writers:
            writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(HOST, self.target)
        self._writers |= {writer, back}
        for source, sink, way in ((reader, back, self.to_device), (there, writer, self.to_us)):
            task = asyncio.create_task(self._carry(source, sink, way))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        way: Callable[[Callable[[], None]], None],
    ) -> None:
        with suppress(ConnectionError):
            while data := await source.read(4096):
                way(lambda data=data: None if sink.is_closing() else sink.write(data))  # type: ignore[misc]
        sink.close()

    async def close(self) -> None:
        """Close everything."""
        self._server.close()
        self.hang_up()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
