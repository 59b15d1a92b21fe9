"""Answers and bodies about non-routine events and baselines."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from api.deps import MADE_ID, METER_ID
from api.schemas.base import Answer, Body, FactAnswer, Reason
from bms.model.savings.avoided_use import KeptBaseline, Span
from bms.model.savings.event import Decision, EventKind, NonRoutineEvent
from bms.services.assessment.non_routine_events import OpenEvent

OPEN_ID = r"^[A-Za-z0-9_.-]{1,120}$"


class EventRow(Answer):
    """An entry of the ledger. ``change_kwh`` is what the event made the building use, positive
    where more; ``standing`` is false once a later entry supersedes it."""

    id: str
    meter: str
    start: datetime
    end: datetime
    kind: EventKind
    decision: Decision
    change_kwh: float = Field(description="with the standard error `change_se_kwh`")
    change_se_kwh: float
    author: str
    entered_at: datetime
    reason: str
    supersedes: str | None
    standing: bool

    @classmethod
    def of(cls, entry: NonRoutineEvent, *, standing: bool) -> Self:
        return cls(
            id=entry.id,
            meter=entry.meter,
            start=entry.start,
            end=entry.end,
            kind=entry.kind,
            decision=entry.decision,
            change_kwh=entry.kwh_adjustment,
            change_se_kwh=entry.kwh_se,
            author=entry.author,
            entered_at=entry.entered_at,
            reason=entry.reason,
            supersedes=entry.supersedes,
            standing=standing,
        )


class OpenEventRow(Answer):
    """An event that the data show and nobody has decided about, and how large they make it."""

    id: str
    meter: str
    kind: EventKind
    start: datetime
    end: datetime
    words: FactAnswer
    proposal: FactAnswer | None
    change_kwh: float | None
    change_se_kwh: float | None

    @classmethod
    def of(cls, row: OpenEvent, timezone: str) -> Self:
        proposal = row.finding.proposal
        found = row.finding if proposal is None else proposal
        return cls(
            id=row.id,
            meter=row.meter,
            kind=row.kind,
            start=found.start,
            end=found.end,
            words=FactAnswer.of(row.finding.fact, timezone),
            proposal=None if proposal is None else FactAnswer.of(proposal.fact, timezone),
            change_kwh=None if proposal is None else proposal.kwh,
            change_se_kwh=None if proposal is None else proposal.kwh_se,
        )


class EventsAnswer(Answer):
    """``open`` keeps a saving from being proven; ``events`` is the ledger, newest first."""

    open: list[OpenEventRow]
    events: list[EventRow]
    next: str | None


class EventBody(Body):
    """A decision about an ``open`` event, or an entry of its own: then ``meter``, ``start``,
    ``end``, ``change_kwh`` and ``change_se_kwh``. 0 ± 0 kWh takes back what
    ``supersedes`` names."""

    open: Annotated[str, StringConstraints(pattern=OPEN_ID)] | None = Field(
        None, description="id of an open event"
    )
    decision: Decision = Decision.CONFIRMED
    meter: Annotated[str, StringConstraints(pattern=METER_ID)] | None = None
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    kind: EventKind = EventKind.OTHER
    change_kwh: float | None = Field(
        None, allow_inf_nan=False, description="in place of the quantity that the data propose"
    )
    change_se_kwh: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="standard error"
    )
    supersedes: Annotated[str, StringConstraints(pattern=MADE_ID)] | None = None
    reason: Reason

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.change_kwh is None) != (self.change_se_kwh is None):
            raise ValueError("change_kwh and change_se_kwh, its standard error, go together")
        alone = (self.meter, self.start, self.end, self.change_kwh)
        if self.open is None and any(part is None for part in alone):
            raise ValueError(
                'name an "open" event, or give meter, start, end, change_kwh and change_se_kwh'
            )
        if self.open is not None and any(
            part is not None for part in (self.meter, self.start, self.end, self.supersedes)
        ):
            raise ValueError("an open event has its meter and period already; leave them out")
        if self.decision is Decision.DISMISSED and (
            self.open is None or self.change_kwh is not None
        ):
            raise ValueError('dismiss an "open" event, without a quantity')
        return self


class BaselineRow(Answer):
    """A baseline as it stood when it was first used, or accepted by a person."""

    id: str
    meter: str
    period: Span
    model: str | None
    n: int
    baseline_kwh: float | None
    at: datetime
    author: str
    reason: str

    @classmethod
    def of(cls, kept: KeptBaseline) -> Self:
        baseline = kept.baseline
        return cls(
            id=baseline.id,
            meter=baseline.meter_id,
            period=baseline.period,
            model=baseline.model,
            n=baseline.n,
            baseline_kwh=baseline.baseline_kwh,
            at=kept.at,
            author=kept.author,
            reason=kept.reason,
        )


class BaselinesAnswer(Answer):
    baselines: list[BaselineRow]


class AcceptBody(Body):
    reason: Reason
