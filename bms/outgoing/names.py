"""What names of hosts stand for, asked of the system by threads that nobody has to wait for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from typing import Any

from bms.outgoing.own_thread import in_own_thread

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
        return await in_own_thread(lambda: ask(host, port, family, kind))
    except UnicodeError as error:  # what IDNA makes of an empty label or a long one
        raise OSError(f"{host} is no name of a host") from error
