"""JSON answers without characters that a reader would obey, whichever route made them.

RFC 8259 escapes U+0000 to U+001F only. The others stand as they are in what a serialiser writes,
and a terminal that shows the answer takes U+009B for the start of an order (CWE-150). In JSON they
can stand in texts only, where ``\\uXXXX`` means the same.
"""

from __future__ import annotations

import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OBEYED = re.compile(rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xa9]")
"""The UTF-8 of what ``bms.model.outside_text.obeyed`` names, beyond what JSON itself escapes."""
BEGINS = (b"\x7f", b"\xc2", b"\xe2\x80", b"\xe2\x81")
_BEGUN = re.compile(rb"(?:\xc2|\xe2[\x80\x81]?)\Z")
_JSON = re.compile(r"application/(?:[\w.-]+\+)?json|text/event-stream")


def escaped(text: bytes) -> bytes:
    """Returns JSON with these characters as ``\\uXXXX``."""
    if not any(begin in text for begin in BEGINS):  # a tenth of the time for megabytes of numbers
        return text
    return OBEYED.sub(lambda found: rb"\u%04x" % ord(found[0].decode()), text)


class JsonMiddleware:
    """Escapes answers of JSON, and events, which hold JSON."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _Escaping(send).send)


class _Escaping:
    """One answer. Its start waits for the first part of its body, which may change its length; the
    start of a character at the end of a part waits for the next."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._json = False
        self._kept = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = MutableHeaders(raw=message["headers"]).get("content-type", "")
            self._json = _JSON.match(kind) is not None
            if self._json:
                self._start = message
                return
        elif self._json and message["type"] == "http.response.body":
            message = self._body(message)
            if self._start is not None:
                start, self._start = self._start, None
                await self._send(start)
        await self._send(message)

    def _body(self, message: Message) -> Message:
        body, more = self._kept + message.get("body", b""), message.get("more_body", False)
        begun = _BEGUN.search(body) if more else None
        whole, self._kept = (body[: begun.start()], begun[0]) if begun else (body, b"")
        clean = escaped(whole)
        if self._start is not None:
            _set_length(MutableHeaders(raw=self._start["headers"]), len(clean), whole, more=more)
        return {**message, "body": clean}


def _set_length(headers: MutableHeaders, length: int, whole: bytes, *, more: bool) -> None:
    if "content-length" not in headers:
        return
    if more:
        del headers["content-length"]
    elif whole:  # an answer to HEAD keeps the length of what it stands for
        headers["content-length"] = str(length)
