"""People in charge: overrides, modes, and the way back to the building's own control."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.deps import MADE_ID, Operator, PortsDep, SiteDep
from api.schemas.base import FactAnswer
from api.schemas.people import (
    ModeAnswer,
    ModeBody,
    OverrideBody,
    OverrideMade,
    ReleaseAnswer,
    ReleaseBody,
    ReleaseRow,
)
from api.schemas.sites import OverrideAnswer
from bms.errors import ConfigError
from bms.model.control.command import Released, ReleaseReceipt
from bms.services import operator as people
from bms.services.control.release import release_city, release_site
from bms.services.off_loop import off_loop
from bms.services.site_lookup import mode_in_force, site_named

router = APIRouter(tags=["people"])


def released(receipts: Iterable[ReleaseReceipt]) -> ReleaseAnswer:
    """Releases as rows, in the order of the points."""
    rows = [
        ReleaseRow(point=r.point, outcome="released", effective=r.effective)
        if isinstance(r, Released)
        else ReleaseRow(point=r.point, outcome="still_held", error=FactAnswer.of(r.error))
        for r in sorted(receipts, key=lambda receipt: receipt.point)
    ]
    return ReleaseAnswer(complete=all(row.outcome == "released" for row in rows), points=rows)


@router.post("/sites/{site_id}/overrides", status_code=201)
async def add_override(
    ports: PortsDep, key: Operator, site: SiteDep, body: OverrideBody, response: Response
) -> OverrideMade:
    """Keep our hands off a point or a site. What we hold there is given back at once."""
    if body.until is not None and body.until <= ports.clock.now():
        raise ConfigError(f"until {body.until.isoformat()} is over; building time is later")
    made, receipts = await people.override(
        site,
        now=ports.clock.now(),
        ports=ports.control,
        point=body.point,
        until=body.until,
        reason=body.reason,
        actor=key.name,
    )
    response.headers["Location"] = f"/v1/sites/{site.id}/overrides/{made.id}"
    return OverrideMade(override=OverrideAnswer.model_validate(made), released=released(receipts))


@router.delete("/sites/{site_id}/overrides/{override_id}", status_code=204)
def remove_override(
    ports: PortsDep,
    key: Operator,
    site: SiteDep,
    override_id: Annotated[str, Path(pattern=MADE_ID)],
) -> None:
    """Take an override back; the plan acts again from the next tick."""
    people.end_override(
        site,
        override_id,
        now=ports.clock.now(),
        decisions=ports.control.decisions,
        actor=key.name,
    )


@router.post("/sites/{site_id}/mode")
async def set_mode(ports: PortsDep, key: Operator, site: SiteDep, body: ModeBody) -> ModeAnswer:
    """How far a site is trusted to us. Below ``auto`` everything is given back at once."""
    reason = f"{body.reason} (approved by {body.approver})" if body.approver else body.reason
    receipts = await people.change_mode(
        site,
        body.mode,
        now=ports.clock.now(),
        ports=ports.control,
        reason=reason,
        actor=key.name,
    )
    mode = await off_loop(mode_in_force, site, ports.control.decisions)
    return ModeAnswer(site=site.id, mode=mode, released=released(receipts))


@router.post("/release")
async def release(ports: PortsDep, key: Operator, body: ReleaseBody) -> ReleaseAnswer:
    """Give a site, or all of them, back to their own control and put them to ``observe``."""
    now = ports.clock.now()
    if body.site is not None:
        receipts = await release_site(
            site_named(ports.sites, body.site),
            now=now,
            ports=ports.control,
            actor=key.name,
            reason=body.reason,
        )
        return released(receipts)
    receipts = await release_city(
        ports.sites.values(),
        now=now,
        ports=ports.control,
        actor=key.name,
        reason=body.reason,
    )
    return released(receipts)
