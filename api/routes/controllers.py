"""Controllers that fetch their setpoint schedule by themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from api.deps import ControllerId, Fetcher, FetcherAmongMany, PortsDep
from api.ports import ApiPorts
from api.protocol.entity_tags import matches
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
from bms.ports.storage.time_limit import database_time_limit
from bms.services.batched_lookups import InBatches
from bms.services.controllers.applied import keep_applied
from bms.services.controllers.schedule import ControllerSchedule, controller_schedules, device_of
from bms.services.effective_control import in_effect

router = APIRouter(prefix="/controllers", tags=["controllers"])
LEASE_END = "Lease-End"


@router.get(
    "/{device_id:path}/schedule",
    response_model=ScheduleAnswer,
    responses={304: {"description": "nothing has changed; the lease is renewed all the same"}},
)
async def schedule(
    request: Request,
    key: FetcherAmongMany,
    device: ControllerId,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The coming setpoints of a controller's own points, with the end of their lease.

    Every answer, 304 as well, renews the lease; its new end stands in the header ``Lease-End``.
    """
    schedules: InBatches[str, ScheduleAnswer] = request.app.state.schedules
    device_of(request.app.state.ports.sites, device)
    answer = await schedules.get(device)
    tag = _tag(answer)
    headers = {"ETag": tag, LEASE_END: answer.lease_end.isoformat(), "Cache-Control": "no-cache"}
    if if_none_match is not None and matches(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(answer.model_dump_json(), media_type="application/json", headers=headers)


def schedule_answers(ports: ApiPorts, devices: Collection[str]) -> dict[str, ScheduleAnswer]:
    """What each controller may apply now; the same for one that fetches it and one that listens.

    Raises what ``controller_schedules`` raises.
    """
    with database_time_limit(None):
        found = controller_schedules(
            ports.sites,
            devices,
            now=ports.clock.now(),
            ports=ports.control,
            lease=ports.settings.lease,
        )
    return {
        device: _answer(given, ports.sites[given.site].timezone) for device, given in found.items()
    }


def _answer(given: ControllerSchedule, zone: str) -> ScheduleAnswer:
    return ScheduleAnswer(
        device=given.device,
        site=given.site,
        plan=given.plan,
        lease_s=int(given.lease.total_seconds()),
        lease_end=given.lease_end,
        setpoints=given.setpoints,
        reasons=tuple(FactAnswer.of(reason, zone) for reason in given.reasons),
    )


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


def _tag(answer: ScheduleAnswer) -> str:
    """Weak: two answers with the same setpoints differ in the end of their lease."""
    content = answer.model_dump_json(exclude={"lease_end"})
    return f'W/"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'
