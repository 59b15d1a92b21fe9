"""Non-routine events that the days of a meter show, in words, with a proposal for each.

IPMVP asks that an event is dated, quantified and decided by a person. The proposals quantify by an
indicator term beside the baseline model (kWh ± standard error); nothing is adjusted by itself.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bms.model.readings.series import Series
from bms.model.savings.event import EventKind, Proposal
from bms.model.savings.savings import Finding, Span
from bms.model.words import Words
from bms.savings.data.daily import Days
from bms.savings.events.level_changes import Step, steps_in
from bms.savings.events.outages import Outage, outages
from bms.savings.events.use_pattern_changes import ChangedUse, changed_use
from bms.savings.models.baseline import Baseline

_HOUR = timedelta(hours=1)
_HOURS = {
    "evening": ("om aftenen", "in the evenings"),
    "night": ("om natten", "at night"),
    "weekend": ("i weekenden", "at weekends"),
}
_ASK_DA, _ASK_EN = "en person skal bekræfte årsagen", "a person has to confirm why"


def events(
    model: Baseline,
    before: Days,
    after: Days,
    *,
    baseline: Span,
    reporting: Span,
    steady: bool,
    timezone: str,
) -> tuple[Finding, ...]:
    """Steps, drifts and outages in the days of both periods, as findings with proposals.

    ``model`` was fitted to ``before``, the valid days of ``baseline``; ``after`` are those of
    ``reporting``. ``steady`` meters (electricity) have more use than the weather asks for.
    """
    zone = ZoneInfo(timezone)
    spoiled, later = steps_in(model, before, after, steady=steady)
    out = (*outages(model, before, after), *outages(model, after, before))
    return (
        *(_told_before(step, baseline, zone) for step in spoiled),
        *(_told_after(step, reporting, zone) for step in later),
        *(_out(found, zone) for found in out),
    )


def changes_of_use(
    use: Series, *, baseline: Span, reporting: Span, timezone: str
) -> tuple[Finding, ...]:
    """Evenings, nights and weekends that changed in either period of ``use`` [kWh per step]."""
    found = changed_use(use, baseline, reporting, timezone)
    return tuple(_used(change, span) for span, change in found)


def _told_after(step: Step, span: Span, zone: ZoneInfo) -> Finding:
    """A step or drift of the reporting period: its use from that day on is adjusted for."""
    start = span.start if step.slow else _midnight(step.day, zone)
    kind = EventKind.DRIFT if step.slow else EventKind.STEP
    share = step.share / 2.0 if step.slow else step.share
    proposal = _proposal(kind, start, span.end, step.kwh, step.kwh_se, share)
    return _finding(kind, start, span.end, _words(step, span), proposal)


def _told_before(step: Step, span: Span, zone: ZoneInfo) -> Finding:
    """A step or drift of the baseline period: the building as it was before is adjusted to what it
    is since. The drift's mean is half of its end, and that is what the days before lack."""
    if step.slow:
        start, kwh, error, share = span.start, -step.kwh, step.kwh_se, -step.share / 2.0
        end, kind = span.end, EventKind.DRIFT
    else:
        start, kwh, error, share = span.start, -step.before_kwh, step.before_se, -step.share
        end, kind = _midnight(step.day, zone), EventKind.STEP
    proposal = _proposal(kind, start, end, kwh, error, share)
    at = span.start if step.slow else _midnight(step.day, zone)
    return _finding(kind, at, span.end, _words(step, span), proposal)


def _out(found: Outage, zone: ZoneInfo) -> Finding:
    start, end = _midnight(found.first, zone), _midnight(found.last + timedelta(days=1), zone)
    kind = EventKind.OUTAGE
    share = 100.0 * found.share
    words = Words(
        kind.value,
        f"Forbruget faldt fra {found.first} til {found.last} til {share:.0f} % af, hvad vejret"
        f" kræver; {_ASK_DA}.",
        f"Use fell from {found.first} to {found.last} to {share:.0f} % of what the weather asks"
        f" for; {_ASK_EN}.",
    )
    proposal = _proposal(kind, start, end, found.kwh, found.kwh_se, found.share - 1.0)
    return _finding(kind, start, end, words, proposal)


def _used(change: ChangedUse, span: Span) -> Finding:
    da, en = _HOURS[change.hours]
    day, share = f"{change.start:%Y-%m-%d}", f"{100 * change.share:+.0f} %"
    kind = EventKind.CHANGED_USE
    words = Words(
        kind.value,
        f"Forbruget {da} ændrede sig omkring {day} med cirka {share} i forhold til det øvrige;"
        f" {_ASK_DA}.",
        f"Use {en} changed around {day} by about {share} beside that of other hours; {_ASK_EN}.",
    )
    proposal = _proposal(
        kind, change.start, span.end, change.kwh, change.kwh_se, change.share_of_all
    )
    return _finding(kind, change.start, span.end, words, proposal)


def _words(step: Step, span: Span) -> Words:
    size = f"{100 * step.share:+.0f} ± {164.5 * step.error:.0f} %"
    if step.slow:
        first, last = f"{span.start:%Y-%m-%d}", f"{span.end:%Y-%m-%d}"
        return Words(
            EventKind.DRIFT.value,
            f"Forbruget gled fra {first} til {last} med cirka {size}, uden at vejret forklarer det;"
            f" {_ASK_DA}.",
            f"Use drifted from {first} to {last} by about {size} and the weather does not explain"
            f" it; {_ASK_EN}.",
        )
    return Words(
        EventKind.STEP.value,
        f"Forbruget ændrede sig omkring {step.day} med cirka {size}, uden at vejret forklarer det"
        f" (t = {step.t:.1f}); {_ASK_DA}.",
        f"Use changed around {step.day} by about {size} and the weather does not explain it"
        f" (t = {step.t:.1f}); {_ASK_EN}.",
    )


def _proposal(
    kind: EventKind, start: datetime, end: datetime, kwh: float, error: float, share: float
) -> Proposal:
    text = f"{kwh:+,.0f} ± {error:,.0f} kWh"
    first, last = f"{start:%Y-%m-%d}", f"{end:%Y-%m-%d}"
    danish = text.replace(",", ".")
    words = Words(
        kind.value,
        f"Forslag: {danish} fra {first} til {last} ({100 * share:+.0f} % af det forventede).",
        f"Proposal: {text} from {first} to {last} ({100 * share:+.0f} % of what was expected).",
    )
    return Proposal(
        kind=kind, start=start, end=end, kwh=kwh, kwh_se=error, share=share, words=words
    )


def _finding(
    kind: EventKind, start: datetime, end: datetime, words: Words, proposal: Proposal
) -> Finding:
    return Finding(
        code=kind.value,
        start=start,
        end=end,
        lasted_h=(end - start) / _HOUR,
        excluded=False,
        words=words,
        proposal=proposal,
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
