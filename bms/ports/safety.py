"""The release journal, the hands-off marks and the guard process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import Protocol

from bms.model.control.hands_off import HandsOff, SpokenWord
from bms.model.control.lease import Lease
from bms.model.control.local_override import LocalOverride, Note, OfferedLease
from bms.model.control.unrecorded import UnrecordedReceipt


class HeldPlaces(Protocol):
    """What the journal says of points that are held."""

    def leases_of(self, site: str) -> dict[str, Lease]:
        """The open leases of a site by point id."""
        ...

    def local_overrides(self) -> dict[str, LocalOverride]:
        """Who holds a point at the building, by point id."""
        ...


class Journal(HeldPlaces, Protocol):
    """The release journal: on disk before a write leaves."""

    def intend(self, leases: Sequence[Lease]) -> frozenset[str]:
        """Append and sync. Raises ``GuardError`` when the disk refuses. Returns the points at which
        nothing was announced: one of us is giving them back, or has done so with what was to be
        renewed there (W9)."""
        ...

    def returning(self, point: str) -> ExitStack:
        """Until the stack is closed nobody announces anything at the point: whoever gives it back
        takes nothing away then that was written since. Blocks for a second at most."""
        ...

    def writer(self) -> str:
        """The name under which this process writes. Raises ``GuardError``."""
        ...

    def is_alive(self, writer: str) -> bool:
        """Whether the process that writes under this name has not ended; a stopped one has not.
        Raises ``GuardError``."""
        ...

    def arrived(self, commands: Mapping[str, str]) -> None:
        """Nobody can send these writes any more: point id → command id. No disk is waited for."""
        ...

    def settle(self, commands: Mapping[str, str]) -> None:
        """Points that are back at their own control: point id → id of the command that ended. One
        whose write may still be on the way is withdrawn instead, and listed on."""
        ...

    def leases(self) -> dict[str, Lease]:
        """The open leases by point id, as every process that shares the journal left them."""
        ...

    def under_way(self) -> list[Lease]:
        """The leases whose write may still be sent: open ones, and those that a newer one has
        replaced before its own was known to have arrived."""
        ...

    def note(self, notes: Sequence[Note]) -> None:
        """Keep what was seen of points: read-backs, local overrides, what a device let go, what
        the database does not have yet. This
        process knows it even where the disk refuses. Raises ``GuardError`` when it does."""
        ...

    def unrecorded(self) -> list[UnrecordedReceipt]:
        """Receipts that the database does not have yet, as they were noted."""
        ...

    def keep(self) -> None:
        """Put back what is known where the file has lost it, and write down what this process owes
        it. Raises ``GuardError`` when the disk refuses."""
        ...

    def tidy(self) -> None:
        """Leave out of the file what has ended, with the names in it."""
        ...

    def let_go(self) -> dict[str, datetime]:
        """When each point was last found to have been let go by its device."""
        ...

    def offered(self) -> dict[str, OfferedLease]:
        """The points that the guards of another home may give back, when, and from which values."""
        ...


class HandsOffMarks(Protocol):
    """What people have said that we keep our hands off, on disk before anything else follows (W10).

    Needs no database, and every process of a home reads the same. Raises ``GuardError`` where the
    disk refuses a word (this process knows a mark all the same, but takes none back), or the marks
    cannot be read and never were.
    """

    def say(self, words: Sequence[SpokenWord]) -> None:
        """Keep marks, and that others were taken back, as one synced batch."""
        ...

    def marks(self) -> Mapping[str, HandsOff]:
        """The marks that nobody has taken back, by id, in the order in which they were made."""
        ...

    def history(self) -> Mapping[str, HandsOff]:
        """The marks that were made, those that were taken back lately among them, by id."""
        ...

    def unrecorded(self) -> tuple[SpokenWord, ...]:
        """What the database does not have yet, in the order in which it was said."""
        ...

    def record(self, keys: Sequence[str]) -> None:
        """The database has the words of these keys."""
        ...

    def keep(self) -> None:
        """Put back what is known where the file has lost it."""
        ...

    def forget_names(self, before: datetime) -> None:
        """Keep no longer who made an override that was over before ``before``, or set a mode before
        it, and why."""
        ...


class GuardKeeper(Protocol):
    """Keeps the guard process alive."""

    async def ensure(self) -> None:
        """Return once a guard runs. Raises ``GuardError`` when none can be started."""
        ...

    async def close(self) -> None:
        """A clean exit: end the guard that we started, unless a lease is still open."""
        ...
