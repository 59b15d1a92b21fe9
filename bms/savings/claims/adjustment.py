"""Non-routine adjustments: a saving with and without the events that people have decided about.

IPMVP: savings = adjusted baseline - measured ± non-routine adjustments. An event of the reporting
period adds what it made the building use to the adjusted baseline; an event of the baseline period
is taken out of it, scaled by what the model carries over into the reporting period. Standard
errors widen the interval in quadrature. Nothing of the routine saving is changed or refitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from math import hypot

from bms.model.savings.avoided_use import MonthSavings, Savings, Span
from bms.model.savings.event import Decision, NonRoutineEvent, standing
from bms.model.savings.finding import MeterFinding
from bms.model.savings.objection import Objection, ObjectionKind, Verdict, verdict_of_saving
from bms.savings.claims.gates import event_objections, size_objections
from bms.savings.models.uncertainty import Z90

NEAR = timedelta(days=31)
"""An entry answers a finding whose start or end lies so near to its own: people do not remember
days, and the day of a step is estimated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """A saving with its non-routine adjustment; ``savings`` is the same without.

    ``adjustment_kwh`` ± ``adjustment_se_kwh`` [kWh, standard error] is in ``saving_kwh`` and its
    90 % interval; all numbers are None where the saving has none. ``open`` are the events that
    nobody has decided about: they leave ``indicative`` at best. ``applied`` are the entries of the
    ledger that count here, dismissals included.
    """

    savings: Savings
    adjustment_kwh: float
    adjustment_se_kwh: float
    saving_kwh: float | None
    saving_low_kwh: float | None
    saving_high_kwh: float | None
    reasons: tuple[Objection, ...]
    open: tuple[MeterFinding, ...]
    applied: tuple[NonRoutineEvent, ...]

    @property
    def verdict(self) -> Verdict:
        """How far the adjusted saving may be claimed."""
        return verdict_of_saving(self.saving_kwh, self.reasons)


def adjust(savings: Savings, entries: Sequence[NonRoutineEvent]) -> Adjusted:
    """``savings`` with the ledger's ``entries`` of its meter: superseded ones and those of other
    meters or periods do not count. The quantity of an entry that lies partly in a period counts by
    the share of its time there."""
    mine = [entry for entry in standing(entries) if entry.meter == savings.meter_id]
    undecided = tuple(
        found
        for found in savings.findings
        if found.event is not None and not any(_answers(entry, found) for entry in mine)
    )
    shares = [(entry, _effect(savings, entry)) for entry in mine]
    applied = tuple(
        entry
        for entry, effect in shares
        if effect or any(_answers(entry, found) for found in savings.findings)
    )
    kwh = sum(effect * entry.kwh_adjustment for entry, effect in shares)
    se = hypot(*(effect * entry.kwh_se for entry, effect in shares))
    return _adjusted(savings, float(kwh), se, undecided, applied)


def _adjusted(
    savings: Savings,
    kwh: float,
    se: float,
    undecided: tuple[MeterFinding, ...],
    applied: tuple[NonRoutineEvent, ...],
) -> Adjusted:
    saving = low = high = None
    found = _lasting(savings.reasons)
    ends = savings.saving_low_kwh, savings.saving_high_kwh
    if savings.saving_kwh is not None and ends[0] is not None and ends[1] is not None:
        saving = savings.saving_kwh + kwh
        low, high = _interval(ends[0], ends[1], kwh, se)
        carried, first = _carried(savings), savings.proven_in_first_year
        found += event_objections(
            undecided, savings.reporting, carried, low, high, first_year=first
        )
        found += size_objections(saving, low, high, first_year=first)
    return Adjusted(
        savings=savings,
        adjustment_kwh=kwh,
        adjustment_se_kwh=se,
        saving_kwh=saving,
        saving_low_kwh=low,
        saving_high_kwh=high,
        reasons=tuple(found),
        open=undecided,
        applied=applied,
    )


def _lasting(reasons: Iterable[Objection]) -> list[Objection]:
    """The objections that an adjustment leaves as they are."""
    renewed = (ObjectionKind.SIZE, ObjectionKind.EVENT)
    return [objection for objection in reasons if objection.kind not in renewed]


def _effect(savings: Savings, entry: NonRoutineEvent) -> float:
    """Share of the quantity of ``entry`` that belongs to the adjusted baseline; negative in the
    baseline period."""
    if entry.decision is not Decision.CONFIRMED:
        return 0.0
    baseline = _within(entry, savings.baseline)
    return _within(entry, savings.reporting) - _carried(savings) * baseline


def _carried(savings: Savings) -> float:
    """Adjusted baseline over the use of the baseline period."""
    if savings.baseline_kwh and savings.adjusted_baseline_kwh is not None:
        return savings.adjusted_baseline_kwh / savings.baseline_kwh
    return 0.0


def _within(entry: NonRoutineEvent, span: Span) -> float:
    """Share of the time of ``entry`` that lies in ``span``, 0..1."""
    shared = min(entry.end, span.end) - max(entry.start, span.start)
    return max(shared / (entry.end - entry.start), 0.0)


def _answers(entry: NonRoutineEvent, found: MeterFinding) -> bool:
    """Whether somebody has decided about ``found`` by ``entry``: they begin or end together. A
    confirmed entry that ends while the event goes on answers only its own part."""
    ends = (entry.start, entry.end)
    if min(abs(found.start - end) for end in ends) > NEAR:
        return False
    if entry.decision is Decision.DISMISSED or found.proposal is None:
        return True
    return entry.end >= found.proposal.end - NEAR


Shares = tuple[float, ...]


def adjusted_months(
    savings: Savings, entries: Iterable[NonRoutineEvent]
) -> tuple[MonthSavings, ...]:
    """The months of ``savings`` (without adjustments) with the quantities of the confirmed
    ``entries`` of its meter; none where it has none."""
    months = savings.months
    if not months:
        return ()
    shared = [
        (entry, _shares(savings, entry))
        for entry in entries
        if entry.decision is Decision.CONFIRMED
    ]
    return tuple(_month(months, i, shared) for i in range(len(months)))


def _month(
    months: tuple[MonthSavings, ...], i: int, shared: list[tuple[NonRoutineEvent, Shares]]
) -> MonthSavings:
    row = months[i]
    first = next(k for k in range(i + 1) if months[k].month.year == row.month.year)
    here = slice(i, i + 1), slice(first, i + 1)
    kwh, kwh_to_date = (
        sum(sum(shares[part]) * entry.kwh_adjustment for entry, shares in shared) for part in here
    )
    se, se_to_date = (
        hypot(*(sum(shares[part]) * entry.kwh_se for entry, shares in shared)) for part in here
    )
    low, high = _interval(row.saving_low_kwh, row.saving_high_kwh, kwh, se)
    low_to_date, high_to_date = _interval(
        row.to_date_low_kwh, row.to_date_high_kwh, kwh_to_date, se_to_date
    )
    return replace(
        row,
        adjusted_baseline_kwh=row.adjusted_baseline_kwh + kwh,
        saving_kwh=row.saving_kwh + kwh,
        saving_low_kwh=low,
        saving_high_kwh=high,
        to_date_kwh=row.to_date_kwh + kwh_to_date,
        to_date_low_kwh=low_to_date,
        to_date_high_kwh=high_to_date,
    )


def _interval(low: float, high: float, kwh: float, se: float) -> tuple[float, float]:
    middle, half = (low + high) / 2.0 + kwh, hypot((high - low) / 2.0, Z90 * se)
    return middle - half, middle + half


def _shares(savings: Savings, entry: NonRoutineEvent) -> Shares:
    """Share of the quantity of ``entry`` that each month has; together what the period has."""
    inside = _weights([_overlap(entry, span) for span in _spans(savings)])
    reporting = _overlap(entry, savings.reporting) / _length(entry)
    baseline = _overlap(entry, savings.baseline) / _length(entry)
    adjusted = [row.adjusted_baseline_kwh for row in savings.months]
    carried = sum(adjusted) / savings.baseline_kwh if savings.baseline_kwh else 0.0
    by_use = _weights(adjusted)
    return tuple(
        reporting * part - carried * baseline * use
        for part, use in zip(inside, by_use, strict=True)
    )


def _weights(parts: list[float]) -> list[float]:
    whole = sum(parts)
    return [part / whole if whole else 0.0 for part in parts]


def _spans(savings: Savings) -> list[Span]:
    """The months inside the reporting period; their midnights are an hour or two off, which is
    nothing beside a month, and nothing at all in the sum."""
    starts = [_midnight(row.month) for row in savings.months]
    ends = [*starts[1:], savings.reporting.end]
    return [
        Span(start=max(start, savings.reporting.start), end=min(end, savings.reporting.end))
        for start, end in zip(starts, ends, strict=True)
    ]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _overlap(entry: NonRoutineEvent, span: Span) -> float:
    """[s]"""
    shared = min(entry.end, span.end) - max(entry.start, span.start)
    return max(shared.total_seconds(), 0.0)


def _length(entry: NonRoutineEvent) -> float:
    return (entry.end - entry.start).total_seconds()
