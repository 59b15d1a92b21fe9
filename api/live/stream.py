"""Server-sent events: what changes at buildings, as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from api.deps import SITE_ID, PageReader, PortsDep, only_sites, sees
from api.live.changes import LiveChange, LiveChanges
from bms.services.site_lookup import site_named

BEAT_S = 15.0
"""How often a line goes out where nothing happens [s]: proxies end what is silent."""
LONGEST_S = 300.0
"""How long one stream lasts [s]; whoever listens comes back, and shows its key again."""
RETRY_MS = 3000
WAIT_S = 30

router = APIRouter(tags=["sites"])


class EventStream(StreamingResponse):
    """Events, one after the other."""

    media_type = "text/event-stream"


@router.get("/events", response_class=EventStream)
async def events(
    request: Request,
    ports: PortsDep,
    key: PageReader,
    site: Annotated[str | None, Query(pattern=SITE_ID, description="only about this site")] = None,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> EventStream:
    """What changes, as server-sent events: `receipt` (a point was written, given back or refused)
    and `decision` (somebody changed something). `reset` says that some may have been missed:
    ask again for what you show.

    With `Last-Event-ID` what was missed is told first. The stream ends after five minutes; come
    back with it. For keys that may read.
    """
    if site is not None:
        sees(key, site)
        site_named(ports.sites, site)
    changes: LiveChanges = request.app.state.changes
    if changes.full:
        wait = {"Retry-After": str(WAIT_S)}
        raise HTTPException(503, "too many listen already; ask again later", wait)
    return EventStream(_stream(site, changes, last_event_id, only_sites(ports, key)))


async def _stream(
    site: str | None, changes: LiveChanges, last_id: str | None, visible: frozenset[str] | None
) -> AsyncIterator[str]:
    async with changes.listening(site) as listener:
        yield f"retry: {RETRY_MS}\n\n"
        if last_id is not None:
            missed = changes.missed(last_id, listener.site)
            if missed is None:
                yield "event: reset\ndata: {}\n\n"
            for each in missed or ():
                if _seen_by(visible, each):
                    yield each.text()
        end = asyncio.get_running_loop().time() + LONGEST_S
        while (left := end - asyncio.get_running_loop().time()) > 0:
            try:
                async with asyncio.timeout(min(BEAT_S, left)):
                    change = await listener.waiting.get()
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if change is None:
                return
            if _seen_by(visible, change):
                yield change.text()


def _seen_by(visible: frozenset[str] | None, change: LiveChange) -> bool:
    """Whether it is of a site that whoever listens may see; None is all of them."""
    return visible is None or change.site in visible
