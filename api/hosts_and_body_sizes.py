"""What is refused before a route is asked: foreign host names and bodies that nobody would take.

A name in ``Host`` that is not ours is how a page elsewhere reaches a server inside the building
network (DNS rebinding); an address as such cannot be rebound. A body is counted while it comes in,
before anything keeps it (CWE-350, CWE-770).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import cache, lru_cache
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.actors import SAFE_METHODS
from api.access.rules import FOR_PROBES, asked_first
from api.problems import problem
from bms.ports.storage.time_limit import database_time_limit

MOST_BYTES = 4_000_000
"""Bytes of a body [1]: that of the largest push."""
MOST_BYTES_WITHOUT_KEY = 10_000
"""Bytes of a body [1] that comes without a key: that of a form."""
LONGEST_BODY_S = 60.0
"""How long a body may take to come in [s]: the largest push over 0.6 Mbit/s."""


@cache
def own_names() -> frozenset[str]:
    """Names of this computer, in small letters."""
    return frozenset({"localhost", socket.gethostname().lower()})


class AdmissionMiddleware:
    """Answers 421 to a host name that is not ours, 413 to a body beyond the limit, and 422 to an
    address that no database could look up.

    ``hosts``: names under which the backend is reached, beside those of this computer.
    ``statement_s``: how long the database may take for whoever only looks [s].
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], statement_s: float) -> None:
        self._app = app
        self._statement_s = statement_s
        self._hosts = frozenset(name.lower() for name in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["path"] not in FOR_PROBES and not self._ours(headers.get("host", "")):
            told = "this host name is not one of ours; put it in BMS_HOSTS if it should be"
            await problem(Request(scope), 421, told)(scope, receive, send)
            return
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            told = "an address holds no U+0000; leave it out"
            await problem(Request(scope), 422, told)(scope, receive, send)
            return
        most = most_bytes(headers)
        if announced(headers) > most:
            answer = problem(Request(scope), 413, _too_large(most), headers={"Connection": "close"})
            await answer(scope, receive, send)
            return
        with limited(scope["method"], self._statement_s):
            await self._app(scope, asked_first(scope, counted(receive, most)), send)

    def _ours(self, host: str) -> bool:
        name = _name_of(host).lower()
        return name in self._hosts or name in own_names() or _is_address(name)


def limited(method: str, statement_s: float) -> AbstractContextManager[None]:
    """The time limit of the database for requests that change nothing. Others have none: a hand on
    the emergency release waits for the database as long as it needs."""
    return database_time_limit(statement_s) if method in SAFE_METHODS else nullcontext()


def most_bytes(headers: Headers) -> int:
    """The most bytes [1] that a body may have."""
    return MOST_BYTES if "authorization" in headers else MOST_BYTES_WITHOUT_KEY


def announced(headers: Headers) -> int:
    """Bytes [1] that a body is said to have; 0 where that is not said."""
    length = headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 20 else 0


def counted(receive: Receive, most: int, within_s: float = LONGEST_BODY_S) -> Receive:
    """The same stream; reading more than ``most`` bytes raises ``HTTPException`` 413, and waiting
    longer than ``within_s`` [s] for the whole body 408."""
    seen, whole = 0, False
    end = asyncio.get_running_loop().time() + within_s

    async def receive_counted() -> Message:
        nonlocal seen, whole
        try:
            async with asyncio.timeout_at(None if whole else end):
                message = await receive()
        except TimeoutError:
            told = f"the body did not come within {within_s:g} s"
            raise HTTPException(408, told, {"Connection": "close"}) from None
        whole = not message.get("more_body", False)
        seen += len(message.get("body", b""))
        if seen > most:
            raise HTTPException(413, _too_large(most), {"Connection": "close"})
        return message

    return receive_counted


def _too_large(most: int) -> str:
    return f"a body may have at most {most} bytes; send it in parts, and with a key"


def _name_of(host: str) -> str:
    """The name in a ``Host`` header, without its port and the brackets of IPv6."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


@lru_cache(maxsize=64)
def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
