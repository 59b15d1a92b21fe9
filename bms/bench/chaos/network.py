"""The lines between us and the controllers, UDP and TCP, which fail in every way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import cast

from bms.bench.chaos.controllers import Controller, asks_who

HOST = "127.0.0.1"
CLOGGED_S = 2.5
"""How late answers are on a clogged line [s]: later than anybody waits for them."""
KNOWS_FOR_S = 2.0
"""How long a client may rely on who has answered it [s]: twice the time-out of its devices."""
_HEADER = 6
"""Octets of a Modbus TCP frame up to and with its length [1]."""


class Traffic(StrEnum):
    """What a line does."""

    FREE = "free"
    AWAY = "away"
    ONE_WAY = "one_way"
    CLOGGED = "clogged"


class Line:
    """A socket, and behind it a controller: ``target`` is the one that is there now."""

    def __init__(self, target: Controller) -> None:
        self.target, self.traffic, self.port = target, Traffic.FREE, 0
        self._serving: set[asyncio.Task[None]] = set()

    def move(self, target: Controller) -> None:
        """Another controller has this address from now on."""
        self.target = target

    def to_device(
        self, frame: bytes, send: Callable[[bytes], None], *, under_way: bool = False
    ) -> None:
        """Pass on a question, and its answer to ``send``."""
        if self.traffic is not Traffic.AWAY:
            task = asyncio.create_task(self._serve(self.target, frame, send, under_way))
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)

    async def _serve(
        self, target: Controller, frame: bytes, send: Callable[[bytes], None], under_way: bool
    ) -> None:
        reply = await target.answer(frame, under_way=under_way)
        if reply is not None:
            self.to_us(lambda: send(reply))

    def to_us(self, send: Callable[[], None]) -> None:
        """Pass on an answer."""
        if self.traffic is Traffic.CLOGGED:
            asyncio.get_running_loop().call_later(CLOGGED_S, send)
        elif self.traffic is Traffic.FREE:
            send()

    async def end_serving(self) -> None:
        """Leave no question half answered."""
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)


class DatagramLine(Line, asyncio.DatagramProtocol):
    """UDP. Nothing tells a client that another controller has the address. What it sends after the
    answer to its question who is there was under way, until it asks again or ``KNOWS_FOR_S`` later:
    nobody else has asked it by then."""

    def __init__(self, target: Controller) -> None:
        super().__init__(target)
        self._asked: dict[tuple[str, int], float] = {}
        """When each client asked who is there [s, real]."""
        self._strangers: dict[tuple[str, int], float] = {}
        """Clients that asked another controller, and when [s, real]."""

    async def start(self) -> int:
        """Returns the port that we are to ask."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(HOST, 0))
        self.port = int(self._transport.get_extra_info("sockname")[1])
        return self.port

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """A question."""
        now = asyncio.get_running_loop().time()
        if asks_who(data):
            self._asked[addr] = now
            self._strangers.pop(addr, None)
        under_way = now - self._strangers.get(addr, -KNOWS_FOR_S) < KNOWS_FOR_S
        self.to_device(data, lambda reply: self._send(reply, addr), under_way=under_way)

    def move(self, target: Controller) -> None:
        """See ``Line``."""
        super().move(target)
        self._strangers = dict(self._asked)

    def _send(self, reply: bytes, addr: tuple[str, int]) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(reply, addr)

    async def close(self) -> None:
        """Close the socket."""
        await self.end_serving()
        self._transport.close()
        await asyncio.sleep(0)


class StreamLine(Line):
    """TCP: where the controller behind it has changed, open connections end."""

    async def start(self) -> int:
        """Returns the port that we are to ask."""
        self.sessions: set[_Session] = set()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Session(self), HOST, 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self.port

    def move(self, target: Controller) -> None:
        """See ``Line``."""
        super().move(target)
        self.hang_up()

    def hang_up(self) -> None:
        """End all connections."""
        for session in list(self.sessions):
            session.transport.close()

    async def close(self) -> None:
        """Close everything."""
        self._server.close()
        self.hang_up()
        await self.end_serving()


class _Session(asyncio.Protocol):
    """One connection of a stream line."""

    def __init__(self, line: StreamLine) -> None:
        self._line, self._buffer = line, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody has connected."""
        self.transport = cast("asyncio.Transport", transport)
        self._line.sessions.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        self._line.sessions.discard(self)

    def data_received(self, data: bytes) -> None:
        """Whole frames are questions."""
        self._buffer += data
        while len(self._buffer) >= _HEADER:
            end = _HEADER + int.from_bytes(self._buffer[4:6], "big")
            if len(self._buffer) < end:
                return
            frame, self._buffer = self._buffer[:end], self._buffer[end:]
            self._line.to_device(frame, self._send)

    def _send(self, reply: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(reply)
