"""Answers about switchback trials."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Self

from pydantic import Field

from api.schemas.base import Answer, FactAnswer
from bms.model.codec import to_dict
from bms.model.savings.trial_result import Arm, Subject, TrialOutcome, TrialState
from bms.services.trials.report import SiteTrials, TrialReport


class DecisionAnswer(Answer):
    """Who decided it, when and why."""

    at: datetime
    by: str
    reason: str


class ArmDoseAnswer(Answer):
    """The mean share of hours and levers at which our value acted on the days of an arm."""

    arm: Arm
    days: int
    share: float | None = Field(description="0..1; null before the first day is over")


class DayDoseAnswer(Answer):
    """The share of hours and levers at which our value acted on a day, and of those at which one
    acted that people had written."""

    day: date
    arm: Arm
    share: float = Field(description="0..1")
    people: float = Field(description="0..1")


class SafetyAnswer(Answer):
    """The discomfort of the days that we controlled."""

    days: int
    mean_kh: float = Field(description="K·h/day")
    worst_kh: float = Field(description="K·h/day")


class TrialFindingAnswer(Answer):
    """What the trial shows of the primary outcome, or of comfort."""

    subject: Subject
    outcome: TrialOutcome


class TrialReportAnswer(Answer):
    """A trial with its sealed design. ``effects``, ``findings`` and ``checks`` are empty until the
    planned end, and for good where somebody stopped it. ``changes`` name what differs from the
    sealed design or result today, trials that the building had under another name, and a site that
    is no longer in the files."""

    id: str
    state: TrialState
    first: date
    start: datetime
    end: datetime
    days: int
    days_done: int
    primary: Subject
    confidence: float
    started: DecisionAnswer
    ended: DecisionAnswer | None
    design: dict[str, Any] = Field(description="what was drawn and sealed")
    design_digest: str = Field(description="SHA-256 of the design, without names")
    dose: list[ArmDoseAnswer]
    dose_days: list[DayDoseAnswer]
    safety: SafetyAnswer | None
    effects: list[dict[str, Any]]
    findings: list[TrialFindingAnswer]
    checks: list[dict[str, Any]]
    reasons: list[FactAnswer]
    sealed_at: datetime | None
    result_digest: str | None
    compared_at: datetime | None = Field(
        description="when the readings were compared with those that the result rests on"
    )
    changes: list[FactAnswer]

    @classmethod
    def of(cls, report: TrialReport) -> Self:
        """The answer of a report; times in its sentences are local to the site."""
        trial, result, ended = report.trial, report.result, report.ended
        design = {k: v for k, v in to_dict(trial).items() if k not in ("by", "reason")}
        return cls(
            id=trial.id,
            state=result.state,
            first=trial.first,
            start=trial.start,
            end=trial.end,
            days=trial.days,
            days_done=result.days_done,
            primary=result.primary,
            confidence=result.confidence,
            started=DecisionAnswer(at=trial.started_at, by=trial.by, reason=trial.reason),
            ended=None if ended is None else DecisionAnswer.model_validate(ended),
            design=design,
            design_digest=report.digest,
            dose=[ArmDoseAnswer.model_validate(each) for each in result.dose],
            dose_days=[DayDoseAnswer.model_validate(each) for each in result.dose_days],
            safety=None if result.safety is None else SafetyAnswer.model_validate(result.safety),
            effects=[to_dict(each) for each in result.effects],
            findings=[TrialFindingAnswer(subject=s, outcome=found) for s, found in result.findings],
            checks=[to_dict(each) for each in result.checks],
            reasons=[FactAnswer.of(each, trial.timezone) for each in result.reasons],
            sealed_at=report.sealed_at,
            result_digest=report.result_digest,
            compared_at=report.compared_at,
            changes=[FactAnswer.of(each, trial.timezone) for each in report.changes],
        )


class TrialList(Answer):
    """Every trial of a site in the order in which they were started. ``lost`` are the ids of those
    that stand in the evidence and no longer, or not readably, in the database."""

    site: str
    trials: list[TrialReportAnswer]
    lost: list[str]

    @classmethod
    def of(cls, found: SiteTrials) -> Self:
        reports = [TrialReportAnswer.of(each) for each in found.reports]
        return cls(site=found.site, trials=reports, lost=list(found.lost))


class TrialPage(Answer):
    """Sites with their trials; ``next`` is the cursor of the next page."""

    sites: list[TrialList]
    next: str | None
