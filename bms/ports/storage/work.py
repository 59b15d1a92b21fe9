"""The work list: items, what people did with them, findings of the rules, and notices."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

from bms.model.work.detection import Detection
from bms.model.work.item import WorkEvent, WorkItem
from bms.model.work.notice import NoticeRecord


class WorkStore(Protocol):
    """The one work list. Synchronous: call it off the event loop.

    Raises ``bms.errors.StoreUnavailable`` when the database is away.
    """

    def keep_items(self, items: Iterable[WorkItem], events: Iterable[WorkEvent] = ()) -> None:
        """Keep items without their events, one of a known id in its place, and add ``events`` of
        our own. A new one whose cause has a living item already is left out, and so is what
        closes what is closed."""
        ...

    def add_work_event(self, event: WorkEvent) -> None:
        """Add an event to an item, with an entry in the audit.

        Raises ``NotFound`` where there is no such item at the site, ``StoreError`` where it is
        closed already.
        """
        ...

    def item(self, item_id: str) -> WorkItem:
        """An item with its events. Raises ``NotFound``."""
        ...

    def live_items(self, sites: Collection[str]) -> list[WorkItem]:
        """Items of these sites that are not closed, or whose cause has not been gone for its delay
        since, in the order in which they were opened."""
        ...

    def items(
        self, sites: Collection[str], *, closed: bool = False, most: int | None = None
    ) -> list[WorkItem]:
        """Items of these sites that are not closed, or those that are: the newest first, ``most``
        of them."""
        ...

    def dismissed(self, site: str) -> dict[str, float | None]:
        """By the key of its cause, the size of what people have called no fault there; None where
        its size was not known. The last word counts."""
        ...

    def keep_detection(self, detection: Detection) -> None:
        """Keep what the rules answered; it takes the place of what they did before."""
        ...

    def detections(self, sites: Collection[str]) -> list[Detection]:
        """What the rules answered last at these sites, by site."""
        ...

    def watched_at(self, site: str) -> tuple[datetime, datetime] | None:
        """Since when and until when the causes of a site were looked at without a gap; None where
        they never were."""
        ...

    def keep_watched(self, site: str, since: datetime, until: datetime) -> None:
        """Keep since when and until when they were."""
        ...

    def add_notice(self, notice: NoticeRecord) -> None:
        """Keep what became of a notice; one that arrived has told its items to its recipient."""
        ...

    def notices(self, since: datetime) -> list[NoticeRecord]:
        """Notices at or after ``since``, oldest first."""
        ...

    def told_items(self, recipient: str) -> frozenset[str]:
        """The ids of the items that were told to a recipient."""
        ...
