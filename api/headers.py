"""Headers of every answer, the answers to ``HEAD``, and the count of answers for ``/metrics``."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections import Counter
from itertools import count

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bms.reports import svg


def _chart_style_hash() -> str:
    """The CSP source of the style that every chart carries inside."""
    found = re.search("<style>(.*?)</style>", svg.sheet("", "", 1.0, ()), re.DOTALL)
    assert found is not None
    digest = hashlib.sha256(found[1].encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'self' {_chart_style_hash()}",
        "script-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


STRICT_TRANSPORT = "max-age=31536000"
"""A year without plain HTTP (RFC 6797), said over HTTPS only."""
_OVER_HTTP = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_OVER_TLS = [*_OVER_HTTP, (b"strict-transport-security", STRICT_TRANSPORT.encode())]
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods that are counted by name. A client may send any word as one; those are counted together,
so that their number stays bounded."""


_OURS, _NUMBERS = secrets.token_hex(4), count()
"""What identifiers of this process begin with, and their number."""
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


def _request_id(scope: Scope) -> str:
    """The identifier that a client or a proxy gave the request, or a new one: it stands in the
    answer, and in the log where something failed."""
    given = next((v for name, v in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if REQUEST_ID.fullmatch(given) else f"{_OURS}{next(_NUMBERS):08x}"


class HeadersMiddleware:
    """Adds the security headers where the answer has none of its own and an identifier, and counts
    answers."""

    def __init__(self, app: ASGIApp, answers: Counter[tuple[str, int]]) -> None:
        self._app = app
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                given = {name.lower() for name, _ in headers}
                ours = _OVER_TLS if scope.get("scheme") == "https" else _OVER_HTTP
                headers += [(name, value) for name, value in ours if name not in given]
                message = {**message, "headers": [*headers, (b"x-request-id", request_id.encode())]}
                method = scope["method"] if scope["method"] in METHODS else "OTHER"
                self._answers[method, message["status"]] += 1
            await send(message)

        await self._app(scope, receive, send_with_headers)


ENDLESS = "/events"
"""Streams have no end that could be waited for."""


class HeadAsGet:
    """Answers ``HEAD`` wherever ``GET`` is (RFC 9110, 9.3.2): the same head, no body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] == "http" and scope["method"] == "HEAD"
        if not asked or scope["path"].endswith(ENDLESS):
            await self._app(scope, receive, send)
            return

        async def head(message: Message) -> None:
            bare = {**message, "body": b""} if "body" in message else message
            await send(bare)

        await self._app({**scope, "method": "GET"}, receive, head)
