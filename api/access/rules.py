"""What each route asks for, and the question put before its body is read.

A route declares its rule by a dependency: ``Depends(Needs(Permission.VIEW))``, or
``Depends(anybody)`` where nobody has to be known. The building is the one of the path; where there
is none in it, it is enough that somebody may do so anywhere, and what is shown and changed is
limited to their buildings by ``api.deps.ports_of``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.types import Message, Receive, Scope

from api.access.actors import actor_of
from api.ports import ApiPorts
from api.statuses import as_http
from bms.errors import BmsError
from bms.model.access.actor import Actor
from bms.model.access.grant import Permission
from bms.ports.storage.time_limit import database_time_limit
from bms.services.access.authorise import Reach, authorise

OPEN = frozenset({"/openapi.json", "/static"})
"""Paths that are no routes of ours and are for anybody: the description of the API and the files
that pages need."""


LOOKING = frozenset({Permission.VIEW, Permission.VIEW_PERSONAL, Permission.TRACE, Permission.AUDIT})
"""What those may who change nothing."""
FOR_PROBES = frozenset({"/healthz", "/readyz"})
"""Paths that a service manager asks for under whatever name it knows; they repeat nothing."""
VIEWERS_AT_ONCE = 24
"""Requests [1] that only look and are answered at a time; the server has 40 threads."""
MANY_CONTROLLERS = 10
"""Controllers [1] that ask within a second and are made way for."""
MAKES_WAY_S = 0.1
"""How long after one who looks the next one is answered meanwhile [s]."""


class Turns:
    """Who is answered when: those who look take turns, so that threads are left for those who act,
    and go one after the other while many controllers ask, so that the processor is."""

    def __init__(self) -> None:
        self._viewers = asyncio.Semaphore(VIEWERS_AT_ONCE)
        self._line = asyncio.Lock()
        self._asked = deque[float](maxlen=MANY_CONTROLLERS)

    @asynccontextmanager
    async def viewer(self) -> AsyncIterator[None]:
        """Somebody who only looks is answered meanwhile."""
        async with self._viewers:
            async with self._line:
                if self._many_ask():
                    await asyncio.sleep(MAKES_WAY_S)
            yield

    def controller(self) -> None:
        """A controller asks."""
        self._asked.append(asyncio.get_running_loop().time())

    def _many_ask(self) -> bool:
        asked = self._asked
        now = asyncio.get_running_loop().time()
        return len(asked) == MANY_CONTROLLERS and 0.0 <= now - asked[0] < 1.0


@dataclass(frozen=True, slots=True)
class Needs:
    """A rule: whoever asks needs ``permission`` at the building of the path, if there is one;
    without one it is enough to be known.

    ``by_code``: what is needed instead where ``code`` of the path is one of these. ``open_pages``:
    nobody has to be known where the dashboard is open (``BMS_OPEN_DASHBOARD``).
    """

    permission: Permission | None
    open_pages: bool = False
    by_code: frozenset[tuple[str, Permission]] = frozenset()

    def __call__(self, request: Request) -> Actor | None:
        """The actor; None where nobody has to be known. Raises what ``authorise`` raises."""
        return self.permitted(actor_of(request), request)

    def permitted(self, actor: Actor | None, request: Request) -> Actor | None:
        """The same of an actor who is known already."""
        ports: ApiPorts = request.app.state.ports
        if actor is None and self.open_pages and ports.settings.open_dashboard:
            return None
        device = request.path_params.get("device_id")
        wanted = dict(self.by_code).get(request.path_params.get("code", ""), self.permission)
        return authorise(actor, wanted, _site_of(request), device)


def anybody() -> None:
    """The rule of a route that is for everybody."""


def rule_of(route: object) -> Needs | bool:
    """What a route asks for; True where it is for anybody, False where it has no rule."""
    if not isinstance(route, APIRoute):
        return getattr(route, "path", None) in OPEN
    calls = list(_calls(route.dependant))
    for call in calls:
        if isinstance(call, Needs):
            return call
    return anybody in calls


def only_looks(route: object) -> bool:
    """Whether a route is for whoever looks, and for nobody who acts: a person in charge, a
    controller, a supplier, a service manager."""
    rule = rule_of(route)
    if isinstance(rule, Needs):
        return rule.permission is None or rule.permission in LOOKING
    return getattr(route, "path", None) not in FOR_PROBES


async def in_turn(request: Request) -> AsyncIterator[None]:
    """A dependency of every route: those who look take turns, so that threads are left for those
    who act, and these wait for no turn at the database."""
    turns: Turns = request.app.state.turns
    route = request.scope.get("route")
    if only_looks(route):
        async with turns.viewer():
            yield
    else:
        rule = rule_of(route)
        if isinstance(rule, Needs) and rule.permission is Permission.FETCH:
            turns.controller()
        with database_time_limit(None):
            yield


def _calls(dependant: Dependant) -> Iterator[object]:
    for each in dependant.dependencies:
        yield each.call
        yield from _calls(each)


def _site_of(request: Request) -> str | Reach:
    """The building of a path."""
    given = request.path_params
    if "site_id" in given:
        return str(given["site_id"])
    whole = given.get("point_id") or given.get("device_id")
    return str(whole).partition("/")[0] if whole else Reach.ANYWHERE


def asked_first(scope: Scope, receive: Receive) -> Receive:
    """The same stream; nothing of a body is read before the rule of its route was asked.

    Reading it raises ``HTTPException`` 401 or 403, and 401 of a route without a rule.
    """
    asked = False

    async def receive_when_permitted() -> Message:
        nonlocal asked
        if not asked and "route" in scope:
            asked = True
            try:
                await _ask(Request(scope))
            except BmsError as error:
                raise as_http(error) from error
        return await receive()

    return receive_when_permitted


async def _ask(request: Request) -> None:
    rule = rule_of(request.scope["route"])
    if isinstance(rule, Needs):
        await run_in_threadpool(rule, request)
    elif not rule:
        authorise(None, None, Reach.EVERYWHERE)
