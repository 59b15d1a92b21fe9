"""Bookings and closures: what people know about the coming use of a building."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.deps import MADE_ID, Operator, PortsDep, Reader, SiteDep
from api.schemas.occupancy import BookingAnswer, BookingBody, BookingsAnswer
from bms.services.occupancy import BookingRequest, book

router = APIRouter(prefix="/sites/{site_id}/occupancy", tags=["people"])


@router.get("")
def bookings(ports: PortsDep, key: Reader, site: SiteDep) -> BookingsAnswer:
    """Bookings and closures that are not over, by their start."""
    rows = ports.control.decisions.bookings(site.id, ports.clock.now())
    return BookingsAnswer(bookings=[BookingAnswer.model_validate(row) for row in rows])


@router.post("", status_code=201)
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


@router.delete("/{booking_id}", status_code=204)
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
