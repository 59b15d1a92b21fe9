"""Server-sent events over HTTP: who may listen, and the shape of the stream."""

from __future__ import annotations

import asyncio
from pathlib import Path

from api.live.changes import MOST_LISTENERS, Listener
from bms.model.control.command import Accepted
from tests.rigs.fakes.api import NOW, a_command, a_world
from tests.rigs.web.event_stream import Stream


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
    world.app.state.changes._listeners += [Listener(None, "")] * MOST_LISTENERS
    async with world.browser(**world.key("read")) as browser:
        answer = await browser.get("/v1/events")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"
