"""A journal without a disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bms.journal.entries import OpenLeases
from bms.model.control.command import Lease


class MemoryJournal:
    """A journal for simulated buildings in this process: no guard reads it."""

    def __init__(self) -> None:
        self._open = OpenLeases()

    def intend(self, leases: Sequence[Lease]) -> None:
        for lease in leases:
            self._open.intend(lease, self._open.last + 1)

    def settle(self, commands: Mapping[str, str]) -> None:
        for point, command_id in commands.items():
            self._open.settle(point, command_id)

    def leases(self) -> dict[str, Lease]:
        return self._open.leases()
