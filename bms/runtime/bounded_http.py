"""HTTP connections that cannot be held for nothing, and that leave the backend its own.

A server that waits for the end of a request as long as it takes, on as many connections as anybody
opens, runs out of open files, and with it all else in the same process: readings, writes, and what
has to be given back (slow loris, CWE-400, CWE-770).
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class BoundedProtocol(HttpToolsProtocol):
    """One connection. It is closed where the head of a request does not come in time or is too
    long, and at once where there are too many."""

    head_s: ClassVar[float] = 10.0
    """How long the head of a request may take [s]."""
    head_bytes: ClassVar[int] = 64 * 1024
    """How long the head of a request may be [1], and one part more of what comes in."""
    most: ClassVar[int] = 400
    """Connections at a time [1]: many people behind a proxy, and well below 1 024 open files."""

    _waiting: asyncio.TimerHandle | None = None
    _in_head = False
    _head_came = 0
    idle_since = 0.0
    """When it was waited for a request last [s, of the loop]."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, or close the connection that is one too many."""
        super().connection_made(transport)
        if len(self.connections) > self.most and not self._made_room():
            transport.abort()
            return
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request; the parser itself takes heads of any length."""
        self._head_came += len(data)
        super().data_received(data)
        if self._in_head and self._head_came > self.head_bytes and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head, self._head_came = True, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head; those behind a body (trailers) are nobody's."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._in_head = False
        super().on_headers_complete()

    def _made_room(self) -> bool:
        """Whether a connection could be closed on which nothing is asked: the one that has been so
        for longest. Whoever holds many for nothing keeps nobody out."""
        idle = [c for c in self.connections if isinstance(c, BoundedProtocol) and c.is_idle]
        if not idle:
            return False
        longest = min(idle, key=lambda each: each.idle_since)
        longest.transport.abort()
        self.connections.discard(longest)
        return True

    @property
    def is_idle(self) -> bool:
        """Whether a request is waited for."""
        cycle: Any = self.cycle
        return self._waiting is not None and (cycle is None or cycle.response_complete)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the waiting."""
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop()
        self.idle_since = self.loop.time()
        self._waiting = self.loop.call_later(self.head_s, self._late)

    def _stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()

    def _late(self) -> None:
        if self.is_idle:
            self.transport.abort()
