"""Controllers that fetch their setpoint schedule by themselves."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Header
from starlette.responses import Response

from api.deps import ControllerId, PortsDep
from api.schemas.base import FactAnswer
from api.schemas.plans import ScheduleAnswer
from bms.services.control.setpoint_schedule import controller_schedule

router = APIRouter(prefix="/controllers", tags=["controllers"])
LEASE_END = "Lease-End"


@router.get(
    "/{device_id:path}/schedule",
    response_model=ScheduleAnswer,
    responses={304: {"description": "nothing has changed; the lease is renewed all the same"}},
)
def schedule(
    ports: PortsDep, device: ControllerId, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """The coming setpoints of a controller's own points, with the end of their lease.

    Every answer, 304 as well, renews the lease; its new end stands in the header ``Lease-End``.
    """
    given = controller_schedule(
        ports.sites,
        device,
        now=ports.clock.now(),
        ports=ports.control,
        lease=ports.settings.lease,
    )
    zone = ports.sites[given.site].timezone
    answer = ScheduleAnswer(
        device=given.device,
        site=given.site,
        plan=given.plan,
        lease_s=int(given.lease.total_seconds()),
        lease_end=given.lease_end,
        setpoints=given.setpoints,
        reasons=tuple(FactAnswer.of(reason, zone) for reason in given.reasons),
    )
    tag = _tag(answer)
    headers = {"ETag": tag, LEASE_END: given.lease_end.isoformat(), "Cache-Control": "no-cache"}
    if if_none_match is not None and _knows(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(answer.model_dump_json(), media_type="application/json", headers=headers)


def _tag(answer: ScheduleAnswer) -> str:
    """Weak: two answers with the same setpoints differ in the end of their lease."""
    content = answer.model_dump_json(exclude={"lease_end"})
    return f'W/"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'


def _knows(if_none_match: str, tag: str) -> bool:
    """Weak comparison (RFC 9110 §13.1.2)."""
    known = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return tag.removeprefix("W/") in known or known == ["*"]
