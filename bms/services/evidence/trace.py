"""From a setpoint back to what it rests on: command, plan, problem, forecast, readings (W16)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bms.errors import NotFound
from bms.model.assets.site import Site
from bms.model.control.command import AnyReceipt, Released, StillHeld
from bms.model.control.evidence import EvidenceEntry, EvidenceKind
from bms.model.epoch import from_micros
from bms.model.fact import Fact
from bms.model.planning.plan import KeptPlan, PlanStatus
from bms.model.planning.plan_digest import is_sealed
from bms.model.planning.problem import Problem
from bms.ports.storage.evidence import EvidenceStore
from bms.ports.storage.ledgers import LedgerStore
from bms.ports.storage.plans import PlanStore
from bms.ports.storage.readings import ReadingStore

DAY = timedelta(days=1)
LOOK_BACK = timedelta(hours=12)
"""A receipt of what stands is renewed more often than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracePorts:
    """Where the walk leads."""

    ledgers: LedgerStore
    plans: PlanStore
    evidence: EvidenceStore
    readings: ReadingStore


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowReadings:
    """Good readings of a point in a window: how many [1], and the times of the first and last."""

    point: str
    n: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemTrace:
    """What a plan was asked: the forecast over its horizon, the model and the past it rests on,
    from ``readings_start`` to the start of the forecast: its history, or the day before it.

    ``forecast_known`` is the share of steps whose outdoor temperature was known, 0..1; ``notes``
    say what was told about the inputs.
    """

    forecast_start: datetime
    forecast_end: datetime
    forecast_known: float
    notes: tuple[Fact, ...]
    model_identified_at: datetime | None
    history_start: datetime | None
    readings_start: datetime
    readings: tuple[WindowReadings, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTrace:
    """A plan with its digest and its entry in the chain.

    ``sealed`` is whether it is what was digested, None once its problem is gone; ``value`` is what
    it says for the point at the moment [unit of the point].
    """

    id: str
    created_at: datetime
    status: PlanStatus
    digest: str
    sealed: bool | None
    value: float | None
    entry: EvidenceEntry | None
    problem: ProblemTrace | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What stood at a point at a moment, by the newest receipt until then, and why."""

    point: str
    at: datetime
    receipt_at: datetime
    outcome: str
    receipt: AnyReceipt
    plan: PlanTrace | None


def trace(site: Site, point: str, at: datetime, ports: TracePorts) -> Trace:
    """The way from a point back to readings. Raises ``NotFound`` where no receipt is known."""
    known = [
        (seen, receipt)
        for seen, receipt in ports.ledgers.receipts(site.id, at - LOOK_BACK)
        if seen <= at and _point(receipt) == point
    ]
    if not known:
        hours = LOOK_BACK // timedelta(hours=1)
        raise NotFound(f"nothing was written to {point} in the {hours} h before {at.isoformat()}")
    seen, receipt = known[-1]
    return Trace(
        point=point,
        at=at,
        receipt_at=seen,
        outcome=type(receipt).__name__.lower(),
        receipt=receipt,
        plan=_plan(site, receipt, at, ports),
    )


def _plan(site: Site, receipt: AnyReceipt, at: datetime, ports: TracePorts) -> PlanTrace | None:
    if isinstance(receipt, Released | StillHeld) or receipt.command.plan is None:
        return None
    kept = ports.plans.kept_plan(receipt.command.plan)
    whole, problem = kept.whole(), kept.problem
    return PlanTrace(
        id=kept.id,
        created_at=kept.created_at,
        status=kept.schedule.status,
        digest=kept.digest,
        sealed=None if whole is None else is_sealed(whole),
        value=_value(kept, receipt.command.point, at),
        entry=ports.evidence.entry_of(site.id, EvidenceKind.PLAN, kept.id),
        problem=None if problem is None else _problem(site, problem, ports.readings),
    )


def _value(kept: KeptPlan, point: str, at: datetime) -> float | None:
    mine = (each for each in kept.schedule.setpoints if each.point == point)
    return next((each.value_at(at) for each in mine), None)


def _problem(site: Site, problem: Problem, readings: ReadingStore) -> ProblemTrace:
    known = problem.weather.temp_out_c
    end = problem.start + timedelta(seconds=problem.step_s * problem.steps)
    begin = None if problem.history is None else problem.history.start
    since = problem.start - DAY if begin is None else begin
    points = [point.id for point in site.points]
    return ProblemTrace(
        forecast_start=problem.start,
        forecast_end=end,
        forecast_known=sum(value is not None for value in known) / max(1, len(known)),
        notes=problem.notes,
        model_identified_at=None if problem.model is None else problem.model.identified_at,
        history_start=begin,
        readings_start=since,
        readings=_window(points, since, problem.start, readings),
    )


def _window(
    points: Sequence[str], start: datetime, end: datetime, readings: ReadingStore
) -> tuple[WindowReadings, ...]:
    found = []
    for point in points:
        times, _ = readings.good(point, start, end)
        if len(times):
            first, last = from_micros(int(times[0])), from_micros(int(times[-1]))
            found.append(WindowReadings(point=point, n=len(times), first=first, last=last))
    return tuple(found)


def _point(receipt: AnyReceipt) -> str:
    if isinstance(receipt, Released | StillHeld):
        return receipt.point
    return receipt.command.point
