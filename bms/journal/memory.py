"""A journal without a disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime

from bms.journal.entries import Book
from bms.journal.file import refuse_outdated
from bms.model.control.lease import Lease
from bms.model.control.local_override import LocalOverride, Note, OfferedLease
from bms.model.control.unrecorded import UnrecordedReceipt


class MemoryJournal:
    """A journal for simulated buildings in this process: no guard reads it."""

    def __init__(self) -> None:
        self._book = Book()

    def intend(self, leases: Sequence[Lease]) -> frozenset[str]:
        refuse_outdated(self._book, leases)
        over = self._book.over(leases)
        for lease in leases:
            if lease.point.id not in over:
                self._book.intend(lease, self._book.last + 1)
        return over

    def returning(self, point: str) -> ExitStack:
        """See ``Journal``: nobody else announces."""
        return ExitStack()

    def writer(self) -> str:
        return "this process"

    def is_alive(self, writer: str) -> bool:
        return True

    def arrived(self, commands: Mapping[str, str]) -> None:
        for point, command_id in commands.items():
            self._book.arrived(point, command_id)

    def settle(self, commands: Mapping[str, str]) -> None:
        for point, command_id in commands.items():
            self._book.settle(point, command_id, self._book.settling(point, command_id))

    def leases(self) -> dict[str, Lease]:
        return self._book.leases()

    def leases_of(self, site: str) -> dict[str, Lease]:
        return self._book.leases_of(site)

    def under_way(self) -> list[Lease]:
        return self._book.under_way()

    def note(self, notes: Sequence[Note]) -> None:
        for each in notes:
            self._book.note(each, self._book.last + 1)

    def unrecorded(self) -> list[UnrecordedReceipt]:
        return self._book.unrecorded()

    def local_overrides(self) -> dict[str, LocalOverride]:
        return self._book.local_overrides()

    def keep(self) -> None:
        """See ``Journal``: nothing can be lost."""

    def tidy(self) -> None:
        """See ``Journal``: nothing is written down."""

    def let_go(self) -> dict[str, datetime]:
        return self._book.let_go()

    def offered(self) -> dict[str, OfferedLease]:
        return self._book.offered()
