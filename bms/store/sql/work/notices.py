"""Notices of the work list in SQL, and who was told of what."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from sqlmodel import col, select

from bms.model.work.notice import Channel, NoticeRecord, Occasion
from bms.store.database.connection import Linked
from bms.store.database.tables import StoredNotice, StoredTold
from bms.store.ledger_rules import NAME_GONE


class SqlNotices(Linked):
    """The part of ``WorkStore`` that keeps notices."""

    def add_notice(self, notice: NoticeRecord) -> None:
        """See ``WorkStore``."""
        known = select(StoredNotice.id).where(StoredNotice.id == notice.id)
        with self._link.writing(durable=True) as session:
            if session.exec(known).first() is not None:
                return
            session.add(_notice_row(notice))
            if notice.error is None:
                who = _recipient(notice.recipient)
                for item in dict.fromkeys(notice.items):
                    session.merge(StoredTold(recipient=who, item=item))

    def notices(self, since: datetime) -> list[NoticeRecord]:
        """See ``WorkStore``."""
        wanted = select(StoredNotice).where(StoredNotice.at >= since)
        with self._link.reading() as session:
            rows = session.exec(wanted.order_by(col(StoredNotice.seq)))
            return [_notice(row) for row in rows]

    def told_items(self, recipient: str) -> frozenset[str]:
        """See ``WorkStore``."""
        wanted = select(StoredTold.item).where(StoredTold.recipient == _recipient(recipient))
        with self._link.reading() as session:
            return frozenset(session.exec(wanted))


def _recipient(name: str) -> str:
    """A digest of the name of a recipient, which may be that of a person."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _notice_row(notice: NoticeRecord) -> StoredNotice:
    return StoredNotice(
        id=notice.id,
        at=notice.at,
        channel=notice.channel.value,
        occasion=notice.occasion.value,
        items=json.dumps(notice.items),
        failed=int(notice.error is not None),
        recipient=notice.recipient,
        address=notice.address,
        error=notice.error or "",
    )


def _notice(row: StoredNotice) -> NoticeRecord:
    return NoticeRecord(
        id=row.id,
        at=row.at,
        recipient=row.recipient or NAME_GONE,
        channel=Channel(row.channel),
        address=row.address,
        occasion=Occasion(row.occasion),
        items=tuple(json.loads(row.items)),
        error=(row.error or NAME_GONE) if row.failed else None,
    )
