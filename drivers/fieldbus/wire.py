"""Bytes between a protocol and its wire: a transport, its TCP connection, and a reply to come.

What the event loop brings of these costs several times what the kernel asks for a short request and
its reply; drivers exchange some millions of them a day.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from typing import Any, Protocol, TypeVar

from bms.outgoing.names import Row, rows_of

_T = TypeVar("_T")
_READ = 4096


class Port(Protocol):
    """A non-blocking descriptor: a socket, or a serial port."""

    def fileno(self) -> int: ...
    def recv(self, size: int, /) -> bytes: ...
    def send(self, data: bytes | bytearray | memoryview, /) -> int: ...
    def close(self) -> None: ...


class WireTransport(asyncio.Transport):
    """Reads and writes a port, which it owns. What is written goes out at once if it can."""

    def __init__(self, port: Port, protocol: asyncio.Protocol) -> None:
        super().__init__({"socket": port} if isinstance(port, socket.socket) else None)
        self._loop = asyncio.get_running_loop()
        self._port = port
        self._protocol = protocol
        self._unsent = b""
        self._closing = False
        try:
            self._loop.add_reader(port.fileno(), self._readable)
        except BaseException:
            port.close()
            raise
        protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing:
            return
        if not self._unsent:
            try:
                data = data[self._port.send(data) :]
            except BlockingIOError:
                pass
            except OSError as error:
                self._end(error)
                return
            if not data:
                return
            self._loop.add_writer(self._port.fileno(), self._writable)
        self._unsent += data

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        self._end(None)

    def _writable(self) -> None:
        self._loop.remove_writer(self._port.fileno())
        rest, self._unsent = self._unsent, b""
        self.write(rest)

    def _readable(self) -> None:
        try:
            data = self._port.recv(_READ)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error)
            return
        if not data:
            self._end(None)
            return
        try:
            self._protocol.data_received(data)
        except Exception as error:  # a bug, after which nobody knows what comes next
            told = {"message": f"{self._protocol!r} failed", "exception": error}
            self._loop.call_exception_handler(told)
            self._end(error)

    def _end(self, error: Exception | None) -> None:
        if self._closing:
            return
        self._closing, self._unsent = True, b""
        self._loop.remove_reader(self._port.fileno())
        self._loop.remove_writer(self._port.fileno())
        self._port.close()
        if self._loop.is_closed():
            return
        self._loop.call_soon(self._protocol.connection_lost, error)


async def open_tcp(
    host: str, port: int, protocol: asyncio.Protocol, within_s: float
) -> WireTransport:
    """Connect to the first address of a host that takes it within ``within_s`` [s].

    Raises OSError; TimeoutError where the last address is silent.
    """
    until = asyncio.get_running_loop().time() + within_s
    async with asyncio.timeout_at(until):
        rows = await rows_of(host, port)
    return WireTransport(await first_of(rows, until), protocol)


async def first_of(rows: Sequence[Row], until: float) -> socket.socket:
    """A socket that is connected to the first address that takes it ``until`` then [s, of the
    loop]; each has its part of that time. Raises OSError."""
    now = asyncio.get_running_loop().time
    failed = OSError("it has no address")
    for place, row in enumerate(rows):
        part_s = (until - now()) / (len(rows) - place)
        try:
            async with asyncio.timeout_at(now() + part_s):
                return await _connected(row)
        except OSError as error:
            failed = error
    raise failed


async def _connected(row: Row) -> socket.socket:
    """A socket that is connected to an address. Raises OSError."""
    family, kind, number, _, address = row
    wire = socket.socket(family, kind, number)
    try:
        wire.setblocking(False)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(wire, address)
    except OSError as error:
        wire.close()
        if error.errno is None or error.errno <= 0:
            raise
        raise OSError(error.errno, os.strerror(error.errno)) from error  # not that of asyncio
    except BaseException:
        wire.close()
        raise
    return wire


class Reply(asyncio.Future[_T]):
    """A reply to come. Whoever awaits it goes on within the callback of the event loop that brings
    it, not one round of the loop later: a round looks at all sockets."""

    __slots__ = ("_waiter",)
    _waiter: tuple[Callable[[Reply[_T]], object], Context] | None

    @classmethod
    def expected(cls, loop: asyncio.AbstractEventLoop) -> Reply[_T]:
        """A reply that has not come."""
        reply = cls(loop=loop)
        reply._waiter = None
        return reply

    def bring(self, reply: _T) -> None:
        """Set the result, outside any task, and let the waiter go on before this returns."""
        waiter, self._waiter = self._waiter, None
        self.set_result(reply)
        if waiter is not None:
            call, context = waiter
            context.run(call, self)

    def add_done_callback(self, fn: Callable[[Any], object], /, *, context: Any = None) -> None:
        if self._waiter is None and not self.done():
            self._waiter = fn, context or copy_context()
        else:
            super().add_done_callback(fn, context=context)

    def remove_done_callback(self, fn: Callable[[Any], object], /) -> int:
        if self._waiter is not None and self._waiter[0] == fn:
            self._waiter = None
            return 1 + super().remove_done_callback(fn)
        return super().remove_done_callback(fn)

    def set_exception(self, exception: type | BaseException, /) -> None:
        self._leave_to_the_loop()
        super().set_exception(exception)

    def cancel(self, msg: Any = None) -> bool:
        self._leave_to_the_loop()
        return super().cancel(msg)

    def _leave_to_the_loop(self) -> None:
        if self._waiter is not None:
            call, context = self._waiter
            self._waiter = None
            super().add_done_callback(call, context=context)
