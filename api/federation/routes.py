"""The API and the page of a process that reads other backends."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.deps import Cursor, Limit, PageReader, PortsDep, Reader, at_every_site, page_of
from api.federation.answers import (
    FederatedConsumptionAnswer,
    FederatedSavingsAnswer,
    FederatedSiteAnswer,
    UpstreamAnswer,
    consumption_of,
    sites_of,
    total_of,
    upstreams_of,
)
from api.federation.page import federation_view
from api.pages.render import render, translator_of
from api.schemas.savings import SavingSumAnswer
from bms.model.access.grant import Permission
from bms.model.savings.upstream import UpstreamLook

router = APIRouter(tags=["federation"])
pages = APIRouter(include_in_schema=False)


def looks_of(ports: PortsDep) -> tuple[UpstreamLook, ...]:
    """How the upstreams were seen last."""
    federation = ports.federation
    return () if federation is None else tuple(federation.looks())


Looks = Annotated[tuple[UpstreamLook, ...], Depends(looks_of)]


@router.get("/upstreams")
def upstreams(ports: PortsDep, key: Reader, looks: Looks) -> list[UpstreamAnswer]:
    """Every backend that is read: whether it answers, what it told last, and how old that is."""
    at_every_site(key, Permission.VIEW)
    return upstreams_of(looks, ports.clock.now())


@router.get("/portfolio/savings")
def federated_savings(
    ports: PortsDep, key: Reader, looks: Looks, limit: Limit = 100, cursor: Cursor = None
) -> FederatedSavingsAnswer:
    """The saving of all portfolios together, of each, and of every building (`upstream/site`).

    A backend that is silent is named, and counts with the last numbers that it told.
    """
    at_every_site(key, Permission.VIEW)
    rows, after = page_of(sites_of(looks), _id, limit, cursor)
    return FederatedSavingsAnswer(
        portfolio=SavingSumAnswer.model_validate(total_of(looks)),
        upstreams=upstreams_of(looks, ports.clock.now()),
        sites=rows,
        next=after,
    )


@router.get("/portfolio/consumption")
def federated_consumption(ports: PortsDep, key: Reader, looks: Looks) -> FederatedConsumptionAnswer:
    """What all buildings of all backends used this year, with its CO2, by commodity: together, and
    of each backend as it told last."""
    at_every_site(key, Permission.VIEW)
    return consumption_of(looks, ports.clock.now())


def _id(row: FederatedSiteAnswer) -> str:
    return f"{row.upstream}/{row.site}"


@pages.get("/")
def federation_page(request: Request, ports: PortsDep, key: PageReader, looks: Looks) -> Response:
    """The portfolio of portfolios."""
    if key is not None:
        at_every_site(key, Permission.VIEW)
    t = translator_of(request)
    page = federation_view(looks, ports.clock.now(), t)
    return render(request, "federation.html", {"t": t, "page": page})
