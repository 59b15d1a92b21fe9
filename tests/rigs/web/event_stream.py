"""A request for events to the application itself, which sends on and on."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.rigs.fakes.api import World

PATIENCE_S = 5.0


class Stream:
    """One request for events."""

    def __init__(self, world: World, query: str = "", **headers: str) -> None:
        self._world = world
        self._gone = asyncio.Event()
        self.messages: asyncio.Queue[Any] = asyncio.Queue()
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/v1/events",
            "raw_path": b"/v1/events",
            "query_string": query.encode(),
            "root_path": "",
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
            "headers": [
                (b"host", b"localhost"),
                (b"accept-encoding", b"gzip"),
                *((k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()),
            ],
        }

    async def __aenter__(self) -> Stream:
        self._task = asyncio.create_task(
            self._world.app(self._scope, self._receive, self.messages.put)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.set()
        await asyncio.wait_for(self._task, PATIENCE_S)

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def start(self) -> tuple[int, dict[str, str]]:
        found = await asyncio.wait_for(self.messages.get(), PATIENCE_S)
        headers = {k.decode(): v.decode() for k, v in found["headers"]}
        return found["status"], headers

    async def until(self, wanted: str) -> str:
        """What came until ``wanted`` was in it."""
        text = ""
        while wanted not in text:
            text += (await asyncio.wait_for(self.messages.get(), PATIENCE_S))["body"].decode()
        return text

    async def rest(self) -> str:
        """What came until the other side ended it."""
        text, more = "", True
        while more:
            found = await asyncio.wait_for(self.messages.get(), PATIENCE_S)
            text, more = text + found["body"].decode(), found.get("more_body", False)
        return text
