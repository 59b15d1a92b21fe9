"""Who asks: by the key of a request, or by the cookie of a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fastapi import Request
from fastapi.routing import APIRoute

from api.access.cookies import SESSION, cookie
from api.access.csrf import own_form
from api.failed_keys import FailedKeys
from api.ports import ApiPorts
from bms.model.access.actor import Actor
from bms.ports.storage.time_limit import database_time_limit
from bms.services.access.sessions import find_session
from bms.services.api_keys import KnownKeys, find_key

SAFE_METHODS = ("GET", "HEAD")
_FOUND = "bms.actor"


def failed_keys_of(request: Request) -> FailedKeys:
    failed: FailedKeys = request.app.state.failed_keys
    return failed


def actor_of(request: Request) -> Actor | None:
    """Who asks; None without a key or session, or with one that is not (or no longer) good.

    It is found once for a request. A wrong key is counted: raises ``HTTPException`` 429 where
    there were too many. A session that is over is not: it was good once, its browser sends it until
    somebody signs in again, and nobody guesses the token of another.
    """
    if _FOUND not in request.scope:
        with database_time_limit(None):  # a row; it waits for no turn behind large questions
            request.scope[_FOUND] = _found(request)
    actor: Actor | None = request.scope[_FOUND]
    return actor


def shown_actor(request: Request, actor: Actor | None) -> Actor | None:
    """``actor_of`` where whose key the request shows was looked up before."""
    request.scope[_FOUND] = _known(request, actor)
    return found_before(request)


def found_before(request: Request) -> Actor | None:
    """Who asks, if that was found out for this request already; asks no database."""
    actor: Actor | None = request.scope.get(_FOUND)
    return actor


def _found(request: Request) -> Actor | None:
    if key_text(request) is None and not _session_token(request):
        return None
    return _known(request, _shown(request))


def _shown(request: Request) -> Actor | None:
    """Whose key or session the request shows; None where it is not good, or no longer."""
    ports: ApiPorts = request.app.state.ports
    keys: KnownKeys = request.app.state.keys
    at, text = ports.clock.now(), key_text(request)
    if text is not None:
        return find_key(keys, text, at)
    token = _session_token(request) or ""
    return find_session(ports.people, keys, token, now=ports.people_clock.now(), at=at)


def still_good(request: Request) -> bool:
    """Whether the key or session of a request that goes on is good yet; asks the database."""
    with database_time_limit(None):
        return _shown(request) is not None


def _known(request: Request, found: Actor | None) -> Actor | None:
    """The actor with the buildings of its groups; a key of nobody is counted."""
    if found is None:
        if key_text(request) is not None:
            failed_keys_of(request).count(request)
        return None
    if not any(grant.groups for grant in found.grants):
        return found
    members: Mapping[str, frozenset[str]] = request.app.state.ports.groups
    return replace(found, grants=tuple(grant.resolved(members) for grant in found.grants))


def key_text(request: Request) -> str | None:
    """The text of the key that a request shows."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" and text else None


def _session_token(request: Request) -> str | None:
    """The token of the session. What changes something takes it with a form of our own pages only,
    so that no other page can do it in the name of somebody who has signed in."""
    by_cookie = request.method in SAFE_METHODS or _takes_own_form(request)
    return cookie(request, SESSION) if by_cookie else None


def _takes_own_form(request: Request) -> bool:
    route = request.scope.get("route")
    return isinstance(route, APIRoute) and any(
        each.call is own_form for each in route.dependant.dependencies
    )
