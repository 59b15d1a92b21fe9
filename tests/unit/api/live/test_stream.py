"""Server-sent events over HTTP: who may listen, and the shape of the stream."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from api.live.changes import MOST_LISTENERS, Listener
from bms.model.control.command import Accepted
from tests.rigs.fakes.api import NOW, World, a_command, a_world

PATIENCE_S = 5.0


class Stream:
    """One request for events to the application itself, which sends on and on."""

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


async def test_events_come_as_they_happen_and_uncompressed(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    async with Stream(world, "site=lodge", **world.key("read")) as stream:
        status, headers = await stream.start()
        assert status == 200
        assert headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in headers
        assert headers["cache-control"] == "no-store"
        assert "retry: 3000" in await stream.until("\n\n")
        while world.app.state.changes._last_audit is None:
            await asyncio.sleep(0.01)
        world.store.add_receipts([Accepted(a_command("c1", NOW, 18.0), 18.0)], NOW)
        assert "event: receipt" in await stream.until("\n\n")
    assert not world.app.state.changes._listeners, "who is gone is forgotten"


async def test_who_comes_back_too_late_is_told_to_ask_again(tmp_path: Path) -> None:
    world = a_world(tmp_path, open_dashboard=True)
    async with Stream(world, last_event_id="old-7") as stream:
        await stream.start()
        assert "event: reset\ndata: {}" in await stream.until("reset")


async def test_who_may_not_read_may_not_listen(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    async with world.browser() as browser:
        assert (await browser.get("/v1/events")).status_code == 401
        pusher = await browser.get("/v1/events", headers=world.key("ingest"))
        assert pusher.status_code == 403
        unknown = await browser.get("/v1/events?site=castle", headers=world.key("read"))
        assert unknown.status_code == 404


async def test_there_is_room_for_so_many(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    world.app.state.changes._listeners += [Listener(None)] * MOST_LISTENERS
    async with world.browser(**world.key("read")) as browser:
        answer = await browser.get("/v1/events")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"
