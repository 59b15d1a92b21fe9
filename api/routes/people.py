"""People in charge: overrides, modes, the way back to the building's own control, bookings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.deps import MADE_ID, Operator, PortsDep, Reader, SiteDep
from api.schemas.base import FactAnswer
from api.schemas.people import (
    BookingAnswer,
    BookingBody,
    BookingsAnswer,
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
from bms.services.occupancy import BookingRequest, book
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


@router.get("/sites/{site_id}/occupancy")
def bookings(ports: PortsDep, key: Reader, site: SiteDep) -> BookingsAnswer:
    """Bookings and closures that are not over, by their start."""
    rows = ports.control.decisions.bookings(site.id, ports.clock.now())
    return BookingsAnswer(bookings=[BookingAnswer.model_validate(row) for row in rows])


@router.post("/sites/{site_id}/occupancy", status_code=201)
def add_booking(
    ports: PortsDep, key: Operator, site: SiteDep, body: BookingBody, response: Response
) -> BookingAnswer:
    """Book a zone or a building, or close it. The next tick plans with it."""
    request = BookingRequest(
        zone=body.zone,
        start=body.start,
        end=body.end,
        kind=body.kind,
        reason=body.reason,
        author=key.name,
        people=body.people,
    )
    made = book(site, ports.control.decisions, request, now=ports.clock.now())
    response.headers["Location"] = f"/v1/sites/{site.id}/occupancy/{made.id}"
    return BookingAnswer.model_validate(made)


@router.delete("/sites/{site_id}/occupancy/{booking_id}", status_code=204)
def remove_booking(
    ports: PortsDep,
    key: Operator,
    site: SiteDep,
    booking_id: Annotated[str, Path(pattern=MADE_ID)],
) -> None:
    """Take a booking or closure back; twice is once. The next tick plans without it."""
    ports.control.decisions.remove_booking(
        site.id, booking_id, actor=key.name, at=ports.clock.now()
    )
