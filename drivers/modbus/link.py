"""The one owner of a Modbus endpoint: one request in flight, no answer taken for another."""

from __future__ import annotations

import asyncio

from bms.clock import SystemClock
from bms.errors import DeviceError
from bms.ports.clock import Clock
from drivers.fieldbus.availability import Breaker
from drivers.fieldbus.errors import Garbled, Refusal, Silence
from drivers.modbus.connection import ConnectionLost, Endpoint, NoAnswer, Wire
from drivers.modbus.frames import Request, UnitSilent, payload, sounding
from drivers.modbus.line_queue import Turns
from drivers.modbus.trace import Trace

_QUEUE_TIMEOUTS = 3
_TRANSACTIONS = 0x10000
_QUIET_S = 0.05


class LinkBusy(Silence):
    """The line did not become free in time; this says nothing about the unit."""


class LinkDown(Silence):
    """The endpoint itself cannot be reached; this says nothing about the unit."""


class ModbusLink:
    """The connection to an endpoint, shared by the units behind it.

    Nothing is opened before the first request. Writes go before reads. After a time-out, a
    cancellation or an answer that does not fit, the connection is dropped and the endpoint left
    alone for ``quiet_s`` [s] (by default 0.05, and where replies do not name their request as long
    as the time-out was), so that a late answer never meets the next request. An endpoint that
    cannot be connected to is left alone as a whole, for a back-off that doubles.
    """

    def __init__(
        self, endpoint: Endpoint, clock: Clock | None = None, *, quiet_s: float | None = None
    ) -> None:
        self.endpoint = endpoint
        self.trace = Trace()
        self._quiet_s = quiet_s
        self._slow = endpoint.serial is not None
        self._rest_s = endpoint.silence_s
        self._free_at = 0.0
        self._turns = Turns()
        self._wire: Wire | None = None
        self._transaction = 0
        self._closed = False
        self._doubts: set[tuple[int, bytes]] = set()
        self._units: set[int] = set()
        self._mute: set[int] = set()
        self._idle_s: float | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._breaker = Breaker(endpoint.name, clock or SystemClock(), first_s=5.0, longest_s=120.0)

    @property
    def down(self) -> bool:
        """Whether the endpoint as a whole is left alone now."""
        return self._breaker.open

    def rest_at_least(self, pause_s: float) -> None:
        """A unit of this line needs ``pause_s`` [s] between any two requests."""
        self._rest_s = max(self._rest_s, pause_s)

    def close_when_idle(self, after_s: float) -> None:
        """A device of this line serves one client only: nobody keeps it for longer unused [s]."""
        self._idle_s = after_s if self._idle_s is None else min(self._idle_s, after_s)

    async def ask(self, request: Request, timeout_s: float) -> bytes:
        """Payload of the checked reply: at most three time-outs from now in the queue, then two.

        Raises ``Silence``, ``Garbled`` or ``Refusal``. A read whose connection turns out to have
        been closed by the peer meanwhile is asked once more; a write is never repeated.
        """
        if self._closed:
            raise Silence("the driver was closed")
        if not self._turns.take_now():
            await self._queue(request, timeout_s)
        was_open = self._wire is not None and self._wire.open
        try:
            return await self._exchange(request, timeout_s)
        except ConnectionLost:
            if not (was_open and request.repeatable) or self._closed:
                raise
            return await self._exchange(request, timeout_s)
        finally:
            self._turns.give()
            if self._idle_s is not None:
                self._leave_after(self._idle_s)

    async def close(self) -> None:
        """Close the connection for good; a request in flight ends with ``Silence``."""
        self._closed = True
        if self._idle is not None:
            self._idle.cancel()
        self._drop(0.0)
        await asyncio.sleep(0)

    def _leave_after(self, wait_s: float) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(wait_s, self._leave)

    def _leave(self) -> None:
        if not self._turns.taken:  # else whoever has the turn will see to it
            self._drop(0.0)

    async def _queue(self, request: Request, timeout_s: float) -> None:
        try:
            await self._turns.take(
                urgent=not request.repeatable, within_s=_QUEUE_TIMEOUTS * timeout_s
            )
        except TimeoutError:
            raise LinkBusy(f"{self.endpoint.name} is busy with other units") from None

    async def _exchange(self, request: Request, timeout_s: float) -> bytes:
        now = asyncio.get_running_loop().time
        wire = self._wire
        if wire is None or not wire.open:
            wire = await self._connected(timeout_s)
        if self._rest_s > 0.0:
            wire = await self._rested(wire, timeout_s)
        started = now()
        try:
            if self._doubts:
                await self._settle(wire, request, timeout_s)
            unit, pdu = await self._sent(wire, request, timeout_s)
            data = payload(request, unit, pdu)
        except DeviceError as error:
            self._after(error, request, timeout_s)
            told = self._told(error, request, timeout_s)
            self._note(request, str(told), started)
            raise told from None
        except asyncio.CancelledError:
            self._doubt(request)
            self._drop(self._quiet(timeout_s))
            self._note(request, "cancelled", started)
            raise
        finally:
            if self._rest_s > 0.0:
                self._free_at = max(self._free_at, now() + self._rest_s)
        self._heard()
        self._note(request, pdu, started)
        return data

    async def _settle(self, wire: Wire, request: Request, timeout_s: float) -> None:
        """Make sure that a late reply to an earlier request is not taken for the one to this.

        Replies keep the order of their requests. So where the two would look alike, something
        that looks different is asked first: only when that is answered, nothing is still on its
        way. Raises what an exchange raises.
        """
        doubted = {prefix for unit, prefix in self._doubts if unit == request.unit}
        if not request.repeatable or request.prefix not in doubted:
            return
        probe = sounding(request, doubted)
        self._doubt(probe)
        try:
            payload(probe, *await self._sent(wire, probe, timeout_s))
        except Refusal:
            return  # it may be a late refusal: the doubt stays
        self._doubts.clear()
        await asyncio.sleep(self._rest_s)
        if not wire.open:
            raise Garbled("bytes that nobody asked for")

    def _doubt(self, request: Request) -> None:
        """A reply to this request may still come, and could not be told from another's."""
        if not self.endpoint.tells_late_answers:
            self._doubts.add((request.unit, request.prefix))

    def _after(self, error: DeviceError, request: Request, timeout_s: float) -> None:
        """What a failed exchange says about the connection and the endpoint."""
        if isinstance(error, (Refusal, UnitSilent)):
            self._heard()
            return
        self._doubt(request)
        self._drop(self._quiet(timeout_s))
        if isinstance(error, Silence):
            self._mute.add(request.unit)
            if len(self._units) > 1 and self._mute == self._units:
                self._breaker.silent("none of its units answers")

    def _heard(self) -> None:
        if self._mute:
            self._mute.clear()
        self._breaker.answered()

    def _sent(
        self, wire: Wire, request: Request, timeout_s: float
    ) -> asyncio.Future[tuple[int, bytes]]:
        self._units.add(request.unit)
        self._transaction = (self._transaction + 1) % _TRANSACTIONS
        within_s = timeout_s
        if self._slow:  # the time to carry request and reply is not the unit's silence
            within_s += self.endpoint.travel_s(request)
        return wire.ask(self._transaction, request, within_s)

    def _told(self, error: DeviceError, request: Request, timeout_s: float) -> DeviceError:
        """The error in the words of who asked."""
        if not isinstance(error, NoAnswer):
            return error
        where = f"{self.endpoint.name} unit {request.unit}"
        return Silence(f"{where}: no answer within {timeout_s:g} s")

    async def _rested(self, wire: Wire, timeout_s: float) -> Wire:
        """Wait for the line's pause. Bytes that arrive meanwhile are nobody's: begin anew."""
        wait = self._free_at - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)
        return wire if wire.open else await self._connected(timeout_s)

    async def _connected(self, timeout_s: float) -> Wire:
        wire = self._wire
        if wire is not None and wire.open:
            return wire
        if self._closed:
            raise Silence("the driver was closed")
        if wire is not None:
            self._drop(self._quiet(0.0))
        if self._breaker.open:
            raise LinkDown(f"{self.endpoint.name} is left alone for a while: it cannot be reached")
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._free_at - loop.time()))
        return await self._open(timeout_s)

    async def _open(self, timeout_s: float) -> Wire:
        name = self.endpoint.name
        try:
            async with asyncio.timeout(timeout_s):
                wire = await self.endpoint.open()
        except TimeoutError:
            self._breaker.silent("no connection in time")
            raise LinkDown(f"{name}: no connection within {timeout_s:g} s") from None
        except OSError as error:
            reason = error.strerror or str(error)
            self._breaker.silent(reason)
            raise LinkDown(f"{name}: {reason}") from error
        if self._closed:
            wire.drop()
            raise Silence("the driver was closed")
        self._wire = wire
        return wire

    def _quiet(self, timeout_s: float) -> float:
        if self._quiet_s is not None:
            return self._quiet_s
        return _QUIET_S if self.endpoint.tells_late_answers else max(_QUIET_S, timeout_s)

    def _drop(self, quiet_s: float) -> None:
        if self._wire is None:
            return
        self._wire.drop()
        self._wire = None
        self._free_at = asyncio.get_running_loop().time() + quiet_s

    def _note(self, request: Request, answer: bytes | str, started: float) -> None:
        took_s = asyncio.get_running_loop().time() - started
        self.trace.add(request.unit, request.pdu, answer, started, took_s)
