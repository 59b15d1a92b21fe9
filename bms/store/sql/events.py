"""The ledger of non-routine events, and the baselines that were used, in SQL: only added to."""

from __future__ import annotations

from sqlmodel import Session, col, desc, select

from bms.errors import StoreError
from bms.model.codec import from_json, to_json
from bms.model.savings.event import Decision, EventKind, NonRoutineEvent
from bms.model.savings.savings import FrozenBaseline, KeptBaseline
from bms.store.database.connection import Linked
from bms.store.database.tables import BaselineRow, EventRow
from bms.store.records import check_superseded, stands, taken


class SqlEvents(Linked):
    """The part of ``LedgerStore`` that keeps what an auditor asks for."""

    def add_event(self, event: NonRoutineEvent) -> None:
        """See ``LedgerStore``."""
        with self._link.writing(durable=True) as session:
            same = session.exec(select(EventRow).where(EventRow.id == event.id)).first()
            if same is not None:
                if _event(same) != event:
                    raise StoreError(taken(event))
                return
            if event.supersedes is not None:
                _look_at_superseded(session, event, event.supersedes)
            session.add(_row(event))

    def events(self, site: str) -> list[NonRoutineEvent]:
        """See ``LedgerStore``."""
        wanted = select(EventRow).where(EventRow.site == site).order_by(col(EventRow.seq))
        with self._link.reading() as session:
            return [_event(row) for row in session.exec(wanted)]

    def keep_baseline(self, kept: KeptBaseline) -> None:
        """See ``LedgerStore``."""
        latest = (
            select(BaselineRow)
            .where(BaselineRow.site == kept.site)
            .order_by(desc(col(BaselineRow.seq)))
        )
        with self._link.writing(durable=True) as session:
            known = [_kept(row) for row in session.exec(latest)]
            if not stands(known, kept):
                session.add(
                    BaselineRow(
                        site=kept.site,
                        at=kept.at,
                        author=kept.author,
                        reason=kept.reason,
                        body=to_json(kept.baseline),
                    )
                )

    def baselines(self, site: str) -> list[KeptBaseline]:
        """See ``LedgerStore``."""
        wanted = select(BaselineRow).where(BaselineRow.site == site).order_by(col(BaselineRow.seq))
        with self._link.reading() as session:
            return [_kept(row) for row in session.exec(wanted)]


def _look_at_superseded(session: Session, event: NonRoutineEvent, earlier: str) -> None:
    row = session.exec(select(EventRow).where(EventRow.id == earlier)).first()
    again = session.exec(select(EventRow).where(EventRow.supersedes == earlier)).first()
    check_superseded(event, None if row is None else _event(row), again is not None)


def _row(event: NonRoutineEvent) -> EventRow:
    return EventRow(
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


def _event(row: EventRow) -> NonRoutineEvent:
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


def _kept(row: BaselineRow) -> KeptBaseline:
    return KeptBaseline(
        baseline=from_json(FrozenBaseline, row.body),
        at=row.at,
        author=row.author,
        reason=row.reason,
    )
