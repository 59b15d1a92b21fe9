"""Items of the work list in SQL, what was done with them, and the answers of the fault rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session, col, desc, or_, select

from bms.errors import NotFound, StoreError
from bms.model.codec import from_json, to_json
from bms.model.work.detection import Detection
from bms.model.work.item import BY_US, Closing, WorkAct, WorkEvent, WorkItem
from bms.store.database.connection import Linked
from bms.store.database.tables import (
    StoredDetection,
    StoredWatched,
    StoredWorkEvent,
    StoredWorkItem,
)
from bms.store.ledger_rules import NAME_GONE, WORK_ACTIONS, closed_already, work_reason
from bms.store.sql.audit import note

ASKED_AT_ONCE = 5_000
"""Items whose events are asked for in one statement [1]."""


class SqlWorkItems(Linked):
    """The part of ``WorkStore`` that keeps items and findings."""

    def keep_items(self, items: Iterable[WorkItem], events: Iterable[WorkEvent] = ()) -> None:
        """See ``WorkStore``."""
        rows, added = list(items), list(events)
        if not rows and not added:
            return
        with self._link.writing(durable=True) as session:
            for item in rows:
                _keep(session, item)
            session.flush()
            for event in added:
                row = session.get(StoredWorkItem, event.item)
                if row is not None and (event.act is not WorkAct.CLOSE or row.closed_at is None):
                    _add(session, event, row)

    def add_work_event(self, event: WorkEvent) -> None:
        """See ``WorkStore``."""
        wanted = select(StoredWorkItem).where(StoredWorkItem.id == event.item).with_for_update()
        with self._link.writing(durable=True) as session:
            row = session.exec(wanted).first()
            if row is None or row.site != event.site:
                raise NotFound(f"there is no item {event.item} on the work list of {event.site}")
            if row.closed_at is not None:
                raise StoreError(closed_already(event.item))
            _add(session, event, row)

    def item(self, item_id: str) -> WorkItem:
        """See ``WorkStore``."""
        with self._link.reading() as session:
            row = session.get(StoredWorkItem, item_id)
            if row is None:
                raise NotFound(f"there is no item {item_id!r} on the work list")
            return _with_events(session, [row])[0]

    def live_items(self, sites: Collection[str]) -> list[WorkItem]:
        """See ``WorkStore``."""
        table = StoredWorkItem
        live = or_(col(table.closed_at).is_(None), col(table.cleared_at).is_(None))
        wanted = select(table).where(live).order_by(col(table.opened_at), col(table.id))
        with self._link.reading() as session:
            rows = [row for row in session.exec(wanted) if row.site in sites]
            return _with_events(session, rows)

    def items(
        self, sites: Collection[str], *, closed: bool = False, most: int | None = None
    ) -> list[WorkItem]:
        """See ``WorkStore``."""
        table = StoredWorkItem
        over, newest = col(table.closed_at), table.closed_at if closed else table.opened_at
        wanted = (
            select(table)
            .where(over.is_not(None) if closed else over.is_(None), col(table.site).in_(sites))
            .order_by(desc(col(newest)), col(table.id))
        )
        with self._link.reading() as session:
            rows = session.exec(wanted if most is None else wanted.limit(most)).all()
            return _with_events(session, rows)

    def dismissed(self, site: str) -> dict[str, float | None]:
        """See ``WorkStore``."""
        table = StoredWorkItem
        wanted = (
            select(table.cause, table.size)
            .where(table.site == site, table.closing == Closing.NOT_A_FAULT.value)
            .order_by(col(table.closed_at))
        )
        with self._link.reading() as session:
            return dict(session.exec(wanted).all())

    def keep_detection(self, detection: Detection) -> None:
        """See ``WorkStore``."""
        row = StoredDetection(site=detection.site, at=detection.at, body=to_json(detection))
        with self._link.writing(durable=False) as session:
            session.merge(row)

    def detections(self, sites: Collection[str]) -> list[Detection]:
        """See ``WorkStore``."""
        wanted = select(StoredDetection.body).where(col(StoredDetection.site).in_(sites))
        with self._link.reading() as session:
            rows = session.exec(wanted.order_by(col(StoredDetection.site)))
            return [from_json(Detection, body) for body in rows]

    def watched_at(self, site: str) -> tuple[datetime, datetime] | None:
        """See ``WorkStore``."""
        with self._link.reading() as session:
            row = session.get(StoredWatched, site)
            return None if row is None else (row.since, row.until)

    def keep_watched(self, site: str, since: datetime, until: datetime) -> None:
        """See ``WorkStore``."""
        with self._link.writing(durable=False) as session:
            session.merge(StoredWatched(site=site, since=since, until=until))


def _keep(session: Session, item: WorkItem) -> None:
    """Add the row of an item, or bring it up to date; how it was closed stays."""
    row = session.get(StoredWorkItem, item.id)
    body, cause = to_json(replace(item, events=())), item.cause
    if row is None and _stands(session, cause.key):
        return  # somebody else has looked at the same moment
    if row is None:
        row = StoredWorkItem(
            id=item.id, site=cause.site, cause=cause.key, opened_at=item.opened_at, body=body
        )
    row.body, row.cleared_at, row.size = body, item.cleared_at, cause.size
    session.add(row)


def _stands(session: Session, cause: str) -> bool:
    """Whether an item of this cause lives."""
    table = StoredWorkItem
    live = or_(col(table.closed_at).is_(None), col(table.cleared_at).is_(None))
    return session.exec(select(table.id).where(table.cause == cause, live)).first() is not None


def _add(session: Session, event: WorkEvent, row: StoredWorkItem) -> None:
    if event.act is WorkAct.CLOSE:
        row.closed_at, row.closing = event.at, event.closing and event.closing.value
        session.add(row)
    session.add(
        StoredWorkEvent(
            item=event.item,
            site=event.site,
            at=event.at,
            act=event.act.value,
            until=event.until,
            closing=event.closing and event.closing.value,
            measure=event.measure,
            actor=event.actor,
            note=event.note,
            assignee=event.assignee or "",
        )
    )
    action = WORK_ACTIONS.get(event.act)
    if action is not None and event.actor != BY_US:
        why, site = work_reason(event), event.site or None
        note(session, action, event.item, at=event.at, actor=event.actor, site=site, reason=why)


def _with_events(session: Session, rows: Sequence[StoredWorkItem]) -> list[WorkItem]:
    ids = [row.id for row in rows]
    events: dict[str, list[WorkEvent]] = defaultdict(list)
    for i in range(0, len(ids), ASKED_AT_ONCE):
        wanted = (
            select(StoredWorkEvent)
            .where(col(StoredWorkEvent.item).in_(ids[i : i + ASKED_AT_ONCE]))
            .order_by(col(StoredWorkEvent.seq))
        )
        for each in session.exec(wanted):
            events[each.item].append(_event(each))
    return [replace(from_json(WorkItem, r.body), events=tuple(events[r.id])) for r in rows]


def _event(row: StoredWorkEvent) -> WorkEvent:
    gone = None if WorkAct(row.act) is not WorkAct.ASSIGN else NAME_GONE
    return WorkEvent(
        item=row.item,
        site=row.site,
        at=row.at,
        act=WorkAct(row.act),
        actor=row.actor or NAME_GONE,
        note=row.note,
        until=row.until,
        assignee=row.assignee or gone,
        closing=None if row.closing is None else Closing(row.closing),
        measure=row.measure,
    )
