"""Follows the file of the release journal, and keeps what it knew when the file is gone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from bms.journal.entries import Book, Head, Settling, entry_of
from bms.model.control.lease import Lease
from bms.model.control.local_override import LocalOverride, Note, OfferedLease
from bms.model.control.unrecorded import UnrecordedReceipt

log = logging.getLogger(__name__)

TAIL = 256
"""Bytes before the place up to which was read [1]: another copy of the file differs in them."""


class JournalReader:
    """Reads what is new, or all of it when another file stands in the place of the known one.

    A file that replaces the known one by compaction says so in its head, and what it lacks has
    ended. Whatever else happens to the file (gone, cut shorter, an older copy, not readable), the
    leases that were known stay known until they end (CONTRACT, W13). ``fault`` says what is wrong
    now, None where the file is as it should be; ``damage`` names lines that could not be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.RLock()
        self._known = Book()
        self._in_file = Book()
        self._head: Head | None = None
        self._offset = 0
        self._tail = b""
        self._seen: tuple[int, ...] | None = None
        """The file as it was when it held all that is known: nothing is new then."""
        self.damage: list[str] = []
        self.fault: str | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One thread at a time."""
        with self._turn:
            yield

    @property
    def known(self) -> Book:
        """What is known now, whether the file says so or not."""
        return self._known

    def leases_of(self, site: str) -> dict[str, Lease]:
        """The open leases of a site by point id. Raises OSError as ``leases`` does."""
        with self._turn:
            self.catch_up()
            return self._known.leases_of(site)

    def under_way(self) -> list[Lease]:
        """The leases whose write may still be sent. Raises OSError as ``leases`` does."""
        with self._turn:
            self.catch_up()
            return self._known.under_way()

    def arrived(self, point: str, command_id: str) -> None:
        """Note that nobody can send the write any more, whether the file takes it or not."""
        self._known.arrived(point, command_id)
        self._in_file.arrived(point, command_id)

    def settle(self, point: str, command_id: str) -> Settling:
        """Close a point here, whether the file takes it or not; what that meant."""
        meaning = self._known.settling(point, command_id)
        self._known.settle(point, command_id, meaning)
        self._in_file.settle(point, command_id, meaning)
        return meaning

    def note(self, note: Note, number: int) -> None:
        """Take a note here, whether the file takes it or not."""
        self._known.note(note, number)
        self._in_file.note(note, number)

    @property
    def ancestry(self) -> tuple[str, ...]:
        """The known file and those before it, newest first."""
        return () if self._head is None else (self._head.generation, *self._head.after)

    def leases(self) -> dict[str, Lease]:
        """The open leases by point id. No file yet means none.

        Raises OSError where the file cannot be read and nothing of it was ever known.
        """
        with self._turn:
            self.catch_up()
            return self._known.leases()

    def unrecorded(self) -> list[UnrecordedReceipt]:
        """Receipts that the database lacks. Raises OSError as ``leases`` does."""
        with self._turn:
            self.catch_up()
            return self._known.unrecorded()

    def local_overrides(self) -> dict[str, LocalOverride]:
        """The local overrides by point id. Raises OSError as ``leases`` does."""
        with self._turn:
            self.catch_up()
            return self._known.local_overrides()

    def let_go(self) -> dict[str, datetime]:
        """When each point was last let go by its device. Raises OSError as ``leases`` does."""
        with self._turn:
            self.catch_up()
            return self._known.let_go()

    def offered(self) -> dict[str, OfferedLease]:
        """What guards of other homes may give back. Raises OSError as ``leases`` does."""
        with self._turn:
            self.catch_up()
            return self._known.offered()

    def catch_up(self) -> None:
        """Read what is new. Raises OSError as ``leases`` does."""
        try:
            stat = self._path.stat()
            seen = (stat.st_ctime_ns, stat.st_size, stat.st_ino)
            if seen == self._seen:
                return
            self._seen = None
            with self._path.open("rb") as file:
                fault = self._follow(file.readline(), file)
                self._seen = None if fault else seen
        except FileNotFoundError:
            self._seen = None
            fault = None if self._head is None else "it is gone"
        except OSError as error:
            self._seen = None
            if self._head is None:
                raise
            fault = error.strerror or str(error)
        self._report(fault)

    def wrote(self, payload: bytes, leases: Sequence[tuple[Lease, int]], size: int) -> None:
        """Take what we have appended ourselves, up to ``size`` [bytes], while nobody else could:
        leases with their numbers; what else it says was known here before."""
        if self._offset + len(payload) != size or self.fault is not None:
            self.catch_up()
            return
        for lease, number in leases:
            self._in_file.intend(lease, number)
            self._known.intend(lease, number)
        self._offset = size
        self._tail = (self._tail + payload[-TAIL:])[-TAIL:]
        self._seen = None
        stat = self._path.stat()
        if stat.st_size == size:
            self._seen = (stat.st_ctime_ns, stat.st_size, stat.st_ino)

    def _follow(self, first: bytes, file: BinaryIO) -> str | None:
        """Returns what is wrong with the file, None where it holds all that is known."""
        try:
            head = Head.parse(first)
        except (ValueError, KeyError, TypeError) as error:
            if not first.endswith(b"\n"):
                return None if self._head is None else "its first line is torn"
            self._note(first, error)
            head = Head("unreadable", repaired=True)
        if self._head is None:
            self._start(head, len(first))
        elif head.generation != self._head.generation:
            if not head.repaired and self._head.generation in head.after:
                self._known = self._known.without_open()
            self._start(head, len(first))
        elif not self._is_continued(file):
            self._start(head, len(first))
        file.seek(self._offset)
        self._take(file.read())
        if self._known.open_ids() == self._in_file.open_ids():
            return None
        return "it was cut, or another file stands in its place"

    def _start(self, head: Head, offset: int) -> None:
        self._head, self._offset, self._tail = head, offset, b""
        self._in_file = Book()
        self.damage = self.damage[-1:] if head.generation == "unreadable" else []

    def _is_continued(self, file: BinaryIO) -> bool:
        """Whether the file holds what was read of it before, in its place."""
        file.seek(self._offset - len(self._tail))
        return file.read(len(self._tail)) == self._tail

    def _take(self, new: bytes) -> None:
        """Take whole lines; an unfinished one stays for the next time."""
        end = new.rfind(b"\n") + 1
        for line in new[:end].split(b"\n"):
            if line:
                self._take_line(line)
        self._offset += end
        self._tail = (self._tail + new[:end])[-TAIL:]

    def _take_line(self, line: bytes) -> None:
        try:
            take = entry_of(line)
        except (ValueError, KeyError, TypeError) as error:
            self._note(line, error)
            return
        take(self._in_file)
        take(self._known)

    def _note(self, line: bytes, error: Exception) -> None:
        text = f"{self._path}: unreadable line {line[:80]!r}: {error}".splitlines()[0]
        self.damage.append(text)
        log.error("%s", text)

    def _report(self, fault: str | None) -> None:
        """Say once what is wrong, and once that it is over."""
        if fault is not None and self.fault is None:
            log.error(
                "the release journal %s: %s. What was known of it goes on being served",
                self._path,
                fault,
            )
        elif fault is None and self.fault is not None:
            log.warning("the release journal %s is as it should be again", self._path)
        self.fault = fault
