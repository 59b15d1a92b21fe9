"""Ledgers in SQL that are only added to: receipts, non-routine events, baselines, the audit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session, col, desc, func, or_, select

from bms.errors import NotFound, StoreError
from bms.model.assets.site import YearlyGoal
from bms.model.codec import from_json, to_json
from bms.model.control.applied import AppliedReport
from bms.model.control.audit import Action
from bms.model.control.command import AnyReceipt
from bms.model.epoch import to_micros
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import FrozenBaseline, KeptBaseline
from bms.model.savings.event import Decision, EventKind, NonRoutineEvent
from bms.model.savings.goal import KeptGoal
from bms.model.savings.measure import KeptMeasure, Measure, MeasureEnd
from bms.store.database.tables import (
    StoredAudit,
    StoredBaseline,
    StoredControlStart,
    StoredEvent,
    StoredGoal,
    StoredMeasure,
    StoredMeasureEnd,
    StoredReceipt,
    StoredStandingReceipt,
)
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
from bms.store.personal_text import put_together, taken_apart
from bms.store.receipt_renewals import (
    KINDS,
    SPELL,
    body_of,
    difference,
    kind_of,
    likeness,
    point_of,
    renewed_receipt,
    renews,
)
from bms.store.sql.audit import SqlAudit, note
from bms.store.sql.owners import SqlOwners

ASKED_AT_ONCE = 5_000
"""Points whose receipts are asked for in one statement [1]."""


class SqlLedgers(SqlAudit, SqlOwners):
    """Implements ``LedgerStore``."""

    def add_receipts(
        self, receipts: Iterable[AnyReceipt], at: datetime, *, fenced: bool = True
    ) -> None:
        """See ``LedgerStore``."""
        kept = list(receipts)
        if kept:
            with self._link.writing(durable=True) as session:
                self._hold_fence(session, map(site_of, kept) if fenced else ())
                _keep_receipts(session, kept, at)

    def add_applied(
        self,
        report: AppliedReport,
        receipts: Iterable[AnyReceipt],
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
            _keep_receipts(session, list(receipts), report.time)
            note(session, what, report.id, at=at, actor=actor, site=report.site, reason=why)
        return True

    def receipts(self, site: str, since: datetime) -> list[tuple[datetime, AnyReceipt]]:
        """See ``LedgerStore``."""
        return self.receipts_of([site], since)[site]

    def receipts_of(
        self, sites: Collection[str], since: datetime
    ) -> dict[str, list[tuple[datetime, AnyReceipt]]]:
        """See ``LedgerStore``."""
        wanted = (
            select(StoredReceipt)
            .where(col(StoredReceipt.site).in_(sites), StoredReceipt.at >= since - SPELL)
            .where(or_(StoredReceipt.at >= since, col(StoredReceipt.renewed_at) >= since))
            .order_by(col(StoredReceipt.seq))
        )
        found: dict[str, list[tuple[datetime, AnyReceipt]]] = {site: [] for site in sites}
        with self._link.reading() as session:
            for row in session.exec(wanted):
                found[row.site] += (e for e in _first_and_last(row) if e[0] >= since)
        return {site: sorted(rows, key=lambda each: each[0]) for site, rows in found.items()}

    def control_start(self, site: str) -> datetime | None:
        """See ``LedgerStore``."""
        with self._link.reading() as session:
            row = session.get(StoredControlStart, site)
            return None if row is None else row.at

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

    def add_measure(self, measure: Measure) -> None:
        """See ``LedgerStore``."""
        wanted = select(StoredMeasure).where(StoredMeasure.id == measure.id)
        with self._link.writing(durable=True) as session:
            same = session.exec(wanted).first()
            if same is not None:
                if _measure(same) != measure:
                    raise StoreError(measure_taken(measure))
                return
            nameless = replace(measure, author=NAME_GONE)
            session.add(
                StoredMeasure(
                    id=measure.id,
                    site=measure.site,
                    entered_at=measure.entered_at,
                    body=to_json(nameless),
                    author=measure.author,
                )
            )
            what, at, who = Action.ADD_MEASURE, measure.entered_at, measure.author
            site, why = measure.site, measure.what
            note(session, what, measure.id, at=at, actor=who, site=site, reason=why)

    def end_measure(self, end: MeasureEnd) -> None:
        """See ``LedgerStore``."""
        with self._link.writing(durable=True) as session:
            known = select(StoredMeasure.site).where(StoredMeasure.id == end.measure)
            if session.exec(known).first() != end.site:
                raise NotFound(f"there is no measure {end.measure} at {end.site}")
            if session.get(StoredMeasureEnd, end.measure) is not None:
                return
            session.add(
                StoredMeasureEnd(
                    measure=end.measure,
                    site=end.site,
                    at=end.entered_at,
                    ends=end.end,
                    actor=end.author,
                    reason=end.reason,
                )
            )
            what, at, who = Action.END_MEASURE, end.entered_at, end.author
            note(session, what, end.measure, at=at, actor=who, site=end.site, reason=end.reason)

    def set_goal(self, goal: KeptGoal) -> None:
        """See ``LedgerStore``."""
        what, at, who = Action.SET_GOAL, goal.entered_at, goal.author
        with self._link.writing(durable=True) as session:
            session.add(
                StoredGoal(
                    site=goal.site,
                    year=goal.goal.year,
                    commodity=goal.goal.commodity.value,
                    budget=goal.goal.budget,
                    target=goal.goal.target,
                    at=at,
                    actor=who,
                    reason=goal.reason,
                )
            )
            subject = goal_subject(goal)
            note(session, what, subject, at=at, actor=who, site=goal.site, reason=goal.reason)

    def goals(self, sites: Collection[str]) -> list[KeptGoal]:
        """See ``LedgerStore``."""
        wanted = (
            select(StoredGoal).where(col(StoredGoal.site).in_(sites)).order_by(col(StoredGoal.seq))
        )
        with self._link.reading() as session:
            return [_goal(row) for row in session.exec(wanted)]

    def ledger_entries(self, site: str) -> int:
        """See ``LedgerStore``."""
        with self._link.reading() as session:
            return int(session.connection().execute(_ENTRIES, {"site": site}).scalar_one())

    def measures(self, site: str) -> list[KeptMeasure]:
        """See ``LedgerStore``."""
        wanted = (
            select(StoredMeasure).where(StoredMeasure.site == site).order_by(col(StoredMeasure.seq))
        )
        ended = select(StoredMeasureEnd).where(StoredMeasureEnd.site == site)
        with self._link.reading() as session:
            measures = [_measure(row) for row in session.exec(wanted)]
            ends = {row.measure: _measure_end(row) for row in session.exec(ended)}
        return [KeptMeasure(measure=row, ended=ends.get(row.id)) for row in measures]

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


def _keep_receipts(session: Session, receipts: Sequence[AnyReceipt], at: datetime) -> None:
    """Add a row for each change; what renews the receipt that stands counts on that."""
    standing = _standing(session, {point_of(receipt) for receipt in receipts})
    rows: list[StoredReceipt] = []
    for receipt in receipts:
        kind, whole, point = kind_of(receipt), body_of(receipt), point_of(receipt)
        like = likeness(kind, whole)
        body, named = taken_apart(whole)
        known = standing.get(point)
        if known is not None and renews(known[1], known[0].at, _seen_last(known[0]), like, at):
            row = known[0]
            row.renewals, row.renewed_at = row.renewals + 1, at
            row.renewed = difference(row.body, body)
            continue
        row = StoredReceipt(site=site_of(receipt), at=at, kind=kind, body=body, named=named)
        rows.append(row)
        standing[point] = row, like
    if not rows:
        return
    acting = {site_of(receipt) for receipt in receipts if acts(receipt)}
    if acting:
        begun = [{"site": site, "at": to_micros(at)} for site in sorted(acting)]
        session.connection().execute(_CONTROL_BEGINS, begun)
    _number(session, rows)
    session.add_all(rows)
    session.flush()
    new = set(map(id, rows))
    changed = [
        {"point": point, "receipt": row.seq, "likeness": like}
        for point, (row, like) in standing.items()
        if id(row) in new
    ]
    session.connection().execute(_STANDS, changed)


_CONTROL_BEGINS = text(
    "INSERT INTO control_starts (site, at) SELECT CAST(:site AS VARCHAR), CAST(:at AS BIGINT)"
    " WHERE NOT EXISTS (SELECT 1 FROM control_starts WHERE site = :site)"
    " ON CONFLICT (site) DO NOTHING"
)
_ENTRIES = text(
    "SELECT (SELECT count(*) FROM events WHERE site = :site)"
    " + (SELECT count(*) FROM measures WHERE site = :site)"
    " + (SELECT count(*) FROM measure_ends WHERE site = :site)"
    " + (SELECT count(*) FROM baselines WHERE site = :site)"
)
_STANDS = text(
    "INSERT INTO standing_receipts (point, receipt, likeness)"
    " VALUES (:point, :receipt, :likeness) ON CONFLICT (point) DO UPDATE"
    " SET receipt = excluded.receipt, likeness = excluded.likeness"
    " WHERE standing_receipts.receipt <> excluded.receipt"
)


def _standing(session: Session, points: Collection[str]) -> dict[str, tuple[StoredReceipt, str]]:
    """The receipt that stands at each point, and what it is like."""
    found: dict[str, tuple[StoredReceipt, str]] = {}
    names = sorted(points)
    for i in range(0, len(names), ASKED_AT_ONCE):
        wanted = (
            select(StoredReceipt, StoredStandingReceipt.point, StoredStandingReceipt.likeness)
            .join(StoredStandingReceipt, col(StoredStandingReceipt.receipt) == StoredReceipt.seq)
            .where(col(StoredStandingReceipt.point).in_(names[i : i + ASKED_AT_ONCE]))
        )
        found |= {point: (row, like) for row, point, like in session.exec(wanted)}
    return found


def _seen_last(row: StoredReceipt) -> datetime:
    return row.at if row.renewed_at is None else row.renewed_at


def _first_and_last(row: StoredReceipt) -> Iterator[tuple[datetime, AnyReceipt]]:
    """A receipt, and once more as it was renewed last."""
    body = put_together(row.body, row.named)
    yield row.at, from_json(KINDS[row.kind], body)
    if row.renewed_at is not None and row.renewed is not None:
        yield row.renewed_at, renewed_receipt(row.kind, body, row.renewed)


def _number(session: Session, rows: Sequence[StoredReceipt]) -> None:
    """SQLite tells the numbers of new rows one row at a time; its one writer may number them
    itself, as SQLite would, so that they are one statement."""
    if session.get_bind().dialect.name == "sqlite":
        last = session.exec(select(func.max(StoredReceipt.seq))).one() or 0
        for number, row in enumerate(rows, last + 1):
            row.seq = number


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
        author=row.author or NAME_GONE,
        entered_at=row.entered_at,
        reason=row.reason or NAME_GONE,
        supersedes=row.supersedes,
        decision=Decision(row.decision),
    )


def _measure(row: StoredMeasure) -> Measure:
    return replace(from_json(Measure, row.body), author=row.author or NAME_GONE)


def _measure_end(row: StoredMeasureEnd) -> MeasureEnd:
    return MeasureEnd(
        measure=row.measure,
        site=row.site,
        end=row.ends,
        author=row.actor or NAME_GONE,
        entered_at=row.at,
        reason=row.reason or NAME_GONE,
    )


def _goal(row: StoredGoal) -> KeptGoal:
    goal = YearlyGoal(
        year=row.year,
        commodity=Commodity(row.commodity),
        budget=row.budget,
        target=row.target,
    )
    return KeptGoal(
        site=row.site,
        goal=goal,
        author=row.actor or NAME_GONE,
        reason=row.reason or NAME_GONE,
        entered_at=row.at,
    )


def _kept(row: StoredBaseline) -> KeptBaseline:
    return KeptBaseline(
        baseline=from_json(FrozenBaseline, row.body),
        at=row.at,
        author=row.author,
        reason=row.reason,
    )
