"""Which days a measure is measured on, and beside which other measures.

Two measures of the same meters are told apart where one settled long before the other began: a
model needs a baseline without change, and a saving some time of its own. Where they lie closer
together the data show one saving of both, and that is what is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bms.model.fact import MessageCode, Term, TermCode
from bms.model.savings.avoided_use import Span
from bms.model.savings.measure import KeptMeasure, Measure, MeasureKind
from bms.model.savings.objection import Objection, ObjectionKind, Verdict, objection
from bms.services.periods import BASELINE_DAYS, Periods, local_date, midnight, year_before

LEAST_BASELINE = timedelta(days=300)
"""A baseline without change after an earlier measure is at least so long (savings.md §6)."""
LEAST_ALONE = timedelta(days=90)
"""A measure that has this long before the next one is measured alone until then."""


class TogetherCode(MessageCode):
    """That a saving is that of several measures."""

    NOT_TOLD_APART = "measures_not_told_apart"


class MeasureTerm(TermCode):
    """Measures that no person has named."""

    CONTROL = "control_by_us"


def not_told_apart(together: Sequence[KeptMeasure]) -> Objection:
    """Returns the objection to a saving that is that of these measures, too."""
    return objection(
        TogetherCode.NOT_TOLD_APART,
        ObjectionKind.PARTS,
        Verdict.INDICATIVE,
        names=tuple(measure_name(row.measure) for row in together),
    )


def measure_name(measure: Measure) -> str | Term:
    """Returns what a person called a measure, or the term of control by us."""
    control = measure.kind is MeasureKind.CONTROL
    return Term(MeasureTerm.CONTROL.value) if control else measure.what


def acting_in(periods: Periods, rows: Sequence[KeptMeasure]) -> tuple[KeptMeasure, ...]:
    """Returns the measures that changed the use from the baseline's start to the end of what is
    told of it, so that their saving is in it."""
    return tuple(
        row
        for row in rows
        if row.measure.start < periods.reporting.end
        and (row.end is None or row.end > periods.baseline.start)
        and row.measure.effective > periods.baseline.start
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredPeriods:
    """``periods`` are None before there is a whole day to measure. The saving is that of the
    measure and of those ``together`` with it, and ends where ``until`` began."""

    periods: Periods | None
    together: tuple[KeptMeasure, ...] = ()
    until: KeptMeasure | None = None


def first_day(kept: KeptMeasure, timezone: str) -> datetime:
    """The local midnight before work began: the baseline ends here."""
    return midnight(local_date(kept.measure.start, timezone), timezone)


def measured_periods(
    kept: KeptMeasure, others: Sequence[KeptMeasure], now: datetime, timezone: str
) -> MeasuredPeriods:
    """The periods of a measure beside the ``others`` of its building."""
    rivals = [o for o in others if o.measure.id != kept.measure.id and o.shares_meters(kept)]
    baseline, together = _baseline(kept, rivals, timezone)
    begin = _settled(kept, timezone)
    today = midnight(local_date(now, timezone), timezone)
    end = today if kept.end is None else min(today, _day(kept.end, timezone))
    until: KeptMeasure | None = None
    for at, other in sorted(_changes(rivals, timezone), key=lambda change: change[0].start):
        if other in together or not first_day(kept, timezone) <= at.start < end:
            continue
        if at.start - begin >= LEAST_ALONE:
            end, until = at.start, other
            break
        together.append(other)
    if begin >= end:
        return MeasuredPeriods(periods=None, together=tuple(together), until=until)
    whole = Span(start=begin, end=end)
    last_year = midnight(local_date(end, timezone) - timedelta(days=BASELINE_DAYS), timezone)
    shown = Span(start=max(begin, last_year), end=end)
    periods = Periods(baseline=baseline, reporting=shown, project=whole)
    return MeasuredPeriods(periods=periods, together=tuple(together), until=until)


def _baseline(
    kept: KeptMeasure, rivals: Sequence[KeptMeasure], timezone: str
) -> tuple[Span, list[KeptMeasure]]:
    """The year before the measure, or what of it is without change; and before which measures it
    lies where it cannot be without them."""
    together: list[KeptMeasure] = []
    baseline = year_before(first_day(kept, timezone), timezone)
    while True:
        inside = [
            (at, other)
            for at, other in _changes(rivals, timezone)
            if other not in together and at.end > baseline.start and at.start < baseline.end
        ]
        if not inside:
            return baseline, together
        settled = max(at.end for at, _ in inside)
        if baseline.end - settled >= LEAST_BASELINE:
            return Span(start=settled, end=baseline.end), together
        for _, other in inside:
            if other not in together:
                together.append(other)
        baseline = year_before(min(at.start for at, _ in inside), timezone)


def _changes(measures: Sequence[KeptMeasure], timezone: str) -> Iterator[tuple[Span, KeptMeasure]]:
    """When the use of the building changed by a measure: its work, and its end."""
    for each in measures:
        start = first_day(each, timezone)
        yield Span(start=start, end=_settled(each, timezone)), each
        if each.end is not None:
            end = midnight(local_date(each.end, timezone), timezone)
            yield Span(start=end, end=end), each


def _settled(kept: KeptMeasure, timezone: str) -> datetime:
    """The first midnight from which on whole days are measured; that of its first day where
    nothing is blacked out."""
    if kept.measure.blackout_until is None:
        return first_day(kept, timezone)
    return _day(kept.measure.blackout_until, timezone, up=True)


def _day(moment: datetime, timezone: str, *, up: bool = False) -> datetime:
    """The local midnight at or before ``moment``; with ``up`` the one at or after it."""
    before = midnight(local_date(moment, timezone), timezone)
    if not up or before == moment:
        return before
    return midnight(local_date(moment, timezone) + timedelta(days=1), timezone)
