"""One HTTP request, bounded in time and size. Whether it may be asked for is decided elsewhere."""

from __future__ import annotations

import asyncio
import os
import ssl
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from bms.errors import FeedError
from bms.outgoing.addresses import CheckedTransport, is_for_nobody, literal

MAX_BYTES = 64_000_000
"""Largest body that is taken, before and after unpacking [B]."""
MAX_REDIRECTS = 3

Transport = httpx.AsyncBaseTransport

_GZIP_WINDOW = zlib.MAX_WBITS | 16


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """Status, headers (names in lower case) and unpacked body; empty unless the status is 2xx."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient(Protocol):
    """Sends one request."""

    def get(self, url: str, headers: Mapping[str, str]) -> HttpResponse:
        """The response, whatever its status. Raises ``FeedError`` when none came in full."""
        ...


class PostingClient(HttpClient, Protocol):
    """Sends bodies, too: for tokens, and questions that do not fit into an address."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        """The response, whatever its status. Raises ``FeedError`` when none came in full."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpxClient:
    """Implements ``HttpClient``.

    ``timeout_s`` [s] bounds the silence before each packet, ``deadline_s`` [s] the whole call:
    connecting, redirects, headers and body, of which nothing is read where ``max_bytes`` [B] is 0.
    Certificates are those of the computer (``SSL_CERT_FILE``), and where ``proxies``, so are these
    (``HTTPS_PROXY``, ``NO_PROXY``); a proxy looks hosts up by itself. Nothing is kept between
    calls, no cookie either.
    """

    user_agent: str
    timeout_s: float = 10.0
    deadline_s: float = 60.0
    max_bytes: int = MAX_BYTES
    max_redirects: int = MAX_REDIRECTS
    proxies: bool = True
    transport: Transport | None = None

    def get(self, url: str, headers: Mapping[str, str]) -> HttpResponse:
        """The response. A redirect is followed on the same server only, never from HTTPS to HTTP.

        Raises ``FeedError``: no connection, silence, too slow, too large, cut off, packed in a
        way that was not asked for, or a redirect to elsewhere.
        """
        return self._sent("GET", url, headers, None)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        """The response to a body; raises as ``get`` does."""
        return self._sent("POST", url, headers, body)

    def _sent(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> HttpResponse:
        # Only an event loop can end a call at any byte; the caller's thread may have one already.
        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(asyncio.run, self.send(method, url, headers, body)).result()

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> HttpResponse:
        """The response, on the loop of the caller; raises as ``get`` does."""
        try:
            async with asyncio.timeout(self.deadline_s):
                return await self._response(method, url, headers, body)
        except TimeoutError as error:
            raise FeedError(f"the answer took longer than {self.deadline_s:g} s") from error
        except httpx.TimeoutException as error:
            raise FeedError(f"no answer for {self.timeout_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, zlib.error) as error:
            raise FeedError(f"no answer ({_reason(error)})") from error

    async def _response(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> HttpResponse:
        own = {"User-Agent": self.user_agent, "Accept-Encoding": "gzip"}
        client = httpx.AsyncClient(
            headers=own,
            timeout=self.timeout_s,
            transport=self.transport or self._to(url),
            trust_env=False,
            follow_redirects=self.max_redirects > 0,
            max_redirects=self.max_redirects,
            event_hooks={"request": [partial(refuse_elsewhere, httpx.URL(url))]},
        )
        async with client, client.stream(method, url, headers=headers, content=body) as got:
            answer = await self._body(got) if got.is_success and self.max_bytes else b""
            return HttpResponse(status=got.status_code, headers=dict(got.headers), body=answer)

    def _to(self, url: str) -> Transport:
        """The way to a server: through a proxy of the computer, or to an address that is checked.
        Raises ``FeedError`` for an address at which nothing of ours is taken."""
        proxy = _proxy_to(url) if self.proxies else None
        address = literal(urlsplit(url).hostname or "")
        if address is not None and is_for_nobody(address):
            raise FeedError(f"nothing of ours goes to {address}")
        way = httpx.AsyncHTTPTransport(verify=_certificates(), trust_env=False, proxy=proxy)
        return way if proxy else CheckedTransport(way)

    async def _body(self, got: httpx.Response) -> bytes:
        """The unpacked body. httpx unpacks without a limit and takes half a gzip for a whole one,
        so that is done here: never more than a byte beyond ``max_bytes``."""
        packed = _is_packed(got)
        unpack = zlib.decompressobj(_GZIP_WINDOW)
        body = bytearray()
        try:
            async for chunk in got.aiter_raw():
                room = self.max_bytes + 1 - len(body)
                body += unpack.decompress(chunk, room) if packed else chunk
                if max(len(body), got.num_bytes_downloaded) > self.max_bytes:
                    raise FeedError(f"the answer is larger than {self.max_bytes} bytes")
        except httpx.RemoteProtocolError as error:
            raise FeedError("the answer was cut off") from error
        if packed and not unpack.eof:
            raise FeedError("the answer was cut off")
        if packed and unpack.unused_data.strip(b"\x00"):
            raise FeedError("something else follows the packed answer")
        return bytes(body)


def _proxy_to(url: str) -> str | None:
    """The proxy by which the computer reaches a server; None where it reaches it itself."""
    parts = urlsplit(url)
    named = getproxies()
    proxy = named.get(parts.scheme) or named.get("all")
    return None if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]) else proxy


@cache
def _certificates() -> ssl.SSLContext:
    """The certificates of the computer, not those that come with httpx; reading them is slow."""
    return ssl.create_default_context()


async def refuse_elsewhere(asked: httpx.URL, request: httpx.Request) -> None:
    """Raises ``FeedError`` for a redirect to another host or port, or from HTTPS to HTTP."""
    to = request.url
    same_server = (to.host, to.port) == (asked.host, asked.port)
    if not same_server or (asked.scheme == "https" and to.scheme != "https"):
        there = f"{to.scheme}://{to.netloc.decode('ascii')}"
        raise FeedError(f"the provider redirects to {there[:200]}, which is not followed")


def _is_packed(got: httpx.Response) -> bool:
    """Whether the body is gzip. Raises ``FeedError`` for what was not asked for."""
    encoding: str = got.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise FeedError(f"the answer is packed as {encoding[:40]!r}, not as gzip")
    return encoding.endswith("gzip")


def _reason(error: BaseException) -> str:
    """What failed in the first place, on one line: httpx only says that something did."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    if isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno:
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    return (str(error) or type(error).__name__)[:200]
