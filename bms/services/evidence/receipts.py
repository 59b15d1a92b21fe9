"""Receipts on their way to the database (clause W16).

The guard has no database, and one may be away when something is given back: such receipts wait
beside the journal and are kept by whichever backend of this home comes to it.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import groupby

from bms.errors import GuardError, NotOwner, StoreError, StoreUnavailable
from bms.model.control.command import AnyReceipt, Command, Failed, ReleaseReceipt
from bms.model.control.reasons import ReceiptReason
from bms.model.control.unrecorded import ReceiptRecorded, UnrecordedReceipt
from bms.model.fact import fact
from bms.ports.safety import Journal
from bms.ports.storage.ledgers import LedgerStore
from bms.services.journal_batches import keep_notes
from bms.services.off_loop import off_loop

log = logging.getLogger(__name__)


def unrecorded(
    receipt: AnyReceipt, at: datetime, command: Command | None = None
) -> UnrecordedReceipt:
    """A note of a receipt that the database does not have; ``command`` is what it ended."""
    point = point_of(receipt)
    return UnrecordedReceipt(
        id=uuid.uuid4().hex, point=point, at=at, receipt=receipt, command=command
    )


async def keep_receipts(
    ledgers: LedgerStore, journal: Journal, receipts: Iterable[AnyReceipt], now: datetime
) -> None:
    """Put receipts into the store, or beside the journal where it is away. Those of a site that
    another worker has taken over since keep back no others."""
    kept = list(receipts)
    if not kept:
        return
    try:
        await off_loop(ledgers.add_receipts, kept, now)
    except NotOwner as error:
        log.error("%s", error)
        others = [each for each in kept if point_of(each).partition("/")[0] not in error.sites]
        await keep_receipts(ledgers, journal, others, now)
    except StoreError as error:
        log.error("%d receipts wait until the database takes them: %s", len(kept), error)
        await keep_notes([unrecorded(each, now) for each in kept], journal)


@asynccontextmanager
async def receipts_kept(
    ledgers: LedgerStore, journal: Journal, now: datetime
) -> AsyncIterator[list[AnyReceipt]]:
    """A list of receipts that are kept however the block ends: it may raise or be cut off."""
    done: list[AnyReceipt] = []
    try:
        yield done
    finally:
        await keep_receipts(ledgers, journal, done, now)


async def note_open_commands(journal: Journal, now: datetime) -> None:
    """At a start: what an earlier process has written may have ended with it before it could say
    what came of it. ``record_receipts`` looks whether that is so."""
    try:
        commands = [lease.command for lease in (await off_loop(journal.leases)).values()]
    except GuardError as error:
        log.error("%s", error)
        return
    notes = [
        UnrecordedReceipt(id=f"{each.id} open", point=each.point, at=now, command=each)
        for each in commands
    ]
    await keep_notes(notes, journal)


def record_receipts(ledgers: LedgerStore, journal: Journal) -> None:
    """Tell the database the receipts that it lacks, whoever owns their sites by now: they say what
    was done. One that it refuses waits for the next round and spares the others.

    Raises ``StoreUnavailable`` where the database is away, ``GuardError`` where the journal cannot
    be read or written.
    """
    waiting = sorted(journal.unrecorded(), key=lambda each: each.at)
    if not waiting:
        return
    lost = _without_receipt([each.command for each in waiting if each.command], ledgers)
    for at, group in groupby(waiting, key=lambda each: each.at):
        batch = list(group)
        receipts = [each.receipt for each in batch if each.receipt is not None]
        try:
            for command in [each.command for each in batch if each.command in lost]:
                assert command is not None
                ledgers.add_receipts([_untold(command)], command.issued_at, fenced=False)
            ledgers.add_receipts(receipts, at, fenced=False)
        except StoreUnavailable:
            raise
        except StoreError as error:
            log.error("%d receipts of %s are refused: %s", len(batch), at.isoformat(), error)
            continue
        journal.note([ReceiptRecorded(point=each.point, id=each.id) for each in batch])


def _without_receipt(commands: Sequence[Command], ledgers: LedgerStore) -> list[Command]:
    """The commands of which the database knows nothing."""
    if not commands:
        return []
    sites = {command.point.partition("/")[0] for command in commands}
    first = min(command.issued_at for command in commands)
    known = {
        receipt.command.id
        for rows in ledgers.receipts_of(sites, first).values()
        for _, receipt in rows
        if not isinstance(receipt, ReleaseReceipt)
    }
    return [command for command in commands if command.id not in known]


def _untold(command: Command) -> Failed:
    return Failed(command, fact(ReceiptReason.UNTOLD, point=command.point), retryable=True)


def point_of(receipt: AnyReceipt) -> str:
    """The id of the point that a receipt is about."""
    return receipt.point if isinstance(receipt, ReleaseReceipt) else receipt.command.point
