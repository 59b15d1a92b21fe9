"""A saving as it is told: with the adjustments that people confirmed, and beside it without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import hypot

from bms.model.savings.event import NonRoutineEvent
from bms.model.savings.savings import Savings, SiteSavings, Unadjusted, Verdict
from bms.model.words import Words
from bms.savings.claims.adjustment import Adjusted, adjust, adjusted_months
from bms.savings.claims.aggregate import THIN_SHARE

OPEN_EVENTS = "events_open"
CHANGED_BASELINES = "baselines_changed"
_WAITING = {
    OPEN_EVENTS: (
        "Der er hændelser i {}, som ingen har taget stilling til.",
        "There are events in {} that nobody has decided about.",
    ),
    CHANGED_BASELINES: (
        "Basislinjen for {} er ændret, siden den blev taget i brug; den skal godkendes.",
        "The baseline of {} has changed since it was first used; it has to be accepted.",
    ),
}


def with_adjustment(savings: Savings, entries: Sequence[NonRoutineEvent]) -> Savings:
    """``savings`` with what the ledger's ``entries`` say about its meter; open events leave
    ``indicative`` at best. Its adjusted baseline and its months hold the adjustment, too, so that
    baseline minus measured is still the saving."""
    found = adjust(savings, entries)
    if not found.applied:
        return savings
    baseline = savings.adjusted_baseline_kwh
    return replace(
        savings,
        adjusted_baseline_kwh=None if baseline is None else baseline + found.adjustment_kwh,
        saving_kwh=found.saving_kwh,
        saving_low_kwh=found.saving_low_kwh,
        saving_high_kwh=found.saving_high_kwh,
        verdict=found.verdict,
        reasons=found.reasons,
        months=adjusted_months(savings, found.applied),
        unadjusted=_without(found),
    )


def _without(found: Adjusted) -> Unadjusted:
    savings = found.savings
    return Unadjusted(
        adjustment_kwh=found.adjustment_kwh,
        adjustment_se_kwh=found.adjustment_se_kwh,
        saving_kwh=savings.saving_kwh,
        saving_low_kwh=savings.saving_low_kwh,
        saving_high_kwh=savings.saving_high_kwh,
        verdict=savings.verdict,
        events=tuple(entry.id for entry in found.applied),
    )


def with_adjustments_of(total: SiteSavings, without: SiteSavings) -> SiteSavings:
    """``total`` of adjusted meters with the sum ``without`` adjustments beside it."""
    rows = [meter.unadjusted for meter in total.meters if meter.unadjusted is not None]
    if not rows:
        return total
    return replace(
        total,
        unadjusted=Unadjusted(
            adjustment_kwh=sum(row.adjustment_kwh for row in rows),
            adjustment_se_kwh=hypot(*(row.adjustment_se_kwh for row in rows)),
            saving_kwh=without.saving_kwh,
            saving_low_kwh=without.saving_low_kwh,
            saving_high_kwh=without.saving_high_kwh,
            verdict=without.verdict,
            events=tuple(name for row in rows for name in row.events),
        ),
    )


def unadjusted(savings: SiteSavings) -> SiteSavings:
    """The sum as it is without adjustments: what stands beside it, else itself."""
    told = savings.unadjusted
    if told is None:
        return savings
    return replace(
        savings,
        adjusted_baseline_kwh=None
        if savings.adjusted_baseline_kwh is None
        else savings.adjusted_baseline_kwh - told.adjustment_kwh,
        saving_kwh=told.saving_kwh,
        saving_low_kwh=told.saving_low_kwh,
        saving_high_kwh=told.saving_high_kwh,
        verdict=told.verdict,
    )


def capped(
    total: SiteSavings, code: str, concerned: Sequence[tuple[str, float | None]]
) -> SiteSavings:
    """``total`` with at most ``indicative`` where more than a tenth of its energy lies in parts
    that wait for somebody: their names and adjusted baselines [kWh]. ``code`` says for what."""
    energy = sum(kwh or 0.0 for _, kwh in concerned)
    whole = total.adjusted_baseline_kwh
    if not whole or energy <= THIN_SHARE * whole:
        return total
    names = ", ".join(name for name, _ in concerned)
    danish, english = _WAITING[code]
    words = Words(code, danish.format(names), english.format(names))
    verdict = Verdict.INDICATIVE if total.verdict is Verdict.VERIFIED else total.verdict
    return replace(total, verdict=verdict, reasons=(*total.reasons, words))
