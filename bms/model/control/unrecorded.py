"""Receipts that wait beside the journal until the database has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bms.model.control.command import AnyReceipt, Command


@dataclass(frozen=True, slots=True, kw_only=True)
class UnrecordedReceipt:
    """What became of a point at building time ``at``, which the database does not have yet.

    ``command`` is the one that ended with it. The database may know nothing of that either, as its
    process may have ended between write and receipt: without a ``receipt`` that is all there is to
    find out.
    """

    id: str
    point: str
    at: datetime
    receipt: AnyReceipt | None = None
    command: Command | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRecorded:
    """The database has the receipt of this id."""

    point: str
    id: str
