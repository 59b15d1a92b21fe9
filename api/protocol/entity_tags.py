"""Entity tags: whoever asks again for what has not changed is answered 304 without a body (RFC
9110, 8.8.3 and 13.1.2)."""

from __future__ import annotations

import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def matches(if_none_match: str, tag: str) -> bool:
    """Whether one of the tags of a header is this one, by weak comparison."""
    known = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return tag.removeprefix("W/") in known or known == ["*"]


class EntityTags:
    """Tags answers of ``GET`` in JSON below /v1 that come in one piece and have no tag yet."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] == "http" and scope["method"] == "GET"
        if not asked or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        known = Headers(scope=scope).get("if-none-match", "")
        await self._app(scope, receive, _Tagged(send, known).send)


class _Tagged:
    """One answer; its start waits for its body."""

    def __init__(self, send: Send, known: str) -> None:
        self._send, self._known = send, known
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _may_be_tagged(message):
            self._start = message
            return
        if self._start is not None:
            start, self._start = self._start, None
            if not message.get("more_body", False):
                message = self._tagged(start, message)
            await self._send(start)
        await self._send(message)

    def _tagged(self, start: Message, message: Message) -> Message:
        """The body, or none where it is known; the tag stands in ``start`` then."""
        headers = MutableHeaders(raw=start["headers"])
        tag = f'W/"{hashlib.sha256(message.get("body", b"")).hexdigest()[:32]}"'
        headers["ETag"] = tag
        if not matches(self._known, tag):
            return message
        start["status"] = 304
        for name in ("content-length", "content-type"):
            del headers[name]
        return {**message, "body": b""}


def _may_be_tagged(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    plain = headers.get("content-type", "").startswith("application/json")
    return start["status"] == 200 and plain and "etag" not in headers
