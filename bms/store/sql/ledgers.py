"""Ledgers in SQL that are only added to: receipts, non-routine events, baselines, the audit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, desc, select

from bms.errors import StoreError
from bms.model.codec import from_json, to_json
from bms.model.control.applied import AppliedReport
from bms.model.control.audit import Action
from bms.model.control.command import (
    Accepted,
    Clamped,
    Failed,
    Overridden,
    Receipt,
    Refused,
    Released,
    ReleaseReceipt,
    StillHeld,
)
from bms.model.savings.avoided_use import FrozenBaseline, KeptBaseline
from bms.model.savings.event import Decision, EventKind, NonRoutineEvent
from bms.store.database.tables import StoredAudit, StoredBaseline, StoredEvent, StoredReceipt
from bms.store.records import (
    applied_reason,
    check_superseded,
    id_taken,
    is_current,
    same_report,
    site_of,
)
from bms.store.sql.audit import SqlAudit, note

_KINDS: dict[str, type[Receipt | ReleaseReceipt]] = {
    kind.__name__.lower(): kind
    for kind in (Accepted, Clamped, Refused, Overridden, Failed, Released, StillHeld)
}


class SqlLedgers(SqlAudit):
    """Implements ``LedgerStore``."""

    def add_receipts(self, receipts: Iterable[Receipt | ReleaseReceipt], at: datetime) -> None:
        """See ``LedgerStore``."""
        rows = _receipt_rows(receipts, at)
        if rows:
            with self._link.writing(durable=True) as session:
                session.add_all(rows)

    def add_applied(
        self,
        report: AppliedReport,
        receipts: Iterable[Receipt | ReleaseReceipt],
        *,
        actor: str,
        at: datetime,
    ) -> bool:
        """See ``LedgerStore``."""
        what, why = Action.REPORT_APPLIED, applied_reason(report)
        known = select(StoredAudit.reason).where(
            StoredAudit.subject == report.id, StoredAudit.action == what.value
        )
        with self._link.writing(durable=True) as session:
            kept = session.exec(known).first()
            if kept is not None and same_report(report, kept):
                return False
            session.add_all(_receipt_rows(receipts, report.time))
            note(session, what, report.id, at=at, actor=actor, site=report.site, reason=why)
        return True

    def receipts(
        self, site: str, since: datetime
    ) -> list[tuple[datetime, Receipt | ReleaseReceipt]]:
        """See ``LedgerStore``."""
        wanted = (
            select(StoredReceipt.at, StoredReceipt.kind, StoredReceipt.body)
            .where(StoredReceipt.site == site, StoredReceipt.at >= since)
            .order_by(col(StoredReceipt.at), col(StoredReceipt.seq))
        )
        with self._link.reading() as session:
            rows = session.exec(wanted).all()
        return [(at, from_json(_KINDS[kind], body)) for at, kind, body in rows]

    def add_event(self, event: NonRoutineEvent) -> None:
        """See ``LedgerStore``."""
        with self._link.writing(durable=True) as session:
            same = session.exec(select(StoredEvent).where(StoredEvent.id == event.id)).first()
            if same is not None:
                if _event(same) != event:
                    raise StoreError(id_taken(event))
                return
            if event.supersedes is not None:
                _look_at_superseded(session, event, event.supersedes)
            session.add(_row(event))

    def events(self, site: str) -> list[NonRoutineEvent]:
        """See ``LedgerStore``."""
        wanted = select(StoredEvent).where(StoredEvent.site == site).order_by(col(StoredEvent.seq))
        with self._link.reading() as session:
            return [_event(row) for row in session.exec(wanted)]

    def keep_baseline(self, kept: KeptBaseline) -> None:
        """See ``LedgerStore``."""
        latest = (
            select(StoredBaseline)
            .where(StoredBaseline.site == kept.site)
            .order_by(desc(col(StoredBaseline.seq)))
        )
        with self._link.writing(durable=True) as session:
            known = [_kept(row) for row in session.exec(latest)]
            if not is_current(known, kept):
                session.add(
                    StoredBaseline(
                        site=kept.site,
                        at=kept.at,
                        author=kept.author,
                        reason=kept.reason,
                        body=to_json(kept.baseline),
                    )
                )

    def baselines(self, site: str) -> list[KeptBaseline]:
        """See ``LedgerStore``."""
        wanted = (
            select(StoredBaseline)
            .where(StoredBaseline.site == site)
            .order_by(col(StoredBaseline.seq))
        )
        with self._link.reading() as session:
            return [_kept(row) for row in session.exec(wanted)]


def _receipt_rows(
    receipts: Iterable[Receipt | ReleaseReceipt], at: datetime
) -> list[StoredReceipt]:
    return [
        StoredReceipt(
            site=site_of(receipt), at=at, kind=type(receipt).__name__.lower(), body=to_json(receipt)
        )
        for receipt in receipts
    ]


def _look_at_superseded(session: Session, event: NonRoutineEvent, earlier: str) -> None:
    row = session.exec(select(StoredEvent).where(StoredEvent.id == earlier)).first()
    again = session.exec(select(StoredEvent).where(StoredEvent.supersedes == earlier)).first()
    check_superseded(event, None if row is None else _event(row), again is not None)


def _row(event: NonRoutineEvent) -> StoredEvent:
    return StoredEvent(
        id=event.id,
        site=event.meter.partition("/")[0],
        meter=event.meter,
        starts=event.start,
        ends=event.end,
        kwh=event.kwh_adjustment,
        kwh_se=event.kwh_se,
        kind=event.kind.value,
        decision=event.decision.value,
        author=event.author,
        entered_at=event.entered_at,
        reason=event.reason,
        supersedes=event.supersedes,
    )


def _event(row: StoredEvent) -> NonRoutineEvent:
    return NonRoutineEvent(
        id=row.id,
        meter=row.meter,
        start=row.starts,
        end=row.ends,
        kwh_adjustment=row.kwh,
        kwh_se=row.kwh_se,
        kind=EventKind(row.kind),
        author=row.author,
        entered_at=row.entered_at,
        reason=row.reason,
        supersedes=row.supersedes,
        decision=Decision(row.decision),
    )


def _kept(row: StoredBaseline) -> KeptBaseline:
    return KeptBaseline(
        baseline=from_json(FrozenBaseline, row.body),
        at=row.at,
        author=row.author,
        reason=row.reason,
    )
