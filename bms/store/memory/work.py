"""The work list in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from bms.errors import NotFound, StoreError
from bms.model.control.evidence import EvidenceKind, Pruning
from bms.model.epoch import to_micros
from bms.model.work.detection import Detection
from bms.model.work.item import BY_US, Closing, WorkAct, WorkEvent, WorkItem
from bms.model.work.notice import NoticeRecord
from bms.store.ledger_rules import NAME_GONE, WORK_ACTIONS, closed_already, work_reason
from bms.store.memory.audit import MemoryAudit


class MemoryWork(MemoryAudit):
    """Implements ``WorkStore``."""

    def __init__(self) -> None:
        super().__init__()
        self._items: dict[str, WorkItem] = {}
        self._work_events: list[WorkEvent] = []
        self._detections: dict[str, Detection] = {}
        self._watched: dict[str, tuple[datetime, datetime]] = {}
        self._notices: dict[str, NoticeRecord] = {}
        self._told: dict[str, set[str]] = defaultdict(set)

    def keep_items(self, items: Iterable[WorkItem], events: Iterable[WorkEvent] = ()) -> None:
        """See ``WorkStore``."""
        for item in items:
            to_micros(item.opened_at)
            if item.id not in self._items and self._stands(item):
                continue  # somebody else has looked at the same moment
            self._items[item.id] = replace(item, events=())
        for event in events:
            if event.item not in self._items:
                continue
            if event.act is not WorkAct.CLOSE or self.item(event.item).closed is None:
                self._add_work(event)

    def _stands(self, item: WorkItem) -> bool:
        live = self.live_items([item.cause.site])
        return any(each.cause.key == item.cause.key for each in live)

    def add_work_event(self, event: WorkEvent) -> None:
        """See ``WorkStore``."""
        to_micros(event.at)
        known = self._items.get(event.item)
        if known is None or known.cause.site != event.site:
            raise NotFound(f"there is no item {event.item} on the work list of {event.site}")
        if self.item(event.item).closed is not None:
            raise StoreError(closed_already(event.item))
        self._add_work(event)

    def _add_work(self, event: WorkEvent) -> None:
        self._work_events.append(event)
        number, site, who = str(len(self._work_events)), event.site or None, _who(event)
        what = replace(event, actor="", note="", assignee=None)
        self._prove(EvidenceKind.WORK_EVENT, site, number, event.at, what, *who)
        action = WORK_ACTIONS.get(event.act)
        if action is not None and event.actor != BY_US:
            why = work_reason(event)
            self.note(action, event.item, at=event.at, actor=event.actor, site=site, reason=why)

    def item(self, item_id: str) -> WorkItem:
        """See ``WorkStore``."""
        known = self._items.get(item_id)
        if known is None:
            raise NotFound(f"there is no item {item_id!r} on the work list")
        events = [each for each in list(self._work_events) if each.item == item_id]
        return replace(known, events=tuple(events))

    def live_items(self, sites: Collection[str]) -> list[WorkItem]:
        """See ``WorkStore``."""
        found = [item for item in self._of(sites) if item.closed is None or not item.cleared_at]
        return sorted(found, key=lambda item: item.opened_at)

    def items(
        self, sites: Collection[str], *, closed: bool = False, most: int | None = None
    ) -> list[WorkItem]:
        """See ``WorkStore``."""
        found = [item for item in self._of(sites) if (item.closed is not None) is closed]
        found.sort(key=lambda item: item.closed.at if item.closed else item.opened_at, reverse=True)
        return found if most is None else found[:most]

    def _of(self, sites: Collection[str]) -> list[WorkItem]:
        ids = [id_ for id_, item in list(self._items.items()) if item.cause.site in sites]
        return [self.item(id_) for id_ in ids]

    def dismissed(self, site: str) -> dict[str, float | None]:
        """See ``WorkStore``."""
        closed = reversed(self.items([site], closed=True))
        return {
            item.cause.key: item.cause.size
            for item in closed
            if item.closed is not None and item.closed.closing is Closing.NOT_A_FAULT
        }

    def keep_detection(self, detection: Detection) -> None:
        """See ``WorkStore``."""
        to_micros(detection.at)
        self._detections[detection.site] = detection

    def detections(self, sites: Collection[str]) -> list[Detection]:
        """See ``WorkStore``."""
        return [self._detections[site] for site in sorted(sites) if site in self._detections]

    def watched_at(self, site: str) -> tuple[datetime, datetime] | None:
        """See ``WorkStore``."""
        return self._watched.get(site)

    def keep_watched(self, site: str, since: datetime, until: datetime) -> None:
        """See ``WorkStore``."""
        to_micros(since)
        to_micros(until)
        self._watched[site] = since, until

    def add_notice(self, notice: NoticeRecord) -> None:
        """See ``WorkStore``."""
        to_micros(notice.at)
        if notice.id in self._notices:
            return
        self._notices[notice.id] = notice
        if notice.error is None:
            self._told[notice.recipient] |= set(notice.items)
        what = (notice.channel, notice.occasion, notice.items)
        who = (notice.recipient, notice.address, notice.error or "")
        self._prove(EvidenceKind.NOTICE, None, notice.id, notice.at, what, *who)

    def notices(self, since: datetime) -> list[NoticeRecord]:
        """See ``WorkStore``."""
        return [each for each in list(self._notices.values()) if each.at >= since]

    def told_items(self, recipient: str) -> frozenset[str]:
        """See ``WorkStore``."""
        return frozenset(self._told.get(recipient, ()))

    def _forget(self, pruning: Pruning, row: str) -> None:
        if pruning.kind is EvidenceKind.WORK_EVENT:
            place = int(row) - 1
            event = self._work_events[place]
            assignee = None if event.assignee is None else NAME_GONE
            self._work_events[place] = replace(event, actor=NAME_GONE, note="", assignee=assignee)
        if pruning.kind is EvidenceKind.NOTICE:
            kept = self._notices[row]
            error = None if kept.error is None else NAME_GONE
            self._notices[row] = replace(kept, recipient=NAME_GONE, address="", error=error)
        super()._forget(pruning, row)


def _who(event: WorkEvent) -> tuple[str, str, str]:
    return event.actor, event.note, event.assignee or ""
