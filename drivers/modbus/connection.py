"""One open connection to Modbus units, with at most one request in flight."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast

from bms.model.assets.device import Device, Framing, SerialLine
from drivers.fieldbus.errors import Garbled, Silence
from drivers.modbus.frames import FRAMES, Frames, Request
from drivers.modbus.serial_port import open_serial, silence_s, travel_s

_RTU_OVER_TCP_SILENCE_S = 0.002


class ConnectionLost(Silence):
    """The peer closed the connection before it answered."""


class NoAnswer(Silence):
    """Nothing that belongs to the request came in time."""


class Wire(asyncio.Protocol):
    """One connection. Whatever cannot be the reply to the one request ends it."""

    def __init__(self, frames: Frames) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._frames = frames
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._deadline = 0.0
        self._watch: asyncio.TimerHandle | None = None

    @property
    def open(self) -> bool:
        """Whether a request may be sent, and its reply will be told from anything earlier."""
        transport = self._transport
        return transport is not None and self._frames.clean and not transport.is_closing()

    def ask(
        self, transaction: int, request: Request, within_s: float
    ) -> asyncio.Future[tuple[int, bytes]]:
        """Send a request; the future is the unit and the PDU of its reply.

        After ``within_s`` [s] it is ``NoAnswer``.
        """
        assert self._transport is not None
        frame = self._frames.frame(transaction, request)
        self._answer = answer = self._loop.create_future()
        self._transport.write(frame)
        # One timer watches over all requests: setting one for each costs more than asking.
        self._deadline = deadline = self._loop.time() + within_s
        if self._watch is None or self._watch.when() > deadline:
            self._watch_until(deadline)
        return answer

    def _watch_until(self, deadline: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._loop.call_at(deadline, self._look)

    def _look(self) -> None:
        self._watch = None
        if self._answer is None or self._answer.done():
            return
        if self._loop.time() < self._deadline:
            self._watch_until(self._deadline)
        else:
            self._fail(NoAnswer("no answer in time"))

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        if self._watch is not None:
            self._watch.cancel()
        self._fail(ConnectionLost("the connection was closed"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            found = self._frames.feed(data)
        except Garbled as error:
            self._fail(error)
            self.drop()
            return
        if found is not None and self._answer is not None and not self._answer.done():
            self._answer.set_result(found)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fail(ConnectionLost(f"the connection was lost: {exc or 'closed by the device'}"))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a line begins and how frames travel on it. ``pause_s`` [s]: rest between requests."""

    host: str = ""
    port: int = 0
    framing: Framing = Framing.TCP
    serial: SerialLine | None = None
    pause_s: float = 0.0

    @property
    def name(self) -> str:
        return self.serial.path if self.serial is not None else f"{self.host}:{self.port}"

    @property
    def place(self) -> tuple[str, int]:
        """What only one owner may open."""
        return (self.serial.path, 0) if self.serial is not None else (self.host, self.port)

    @property
    def silence_s(self) -> float:
        """The least pause between two requests [s]."""
        if self.serial is not None:
            return max(self.pause_s, silence_s(self.serial))
        if self.framing is Framing.TCP:
            return self.pause_s
        return max(self.pause_s, _RTU_OVER_TCP_SILENCE_S)

    def travel_s(self, request: Request) -> float:
        """How long request and longest reply are on a slow line [s]; elsewhere it is nothing."""
        if self.serial is None:
            return 0.0
        return travel_s(self.serial, len(request.pdu) + request.reply_length + 6)

    @property
    def tells_late_answers(self) -> bool:
        """Whether a reply says which request it belongs to."""
        return self.framing is Framing.TCP

    def shared_with(self, other: Endpoint) -> bool:
        """Whether units of both can be behind one connection."""
        return (self.framing, self.serial) == (other.framing, other.serial)

    async def open(self) -> Wire:
        """Connect. Raises OSError."""
        wire = Wire(FRAMES[self.framing]())
        if self.serial is not None:
            open_serial(self.serial, wire)
            return wire
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: wire, self.host, self.port)
        return wire


def endpoint_of(device: Device) -> Endpoint:
    """The endpoint of a device. Raises ValueError when framing and place do not go together."""
    if (device.framing is Framing.RTU) != (device.serial is not None):
        raise ValueError("framing rtu and a serial line go together")
    return Endpoint(device.host, device.port, device.framing, device.serial, device.line_pause_s)
