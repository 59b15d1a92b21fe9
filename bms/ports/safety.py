"""The release journal and the guard process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bms.model.control.command import Lease
from bms.model.control.local_override import LocalOverride, Note


class Journal(Protocol):
    """The release journal: on disk before a write leaves."""

    def intend(self, leases: Sequence[Lease]) -> None:
        """Append and sync. Raises ``GuardError`` when the disk refuses."""
        ...

    def settle(self, commands: Mapping[str, str]) -> None:
        """Points that are back at their own control: point id → id of the command that ended."""
        ...

    def leases(self) -> dict[str, Lease]:
        """The open leases by point id, as every process that shares the journal left them."""
        ...

    def note(self, notes: Sequence[Note]) -> None:
        """Keep what was seen of points: read-backs, local overrides, what a device let go. This
        process knows it even where the disk refuses. Raises ``GuardError`` when it does."""
        ...

    def local_overrides(self) -> dict[str, LocalOverride]:
        """Who holds a point at the building, by point id."""
        ...

    def let_go(self) -> dict[str, datetime]:
        """When each point was last found to have been let go by its device."""
        ...


class GuardKeeper(Protocol):
    """Keeps the guard process alive."""

    async def ensure(self) -> None:
        """Return once a guard runs. Raises ``GuardError`` when none can be started."""
        ...

    async def close(self) -> None:
        """A clean exit: end the guard that we started, unless a lease is still open."""
        ...
