"""Bodies and answers of what people do: overrides, modes, releases."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    Field,
    StringConstraints,
    model_validator,
)

from api.deps import FULL_ID, SITE_ID
from api.schemas.base import Answer, Body, FactAnswer, Reason
from api.schemas.sites import HandsOffAnswer, OverrideAnswer
from bms.model.assets.site import (
    Mode,
)
from bms.model.control.audit import Action, AuditEntry
from bms.model.control.booking import BookingKind


class OverrideBody(Body):
    point: Annotated[str, StringConstraints(pattern=FULL_ID)] | None = Field(
        None, description="one point; all of the site when left out"
    )
    until: AwareDatetime | None = Field(None, description="building time; open when left out")
    reason: Reason


class ModeBody(Body):
    mode: Mode
    reason: Reason
    agree: bool = Field(
        False, description="that the site goes on in auto after it was put back by itself"
    )


class ReleaseBody(Body):
    site: Annotated[str, StringConstraints(pattern=SITE_ID)] | None = None
    point: Annotated[str, StringConstraints(pattern=FULL_ID)] | None = Field(
        None, description="one point of a site"
    )
    all: Literal[True] | None = None
    reason: Reason

    @model_validator(mode="after")
    def _either_one_or_all(self) -> Self:
        if sum(each is not None for each in (self.site, self.point, self.all)) != 1:
            raise ValueError('name one "site" or "point", or say "all": true')
        return self

    @property
    def site_id(self) -> str | None:
        """The site of what is named; None for the city."""
        return self.site if self.point is None else self.point.partition("/")[0]


class HandsOffList(Answer):
    """Every mark that stands, the oldest first."""

    marks: list[HandsOffAnswer]


class TakenBackAnswer(Answer):
    """``recorded`` is whether the database knows already that the release was taken back."""

    recorded: bool


class ReleaseRow(Answer):
    point: str
    outcome: Literal["released", "still_held"]
    effective: float | None = Field(None, description="in the unit of the point")
    error: FactAnswer | None = None


class ReleaseAnswer(Answer):
    """``complete`` is false while something is still held; the guard goes on."""

    complete: bool
    points: list[ReleaseRow]
    recorded: bool = Field(
        True, description="false while the word stands, but waits for the database"
    )


class OverrideMade(Answer):
    override: OverrideAnswer
    released: ReleaseAnswer


class ModeAnswer(Answer):
    site: str
    mode: Mode
    released: ReleaseAnswer


class AuditEntryAnswer(Answer):
    """One action of a person. ``site`` is null where it concerns none; ``subject`` is the id or
    value that it is about."""

    number: int
    at: AwareDatetime
    actor: str
    action: Action
    site: str | None
    subject: str
    reason: str


class StandingOverride(OverrideAnswer):
    """An override in force, how long it has stood, and what it forgoes a day of what the plan
    spares; null where no plan can say."""

    age_s: float = Field(description="since it was said [s]")
    forgone_kwh_per_day: float | None
    forgone_dkk_per_day: float | None


class StandingOverrides(Answer):
    """Overrides in force, the longest standing first; ``next`` is the ``cursor`` of those after."""

    overrides: list[StandingOverride]
    next: str | None


class AuditPage(Answer):
    """Entries, the newest first; ``next`` is the ``cursor`` of the older ones after them."""

    entries: list[AuditEntryAnswer]
    next: str | None

    @classmethod
    def of(cls, entries: list[AuditEntry], limit: int) -> Self:
        """The first ``limit`` of ``entries``, which are one more where there is another page."""
        shown = entries[:limit]
        more = len(entries) > limit
        return cls(
            entries=[AuditEntryAnswer.model_validate(entry) for entry in shown],
            next=str(shown[-1].number) if more else None,
        )


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
