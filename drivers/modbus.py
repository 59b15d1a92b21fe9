"""One Modbus TCP connection per endpoint: one request in flight, no answer taken for another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from drivers.modbus_frames import FrameReader, Request, frame, payload
from drivers.refusals import Garbled, Silence

_QUEUE_TIMEOUTS = 3
_TRANSACTIONS = 0x10000


class ConnectionLost(Silence):
    """The peer closed the connection before it answered."""


class ModbusLink:
    """The one owner of an endpoint, shared by the units behind it.

    Nothing is opened before the first request. After a time-out, a cancellation or an answer that
    does not fit, the connection is dropped and the endpoint left alone for ``quiet_s`` [s], so
    that a late answer never meets the next request.
    """

    def __init__(self, host: str, port: int, *, quiet_s: float = 0.05) -> None:
        self._host = host
        self._port = port
        self._quiet_s = quiet_s
        self._quiet_until = 0.0
        self._turns = asyncio.Lock()
        self._wire: _Wire | None = None
        self._transaction = 0
        self._closed = False

    async def ask(self, request: Request, timeout_s: float) -> bytes:
        """Payload of the checked reply, at most five time-outs from now.

        Raises ``Silence``, ``Garbled`` or ``Refusal``. A read whose connection turns out to have
        been closed by the peer meanwhile is asked once more; a write is never repeated.
        """
        async with self._turn(timeout_s):
            was_open = self._wire is not None and self._wire.open
            try:
                return await self._exchange(request, timeout_s)
            except ConnectionLost:
                if not (was_open and request.repeatable):
                    raise
            return await self._exchange(request, timeout_s)

    async def close(self) -> None:
        """Close the connection for good; a request in flight ends with ``Silence``."""
        self._closed = True
        self._drop()
        await asyncio.sleep(0)

    @asynccontextmanager
    async def _turn(self, timeout_s: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_QUEUE_TIMEOUTS * timeout_s):
                await self._turns.acquire()
        except TimeoutError:
            raise Silence(f"{self._host}:{self._port} is busy with other units") from None
        try:
            yield
        finally:
            self._turns.release()

    async def _exchange(self, request: Request, timeout_s: float) -> bytes:
        try:
            async with asyncio.timeout(timeout_s):
                wire = await self._connected()
                self._transaction = (self._transaction + 1) % _TRANSACTIONS
                unit, pdu = await wire.ask(self._transaction, request)
        except TimeoutError:
            self._drop()
            raise Silence(
                f"{self._host}:{self._port} unit {request.unit}: no answer within {timeout_s:g} s"
            ) from None
        except (Garbled, Silence, asyncio.CancelledError):
            self._drop()
            raise
        try:
            return payload(request, unit, pdu)
        except Garbled:
            self._drop()
            raise

    async def _connected(self) -> _Wire:
        if self._closed:
            raise Silence("the driver was closed")
        if self._wire is not None and self._wire.open:
            return self._wire
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._quiet_until - loop.time()))
        try:
            _, wire = await loop.create_connection(_Wire, self._host, self._port)
        except OSError as error:
            raise Silence(f"{self._host}:{self._port}: {error.strerror or error}") from error
        self._wire = wire
        return wire

    def _drop(self) -> None:
        if self._wire is None:
            return
        self._wire.drop()
        self._wire = None
        self._quiet_until = asyncio.get_running_loop().time() + self._quiet_s


class _Wire(asyncio.Protocol):
    """One TCP connection with at most one request in flight."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._frames = FrameReader()
        self._transaction = -1
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, transaction: int, request: Request) -> asyncio.Future[tuple[int, bytes]]:
        assert self._transport is not None
        self._transaction = transaction
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(frame(transaction, request))
        return self._answer

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._fail(ConnectionLost("the connection was closed"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            frames = self._frames.feed(data)
        except Garbled as error:
            self._fail(error)
            self.drop()
            return
        for transaction, unit, pdu in frames:
            self._take(transaction, unit, pdu)

    def _take(self, transaction: int, unit: int, pdu: bytes) -> None:
        # An answer to another transaction is a late or repeated one: it is nobody's.
        if transaction == self._transaction and self._answer and not self._answer.done():
            self._answer.set_result((unit, pdu))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fail(ConnectionLost(f"the connection was lost: {exc or 'closed by the device'}"))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
