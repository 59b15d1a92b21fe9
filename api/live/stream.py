"""Server-sent events: what changes at buildings, as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.access.actors import still_good
from api.deps import SITE_ID, PageReader, PortsDep, only_sites, sees
from api.failed_keys import sender_of
from api.live.changes import Listener, LiveChange, LiveChanges
from api.problems import problem
from bms.errors import BmsError
from bms.services.site_lookup import site_named

BEAT_S = 15.0
"""How often a line goes out where nothing happens [s]: proxies end what is silent."""
LONGEST_S = 300.0
"""How long one stream lasts [s]; whoever listens comes back, and shows its key again."""
LOOK_AGAIN_S = 1.0
"""How long it counts that a key or session was found good [s]."""
RETRY_MS = 3000
WAIT_S = 30

router = APIRouter(tags=["sites"])


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedEvents:
    """What is asked for, and by whom: of one ``site`` or all, after ``last_id``, of those that are
    ``visible`` (None: all). ``good`` says whether they still may; None where anybody may."""

    site: str | None
    who: str
    last_id: str | None
    visible: frozenset[str] | None
    good: Callable[[], bool] | None = None


class EventStream(StreamingResponse):
    """What a listener is told, one event after the other; 503 where there is no room for it.

    Its place is taken when the answer begins: of many who ask at once none is one too many.
    """

    media_type = "text/event-stream"

    def __init__(self, changes: LiveChanges, asked: AskedEvents) -> None:
        self._changes, self._asked = changes, asked
        super().__init__(())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._changes.has_room(self._asked.who):
            wait = {"Retry-After": str(WAIT_S), "Connection": "close"}
            told = "too many listen already; ask again later"
            await problem(Request(scope), 503, told, headers=wait)(scope, receive, send)
            return
        async with self._changes.listening(self._asked.site, self._asked.who) as listener:
            self.body_iterator = _stream(listener, self._changes, self._asked)
            await super().__call__(scope, receive, send)


@router.get("/events", status_code=200, response_class=EventStream)
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
    back with it. It ends, too, with the key or session that asked. For keys that may read.
    """
    if site is not None:
        sees(key, site)
        site_named(ports.sites, site)
    asked = AskedEvents(
        site=site,
        who=sender_of(request) if key is None else key.session or key.id,
        last_id=last_event_id,
        visible=only_sites(ports, key),
        good=None if key is None else partial(still_good, request),
    )
    return EventStream(request.app.state.changes, asked)


async def _stream(
    listener: Listener, changes: LiveChanges, asked: AskedEvents
) -> AsyncIterator[str]:
    yield f"retry: {RETRY_MS}\n\n"
    if asked.last_id is not None:
        missed = changes.missed(asked.last_id, asked.site)
        if missed is None:
            yield "event: reset\ndata: {}\n\n"
        for each in missed or ():
            if _seen_by(asked.visible, each):
                yield each.text()
    now = asyncio.get_running_loop().time
    end, looked = now() + LONGEST_S, float("-inf")
    while (left := end - now()) > 0:
        told = await _next(listener, asked, min(BEAT_S, left))
        if told is None:
            return
        if now() - looked >= LOOK_AGAIN_S:
            if not await _still_good(asked):
                return
            looked = now()
        yield told


async def _next(listener: Listener, asked: AskedEvents, patience_s: float) -> str | None:
    """What is told next, a line of no meaning where nothing comes for ``patience_s`` [s]; None
    where nothing will come any more."""
    with suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            while (change := await listener.waiting.get()) is not None:
                if _seen_by(asked.visible, change):
                    return change.text()
            return None
    return ": still here\n\n"


async def _still_good(asked: AskedEvents) -> bool:
    """Whether whoever listens may still do so; not where it cannot be found out."""
    with suppress(BmsError):
        return asked.good is None or await run_in_threadpool(asked.good)
    return False


def _seen_by(visible: frozenset[str] | None, change: LiveChange) -> bool:
    """Whether it is of a site that whoever listens may see; None is all of them."""
    return visible is None or change.site in visible
