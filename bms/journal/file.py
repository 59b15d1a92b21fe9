"""The release journal: what we are about to hold, on disk before the write leaves (law 1).

A file of JSON lines (``bms.journal.entries``) that the writing processes and the guard share.
Appending and compacting take turns through ``flock`` on a file beside the journal; reading needs no
lock. A batch is one ``write()`` and one ``fsync()``. What a power cut tore is skipped and named in
``FileJournal.damage``: its write never left, because the sync before it had not returned.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from bms.errors import GuardError
from bms.journal.entries import (
    Book,
    Head,
    Settling,
    arrived_line,
    intent_line,
    note_line,
    settle_line,
)
from bms.journal.locks import PointTurns, locked, replace_file
from bms.journal.reader import JournalReader
from bms.journal.writers import WriterLocks
from bms.model.control.lease import Lease
from bms.model.control.local_override import LocalOverride, Note, OfferedLease
from bms.model.control.unrecorded import UnrecordedReceipt

log = logging.getLogger(__name__)

COMPACT_BYTES = 1_000_000


class FileJournal:
    """The journal in a file. Constructing it does no input or output.

    ``sync`` is called with the file descriptor before a batch counts as written. Writing raises
    ``GuardError`` with the way out when the disk refuses. What this journal has read once it goes
    on serving when the file is gone, cut or unreadable, and it puts it back with its next batch.
    """

    def __init__(
        self,
        path: Path,
        *,
        sync: Callable[[int], None] = os.fsync,
        compact_bytes: int = COMPACT_BYTES,
    ) -> None:
        self.path = path
        self._sync = sync
        self._compact_above = self._compact_bytes = compact_bytes
        self._reader = JournalReader(path)
        self._owed: list[bytes] = []
        self._writers = WriterLocks(path)
        self._turns = PointTurns(path)

    def intend(self, leases: Sequence[Lease]) -> frozenset[str]:
        """Append the leases as one batch and sync it. Raises ``GuardError``, also where a newer
        token stands at one of the points. Returns the points at which nothing was announced, as
        one of us is giving them back, or has done so with what was to be renewed."""
        if not leases:
            return frozenset()
        with (
            _explained(self.path),
            self._turns.to_announce(each.point.id for each in leases) as busy,
        ):
            return busy | self._append([each for each in leases if each.point.id not in busy])

    def returning(self, point: str) -> ExitStack:
        """See ``Journal``."""
        return self._turns.to_return(point)

    def writer(self) -> str:
        """The name under which this process writes, for as long as it lives. Raises ``GuardError``
        where its lock cannot be made."""
        with self._reader.turn(), _explained(self.path):
            return self._writers.own()

    def close(self) -> None:
        """Write no more; what is there can be read still."""
        self._writers.give_up()

    def is_alive(self, writer: str) -> bool:
        """Whether that process has not ended. Raises ``GuardError`` where the disk refuses."""
        with _explained(self.path):
            return self._writers.is_alive(writer)

    def arrived(self, commands: Mapping[str, str]) -> None:
        """Note that nobody can send these writes any more: point id → command id. The file takes it
        with the next batch; until then others hold the writes for on the way, which does no harm.
        """
        with self._reader.turn():
            with suppress(OSError):
                self._reader.catch_up()  # a disk that refused a batch may have it all the same
            for point, command_id in commands.items():
                self._reader.arrived(point, command_id)
            self._owed += [arrived_line(*each) for each in commands.items()]

    def settle(self, commands: Mapping[str, str]) -> None:
        """Close points: point id → id of the command that was given back.

        They are closed for this process even when the disk refuses; what is owed to the file then
        goes with the next batch that it takes. Raises ``GuardError`` when it refuses.
        """
        with self._reader.turn():
            for point, command_id in commands.items():
                meaning = self._reader.settle(point, command_id)
                if meaning is not Settling.NOTHING:
                    self._owed.append(settle_line(point, command_id, meaning))
            if self._owed:
                self._append([])

    def note(self, notes: Sequence[Note]) -> None:
        """Keep what was seen of points. As with ``settle``, this process knows it even when the
        disk refuses. Raises ``GuardError`` when it does."""
        if not notes:
            return
        with self._reader.turn():
            for each in notes:
                number = self._next_number()
                self._reader.note(each, number)
                self._owed.append(note_line(each, number))
            self._append([])

    def leases(self) -> dict[str, Lease]:
        """The open leases by point id. No file yet means none.

        Raises ``GuardError`` where the file cannot be read and was never read before.
        """
        with _explained(self.path):
            return self._reader.leases()

    def leases_of(self, site: str) -> dict[str, Lease]:
        """The open leases of a site by point id. Raises ``GuardError`` as ``leases`` does."""
        with _explained(self.path):
            return self._reader.leases_of(site)

    def under_way(self) -> list[Lease]:
        """See ``Journal``. Raises ``GuardError`` as ``leases`` does."""
        with _explained(self.path):
            return self._reader.under_way()

    def unrecorded(self) -> list[UnrecordedReceipt]:
        """See ``Journal``. Raises ``GuardError`` as ``leases`` does."""
        with _explained(self.path):
            return self._reader.unrecorded()

    def local_overrides(self) -> dict[str, LocalOverride]:
        """The local overrides by point id. Raises ``GuardError`` as ``leases`` does."""
        with _explained(self.path):
            return self._reader.local_overrides()

    def let_go(self) -> dict[str, datetime]:
        """When each point was last let go by its device. Raises ``GuardError`` as ``leases``."""
        with _explained(self.path):
            return self._reader.let_go()

    def offered(self) -> dict[str, OfferedLease]:
        """See ``Journal``. Raises ``GuardError`` as ``leases`` does."""
        with _explained(self.path):
            return self._reader.offered()

    def keep(self) -> None:
        """See ``Journal``. Raises ``GuardError``."""
        with self._reader.turn(), _explained(self.path):
            self._reader.catch_up()
            if self._owed or self._reader.fault is not None:
                self._append([])

    def tidy(self) -> None:
        """See ``Journal``. Raises ``GuardError``."""
        with self._reader.turn(), _explained(self.path), locked(self.path):
            self._reader.catch_up()
            if self.path.exists() and self._reader.fault is None:
                self._renew(repaired=False)

    @property
    def damage(self) -> tuple[str, ...]:
        """Lines of the present file that could not be read, as far as it was read."""
        return tuple(self._reader.damage)

    @property
    def fault(self) -> str | None:
        """What is wrong with the file since it was last read; None where nothing is."""
        return self._reader.fault

    @contextmanager
    def standstill(self) -> Iterator[None]:
        """Nobody appends while this is held. For decisions that must not race with an intent."""
        with _explained(self.path), locked(self.path):
            yield

    def _append(self, leases: Sequence[Lease]) -> frozenset[str]:
        """Write what is owed and these leases; the points whose lease has nothing left to renew."""
        with self._reader.turn(), _explained(self.path), locked(self.path):
            self._reader.catch_up()
            refuse_outdated(self._reader.known, leases)
            over = self._reader.known.over(leases)
            if self._reader.fault is not None or not self.path.exists():
                self._renew(repaired=self._reader.fault is not None)
            first = self._next_number()
            left = [lease for lease in leases if lease.point.id not in over]
            numbered = [(lease, first + i) for i, lease in enumerate(left)]
            payload = b"".join((*self._owed, *(intent_line(*each) for each in numbered)))
            size = self._write(payload)
            self._owed = []
            self._reader.wrote(payload, numbered, size)
            if size > self._compact_above:
                self._compact(size)
            return over

    def _next_number(self) -> int:
        """A number above all that were seen [1]."""
        return max(self._reader.known.last + 1, time.monotonic_ns() // 1_000_000)

    def _write(self, payload: bytes) -> int:
        """Append in one write and sync; the size of the file [bytes].

        What a full disk let through is never taken back: it announces writes that do not happen,
        and giving such a point back does no harm, while a reader may be past it already.
        """
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                log.warning("%s: the last line is torn (power cut?) and is skipped", self.path)
                payload = b"\n" + payload
            if os.write(descriptor, payload) != len(payload):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._sync(descriptor)
            return size + len(payload)
        finally:
            os.close(descriptor)

    def _compact(self, size: int) -> None:
        """Keep the open leases only, when that makes the file much smaller."""
        self._reader.catch_up()
        small = sum(map(len, self._reader.known.lines()))
        self._compact_above = max(self._compact_bytes, 4 * small)
        if size > self._compact_above:
            self._renew(repaired=False)

    def _renew(self, *, repaired: bool) -> None:
        """A new file with what is known to be open."""
        head, known = Head.new(self._reader.ancestry, repaired=repaired), self._reader.known
        ended = [known.ended_line()] if repaired else []
        replace_file(self.path, [head.line(), *ended, *known.lines()], self._sync)
        self._reader.catch_up()


def refuse_outdated(book: Book, leases: Sequence[Lease]) -> None:
    """Raises ``GuardError`` where a newer owner of the site has announced a write already (W2)."""
    outdated = book.outdated(leases)
    if outdated:
        raise GuardError(f"another process owns {', '.join(outdated)} by now; nothing is written")


def open_leases(path: Path) -> list[Lease]:
    """What a journal says is still held, by lease end. Raises ``GuardError`` if unreadable."""
    return sorted(FileJournal(path).leases().values(), key=lambda lease: lease.lease_end)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the disk says into what a person can do about it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise GuardError(
            f"the release journal {path} cannot be used: {reason}. Nothing is written to the "
            "buildings until its folder exists, is writable by this user and has space "
            "(BMS_HOME names the folder)"
        ) from error
