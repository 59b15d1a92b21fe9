"""What routes ask for: the ports, the site of a path, and a key that is allowed to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Depends, Path, Query, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from api.access.cookies import SESSION, cookie
from api.access.csrf import own_form
from api.failed_keys import FailedKeys
from api.ports import ApiPorts
from bms.errors import ConfigError
from bms.model.assets.site import Site
from bms.ports.storage.time_limit import database_time_limit
from bms.services.api_keys import Key, KnownKeys, find_key
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.site_lookup import site_named

SAFE_METHODS = ("GET", "HEAD")
SITE_ID = r"^[a-z0-9][a-z0-9_-]{0,63}$"
FULL_ID = r"^[a-z0-9][a-z0-9_-]{0,63}/[A-Za-z0-9_.-]{1,128}$"
METER_ID = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$"
MADE_ID = r"^[A-Za-z0-9_-]{1,64}$"

WHERE_TO_GET_A_KEY = "send one as 'Authorization: Bearer bms_…'; make one with 'bms keys create'"


def ports_of(request: Request) -> ApiPorts:
    ports: ApiPorts = request.app.state.ports
    return ports


def book_of(request: Request) -> SavingsCache:
    cache: SavingsCache = request.app.state.savings
    return cache


def failed_keys_of(request: Request) -> FailedKeys:
    failed: FailedKeys = request.app.state.failed_keys
    return failed


def keys_of(request: Request) -> KnownKeys:
    keys: KnownKeys = request.app.state.keys
    return keys


PortsDep = Annotated[ApiPorts, Depends(ports_of)]
KeysDep = Annotated[KnownKeys, Depends(keys_of)]
CacheDep = Annotated[SavingsCache, Depends(book_of)]


def key_text(request: Request) -> str | None:
    """The key of a request. What changes something takes a cookie with a form of our own pages
    only, so that no other page can do it in the name of somebody who is logged in."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and text:
        return text.strip()
    by_cookie = request.method in SAFE_METHODS or takes_own_form(request)
    return cookie(request, SESSION) if by_cookie else None


def takes_own_form(request: Request) -> bool:
    """Whether the route of a request reads a form that bears the token of our pages."""
    route = request.scope.get("route")
    return isinstance(route, APIRoute) and any(
        each.call is own_form for each in route.dependant.dependencies
    )


def optional_key(request: Request, ports: PortsDep, keys: KeysDep) -> Key | None:
    """Who asks; None without a key or with one that is not (or no longer) valid."""
    text = key_text(request)
    if not text:
        return None
    with database_time_limit(None):  # one row; it waits for no turn behind the large questions
        found = find_key(keys, text, ports.clock.now())
    if found is None:
        failed_keys_of(request).count(request)
    return found


def any_key(key: Annotated[Key | None, Depends(optional_key)]) -> Key:
    if key is None:
        raise HTTPException(
            401,
            f"A valid key is needed: {WHERE_TO_GET_A_KEY}",
            {"WWW-Authenticate": 'Bearer realm="bms"'},
        )
    return key


AnyKey = Annotated[Key, Depends(any_key)]


def reader(key: AnyKey) -> Key:
    if not key.may_read:
        raise HTTPException(403, f"The key {key.name!r} may not read; scope 'read' may")
    return key


def operator(key: AnyKey) -> Key:
    if not key.may_operate:
        raise HTTPException(403, f"The key {key.name!r} may not operate; scope 'operate' may")
    return key


def pusher(key: AnyKey) -> Key:
    if not key.may_ingest:
        raise HTTPException(403, f"The key {key.name!r} may not push; scope 'ingest' may")
    return key


Pusher = Annotated[Key, Depends(pusher)]
Reader = Annotated[Key, Depends(reader)]
Operator = Annotated[Key, Depends(operator)]


def controller_id(
    key: AnyKey, device_id: Annotated[str, Path(pattern=FULL_ID, examples=["school/rooms"])]
) -> str:
    """The controller of the path, if the key is its own or may operate."""
    if not key.may_fetch(device_id):
        raise HTTPException(403, f"The key {key.name!r} is not the one of controller {device_id}")
    return device_id


ControllerId = Annotated[str, Depends(controller_id)]


def path_site(
    ports: PortsDep, site_id: Annotated[str, Path(pattern=SITE_ID, examples=["school"])]
) -> Site:
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
