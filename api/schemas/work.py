"""Answers and bodies of the work list and of faults."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, StringConstraints

from api.schemas.base import Answer, Body, FactAnswer, Reason
from bms.model.fact import Fact
from bms.model.work.detection import Detection
from bms.model.work.finding import CannotRun, Evidence, EvidenceSeries, Finding, Price, Severity
from bms.model.work.item import Closing, WorkAct, WorkEvent, WorkItem, WorkKind, WorkState

PersonName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class WorkEvidence(Answer):
    """What an item rests on: the interval that was looked at, figures, and lines of a picture."""

    start: datetime
    end: datetime
    values: tuple[FactAnswer, ...]
    series: tuple[EvidenceSeries, ...]

    @classmethod
    def of(cls, evidence: Evidence, timezone: str) -> Self:
        return cls(
            start=evidence.start,
            end=evidence.end,
            values=tuple(FactAnswer.of(value, timezone) for value in evidence.values),
            series=evidence.series,
        )


class WorkEventAnswer(Answer):
    """What was done with an item, by whom and when; `bms` is the product itself."""

    at: datetime
    act: WorkAct
    actor: str
    note: str
    until: datetime | None
    assignee: str | None
    closing: Closing | None
    measure: str | None


class WorkItemAnswer(Answer):
    """An item of the work list. ``site`` is null where it concerns the whole city; ``follows`` are
    the ids of what fails with it. ``dkk_year`` and ``dkk_day`` [DKK] are what is at stake, null
    where not known; ``measure`` is the id of the measure that follows the saving of its repair."""

    id: str
    site: str | None
    kind: WorkKind
    state: WorkState
    severity: Severity
    subject: str
    rule: str
    what: FactAnswer
    look_for: FactAnswer | None
    since: datetime
    opened_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    assignee: str | None
    snoozed_until: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    closing: Closing | None
    measure: str | None
    price: Price
    dkk_year: float | None
    dkk_day: float | None
    confidence: float
    comfort_kh_year: float | None
    risk: FactAnswer | None
    evidence: WorkEvidence | None
    follows: tuple[str, ...]
    events: list[WorkEventAnswer]

    @classmethod
    def of(cls, item: WorkItem, now: datetime, timezone: str) -> Self:
        """Returns the answer as the item stands at ``now``; times in its sentences are local."""
        cause, seen, closed = item.cause, item.acknowledged, item.closed

        def told(fact: Fact | None) -> FactAnswer | None:
            return None if fact is None else FactAnswer.of(fact, timezone)

        evidence = cause.evidence
        return cls(
            id=item.id,
            site=cause.site or None,
            kind=cause.kind,
            state=item.state(now),
            severity=cause.severity,
            subject=cause.subject,
            rule=cause.rule,
            what=FactAnswer.of(cause.what, timezone),
            look_for=told(cause.look_for),
            since=cause.since,
            opened_at=item.opened_at,
            acknowledged_at=None if seen is None else seen.at,
            acknowledged_by=None if seen is None else seen.actor,
            assignee=item.assignee,
            snoozed_until=item.snoozed_until(now),
            **_closed(closed),
            price=cause.price,
            dkk_year=cause.dkk_year,
            dkk_day=cause.dkk_day,
            confidence=cause.confidence,
            comfort_kh_year=cause.comfort_kh_year,
            risk=told(cause.risk),
            evidence=None if evidence is None else WorkEvidence.of(evidence, timezone),
            follows=cause.follows,
            events=[WorkEventAnswer.model_validate(event) for event in item.events],
        )


def _closed(event: WorkEvent | None) -> dict[str, object]:
    return {
        "closed_at": None if event is None else event.at,
        "closed_by": None if event is None else event.actor,
        "closing": None if event is None else event.closing,
        "measure": None if event is None else event.measure,
    }


class WorkPage(Answer):
    """What is to be done first stands first."""

    items: list[WorkItemAnswer]
    next: str | None


class AcknowledgeBody(Body):
    reason: Reason | None = None


class AssignBody(Body):
    to: PersonName
    reason: Reason | None = None


class SnoozeBody(Body):
    until: AwareDatetime
    reason: Reason | None = None


class CloseBody(Body):
    """``not_a_fault`` needs its reason: that is kept, and the same is raised again only where it
    has grown."""

    closing: Literal[Closing.REPAIRED, Closing.NOT_A_FAULT, Closing.DONE]
    reason: Reason | None = None


class FaultAnswer(Answer):
    """What a fault rule found; ``item`` is the id of its item of the work list, null before it is
    raised. ``price`` is what a year of it costs, each figure with its 90 % interval."""

    site: str
    rule: str
    subject: str
    severity: Severity
    start: datetime
    end: datetime
    fact: FactAnswer
    look_for: FactAnswer
    price: Price
    confidence: float
    comfort_kh_year: float | None
    risk: FactAnswer | None
    evidence: WorkEvidence
    item: str | None

    @classmethod
    def of(cls, finding: Finding, item: str | None, timezone: str) -> Self:
        risk = finding.risk
        return cls(
            site=finding.site_id,
            rule=finding.rule,
            subject=finding.subject,
            severity=finding.severity,
            start=finding.start,
            end=finding.end,
            fact=FactAnswer.of(finding.fact, timezone),
            look_for=FactAnswer.of(finding.look_for, timezone),
            price=finding.price,
            confidence=finding.confidence,
            comfort_kh_year=finding.comfort_kh_year,
            risk=None if risk is None else FactAnswer.of(risk, timezone),
            evidence=WorkEvidence.of(finding.evidence, timezone),
            item=item,
        )


class CannotRunAnswer(Answer):
    """A rule that could not look, and why."""

    site: str
    rule: str
    subject: str
    reason: FactAnswer

    @classmethod
    def of(cls, row: CannotRun, timezone: str) -> Self:
        reason = FactAnswer.of(row.reason, timezone)
        return cls(site=row.site_id, rule=row.rule, subject=row.subject, reason=reason)


class DetectedAnswer(Answer):
    """When the rules ran last at a site."""

    site: str
    at: datetime

    @classmethod
    def of(cls, detection: Detection) -> Self:
        return cls(site=detection.site, at=detection.at)


class FaultsPage(Answer):
    """What is at stake most stands first. ``cannot_run`` are the rules of these sites that could
    not look, with their reasons; ``detected`` is when they ran last."""

    faults: list[FaultAnswer]
    cannot_run: list[CannotRunAnswer]
    detected: list[DetectedAnswer]
    next: str | None
