"""Who is told of what and when: pure rules, and the round that sends and keeps a record.

At once goes only what hurts, and only while it is new; the rest waits for the digest. A recipient
is told of an item once, also across restarts. More than a few notices an hour are put together, and
a way that fails is tried again ever more rarely.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bms.errors import NoticeError
from bms.model.outside_text import without_secrets
from bms.model.work.finding import Severity
from bms.model.work.item import WorkItem, WorkState, by_what_is_at_stake
from bms.model.work.notice import Channel, NoticeRecord, Occasion
from bms.model.work.recipient import Notice, Recipient
from bms.ports.notices import NoticeSender
from bms.ports.storage.work import WorkStore
from bms.services.off_loop import off_loop

log = logging.getLogger(__name__)

FRESH = timedelta(days=1)
"""What was opened longer ago is news for no one: a new recipient reads it in the digest."""
MOST_AN_HOUR = 4
"""Notices at once to one recipient [1]; what comes on top waits, and goes as one."""
HOUR = timedelta(hours=1)
DIGEST_LATE = timedelta(hours=5)
"""After this long the digest of a morning is left out."""
FIRST_RETRY = timedelta(minutes=5)
RECORDS = timedelta(days=1)
"""How far back the record is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownToRecipient:
    """What a recipient knows: the ids of ``items``, and its notices of the last day."""

    items: Collection[str] = ()
    records: Sequence[NoticeRecord] = ()

    def arrived(self, occasion: Occasion, since: datetime) -> int:
        """How many notices of an occasion arrived at or after ``since`` [1]."""
        return sum(
            row.occasion is occasion and row.error is None and row.at >= since
            for row in self.records
        )

    def waits(self, now: datetime) -> bool:
        """Whether its way has failed so lately that it is not tried again yet."""
        failed = 0
        for row in reversed(self.records):
            if row.error is None:
                break
            failed += 1
        if failed == 0:
            return False
        rest: timedelta = FIRST_RETRY * 2 ** min(failed - 1, 5)
        return now - self.records[-1].at < rest


def due(
    recipient: Recipient, items: Sequence[WorkItem], told: KnownToRecipient, now: datetime
) -> Notice | None:
    """What a recipient is to be told now, of all open items; None for nothing."""
    mine = [
        item
        for item in by_what_is_at_stake(items)
        if recipient.wants.wants(item.cause)
        and item.state(now) not in (WorkState.SNOOZED, WorkState.CLOSED)
    ]
    new = [item for item in mine if item.id not in told.items]
    if told.waits(now):
        return None
    morning = recipient.digest_of_today(now)
    in_time = morning is not None and morning <= now < morning + DIGEST_LATE
    if mine and morning is not None and in_time and not told.arrived(Occasion.DIGEST, morning):
        return _notice(recipient, Occasion.DIGEST, new, mine, now)
    urgent = [item for item in new if _is_urgent(item, recipient, now)]
    if urgent and told.arrived(Occasion.AT_ONCE, now - HOUR) < MOST_AN_HOUR:
        return _notice(recipient, Occasion.AT_ONCE, urgent, mine, now)
    return None


def _is_urgent(item: WorkItem, recipient: Recipient, now: datetime) -> bool:
    severity = item.cause.severity
    awake = severity is Severity.CRITICAL or not recipient.is_quiet(now)
    fresh = now - item.opened_at < FRESH
    return recipient.wants_at_once(severity) and awake and fresh


def _notice(
    recipient: Recipient,
    occasion: Occasion,
    new: Sequence[WorkItem],
    mine: Sequence[WorkItem],
    now: datetime,
) -> Notice:
    return Notice(
        id=uuid.uuid4().hex,
        at=now,
        recipient=recipient,
        occasion=occasion,
        new=tuple(new),
        open=tuple(mine),
    )


async def notify(
    recipients: Sequence[Recipient],
    sites: Collection[str],
    now: datetime,
    *,
    work: WorkStore,
    sender: NoticeSender,
) -> list[NoticeRecord]:
    """Tell everybody what is due, and keep what became of it. Raises ``StoreUnavailable``."""

    def asked() -> list[Notice]:
        items, records = work.items(sites), work.notices(now - RECORDS)
        found = []
        for each in recipients:
            mine = [row for row in records if row.recipient == each.name]
            known = KnownToRecipient(items=work.told_items(each.name), records=mine)
            notice = due(each, items, known, now)
            found += [] if notice is None else [notice]
        return found

    return [await deliver(each, work, sender) for each in await off_loop(asked)]


async def deliver(notice: Notice, work: WorkStore, sender: NoticeSender) -> NoticeRecord:
    """Send a notice and keep what became of it. Raises ``StoreUnavailable``."""
    error: str | None = None
    try:
        await sender.send(notice)
    except NoticeError as found:
        error = str(found)
        log.error("%s could not be told: %s", notice.recipient.name, error)
    record = NoticeRecord(
        id=notice.id,
        at=notice.at,
        recipient=notice.recipient.name,
        channel=notice.recipient.channel,
        address=_kept_address(notice.recipient),
        occasion=notice.occasion,
        items=tuple(item.id for item in notice.new),
        error=error,
    )
    await off_loop(work.add_notice, record)
    return record


def _kept_address(recipient: Recipient) -> str:
    """Where a notice went, as the record says it."""
    if recipient.channel is Channel.WEBHOOK:
        return without_secrets(recipient.address)
    return recipient.address


def a_test(recipient: Recipient, now: datetime) -> Notice:
    """A notice that says that notices arrive."""
    return _notice(recipient, Occasion.TEST, (), (), now)
