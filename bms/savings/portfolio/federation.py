"""The sums over the portfolios of several backends."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bms.model.savings.objection import Verdict
from bms.model.savings.upstream import ToldSaving, ToldUse, ToldYear, UpstreamLook, UpstreamNumbers

Row = TypeVar("Row")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedUse(ToldUse):
    """A commodity of all buildings of ``upstreams`` backends [1] in a calendar year."""

    year: int
    upstreams: int


def federated_use(years: Iterable[ToldYear]) -> tuple[FederatedUse, ...]:
    """What all used, by year (the newest first), commodity and unit. What one of them tells, but
    does not know, is not known of all; after New Year each counts in the year that it tells."""
    found: dict[tuple[int, str, str], list[ToldUse]] = defaultdict(list)
    for told in years:
        for row in told.totals:
            found[-told.year, row.commodity, row.unit].append(row)
    return tuple(
        FederatedUse(
            year=-year,
            commodity=commodity,
            unit=unit,
            upstreams=len(rows),
            buildings=sum(row.buildings for row in rows),
            area_m2=math.fsum(row.area_m2 for row in rows),
            use=_total(rows, lambda row: row.use),
            co2_kg=_total(rows, lambda row: row.co2_kg),
        )
        for (year, commodity, unit), rows in sorted(found.items())
    )


def told_twice(looks: Sequence[UpstreamLook]) -> Mapping[str, str]:
    """The addresses at which an earlier one is seen again, each with the name of that: several
    buildings, or one, with the same saving to the last digit are the same backend."""
    found: dict[str, str] = {}
    first: dict[ToldSaving, tuple[UpstreamLook, UpstreamNumbers]] = {}
    for look in looks:
        numbers = look.numbers
        if numbers is None or not numbers.sites or numbers.portfolio.saving_kwh is None:
            continue
        earlier, known = first.setdefault(numbers.portfolio, (look, numbers))
        if earlier is not look and known.sites == numbers.sites:
            found[look.url] = earlier.name
    return found


def _total(rows: Sequence[Row], value: Callable[[Row], float | None]) -> float | None:
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
