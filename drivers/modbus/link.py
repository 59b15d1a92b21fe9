"""The connection to a Modbus endpoint, shared by its units: one request in flight at a time."""

from __future__ import annotations

import asyncio

from bms.clock import SystemClock
from bms.errors import DeviceError
from bms.ports.clock import Clock
from drivers.fieldbus.availability import CircuitBreaker
from drivers.fieldbus.errors import DeviceRefusal, InvalidReply, NoReply, require_departure
from drivers.fieldbus.line_queue import LineQueue
from drivers.modbus.connection import ConnectionLost, Endpoint, ModbusConnection, ReplyTimeout
from drivers.modbus.frames import GatewayTargetNoReply, Request, distinguishable_read, payload
from drivers.modbus.trace import ModbusTrace

_QUEUE_TIMEOUTS = 3
_SILENT_TURN = 2.0
"""For how many of its time-outs a silent unit holds the line: once, and the quiet time after it."""
_PATIENCE = 4.0
"""How many time-outs of each unit of the line a call may take [1]."""
_TRANSACTIONS = 0x10000
_QUIET_S = 0.05


class LinkBusy(NoReply):
    """The line did not become free in time; the unit itself was not asked."""


class LinkDown(NoReply):
    """The endpoint itself cannot be reached; the unit was not asked."""


class ModbusLink:
    """The connection to an endpoint, shared by the units behind it.

    Nothing is opened before the first request. Writes go before reads. After a time-out, a
    cancellation or an invalid reply the connection is dropped, and nothing is sent for ``quiet_s``
    [s] (by default 0.05; where replies do not name their request, as long as the time-out), so that
    a late reply is never taken for that to the next request. An endpoint that cannot be connected
    to is not tried for a back-off that doubles. A peer that closes the connection after each reply
    is found out, and gets a new one for each request. ``losses`` [1] counts the connections that
    the peer has ended, ``opened`` [1] those that were made.
    """

    def __init__(
        self, endpoint: Endpoint, clock: Clock | None = None, *, quiet_s: float | None = None
    ) -> None:
        self.endpoint = endpoint
        self.trace = ModbusTrace()
        self.losses = self.opened = 0
        self._quiet_s = quiet_s
        self._slow = endpoint.serial is not None
        self._pause_s = endpoint.silent_interval_s
        self._free_at = 0.0
        self._line = LineQueue()
        self._connection: ModbusConnection | None = None
        self._ended: ModbusConnection | None = None
        self._transaction = 0
        self._closed = False
        self._late_replies: set[tuple[int, bytes]] = set()
        self._units: set[int] = set()
        self._timeouts_s: dict[int, float] = {}
        """The time-outs of the units that share the line, by number [s]."""
        self._silent_units: set[int] = set()
        self._keeps_open: bool | None = True if self._slow else None
        """Whether the peer keeps a connection open after a reply; None: not known yet."""
        self._last_read: Request | None = None
        self._idle_s: float | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._breaker = CircuitBreaker(
            endpoint.name, clock or SystemClock(), first_s=5.0, longest_s=120.0
        )

    @property
    def down(self) -> bool:
        """Whether the circuit breaker of the endpoint is open."""
        return self._breaker.open

    @property
    def connected(self) -> bool:
        """Whether a connection is open."""
        return self._connection is not None and self._connection.open

    @property
    def patience_s(self) -> float:
        """How long a call may take while the other units of the line are served [s]."""
        return _PATIENCE * sum(self._timeouts_s.values())

    def add_unit(self, number: int, timeout_s: float) -> None:
        """A unit with its time-out [s] shares the line."""
        self._timeouts_s[number] = timeout_s

    def require_pause(self, pause_s: float) -> None:
        """Keep at least ``pause_s`` [s] between any two requests on this line."""
        self._pause_s = max(self._pause_s, pause_s)

    def close_when_idle(self, after_s: float) -> None:
        """Close the connection once unused for ``after_s`` [s]: some serve one client only."""
        self._idle_s = after_s if self._idle_s is None else min(self._idle_s, after_s)

    async def exchange(self, request: Request, timeout_s: float, *, repeats: bool = True) -> bytes:
        """Payload of the checked reply, after at most three time-outs in the queue and two beyond;
        a read waits for as long as it takes when each unit of the line is silent once.

        A read is repeated once when the peer turns out to have closed the connection, where it
        ``repeats``; a write never is. Raises ``NoReply``, ``InvalidReply``, ``DeviceRefusal``;
        ``TooLate`` for a write that may not leave any more when its turn has come.
        """
        if self._closed:
            raise NoReply("the driver was closed")
        if not self._line.try_acquire():
            await self._queue(request, timeout_s)
        try:
            while True:
                connection = self._connection
                was_open = connection is not None and connection.open
                if connection is None or not was_open or self._pause_s > 0.0:
                    connection = await self._ready(timeout_s)
                if not request.repeatable:
                    require_departure()
                try:
                    if not request.repeatable or self._late_replies:
                        connection = await self._prepared(connection, request, timeout_s)
                    unit, pdu = await self._send(connection, request, timeout_s)
                    data = payload(request, unit, pdu)
                except (DeviceError, asyncio.CancelledError) as error:
                    described = self._failed(error, connection, request, timeout_s)
                    lost = was_open and isinstance(error, ConnectionLost)
                    if not (lost and repeats and request.repeatable) or self._closed:
                        raise described from None
                    repeats = False
                else:
                    self._succeeded(connection, request, pdu)
                    return data
        finally:
            self._release()

    async def close(self) -> None:
        """Close the connection for good; a request in flight ends with ``NoReply``."""
        self._closed = True
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._drop(0.0)
        await asyncio.sleep(0)

    def _release(self) -> None:
        self._line.release()
        if self._idle_s is None:
            return
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._idle_timer = asyncio.get_running_loop().call_later(self._idle_s, self._close_idle)

    def _close_idle(self) -> None:
        if not self._line.locked:  # else the exchange in progress sets a new timer
            self._drop(0.0)

    async def _queue(self, request: Request, timeout_s: float) -> None:
        within_s = _QUEUE_TIMEOUTS * timeout_s
        if request.repeatable:
            within_s = max(within_s, _SILENT_TURN * sum(self._timeouts_s.values()))
        try:
            await self._line.acquire(urgent=not request.repeatable, within_s=within_s)
        except TimeoutError:
            raise LinkBusy(f"{self.endpoint.name} is busy with other units") from None

    def _succeeded(self, connection: ModbusConnection, request: Request, pdu: bytes) -> None:
        if self._silent_units:
            self._silent_units.clear()
        self._breaker.succeeded()
        now, sent_at = connection.now(), connection.sent_at
        self.trace.add(request.unit, request.pdu, pdu, sent_at, now - sent_at)
        if request.repeatable:
            self._last_read = request
        if self._pause_s > 0.0:
            self._free_at = now + self._pause_s
        if connection.answered > 1:  # which proves that the peer keeps it open after a reply
            self._keeps_open = True
        elif self._keeps_open is False:
            self._drop(0.0)

    def _failed(
        self,
        error: DeviceError | asyncio.CancelledError,
        connection: ModbusConnection,
        request: Request,
        timeout_s: float,
    ) -> DeviceError | asyncio.CancelledError:
        """Record a failed exchange. Returns the error as the caller gets it: a time-out names
        endpoint, unit and time [s]."""
        self._record_failure(error, request, timeout_s)
        if isinstance(error, ReplyTimeout):
            where = f"{self.endpoint.name} unit {request.unit}"
            error = NoReply(f"{where}: no answer within {timeout_s:g} s{error}")
        now, sent_at = connection.now(), connection.sent_at
        self.trace.add(request.unit, request.pdu, str(error) or "cancelled", sent_at, now - sent_at)
        if self._pause_s > 0.0:
            self._free_at = max(self._free_at, now + self._pause_s)
        return error

    async def _prepared(
        self, connection: ModbusConnection, request: Request, timeout_s: float
    ) -> ModbusConnection:
        """A connection over which this request reaches the peer and gets its own reply."""
        if connection.answered and not (request.repeatable or self._keeps_open):
            connection = await self._lasting(connection, timeout_s)
        if self._late_replies:
            await self._flush_late_replies(connection, request, timeout_s)
        return connection

    async def _lasting(self, connection: ModbusConnection, timeout_s: float) -> ModbusConnection:
        """A connection that a write can be sent over: one that has carried two replies, or a new
        one. What a peer has closed already would lose the write, and nobody could say whether it
        had arrived. Raises what an exchange raises."""
        probe = self._last_read
        if probe is not None:
            try:
                payload(probe, *await self._send(connection, probe, timeout_s))
            except ConnectionLost:
                self.losses += 1
                self._keeps_open = False
            except DeviceRefusal:
                self._keeps_open = True
            except DeviceError:
                self._expect_late_reply(probe)
                raise
            else:
                self._keeps_open = True
        if self._keeps_open:
            await asyncio.sleep(self._pause_s)
            return connection if connection.open else await self._connected(timeout_s)
        self._drop(0.0)
        connection = await self._connected(timeout_s)
        require_departure()
        return connection

    def _note_end(self, connection: ModbusConnection | None) -> None:
        """The peer has ended a connection: after its first reply, it will so after each."""
        if connection is not None and connection.answered == 1:
            self._keeps_open = None if self._keeps_open else False

    async def _flush_late_replies(
        self, connection: ModbusConnection, request: Request, timeout_s: float
    ) -> None:
        """Make sure that no late reply to an earlier request can be taken for the one to this.

        Replies keep the order of their requests. Where the two could not be distinguished, a read
        with a distinguishable reply goes first; once that has come, no earlier reply is
        outstanding. Raises what an exchange raises.
        """
        ambiguous = {prefix for unit, prefix in self._late_replies if unit == request.unit}
        if not request.repeatable or request.prefix not in ambiguous:
            return
        probe = distinguishable_read(request, ambiguous)
        self._expect_late_reply(probe)
        try:
            payload(probe, *await self._send(connection, probe, timeout_s))
        except DeviceRefusal:
            return  # it may be a late refusal of an earlier request
        self._late_replies.clear()
        await asyncio.sleep(self._pause_s)
        if not connection.open:
            raise InvalidReply("bytes that belong to no request")

    def _expect_late_reply(self, request: Request) -> None:
        """Note that a reply to this request may still come and be taken for another's."""
        if not self.endpoint.has_transaction_ids:
            self._late_replies.add((request.unit, request.prefix))

    def _record_failure(
        self, error: DeviceError | asyncio.CancelledError, request: Request, timeout_s: float
    ) -> None:
        """Draw the consequences for connection and circuit breaker."""
        if isinstance(error, (DeviceRefusal, GatewayTargetNoReply)):
            self._silent_units.clear()
            self._breaker.succeeded()
            return
        self._expect_late_reply(request)
        self._drop(self._quiet_time_s(timeout_s))
        if isinstance(error, ConnectionLost):
            self.losses += 1
            self._note_end(self._ended)
        if isinstance(error, NoReply):
            self._silent_units.add(request.unit)
            if len(self._units) > 1 and self._silent_units == self._units:
                self._breaker.failed("none of its units answers")

    def _send(
        self, connection: ModbusConnection, request: Request, timeout_s: float
    ) -> asyncio.Future[tuple[int, bytes]]:
        self._units.add(request.unit)
        self._transaction = (self._transaction + 1) % _TRANSACTIONS
        within_s = timeout_s
        if self._slow:  # the transmission time does not count towards the unit's time-out
            within_s += self.endpoint.transmission_s(request)
        return connection.send(self._transaction, request, within_s)

    async def _ready(self, timeout_s: float) -> ModbusConnection:
        """An open connection, after the line's pause: bytes that arrive in it make it a new one."""
        await self._connected(timeout_s)
        wait = self._free_at - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)
        return await self._connected(timeout_s)

    async def _connected(self, timeout_s: float) -> ModbusConnection:
        connection = self._connection
        if connection is not None and connection.open:
            return connection
        if self._closed:
            raise NoReply("the driver was closed")
        if connection is not None:
            self.losses += 1
            self._note_end(connection)
            self._drop(self._quiet_time_s(0.0) if self._keeps_open is not False else 0.0)
        if self._breaker.open:
            raise LinkDown(f"{self.endpoint.name} is left alone for a while: it cannot be reached")
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._free_at - loop.time()))
        return await self._open(timeout_s)

    async def _open(self, timeout_s: float) -> ModbusConnection:
        name = self.endpoint.name
        try:
            connection = await self.endpoint.open(timeout_s)
        except TimeoutError:
            self._breaker.failed("no connection in time")
            raise LinkDown(f"{name}: no connection within {timeout_s:g} s") from None
        except OSError as error:
            reason = error.strerror or str(error)
            self._breaker.failed(reason)
            raise LinkDown(f"{name}: {reason}") from error
        if self._closed:
            connection.drop()
            raise NoReply("the driver was closed")
        connection.deliver_within(timeout_s)
        self._connection = connection
        self.opened += 1
        return connection

    def _quiet_time_s(self, timeout_s: float) -> float:
        if self._quiet_s is not None:
            return self._quiet_s
        return _QUIET_S if self.endpoint.has_transaction_ids else max(_QUIET_S, timeout_s)

    def _drop(self, quiet_s: float) -> None:
        if self._connection is None:
            return
        self._ended = self._connection
        self._connection.drop()
        self._connection = None
        self._free_at = asyncio.get_running_loop().time() + quiet_s

    def _note(self, request: Request, answer: bytes | str, started: float) -> None:
        took_s = asyncio.get_running_loop().time() - started
        self.trace.add(request.unit, request.pdu, answer, started, took_s)
