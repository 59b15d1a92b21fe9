"""The way from a setpoint back to what it rests on, as an answer (W16)."""

from __future__ import annotations

from typing import Self

from pydantic import AwareDatetime, Field

from api.schemas.base import Answer, FactAnswer
from bms.model.control.command import Released, StillHeld
from bms.model.fact import Fact
from bms.model.planning.plan import PlanStatus
from bms.services.evidence.trace import PlanTrace, ProblemTrace, Trace, WindowReadings


class WindowAnswer(Answer):
    """Good readings of a point over the past that a plan rests on."""

    point: str
    n: int
    first: AwareDatetime | None
    last: AwareDatetime | None
    href: str = Field(description="where those readings are")

    @classmethod
    def of(cls, row: WindowReadings, start: str, end: str) -> Self:
        """The answer of a window from ``start`` to ``end``."""
        href = f"/v1/points/{row.point}/readings?start={start}&end={end}"
        return cls(point=row.point, n=row.n, first=row.first, last=row.last, href=href)


class ProblemTraceAnswer(Answer):
    """What a plan was asked: its forecast, its model and the past it rests on."""

    forecast_start: AwareDatetime
    forecast_end: AwareDatetime
    forecast_known: float = Field(
        description="share of steps whose outdoor temperature was known, 0 to 1"
    )
    notes: list[FactAnswer]
    model_identified_at: AwareDatetime | None
    history_start: AwareDatetime | None
    readings_start: AwareDatetime
    readings: list[WindowAnswer]

    @classmethod
    def of(cls, found: ProblemTrace, timezone: str) -> Self:
        """The answer; times in its sentences are local to ``timezone``."""
        start, end = (
            moment.isoformat().replace("+00:00", "Z")
            for moment in (found.readings_start, found.forecast_start)
        )
        return cls(
            forecast_start=found.forecast_start,
            forecast_end=found.forecast_end,
            forecast_known=found.forecast_known,
            notes=[FactAnswer.of(note, timezone) for note in found.notes],
            model_identified_at=found.model_identified_at,
            history_start=found.history_start,
            readings_start=found.readings_start,
            readings=[WindowAnswer.of(row, start, end) for row in found.readings],
        )


class PlanTraceAnswer(Answer):
    """A plan with its digest and its entry in the chain of the site. ``sealed`` is whether it still
    is what was digested, null once its problem is gone; so is ``problem`` then."""

    id: str
    href: str
    created_at: AwareDatetime
    status: PlanStatus
    digest: str
    sealed: bool | None
    value: float | None = Field(description="what it says for the point then, in its unit")
    entry_number: int | None
    entry_hash: str | None
    problem: ProblemTraceAnswer | None

    @classmethod
    def of(cls, found: PlanTrace, timezone: str) -> Self:
        """The answer; times in its sentences are local to ``timezone``."""
        entry, problem = found.entry, found.problem
        return cls(
            id=found.id,
            href=f"/v1/plans/{found.id}",
            created_at=found.created_at,
            status=found.status,
            digest=found.digest,
            sealed=found.sealed,
            value=found.value,
            entry_number=None if entry is None else entry.number,
            entry_hash=None if entry is None else entry.hash,
            problem=None if problem is None else ProblemTraceAnswer.of(problem, timezone),
        )


class TraceAnswer(Answer):
    """What stood at a point at a moment, by the newest receipt until then, and why: command, plan,
    problem, forecast, readings. ``plan`` is null where no plan asked for it."""

    point: str
    at: AwareDatetime
    receipt_at: AwareDatetime
    outcome: str
    command: str | None
    value: float | None = Field(description="what was commanded, in the unit of the point")
    actor: str | None
    reason: FactAnswer | str | None
    plan: PlanTraceAnswer | None

    @classmethod
    def of(cls, found: Trace, timezone: str) -> Self:
        """The answer; times in its sentences are local to ``timezone``."""
        receipt = found.receipt
        command = None if isinstance(receipt, Released | StillHeld) else receipt.command
        reason = None if command is None else command.reason
        return cls(
            point=found.point,
            at=found.at,
            receipt_at=found.receipt_at,
            outcome=found.outcome,
            command=None if command is None else command.id,
            value=None if command is None else command.value,
            actor=None if command is None else command.actor,
            reason=FactAnswer.of(reason, timezone) if isinstance(reason, Fact) else reason,
            plan=None if found.plan is None else PlanTraceAnswer.of(found.plan, timezone),
        )
