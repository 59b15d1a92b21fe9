"""``HEAD`` is answered wherever ``GET`` is (RFC 9110, 9.3.2): the same head, no body."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ENDLESS = "/events"
"""Streams have no end that could be waited for."""


class HeadAsGet:
    """Asks for the whole answer and sends its head alone."""

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
