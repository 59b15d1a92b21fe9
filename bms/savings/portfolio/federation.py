"""The sum over the portfolios of several backends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from bms.model.savings.objection import Verdict
from bms.model.savings.upstream import ToldSaving

WORST_FIRST = (Verdict.NOT_CLAIMABLE, Verdict.INDICATIVE, Verdict.VERIFIED)


def federated_sum(name: str, rows: Sequence[ToldSaving]) -> ToldSaving:
    """The saving of all portfolios that tell one [kWh]; None where none does.

    Portfolios are independent of each other, so the half-widths of their intervals add up in
    quadrature (JCGM 100:2008, 5.1.2), each side by itself. The verdict is the lowest of those that
    count; it may not be claimed at all where one portfolio tells no saving.
    """
    known = [row for row in rows if row.saving_kwh is not None]
    saving = _total(known, lambda row: row.saving_kwh)
    return ToldSaving(
        id=name,
        adjusted_baseline_kwh=_total(known, lambda row: row.adjusted_baseline_kwh),
        measured_kwh=_total(known, lambda row: row.measured_kwh),
        saving_kwh=saving,
        saving_low_kwh=_bound(known, saving, lambda row: row.saving_low_kwh, -1.0),
        saving_high_kwh=_bound(known, saving, lambda row: row.saving_high_kwh, 1.0),
        confidence=min((row.confidence for row in known), default=0.0),
        verdict=_verdict(rows),
        cost_dkk=_total(known, lambda row: row.cost_dkk),
        co2_kg=_total(known, lambda row: row.co2_kg),
    )


def _total(rows: Sequence[ToldSaving], value: Callable[[ToldSaving], float | None]) -> float | None:
    """The sum; None where one of them is not known, and where there are none."""
    values = [value(row) for row in rows]
    known = [each for each in values if each is not None]
    return math.fsum(known) if known and len(known) == len(values) else None


def _bound(
    rows: Sequence[ToldSaving],
    saving: float | None,
    bound: Callable[[ToldSaving], float | None],
    side: float,
) -> float | None:
    halves = []
    for row in rows:
        edge = bound(row)
        if edge is None or row.saving_kwh is None:
            return None
        halves.append(edge - row.saving_kwh)
    return None if saving is None else saving + side * math.hypot(*halves)


def _verdict(rows: Sequence[ToldSaving]) -> Verdict:
    said = {row.verdict for row in rows}
    if not rows or any(row.saving_kwh is None for row in rows):
        return Verdict.NOT_CLAIMABLE
    return next(verdict for verdict in WORST_FIRST if verdict in said)
