"""Savings with the non-routine adjustments that people confirmed, and beside them without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import hypot

from bms.model.fact import MessageCode
from bms.model.savings.avoided_use import Savings, SiteSavings, Unadjusted
from bms.model.savings.event import NonRoutineEvent
from bms.model.savings.objection import ObjectionKind, Verdict, objection
from bms.savings.claims.adjustment import Adjusted, adjust, adjusted_months
from bms.savings.claims.aggregate import THIN_SHARE


class WaitingCode(MessageCode):
    """What parts of a sum wait for: a person's decision."""

    OPEN_EVENTS = "events_open"
    CHANGED_BASELINES = "baselines_changed"


_KINDS = {
    WaitingCode.OPEN_EVENTS: ObjectionKind.EVENT,
    WaitingCode.CHANGED_BASELINES: ObjectionKind.BASELINE,
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
        reasons=savings.reasons,
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
            reasons=without.reasons,
            events=tuple(name for row in rows for name in row.events),
        ),
    )


def unadjusted(savings: SiteSavings) -> SiteSavings:
    """The sum as it is without adjustments: what stands beside it, else itself."""
    without = savings.unadjusted
    if without is None:
        return savings
    return replace(
        savings,
        adjusted_baseline_kwh=None
        if savings.adjusted_baseline_kwh is None
        else savings.adjusted_baseline_kwh - without.adjustment_kwh,
        saving_kwh=without.saving_kwh,
        saving_low_kwh=without.saving_low_kwh,
        saving_high_kwh=without.saving_high_kwh,
        reasons=without.reasons,
    )


def limited(
    total: SiteSavings, code: WaitingCode, concerned: Sequence[tuple[str, float | None]]
) -> SiteSavings:
    """Returns ``total`` as ``indicative`` at best where more than a tenth of its energy lies in
    parts that wait for a decision: their names and adjusted baselines [kWh]."""
    energy = sum(kwh or 0.0 for _, kwh in concerned)
    whole = total.adjusted_baseline_kwh
    if not whole or energy <= THIN_SHARE * whole:
        return total
    names = tuple(name for name, _ in concerned)
    waiting = objection(code, _KINDS[code], Verdict.INDICATIVE, names=names)
    return replace(total, reasons=(*total.reasons, waiting))
