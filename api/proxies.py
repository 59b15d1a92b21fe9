"""Proxies in front of us: whose word we take on the client, on TLS and on the path we are below.

A path below which we are reached (``BMS_ROOT_PATH``, or ``X-Forwarded-Prefix`` of a trusted proxy)
is taken off before a route is looked for, whether the proxy did so or not, and put before every
address that goes out.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}){1,8}")
_ADDRESSES = re.compile(r'(\s(?:href|src|action)=")(/(?!/))')


class BehindProxies:
    """Believes proxies that are trusted; ``prefix`` is where we are when none says another place.

    What a route is told is without the prefix; it stands in ``scope["prefix"]``.
    """

    def __init__(self, app: ASGIApp, trusted: str, prefix: str) -> None:
        self._app = ProxyHeadersMiddleware(app, trusted_hosts=trusted)  # type: ignore[arg-type]
        self._trusted = tuple(name.strip() for name in trusted.split(",") if name.strip())
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)  # type: ignore[arg-type]
            return
        prefix = self._prefix_of(scope)
        if not prefix:
            await self._app(scope, receive, send)  # type: ignore[arg-type]
            return
        scope = {**scope, "prefix": prefix, "root_path": ""}
        for part, start in (("path", prefix), ("raw_path", prefix.encode())):
            path = scope.get(part)
            if path and path.startswith(start) and path[len(start) :][:1] in ("", b"", "/", b"/"):
                scope[part] = path[len(start) :] or start[:1]

        async def send_below(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                where = headers.get("location", "").removeprefix(_origin(scope))
                if where.startswith("/") and not where.startswith("//"):
                    headers["location"] = f"{prefix}{where}"
            await send(message)

        await self._app(scope, receive, send_below)  # type: ignore[arg-type]

    def _prefix_of(self, scope: Scope) -> str:
        given = Headers(scope=scope).get("x-forwarded-prefix", "").rstrip("/")
        if PREFIX.fullmatch(given) and self._trusts(scope):
            return given
        return self._prefix

    def _trusts(self, scope: Scope) -> bool:
        peer = scope["client"][0] if scope.get("client") else ""
        if "*" in self._trusted or peer in self._trusted:
            return True
        try:
            return any(ip_address(peer) in ip_network(each) for each in self._trusted)
        except ValueError:
            return False


def _origin(scope: Scope) -> str:
    """How an address of ours begins that the router has made whole, to leave out a slash."""
    return f"{scope.get('scheme', 'http')}://{Headers(scope=scope).get('host', '')}"


def below(prefix: str, html: str) -> str:
    """A page whose addresses of ours are below the prefix. Text of a page holds no such attribute:
    its quotes are escaped."""
    return _ADDRESSES.sub(rf"\g<1>{prefix}\g<2>", html) if prefix else html
