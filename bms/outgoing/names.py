"""What names of hosts stand for, asked of the system by threads that nobody has to wait for.

A server of names may take minutes. The threads of an event loop are few, and the store needs them,
too; ``asyncio.run`` waits for them at its end. So each name has a thread of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from socket import (
    AF_UNSPEC,
    AI_NUMERICHOST,
    SOCK_STREAM,
    AddressFamily,
    SocketKind,
    gaierror,
    getaddrinfo,
)
from threading import Thread
from typing import Any

Row = tuple[AddressFamily, SocketKind, int, str, tuple[Any, ...]]
"""Family, kind, protocol, canonical name and address, as ``socket.getaddrinfo`` gives them."""
Ask = Callable[..., list[Any]]


async def rows_of(
    host: str,
    port: int,
    *,
    family: AddressFamily = AF_UNSPEC,
    kind: SocketKind = SOCK_STREAM,
    ask: Ask = getaddrinfo,
) -> Sequence[Row]:
    """Where a host is, in whatever notation it is; an address without asking anybody.

    Raises OSError where it has none, or is no name.
    """
    try:
        with suppress(gaierror):
            return getaddrinfo(host, port, family, kind, flags=AI_NUMERICHOST)
        return await _asked(lambda: ask(host, port, family, kind))
    except UnicodeError as error:  # what IDNA makes of an empty label or a long one
        raise OSError(f"{host} is no name of a host") from error


async def _asked(ask: Callable[[], Sequence[Row]]) -> Sequence[Row]:
    found: Future[Sequence[Row]] = Future()
    found.set_running_or_notify_cancel()

    def look() -> None:
        try:
            found.set_result(ask())
        except Exception as error:  # whatever it is, it belongs to whoever asks
            found.set_exception(error)

    Thread(target=look, daemon=True).start()
    return await asyncio.wrap_future(found)
