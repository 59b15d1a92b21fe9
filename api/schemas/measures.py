"""Answers and bodies about measures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from api.deps import METER_ID, SITE_ID
from api.schemas.base import Answer, Body, FactAnswer, Reason
from api.schemas.savings import SiteSavingsAnswer
from bms.model.savings.avoided_use import Span
from bms.model.savings.measure import MeasureKind
from bms.services.assessment.measures import MeasureSaving

MeterName = Annotated[str, StringConstraints(pattern=METER_ID)]


class MeasureAnswer(Answer):
    """A measure with its saving of the last year, or since it took effect where that is later.

    ``meters`` are those that it concerns, all billed ones where none is named. ``expected_kwh`` is
    what it was expected to save in ``reporting``; ``facts`` are what is to be said of it.
    """

    id: str
    site: str
    kind: MeasureKind
    what: str
    meters: tuple[str, ...]
    start: datetime
    end: datetime | None
    blackout_until: datetime | None
    cost_dkk: float | None
    expected_share: float | None
    expected_yearly_kwh: float | None
    author: str
    entered_at: datetime
    baseline: Span | None
    reporting: Span | None
    expected_kwh: float | None
    savings: SiteSavingsAnswer | None
    facts: tuple[FactAnswer, ...]

    @classmethod
    def of(cls, row: MeasureSaving, timezone: str) -> Self:
        """Returns the answer; times in its sentences are local to ``timezone``."""
        measure, periods, context = row.kept.measure, row.periods, {"timezone": timezone}
        savings = row.savings
        return cls(
            id=measure.id,
            site=measure.site,
            kind=measure.kind,
            what=measure.what,
            meters=measure.meters,
            start=measure.start,
            end=row.kept.end,
            blackout_until=measure.blackout_until,
            cost_dkk=measure.cost_dkk,
            expected_share=measure.expected_share,
            expected_yearly_kwh=measure.expected_kwh,
            author=measure.author,
            entered_at=measure.entered_at,
            baseline=None if periods is None else periods.baseline,
            reporting=None if periods is None else periods.reporting,
            expected_kwh=row.expected_kwh,
            savings=None
            if savings is None
            else SiteSavingsAnswer.model_validate(savings, context=context),
            facts=tuple(FactAnswer.of(each, timezone) for each in row.facts),
        )


class MeasuresPage(Answer):
    measures: list[MeasureAnswer]
    next: str | None


class MeasureBody(Body):
    """What was done to a building: ``expected_share`` of its use or ``expected_yearly_kwh``, not
    both."""

    site: Annotated[str, StringConstraints(pattern=SITE_ID)]
    kind: MeasureKind = MeasureKind.OTHER
    what: Reason
    meters: tuple[MeterName, ...] = Field((), max_length=100)
    start: AwareDatetime
    end: AwareDatetime | None = None
    blackout_until: AwareDatetime | None = None
    cost_dkk: float | None = Field(None, ge=0, allow_inf_nan=False)
    expected_share: float | None = Field(None, gt=0, lt=1)
    expected_yearly_kwh: float | None = Field(None, gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one_expectation(self) -> Self:
        if self.expected_share is not None and self.expected_yearly_kwh is not None:
            raise ValueError("expect a share of the use or kWh per year, not both")
        return self


class MeasureEndBody(Body):
    end: AwareDatetime
    reason: Reason
