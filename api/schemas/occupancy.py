"""Answers and bodies about bookings and closures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from api.deps import SITE_ID
from api.schemas.base import Answer, Body, Reason
from bms.model.control.booking import BookingKind

MOST_PEOPLE = 100_000
"""People [1] of one booking."""


class BookingAnswer(Answer):
    """A booking or closure of ``[start, end)``; ``zone`` null: all zones of the site."""

    id: str
    site: str
    zone: str | None
    start: datetime
    end: datetime
    kind: BookingKind
    reason: str
    author: str
    made_at: datetime
    people: float | None


class BookingsAnswer(Answer):
    bookings: list[BookingAnswer]


class BookingBody(Body):
    """``closed`` closes; a booking of use stands inside a closed week. The reason is shown to
    everybody who may see the plan: leave names of people out."""

    start: AwareDatetime
    end: AwareDatetime
    zone: Annotated[str, StringConstraints(pattern=SITE_ID)] | None = Field(
        None, description="all zones when left out"
    )
    kind: BookingKind = BookingKind.IN_USE
    reason: Reason
    people: Annotated[float, Field(ge=0, le=MOST_PEOPLE)] | None = Field(
        None, description="how many come, beside those of an ordinary week; null: not known"
    )
