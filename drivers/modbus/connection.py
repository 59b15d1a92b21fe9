"""A connection to Modbus units with at most one request in flight, and the endpoint it opens."""

from __future__ import annotations

import asyncio
import math
import socket
from dataclasses import dataclass
from typing import cast

from bms.model.assets.device import Device, Framing, SerialLine
from drivers.fieldbus.errors import InvalidReply, NoReply
from drivers.fieldbus.serial_port import open_serial, silent_interval_s, transmission_s
from drivers.fieldbus.wire import Reply, open_tcp
from drivers.modbus.frames import FRAMERS, Framer, Request, TcpFramer

_RTU_OVER_TCP_SILENCE_S = 0.002


class ConnectionLost(NoReply):
    """The peer closed the connection before it answered."""


class ReplyTimeout(NoReply):
    """No reply to the request came in time. Its text says what came in place of it, if anything.

    ``other_numbers``: frames came with a transaction number that no request had.
    """

    def __init__(self, hint: str, *, other_numbers: bool = False) -> None:
        super().__init__(hint)
        self.other_numbers = other_numbers


class ModbusConnection(asyncio.Protocol):
    """One open connection. Bytes that cannot be the reply to the one request close it."""

    def __init__(self, frames: Framer) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._framer = frames
        self._answer: Reply[tuple[int, bytes]] | None = None
        self._deadline = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._watched = math.inf
        """When the watch goes off [s]."""
        self.now = self._loop.time
        """The time of the event loop [s]."""
        self.sent_at = self.now()
        """When the last request left [s]."""
        self.answered = 0
        """Replies that came over this connection [1]."""

    @property
    def open(self) -> bool:
        """Whether a request may be sent; no bytes of an earlier reply are left over."""
        transport = self._transport
        return transport is not None and self._framer.clean and not transport.is_closing()

    def send(
        self, transaction: int, request: Request, within_s: float
    ) -> asyncio.Future[tuple[int, bytes]]:
        """Send a request; the future gives unit and PDU of its reply.

        It raises ``ReplyTimeout`` after ``within_s`` [s], ``InvalidReply`` or ``ConnectionLost``.
        """
        assert self._transport is not None
        answer: Reply[tuple[int, bytes]] = Reply.expected(self._loop)
        self._answer = answer
        self._transport.write(self._framer.frame(transaction, request))
        # One timer serves all requests: setting one for each would cost more than the exchange.
        self.sent_at = now = self.now()
        self._deadline = deadline = now + within_s
        if self._watched > deadline:
            self._watch_until(deadline)
        return answer

    def deliver_within(self, seconds: float) -> None:
        """Let the kernel forget what the peer has not acknowledged within so many ``seconds`` [s],
        also after we have gone: a write must not arrive when its lease is long over (W11)."""
        assert self._transport is not None
        wire = self._transport.get_extra_info("socket")
        option = getattr(socket, "TCP_USER_TIMEOUT", None)
        if wire is not None and option is not None:
            wire.setsockopt(socket.IPPROTO_TCP, option, max(1, round(seconds * 1000)))

    def _watch_until(self, deadline: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watched = deadline
        self._watch = self._loop.call_at(deadline, self._look)

    def _look(self) -> None:
        self._watch, self._watched = None, math.inf
        if self._answer is None or self._answer.done():
            return
        if self.now() < self._deadline:
            self._watch_until(self._deadline)
        else:
            others = self._framer.other_numbers
            self._fail(ReplyTimeout(self._framer.hint, other_numbers=others))

    def drop(self) -> None:
        """Close the connection; the request in flight ends with ``ConnectionLost``."""
        if self._transport is not None:
            self._transport.abort()
        if self._watch is not None:
            self._watch.cancel()
        self._fail(ConnectionLost("the connection was closed"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            found = self._framer.feed(data)
        except InvalidReply as error:
            self._fail(error)
            self.drop()
            return
        answer = self._answer
        if found is not None and answer is not None and not answer.done():
            self.answered += 1
            answer.bring(found)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fail(ConnectionLost(f"the connection was lost: {exc or 'closed by the device'}"))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Address and framing of a line. ``pause_s`` [s] is the least time between two requests.

    ``any_transaction``: the gateway answers with transaction numbers of its own.
    """

    host: str = ""
    port: int = 0
    framing: Framing = Framing.TCP
    serial: SerialLine | None = None
    pause_s: float = 0.0
    any_transaction: bool = False

    @property
    def name(self) -> str:
        """Device path or ``host:port``, for messages."""
        if self.serial is not None:
            return self.serial.path
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def exclusive_key(self) -> tuple[str, int]:
        """Identifies what only one owner may open: a serial device, or host and port."""
        return (self.serial.path, 0) if self.serial is not None else (self.host, self.port)

    @property
    def silent_interval_s(self) -> float:
        """The least pause between two requests [s]."""
        if self.serial is not None:
            return max(self.pause_s, silent_interval_s(self.serial))
        if self.framing is Framing.TCP:
            return self.pause_s
        return max(self.pause_s, _RTU_OVER_TCP_SILENCE_S)

    def transmission_s(self, request: Request) -> float:
        """Time on a serial line of the request and its longest reply [s]; 0 over TCP."""
        if self.serial is None:
            return 0.0
        return transmission_s(self.serial, len(request.pdu) + request.reply_length + 6)

    @property
    def has_transaction_ids(self) -> bool:
        """Whether a reply names its request (MBAP transaction identifier)."""
        return self.framing is Framing.TCP and not self.any_transaction

    def can_share_with(self, other: Endpoint) -> bool:
        """Whether units of both endpoints can be behind one connection."""
        mine = (self.framing, self.serial, self.any_transaction)
        return mine == (other.framing, other.serial, other.any_transaction)

    async def open(self, within_s: float) -> ModbusConnection:
        """Connect within ``within_s`` [s], or open the serial port. Raises OSError."""
        framer = TcpFramer(any_transaction=True) if self.any_transaction else None
        connection = ModbusConnection(framer or FRAMERS[self.framing]())
        if self.serial is not None:
            open_serial(self.serial, connection)
            return connection
        await open_tcp(self.host, self.port, connection, within_s)
        return connection


def endpoint_of(device: Device) -> Endpoint:
    """The endpoint of a device. Raises ValueError when framing and place do not go together."""
    if (device.framing is Framing.RTU) != (device.serial is not None):
        raise ValueError("framing rtu and a serial line go together")
    if device.any_transaction and device.framing is not Framing.TCP:
        raise ValueError("any_transaction goes with framing tcp")
    return Endpoint(
        device.host,
        device.port,
        device.framing,
        device.serial,
        device.line_pause_s,
        device.any_transaction,
    )
