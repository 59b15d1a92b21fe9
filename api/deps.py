"""What routes ask for: the ports, the site of a path, and a key that is allowed to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, TypeVar

from fastapi import Depends, Path, Query, Request

from api.access.actors import actor_of
from api.access.rules import Needs, rule_of
from api.ports import ApiPorts
from bms.errors import ConfigError, NotFound
from bms.model.access.actor import Actor
from bms.model.access.grant import Permission
from bms.model.assets.site import Site
from bms.model.control.evidence import CITY
from bms.model.work.item import WorkItem
from bms.services.access.authorise import Reach, authorise
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.privacy.seen import PersonalViews
from bms.services.site_lookup import site_named

SITE_ID = r"^[a-z0-9][a-z0-9_-]{0,63}$"
FULL_ID = r"^[a-z0-9][a-z0-9_-]{0,63}/[A-Za-z0-9_.-]{1,128}$"
METER_ID = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$"
MADE_ID = r"^[A-Za-z0-9_-]{1,64}$"


def ports_of(request: Request) -> ApiPorts:
    """The ports, with the sites that whoever asks may ask about."""
    ports: ApiPorts = request.app.state.ports
    visible = visible_sites(request)
    if visible is None:
        return ports
    return replace(ports, sites=visible, assessment=replace(ports.assessment, sites=visible))


def book_of(request: Request) -> SavingsCache:
    """The savings of the sites that whoever asks may ask about."""
    cache: SavingsCache = request.app.state.savings
    visible = visible_sites(request)
    return cache if visible is None else cache.limited_to(visible)


def visible_sites(request: Request) -> dict[str, Site] | None:
    """The sites of somebody who is limited to some of them; None for all."""
    rule = rule_of(request.scope.get("route"))
    wanted = rule.permission if isinstance(rule, Needs) else None
    actor = None if wanted is None else actor_of(request)
    if actor is None or wanted is None or actor.may_everywhere(wanted):
        return None
    sites: Mapping[str, Site] = request.app.state.ports.sites
    return {id_: site for id_, site in sites.items() if actor.may(wanted, id_)}


def views_of(request: Request) -> PersonalViews:
    """Where it is noted who sees series about people."""
    views: PersonalViews = request.app.state.views
    return views


ViewsDep = Annotated[PersonalViews, Depends(views_of)]
PortsDep = Annotated[ApiPorts, Depends(ports_of)]
CacheDep = Annotated[SavingsCache, Depends(book_of)]


Reader = Annotated[Actor, Depends(Needs(Permission.VIEW))]
Operator = Annotated[Actor, Depends(Needs(Permission.OPERATE))]
Recorder = Annotated[Actor, Depends(Needs(Permission.RECORD))]
Assessor = Annotated[Actor, Depends(Needs(Permission.ASSESS))]
Tracer = Annotated[Actor, Depends(Needs(Permission.TRACE))]
Auditor = Annotated[Actor, Depends(Needs(Permission.AUDIT))]
Administrator = Annotated[Actor, Depends(Needs(Permission.ADMINISTER))]
Pusher = Annotated[Actor, Depends(Needs(Permission.PUSH))]
FETCHES = Needs(Permission.FETCH)
Fetcher = Annotated[Actor, Depends(FETCHES)]
PageReader = Annotated[Actor | None, Depends(Needs(Permission.VIEW, open_pages=True))]
"""Who reads a page; None where the dashboard is open and nobody has signed in."""
SignedInPerson = Annotated[Actor, Depends(Needs(None))]
ControllerId = Annotated[str, Path(alias="device_id", pattern=FULL_ID, examples=["school/rooms"])]


def at_every_site(actor: Actor, permission: Permission) -> None:
    """Raises ``NotPermitted`` where the actor is limited to some buildings."""
    authorise(actor, permission, Reach.EVERYWHERE)


def only_sites(ports: ApiPorts, actor: Actor | None) -> frozenset[str] | None:
    """The sites of somebody who sees some of them only; None for all."""
    if actor is None or actor.may_everywhere(Permission.VIEW):
        return None
    return frozenset(ports.sites)


def sees(actor: Actor | None, site: str | None) -> None:
    """Raises ``NotPermitted`` where a site was named that the actor does not see."""
    if actor is not None and site is not None:
        authorise(actor, Permission.VIEW, site)


def asked_sites(site: str | None, ports: ApiPorts, key: Actor | None) -> list[str]:
    """The sites that were asked about; what is of no site is for who sees all of them."""
    if site is not None:
        sees(key, site)
        return [site_named(ports.sites, site).id]
    whole = key is None or key.may_everywhere(Permission.VIEW)
    return [*ports.sites, *([CITY] if whole else [])]


def permitted_item(ports: ApiPorts, key: Actor, permission: Permission, item_id: str) -> WorkItem:
    """An item of a site at which this is permitted. Raises ``NotFound``, ``NotPermitted``."""
    item = ports.work.item(item_id)
    found_by(key, item.cause.site, f"there is no item {item_id!r} on the work list")
    authorise(key, permission, Reach.EVERYWHERE if item.cause.site == CITY else item.cause.site)
    return item


def found_by(actor: Actor, site: str, nothing: str) -> None:
    """Raises ``NotFound`` with ``nothing``, the words for what is not there, where the actor does
    not see the site: which ids there are, and of which building, is for those who see it."""
    sees_all = actor.may_everywhere(Permission.VIEW)
    if not sees_all and (site == CITY or not actor.may(Permission.VIEW, site)):
        raise NotFound(nothing)


SiteId = Annotated[str, Path(pattern=SITE_ID, examples=["school"])]


def path_site(ports: PortsDep, site_id: SiteId) -> Site:
    """The site of the path. Raises ``NotFound``."""
    return site_named(ports.sites, site_id)


SiteDep = Annotated[Site, Depends(path_site)]
Limit = Annotated[int, Query(ge=1, le=1000, description="rows in this answer")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the answer before")]
Period = Annotated[
    str | None,
    Query(
        pattern=r"^\d{4}-\d{2}-\d{2}\.\.\d{4}-\d{2}-\d{2}$",
        description="local dates, the last one exclusive",
        examples=["2018-01-14..2019-01-14"],
    ),
]


T = TypeVar("T")


def page_of(
    rows: Sequence[T], id_of: Callable[[T], str], limit: int, cursor: str | None
) -> tuple[list[T], str | None]:
    """Rows after the one whose id is ``cursor``, in their order, and the cursor of the next page.

    Raises ``ConfigError`` for a cursor that none of the rows has.
    """
    first = 0
    if cursor is not None:
        ids = [id_of(row) for row in rows]
        if cursor not in ids:
            raise ConfigError(f"there is no row {cursor!r}; begin without a cursor")
        first = ids.index(cursor) + 1
    after = rows[first : first + limit]
    return list(after), id_of(after[-1]) if first + limit < len(rows) else None
