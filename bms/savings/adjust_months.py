"""The months of a saving with its non-routine adjustments: they add up to the adjusted period.

What an event of the reporting period made the building use is shared out by the time that it has
in each month; what one of the baseline period is worth there, by the months' adjusted baseline.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from math import hypot

from bms.model.savings.event import Decision, NonRoutineEvent
from bms.model.savings.savings import MonthSavings, Savings, Span
from bms.savings.models.uncertainty import Z90

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
    low, high = _interval(row.saving_kwh, row.saving_high_kwh, kwh, se)
    low_to_date, high_to_date = _interval(
        row.to_date_kwh, row.to_date_high_kwh, kwh_to_date, se_to_date
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


def _interval(value: float, high: float, kwh: float, se: float) -> tuple[float, float]:
    half = hypot(high - value, Z90 * se)
    return value + kwh - half, value + kwh + half


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
