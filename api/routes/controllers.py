"""Controllers that fetch their setpoint schedule by themselves."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.access.actors import key_text, shown_actor
from api.access.rules import Turns
from api.deps import FETCHES, FULL_ID, ControllerId, Fetcher, PortsDep
from api.protocol.entity_tags import matches
from api.schedules import AskedSchedule, Schedules, ScheduleText
from api.schemas.base import FactAnswer
from api.schemas.plans import AppliedAnswer, AppliedBody, AppliedRow, ScheduleAnswer
from bms.model.control.applied import AppliedReport, AppliedValue
from bms.model.control.command import (
    Accepted,
    AnyReceipt,
    Failed,
    Overridden,
)
from bms.model.fact import Fact
from bms.services.controllers.applied import keep_applied
from bms.services.controllers.schedule import device_of
from bms.services.effective_control import in_effect

LEASE_END = "Lease-End"
_FULL_ID = re.compile(FULL_ID)


class FetchRoute(APIRoute):
    """Answers the requests that controllers send, many a second, without resolving what other
    requests may have: parameters, a session, an id that is none. Those go the way of every route.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ``APIRoute``."""
        request = Request(scope)
        device, key = scope["path_params"]["device_id"], key_text(request)
        plain = scope["method"] == "GET" and not scope["query_string"]
        if not plain or key is None or _FULL_ID.fullmatch(device) is None:
            await super().handle(scope, receive, send)
            return
        turns: Turns = request.app.state.turns
        turns.controller()
        given = await _schedules(request).get(AskedSchedule(key, device))
        actor = shown_actor(request, given.actor)
        if given.text is None:
            await super().handle(scope, receive, send)
            return
        FETCHES.permitted(actor, request)
        answer = _answered(given.text, request.headers.get("if-none-match"))
        await answer(scope, receive, send)


router = APIRouter(prefix="/controllers", tags=["controllers"])
fetched = APIRouter(prefix="/controllers", tags=["controllers"], route_class=FetchRoute)


@fetched.get(
    "/{device_id:path}/schedule",
    response_model=ScheduleAnswer,
    responses={304: {"description": "nothing has changed; the lease is renewed all the same"}},
)
def schedule(
    request: Request,
    key: Fetcher,
    device: ControllerId,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The coming setpoints of a controller's own points, with the end of their lease.

    Every answer, 304 as well, renews the lease; its new end stands in the header ``Lease-End``.
    """
    return _answered(_schedules(request).texts([device])[device], if_none_match)


def _schedules(request: Request) -> Schedules:
    schedules: Schedules = request.app.state.schedules
    return schedules


def _answered(text: ScheduleText, if_none_match: str | None) -> Response:
    headers = {"ETag": text.tag, LEASE_END: text.lease_end, "Cache-Control": "no-cache"}
    if if_none_match is not None and matches(if_none_match, text.tag):
        return Response(status_code=304, headers=headers)
    return Response(text.body, media_type="application/json", headers=headers)


@router.post("/{device_id:path}/applied")
def applied(
    ports: PortsDep, key: Fetcher, device: ControllerId, body: AppliedBody
) -> AppliedAnswer:
    """What a controller has made effective of its schedule; the same report again changes nothing.

    Without it the points of a controller that fetches its schedule do not count as controlled. A
    local override that it tells of suspends us at the point until it reports one no more.
    """
    site, _ = device_of(ports.sites, device)
    report = AppliedReport(
        device=device,
        site=site.id,
        plan=body.plan,
        time=body.time,
        values=tuple(AppliedValue(**value.model_dump()) for value in body.values),
    )
    found = keep_applied(
        site,
        report,
        now=ports.clock.now(),
        ports=ports.control,
        lease=ports.settings.lease,
        actor=key.name,
    )
    return AppliedAnswer(
        device=report.device,
        site=report.site,
        plan=report.plan,
        time=report.time,
        repeated=not found.kept,
        values=[
            _applied_row(value, outcome, site.timezone)
            for value, outcome in zip(report.values, found.outcomes, strict=True)
        ],
    )


def _applied_row(value: AppliedValue, outcome: AnyReceipt, timezone: str) -> AppliedRow:
    wanted, why = _shown(outcome)
    return AppliedRow(
        point=value.point,
        outcome=type(outcome).__name__.lower(),
        controlled=in_effect(outcome) is not None,
        wanted=wanted,
        effective=value.effective,
        reason=None if why is None else FactAnswer.of(why, timezone),
    )


def _shown(outcome: AnyReceipt) -> tuple[float | None, Fact | None]:
    """What the plan had, and why that is not in effect."""
    match outcome:
        case Accepted(command=command):
            return command.value, None
        case Overridden(by=by):
            return None, by
        case Failed(command=command, error=why):
            return command.value, why
        case _:
            return None, None
