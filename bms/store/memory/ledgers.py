"""Ledgers in memory: receipts, non-routine events, baselines, the audit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bms.errors import StoreError
from bms.model.control.applied import AppliedReport
from bms.model.control.audit import Action
from bms.model.control.command import Receipt, ReleaseReceipt
from bms.model.epoch import to_micros
from bms.model.savings.avoided_use import KeptBaseline
from bms.model.savings.event import NonRoutineEvent
from bms.store.memory.audit import MemoryAudit
from bms.store.records import (
    applied_reason,
    check_superseded,
    id_taken,
    is_current,
    same_report,
    site_of,
)


class MemoryLedgers(MemoryAudit):
    """Implements ``LedgerStore``."""

    def __init__(self) -> None:
        super().__init__()
        self._receipts: list[tuple[datetime, Receipt | ReleaseReceipt]] = []
        self._events: dict[str, NonRoutineEvent] = {}
        self._baselines: list[KeptBaseline] = []

    def add_receipts(self, receipts: Iterable[Receipt | ReleaseReceipt], at: datetime) -> None:
        """See ``LedgerStore``."""
        to_micros(at)
        self._receipts.extend((at, receipt) for receipt in receipts)

    def add_applied(
        self,
        report: AppliedReport,
        receipts: Iterable[Receipt | ReleaseReceipt],
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
        self._note(what, report.id, at=at, actor=actor, site=report.site, reason=why)
        self.add_receipts(receipts, report.time)
        return True

    def receipts(
        self, site: str, since: datetime
    ) -> list[tuple[datetime, Receipt | ReleaseReceipt]]:
        """See ``LedgerStore``."""
        to_micros(since)
        found = [
            (at, receipt)
            for at, receipt in list(self._receipts)
            if at >= since and site_of(receipt) == site
        ]
        return sorted(found, key=lambda row: row[0])

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

    def events(self, site: str) -> list[NonRoutineEvent]:
        """See ``LedgerStore``."""
        known = list(self._events.values())
        return [event for event in known if event.meter.partition("/")[0] == site]

    def keep_baseline(self, kept: KeptBaseline) -> None:
        """See ``LedgerStore``."""
        to_micros(kept.at)
        if not is_current(self.baselines(kept.site)[::-1], kept):
            self._baselines.append(kept)

    def baselines(self, site: str) -> list[KeptBaseline]:
        """See ``LedgerStore``."""
        return [kept for kept in list(self._baselines) if kept.site == site]
