"""For those who keep the backend running: alive, ready, counters."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Depends, Request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from pydantic import (
    Field,
)
from starlette.responses import PlainTextResponse

from api.access.rules import anybody
from api.deps import PageReader, PortsDep, at_every_site
from api.metrics import spool_sentence, spool_state
from api.schemas.base import Answer
from bms.errors import StoreUnavailable
from bms.model.access.grant import Permission


class Health(Answer):
    status: Literal["ok"] = "ok"


class Ready(Answer):
    status: Literal["ready"] = "ready"
    sites: int
    time: datetime
    waiting: int = Field(0, description="readings on disk that the database does not have yet")
    left_out: int = Field(0, description="site files with a mistake; their buildings are not run")
    lost: int = Field(0, description="readings that waited, or should have, and are gone")


router = APIRouter(tags=["operations"])


@router.get("/healthz", dependencies=[Depends(anybody)])
async def healthz() -> Health:
    """The process answers."""
    return Health()


@router.get("/readyz", dependencies=[Depends(anybody)])
def readyz(ports: PortsDep) -> Ready:
    """The database answers, too. What waits for it on disk is counted either way."""
    state = spool_state(ports)
    try:
        ports.keys.keys()
    except StoreUnavailable as error:
        raise StoreUnavailable(". ".join(filter(None, (str(error), spool_sentence(state))))) from (
            error
        )
    return Ready(
        sites=len(ports.sites),
        time=ports.clock.now(),
        waiting=sum(state.waiting.values()),
        left_out=len({mistake.file for mistake in ports.site_mistakes()}),
        lost=sum(state.lost.values()),
    )


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request, key: PageReader) -> PlainTextResponse:
    """Counters and ages in the text format of Prometheus. A key, unless the pages are open.

    While the database is away (``bms_database_up`` 0) what it knows is left out. A key cannot be
    looked up then: the answer is 503, and ``/readyz`` says how much waits.
    """
    if key is not None:
        at_every_site(key, Permission.VIEW)
    registry: CollectorRegistry = request.app.state.metrics
    return PlainTextResponse(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)
