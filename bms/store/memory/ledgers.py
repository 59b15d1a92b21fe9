"""Ledgers in memory: receipts, non-routine events, baselines, the audit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count

from bms.errors import NotFound, StoreError
from bms.model.control.applied import AppliedReport
from bms.model.control.audit import Action
from bms.model.control.command import AnyReceipt
from bms.model.control.evidence import EvidenceKind, Part, Pruning
from bms.model.epoch import to_micros
from bms.model.savings.avoided_use import KeptBaseline
from bms.model.savings.event import NonRoutineEvent
from bms.model.savings.goal import KeptGoal
from bms.model.savings.measure import KeptMeasure, Measure, MeasureEnd
from bms.store.ledger_rules import (
    NAME_GONE,
    acts,
    applied_reason,
    check_superseded,
    goal_subject,
    id_taken,
    is_current,
    measure_taken,
    same_report,
    site_of,
)
from bms.store.memory.audit import MemoryAudit
from bms.store.memory.owners import MemoryOwners
from bms.store.personal_text import without_texts
from bms.store.receipt_renewals import body_of, kind_of, likeness, point_of, renews


@dataclass(slots=True)
class _KeptReceipt:
    """A receipt with the last of its renewals, and when that was."""

    receipt: AnyReceipt
    at: datetime
    likeness: str
    seen: datetime
    last: AnyReceipt | None = None

    def forget_names(self) -> None:
        self.receipt = without_texts(self.receipt)[0]
        self.last = None if self.last is None else without_texts(self.last)[0]

    def first_and_last(self) -> Iterator[tuple[datetime, AnyReceipt]]:
        yield self.at, self.receipt
        if self.last is not None:
            yield self.seen, self.last


class MemoryLedgers(MemoryAudit, MemoryOwners):
    """Implements ``LedgerStore``."""

    def __init__(self) -> None:
        super().__init__()
        self._receipts: dict[int, _KeptReceipt] = {}
        self._standing: dict[str, _KeptReceipt] = {}
        self._receipt_numbers = count(1)
        self._control_starts: dict[str, datetime] = {}
        self._events: dict[str, NonRoutineEvent] = {}
        self._measures: dict[str, Measure] = {}
        self._measure_ends: dict[str, MeasureEnd] = {}
        self._baselines: list[KeptBaseline] = []
        self._goals: list[KeptGoal] = []

    def add_receipts(
        self, receipts: Iterable[AnyReceipt], at: datetime, *, fenced: bool = True
    ) -> None:
        """See ``LedgerStore``."""
        to_micros(at)
        receipts = list(receipts)
        self._hold_fence(map(site_of, receipts) if fenced else ())
        for receipt in receipts:
            if acts(receipt):
                self._control_starts.setdefault(site_of(receipt), at)
            like = likeness(kind_of(receipt), body_of(receipt))
            known = self._standing.get(point_of(receipt))
            if known is not None and renews(known.likeness, known.at, known.seen, like, at):
                known.seen, known.last = at, receipt
                continue
            kept = _KeptReceipt(receipt, at, like, at)
            number = next(self._receipt_numbers)
            self._receipts[number] = self._standing[point_of(receipt)] = kept
            what, texts = without_texts(receipt)
            self._prove(EvidenceKind.RECEIPT, site_of(receipt), str(number), at, what, *texts)

    def add_applied(
        self,
        report: AppliedReport,
        receipts: Iterable[AnyReceipt],
        *,
        actor: str,
        at: datetime,
    ) -> bool:
        """See ``LedgerStore``."""
        to_micros(report.time)
        what = Action.REPORT_APPLIED
        for entry in self._audit:
            known = entry.action is what and entry.subject == report.id
            if known and same_report(report, entry.reason):
                return False
        why = applied_reason(report)
        self.note(what, report.id, at=at, actor=actor, site=report.site, reason=why)
        self.add_receipts(receipts, report.time)
        return True

    def receipts(self, site: str, since: datetime) -> list[tuple[datetime, AnyReceipt]]:
        """See ``LedgerStore``."""
        to_micros(since)
        found = [
            (at, receipt)
            for kept in list(self._receipts.values())
            for at, receipt in kept.first_and_last()
            if at >= since and site_of(receipt) == site
        ]
        return sorted(found, key=lambda row: row[0])

    def control_start(self, site: str) -> datetime | None:
        """See ``LedgerStore``."""
        return self._control_starts.get(site)

    def receipts_of(
        self, sites: Collection[str], since: datetime
    ) -> dict[str, list[tuple[datetime, AnyReceipt]]]:
        """See ``LedgerStore``."""
        return {site: self.receipts(site, since) for site in sites}

    def _forget(self, pruning: Pruning, row: str) -> None:
        if pruning.kind is EvidenceKind.RECEIPT:
            if pruning.part is Part.ROW:
                self._receipts.pop(int(row))
            else:
                self._receipts[int(row)].forget_names()
        gone = NAME_GONE
        if pruning.kind is EvidenceKind.EVENT:
            self._events[row] = replace(self._events[row], author=gone, reason=gone)
        if pruning.kind is EvidenceKind.BASELINE:
            place = int(row) - 1
            self._baselines[place] = replace(self._baselines[place], author=gone, reason=gone)
        if pruning.kind is EvidenceKind.MEASURE:
            self._measures[row] = replace(self._measures[row], author=gone)
        if pruning.kind is EvidenceKind.MEASURE_END:
            self._measure_ends[row] = replace(self._measure_ends[row], author=gone, reason=gone)
        if pruning.kind is EvidenceKind.GOAL:
            place = int(row) - 1
            self._goals[place] = replace(self._goals[place], author=gone, reason=gone)
        super()._forget(pruning, row)

    def add_event(self, event: NonRoutineEvent) -> None:
        """See ``LedgerStore``."""
        for moment in (event.start, event.end, event.entered_at):
            to_micros(moment)
        if event.id in self._events:
            if self._events[event.id] != event:
                raise StoreError(id_taken(event))
            return
        if event.supersedes is not None:
            kept = list(self._events.values())
            again = any(known.supersedes == event.supersedes for known in kept)
            check_superseded(event, self._events.get(event.supersedes), again)
        self._events[event.id] = event
        fields = (event.meter, event.start, event.end, event.kwh_adjustment)
        site, who = event.meter.partition("/")[0], (event.author, event.reason)
        self._prove(EvidenceKind.EVENT, site, event.id, event.entered_at, fields, *who)

    def events(self, site: str) -> list[NonRoutineEvent]:
        """See ``LedgerStore``."""
        known = list(self._events.values())
        return [event for event in known if event.meter.partition("/")[0] == site]

    def add_measure(self, measure: Measure) -> None:
        """See ``LedgerStore``."""
        for moment in (measure.start, measure.effective, measure.entered_at):
            to_micros(moment)
        if measure.id in self._measures:
            if self._measures[measure.id] != measure:
                raise StoreError(measure_taken(measure))
            return
        self._measures[measure.id] = measure
        site, at, who = measure.site, measure.entered_at, measure.author
        self._prove(EvidenceKind.MEASURE, site, measure.id, at, _fields(measure), who)
        what = Action.ADD_MEASURE
        self.note(what, measure.id, at=at, actor=who, site=site, reason=measure.what)

    def end_measure(self, end: MeasureEnd) -> None:
        """See ``LedgerStore``."""
        known = self._measures.get(end.measure)
        if known is None or known.site != end.site:
            raise NotFound(f"there is no measure {end.measure} at {end.site}")
        if end.measure in self._measure_ends:
            return
        for moment in (end.end, end.entered_at):
            to_micros(moment)
        self._measure_ends[end.measure] = end
        site, at, who = end.site, end.entered_at, (end.author, end.reason)
        self._prove(EvidenceKind.MEASURE_END, site, end.measure, at, end.end, *who)
        what = Action.END_MEASURE
        self.note(what, end.measure, at=at, actor=who[0], site=site, reason=who[1])

    def set_goal(self, goal: KeptGoal) -> None:
        """See ``LedgerStore``."""
        to_micros(goal.entered_at)
        self._goals.append(goal)
        site, at, who = goal.site, goal.entered_at, (goal.author, goal.reason)
        self._prove(EvidenceKind.GOAL, site, str(len(self._goals)), at, goal.goal, *who)
        what, subject = Action.SET_GOAL, goal_subject(goal)
        self.note(what, subject, at=at, actor=who[0], site=site, reason=who[1])

    def goals(self, sites: Collection[str]) -> list[KeptGoal]:
        """See ``LedgerStore``."""
        return [goal for goal in list(self._goals) if goal.site in sites]

    def ledger_entries(self, site: str) -> int:
        """See ``LedgerStore``."""
        measures = self.measures(site)
        ended = sum(row.ended is not None for row in measures)
        return len(self.events(site)) + len(measures) + ended + len(self.baselines(site))

    def measures(self, site: str) -> list[KeptMeasure]:
        """See ``LedgerStore``."""
        return [
            KeptMeasure(measure=measure, ended=self._measure_ends.get(measure.id))
            for measure in list(self._measures.values())
            if measure.site == site
        ]

    def keep_baseline(self, kept: KeptBaseline) -> None:
        """See ``LedgerStore``."""
        to_micros(kept.at)
        if not is_current(self.baselines(kept.site)[::-1], kept):
            self._baselines.append(kept)
            number, who = str(len(self._baselines)), (kept.author, kept.reason)
            self._prove(EvidenceKind.BASELINE, kept.site, number, kept.at, kept.baseline, *who)

    def baselines(self, site: str) -> list[KeptBaseline]:
        """See ``LedgerStore``."""
        return [kept for kept in list(self._baselines) if kept.site == site]


def _fields(measure: Measure) -> Measure:
    """What stays for good of a measure."""
    return replace(measure, author=NAME_GONE)
