"""Feeds of the work list, read-only, for whoever shows a token of the file of notices."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.access.actors import failed_keys_of
from api.access.rules import anybody
from api.deps import PortsDep
from api.ports import ApiPorts
from bms.model.control.evidence import CITY
from bms.model.work.item import WorkItem
from bms.model.work.recipient import Subscription
from bms.notices.subscriptions import calendar, rss, wanted
from bms.services.api_keys import digest

router = APIRouter(prefix="/feeds", include_in_schema=False, dependencies=[Depends(anybody)])

Token = Annotated[str, Query(max_length=200)]


@router.get("/work.rss")
def work_rss(request: Request, ports: PortsDep, token: Token = "") -> Response:
    """Open items for a reader of feeds."""
    known = _known(request, ports, token)
    body = rss(known, _items(known, ports), ports.sites, _base(request, ports))
    return _private(body, "application/rss+xml; charset=utf-8")


@router.get("/work.ics")
def work_ics(request: Request, ports: PortsDep, token: Token = "") -> Response:
    """Open items for a calendar."""
    known, now = _known(request, ports, token), ports.clock.now()
    body = calendar(known, _items(known, ports), ports.sites, _base(request, ports), now)
    return _private(body, "text/calendar; charset=utf-8")


def _known(request: Request, ports: ApiPorts, token: str) -> Subscription:
    """Whose token it is. Raises ``HTTPException`` 403; wrong ones are counted like wrong keys."""
    shown = digest(token)
    for each in ports.subscriptions:
        if hmac.compare_digest(each.token, shown):
            return each
    failed_keys_of(request).count(request)
    raise HTTPException(403, "no feed has this token; 'bms notify token' makes one")


def _items(known: Subscription, ports: ApiPorts) -> list[WorkItem]:
    return wanted(known, ports.work.items([*ports.sites, CITY]), ports.clock.now())


def _base(request: Request, ports: ApiPorts) -> str:
    return ports.base_url or str(request.base_url).rstrip("/")


def _private(body: bytes, kind: str) -> Response:
    return Response(body, media_type=kind, headers={"cache-control": "private, max-age=300"})
