"""The audit, for those who may operate."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from api.deps import SITE_ID, Limit, Operator, PortsDep
from api.schemas.people import AuditPage
from bms.model.control.audit import Action, AuditSearch

router = APIRouter(prefix="/audit", tags=["people"])

SiteId = Annotated[str | None, Query(pattern=SITE_ID, description="only about this site")]
Actor = Annotated[str | None, Query(max_length=200, description="only what this person did")]
Number = Annotated[
    str | None, Query(pattern=r"^\d{1,18}$", description="`next` of the answer before")
]


def audit_search(
    site: SiteId = None,
    actor: Actor = None,
    action: Action | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
) -> AuditSearch:
    """The filters of a request."""
    return AuditSearch(site=site, actor=actor, action=action, since=since, until=until)


@router.get("")
def audit(
    ports: PortsDep,
    key: Operator,
    search: Annotated[AuditSearch, Depends(audit_search)],
    limit: Limit = 100,
    cursor: Number = None,
) -> AuditPage:
    """What people did, the newest first: who, what, when and why, from ``since`` to before
    ``until``. Modes, overrides, bookings, trials and keys; no entry is ever changed or removed.
    """
    before = None if cursor is None else int(cursor)
    page = replace(search, before=before, most=limit + 1)
    return AuditPage.of(ports.control.ledgers.audit(page), limit)
