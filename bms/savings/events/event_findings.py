"""Non-routine events that the days of a meter show, with a proposal for each.

IPMVP asks that an event is dated, quantified and decided by a person. The proposals quantify by an
indicator term beside the baseline model (kWh ± standard error); nothing is adjusted by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bms.model.fact import Day, Parameter, Term
from bms.model.readings.series import Series
from bms.model.savings.avoided_use import Span
from bms.model.savings.event import EventKind, Proposal
from bms.model.savings.finding import FindingCode, MeterFinding
from bms.savings.data.daily import DailyUse
from bms.savings.events.level_changes import LevelChange, level_changes
from bms.savings.events.outages import Outage, outages
from bms.savings.events.use_pattern_changes import ChangedUse, changed_use
from bms.savings.models.baseline import Baseline
from bms.savings.models.uncertainty import Z90

_HOUR = timedelta(hours=1)


def detect_events(
    model: Baseline,
    before: DailyUse,
    after: DailyUse,
    *,
    baseline: Span,
    reporting: Span,
    steady: bool,
    timezone: str,
) -> tuple[MeterFinding, ...]:
    """Steps, drifts and outages in the days of both periods, as findings with proposals.

    ``model`` was fitted to ``before``, the valid days of ``baseline``; ``after`` are those of
    ``reporting``. ``steady`` meters (electricity) have more use than the weather asks for.
    """
    zone = ZoneInfo(timezone)
    spoiled, later = level_changes(model, before, after, steady=steady)
    out = (*outages(model, before, after), *outages(model, after, before))
    return (
        *(_before(step, baseline, zone) for step in spoiled),
        *(_after(step, reporting, zone) for step in later),
        *(_out(found, zone) for found in out),
    )


def detect_use_changes(
    use: Series, *, baseline: Span, reporting: Span, timezone: str
) -> tuple[MeterFinding, ...]:
    """Evenings, nights and weekends that changed in either period of ``use`` [kWh per step]."""
    found = changed_use(use, baseline, reporting, timezone)
    return tuple(_used(change, span) for span, change in found)


def _after(step: LevelChange, span: Span, zone: ZoneInfo) -> MeterFinding:
    """A step or drift of the reporting period: its use from that day on is adjusted for."""
    start = span.start if step.slow else _midnight(step.day, zone)
    kind = EventKind.DRIFT if step.slow else EventKind.STEP
    share = step.share / 2.0 if step.slow else step.share
    proposal = Proposal(
        kind=kind, start=start, end=span.end, kwh=step.kwh, kwh_se=step.kwh_se, share=share
    )
    return _level_change(step, start, span, proposal)


def _before(step: LevelChange, span: Span, zone: ZoneInfo) -> MeterFinding:
    """A step or drift of the baseline period: the building as it was before is adjusted to what it
    is since. The drift's mean is half of its end, and that is what the days before lack."""
    if step.slow:
        proposal = Proposal(
            kind=EventKind.DRIFT,
            start=span.start,
            end=span.end,
            kwh=-step.kwh,
            kwh_se=step.kwh_se,
            share=-step.share / 2.0,
        )
        return _level_change(step, span.start, span, proposal)
    day = _midnight(step.day, zone)
    proposal = Proposal(
        kind=EventKind.STEP,
        start=span.start,
        end=day,
        kwh=-step.before_kwh,
        kwh_se=step.before_se,
        share=-step.share,
    )
    return _level_change(step, day, span, proposal)


def _level_change(
    step: LevelChange, start: datetime, span: Span, proposal: Proposal
) -> MeterFinding:
    size: dict[str, Parameter] = {"share": step.share, "half_width": Z90 * step.error}
    if step.slow:
        return _finding(FindingCode.DRIFT, start, span.end, proposal, size)
    size |= {"day": Day(step.day), "t": step.t}
    if not step.told_apart:  # a person has to say what happened, and how much it was
        found = _finding(FindingCode.STEP_UNCLEAR, start, span.end, None, size)
        return replace(found, unsure=proposal)
    return _finding(FindingCode.STEP, start, span.end, proposal, size)


def _out(found: Outage, zone: ZoneInfo) -> MeterFinding:
    start, end = _midnight(found.first, zone), _midnight(found.last + timedelta(days=1), zone)
    proposal = Proposal(
        kind=EventKind.OUTAGE,
        start=start,
        end=end,
        kwh=found.kwh,
        kwh_se=found.kwh_se,
        share=found.share - 1.0,
    )
    days: dict[str, Parameter] = {
        "first": Day(found.first),
        "last": Day(found.last),
        "share": found.share,
    }
    return _finding(FindingCode.OUTAGE, start, end, proposal, days)


def _used(change: ChangedUse, span: Span) -> MeterFinding:
    proposal = Proposal(
        kind=EventKind.CHANGED_USE,
        start=change.start,
        end=span.end,
        kwh=change.kwh,
        kwh_se=change.kwh_se,
        share=change.share_of_all,
    )
    what: dict[str, Parameter] = {"hours_of_week": Term(change.hours.value), "share": change.share}
    return _finding(FindingCode.CHANGED_USE, change.start, span.end, proposal, what)


def _finding(
    code: FindingCode,
    start: datetime,
    end: datetime,
    proposal: Proposal | None,
    parameters: Mapping[str, Parameter],
) -> MeterFinding:
    return MeterFinding(
        code=code,
        start=start,
        end=end,
        lasted_h=(end - start) / _HOUR,
        excluded=False,
        parameters=parameters,
        proposal=proposal,
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
