"""The line of M-Bus meters: one owner, one request in flight, over TCP or a serial port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from bms.errors import DeviceError
from bms.model.assets.device import Device, SerialLine
from bms.ports.clock import Clock
from drivers.fieldbus.availability import CircuitBreaker
from drivers.fieldbus.errors import InvalidReply, NoReply
from drivers.fieldbus.line_queue import LineQueue
from drivers.fieldbus.serial_port import open_serial, transmission_s
from drivers.fieldbus.wire import open_tcp
from drivers.mbus.frames import LONGEST, MbusRequest, ReplyReader, UserData
from drivers.mbus.trace import MbusTrace

_SLOWEST_BAUD = 300
_GAP_S = 0.5
"""The longest pause within an answer [s]: gateways hand on what they have in pieces."""
_QUIET_S, _LONGEST_NOISE_S = 0.2, 2.0
"""How long the line has to be silent after a failure [s] (330 bit times at 2 400 Bd and 50 ms), and
for how long that is waited for."""
_MOST_UNASKED = 65_536
"""Octets that no request asked for, before a gateway is hung up on [1]."""
DIALOG_S = 12.0
"""A meter with three long telegrams at 2 400 Bd, and its pauses [s]: one turn on the line."""
_LONGEST_ANSWERS = 6
"""A meter may have the line for as long as so many of the longest answers take [1]."""


class LineBusy(NoReply):
    """The line did not become free in time; the meter itself was not asked."""


class LineDown(NoReply):
    """The gateway or port cannot be opened; the meter was not asked."""


@dataclass(frozen=True, slots=True)
class MbusEndpoint:
    """Where a line is reached: a transparent gateway, or a serial port."""

    host: str = ""
    port: int = 0
    serial: SerialLine | None = None

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

    async def open(self, within_s: float) -> MbusConnection:
        """Connect within ``within_s`` [s], or open the port. Raises OSError."""
        connection = MbusConnection()
        if self.serial is not None:
            open_serial(self.serial, connection)
            return connection
        await open_tcp(self.host, self.port, connection, within_s)
        return connection

    def sending_s(self, size: int) -> float:
        """How long ``size`` octets take on a serial line [s]; not known behind a gateway: 0."""
        return 0.0 if self.serial is None else transmission_s(self.serial, size)

    @property
    def longest_reply_s(self) -> float:
        """How long the longest answer may take once it has begun [s]."""
        slowest = SerialLine(path="", baud=_SLOWEST_BAUD)
        return transmission_s(self.serial or slowest, LONGEST) + _GAP_S


def endpoint_of(device: Device) -> MbusEndpoint:
    """The endpoint of a device."""
    if device.serial is not None:
        return MbusEndpoint(serial=device.serial)
    return MbusEndpoint(device.host, device.port)


class MbusConnection(asyncio.Protocol):
    """One open connection with at most one request in flight. What nobody asked for is noise."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader: ReplyReader | None = None
        self._reply: asyncio.Future[UserData | None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._latest = 0.0
        self._unasked = 0
        self.heard_at = 0.0
        """When the last octet came [s]."""

    @property
    def open(self) -> bool:
        """Whether a request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(
        self, request: MbusRequest, first_s: float, longest_s: float
    ) -> asyncio.Future[UserData | None]:
        """Send a request. The future gives its user data, or None for an acknowledgement.

        ``first_s`` [s] is the time until the answer begins, ``longest_s`` [s] the time that it may
        take from there. The future raises ``NoReply`` or ``InvalidReply``.
        """
        assert self._transport is not None
        self._reader, self._unasked = ReplyReader(request), 0
        self._reply = reply = self._loop.create_future()
        now = self._loop.time()
        self._latest = now + first_s + longest_s
        self._transport.write(request.frame)
        self._wake_at(now + first_s)
        return reply

    def drop(self) -> None:
        """Close the connection; the request in flight ends with ``NoReply``."""
        if self._transport is not None:
            self._transport.abort()
        self._fail(NoReply("the connection was closed"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.heard_at = self._loop.time()
        if self._reader is None or self._reply is None or self._reply.done():
            self._unasked += len(data)
            if self._unasked > _MOST_UNASKED:
                self.drop()
            return
        try:
            found = self._reader.feed(data)
        except InvalidReply as error:
            self._fail(error)
            return
        if found is not None:
            self._forget_timer()
            self._reply.set_result(found if isinstance(found, UserData) else None)
        elif not self._reader.empty:
            self._wake_at(min(self.heard_at + _GAP_S, self._latest))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fail(NoReply(f"the connection was lost: {exc or 'closed by the gateway'}"))

    def _wake_at(self, moment: float) -> None:
        self._forget_timer()
        self._timer = self._loop.call_at(moment, self._too_late)

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        empty = self._reader is None or self._reader.empty
        cut_off = InvalidReply("an answer that is cut off")
        self._fail(NoReply("no answer") if empty else cut_off)

    def _fail(self, error: Exception) -> None:
        self._forget_timer()
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error)


class MbusLink:
    """The line, shared by its meters. Nothing is opened before the first request.

    A dialog with a meter (selection, telegrams) has the line to itself. After a garbled answer, or
    octets that nobody asked for, nothing is sent until the line has been silent for a while. A late
    answer is never taken for another meter's: address or identification stand in it. ``meters``
    counts those that were added [1]. With ``settle_s`` [s], so long is waited behind an answer for
    that of another meter, which a search has to notice.
    """

    def __init__(self, endpoint: MbusEndpoint, clock: Clock, *, settle_s: float = 0.0) -> None:
        self.endpoint = endpoint
        self._settle_s = settle_s
        self._replied_at = 0.0
        self.trace = MbusTrace()
        self.meters = 0
        self._line = LineQueue()
        self._connection: MbusConnection | None = None
        self._disturbed = False
        self._closed = False
        self._breaker = CircuitBreaker(endpoint.name, clock, first_s=5.0, longest_s=120.0)

    @property
    def down(self) -> bool:
        """Whether the circuit breaker of the gateway or port is open."""
        return self._breaker.open

    @property
    def patience_s(self) -> float:
        """How long a meter may have to wait for all others, of which one is the slowest that there
        may be, and itself [s]."""
        return DIALOG_S * self.meters + self.turn_s

    @property
    def turn_s(self) -> float:
        """How long a meter may have the line in one turn [s]."""
        return _LONGEST_ANSWERS * self.endpoint.longest_reply_s

    @asynccontextmanager
    async def dialog(self) -> AsyncIterator[None]:
        """Have the line for a dialog of ``turn_s`` at the longest.

        Raises ``LineBusy`` where it does not become free, ``NoReply`` after that time.
        """
        try:
            await self._line.acquire(urgent=False, within_s=self.patience_s)
        except TimeoutError:
            raise LineBusy(f"{self.endpoint.name} is busy with other meters") from None
        try:
            async with asyncio.timeout(self.turn_s):
                yield
        except TimeoutError:
            raise NoReply(f"{self.endpoint.name}: no end after {self.turn_s:.0f} s") from None
        finally:
            self._line.release()

    async def exchange(self, request: MbusRequest, to: str, timeout_s: float) -> UserData | None:
        """The user data that answer a request; None where an acknowledgement was asked for.

        To be called within ``dialog``. ``to`` names the meter in the trace. Raises ``NoReply`` and
        ``InvalidReply``; cancelling it closes the connection.
        """
        connection = await self._ready(timeout_s)
        loop = asyncio.get_running_loop()
        started = loop.time()
        first_s = timeout_s + self.endpoint.sending_s(len(request.frame))
        try:
            reply = await connection.send(request, first_s, self.endpoint.longest_reply_s)
            self._replied_at = connection.heard_at
            if self._settle_s:
                await self._alone(connection)
        except DeviceError as error:
            self._disturbed = isinstance(error, InvalidReply)
            said = type(error)(f"{self.endpoint.name} {to}: {error}")
            self.trace.add(to, request.frame, str(error), started, loop.time() - started)
            raise said from None
        except asyncio.CancelledError:
            self._drop()
            raise
        answer = b"\xe5" if reply is None else bytes((reply.ci,)) + reply.data
        self.trace.add(to, request.frame, answer, started, loop.time() - started)
        return reply

    async def close(self) -> None:
        """Close the connection for good; a request in flight ends with ``NoReply``."""
        self._closed = True
        self._drop()
        await asyncio.sleep(0)

    async def _alone(self, connection: MbusConnection) -> None:
        await asyncio.sleep(self._settle_s)
        if connection.heard_at > self._replied_at:
            raise InvalidReply("another answer behind the first: several meters")

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.drop()
            self._connection = None

    async def _ready(self, timeout_s: float) -> MbusConnection:
        """An open connection over a line that is silent."""
        connection = self._connection
        if connection is not None and connection.open and self._noisy(connection):
            await self._silent(connection)
            self._replied_at = connection.heard_at
        if self._closed:
            raise NoReply("the driver was closed")
        self._disturbed = False
        if connection is not None and connection.open:
            return connection
        self._drop()
        return await self._open(timeout_s)

    def _noisy(self, connection: MbusConnection) -> bool:
        return self._disturbed or connection.heard_at > self._replied_at

    async def _silent(self, connection: MbusConnection) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        quiet_from = began
        while loop.time() - quiet_from < _QUIET_S and loop.time() - began < _LONGEST_NOISE_S:
            await asyncio.sleep(_QUIET_S / 4)
            quiet_from = max(quiet_from, connection.heard_at)

    async def _open(self, timeout_s: float) -> MbusConnection:
        name = self.endpoint.name
        if self._breaker.open:
            raise LineDown(f"{name} is left alone for a while: it cannot be reached")
        try:
            connection = await self.endpoint.open(timeout_s)
        except TimeoutError:
            self._breaker.failed("no connection in time")
            raise LineDown(f"{name}: no connection within {timeout_s:g} s") from None
        except OSError as error:
            reason = error.strerror or str(error)
            self._breaker.failed(reason)
            raise LineDown(f"{name}: {reason}") from error
        self._breaker.succeeded()
        self._connection = connection
        return connection
