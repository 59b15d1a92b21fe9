"""Counters of writes by register: the memory of some controllers wears out after 100 000 writes.

``FileWriteCounter`` is a log that processes share: a head that names the generation of the file,
then lines as in ``drivers.fieldbus.write_budget``. Appending and compacting are serialised by
``flock`` on a file beside it; reading needs no lock. A batch of all waiting writes takes one
``write()`` and one ``fsync()``.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from bms.errors import ConfigError
from bms.journal import locked
from drivers.fieldbus.write_budget import (
    UNLIMITED,
    WriteBudget,
    WriteBudgetExhausted,
    WriteCount,
    WriteCounts,
)

_LOG = logging.getLogger(__name__)
VERSION = 1
COMPACT_BYTES = 64_000


class WriteCounter(Protocol):
    """Counts writes of registers that have a budget. It may block on a disk: call it in a thread.

    Both methods raise ``bms.errors.ConfigError`` when the counts cannot be read or kept.
    """

    def written(self, register: str, day: date) -> WriteCount:
        """The writes of a register, in all and on ``day``."""
        ...

    def spend(self, register: str, day: date, budget: WriteBudget = UNLIMITED) -> None:
        """Count one write more, before it is sent.

        Raises ``WriteBudgetExhausted``, having counted none, when the budget allows no more.
        """
        ...


class MemoryWriteCounter:
    """Counts in memory, until the process ends (``WriteCounter``)."""

    def __init__(self) -> None:
        self._counts = WriteCounts()
        self._log_lock = threading.Lock()

    def written(self, register: str, day: date) -> WriteCount:
        return self._counts.written(register, day)

    def spend(self, register: str, day: date, budget: WriteBudget = UNLIMITED) -> None:
        with self._log_lock:
            budget.check(register, self._counts.written(register, day))
            self._counts.add(register, day)


@dataclass(slots=True)
class _PendingWrite:
    """One write that waits to be counted, with the outcome."""

    register: str
    day: date
    budget: WriteBudget
    settled: bool = False
    refusal: Exception | None = None


class FileWriteCounter:
    """Counts in a log that survives restarts; processes may share it. Making one opens nothing.

    A log that cannot be read is an error, never a count of zero. A last line that a power cut tore
    was never acknowledged, so that its write was never sent: it is truncated. ``sync`` is called
    with the descriptor before a batch counts as written. The log is compacted when it is longer
    than ``compact_bytes`` [B] and that makes it much shorter.
    """

    def __init__(
        self,
        path: Path,
        *,
        sync: Callable[[int], None] = os.fsync,
        compact_bytes: int = COMPACT_BYTES,
    ) -> None:
        self._path = path
        self._sync = sync
        self._compact_bytes = self._compact_above = compact_bytes
        self._pending: list[_PendingWrite] = []
        self._pending_lock, self._log_lock = threading.Lock(), threading.Lock()
        self._log = _LogReader(path)  # read while nobody else may write

    @classmethod
    def beside(cls, journal: Path) -> FileWriteCounter:
        """The counter beside a release journal, shared by backend and guard."""
        return cls(journal.with_name("wear.log"))

    def written(self, register: str, day: date) -> WriteCount:
        """The writes of a register, in all and on ``day``; reads the whole log."""
        log = _LogReader(self._path)
        with _explained(self._path):
            log.catch_up()
        return log.counts.written(register, day)

    def spend(self, register: str, day: date, budget: WriteBudget = UNLIMITED) -> None:
        """Count one write more; whoever holds the lock counts for all who wait, with one sync."""
        pending = _PendingWrite(register, day, budget)
        with self._pending_lock:
            self._pending.append(pending)
        with self._log_lock:
            if not pending.settled:
                self._count_pending()
        if pending.refusal is not None:
            raise pending.refusal

    def _count_pending(self) -> None:
        with self._pending_lock:
            batch, self._pending = self._pending, []
        try:
            with _explained(self._path):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with locked(self._path):
                    self._log.catch_up()
                    self._append(self._granted(batch))
        except Exception as error:  # every waiting write has to learn that it is not counted
            for pending in batch:
                pending.refusal = pending.refusal or error
        finally:
            for pending in batch:
                pending.settled = True

    def _granted(self, batch: list[_PendingWrite]) -> bytes:
        """Lines for the writes that their budgets allow; the others get their refusal."""
        granted = WriteCounts()
        for pending in batch:
            register, day = pending.register, pending.day
            try:
                pending.budget.check(
                    register,
                    self._log.counts.written(register, day) + granted.written(register, day),
                )
            except WriteBudgetExhausted as spent:
                pending.refusal = spent
            else:
                granted.add(register, day)
        return granted.lines()

    def _append(self, lines: bytes) -> None:
        if not lines:
            return
        if not self._log.head:
            self._replace(b"")
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            if os.fstat(descriptor).st_size > self._log.end:
                _LOG.warning("%s: the last line is torn (power cut?), it is cut away", self._path)
                os.ftruncate(descriptor, self._log.end)
            if os.write(descriptor, lines) != len(lines):
                os.ftruncate(descriptor, self._log.end)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._sync(descriptor)
        finally:
            os.close(descriptor)
        self._compact()

    def _compact(self) -> None:
        """Replace the lines by one per day that still matters, when that shortens the log much."""
        self._log.catch_up()
        if self._log.end <= self._compact_above:
            return
        lines = self._log.counts.lines()
        self._compact_above = max(self._compact_bytes, 4 * len(lines))
        if self._log.end > self._compact_above:
            try:
                self._replace(lines)
            except OSError as error:  # what was to be counted is on disk already
                _LOG.warning("%s cannot be compacted and grows: %s", self._path, error)

    def _replace(self, lines: bytes) -> None:
        """Put a new file in place; file and directory entry are synced."""
        head = json.dumps({"wear": VERSION, "generation": uuid.uuid4().hex}).encode() + b"\n"
        fresh = self._path.with_name(f"{self._path.name}.new")
        with fresh.open("wb") as file:
            file.write(head + lines)
            file.flush()
            self._sync(file.fileno())
        fresh.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._sync(directory)
        finally:
            os.close(directory)
        self._log.catch_up()


class _LogReader:
    """Follows the log: reads what is new, or all of it when the generation has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._forget(b"")

    def _forget(self, head: bytes) -> None:
        self.head = head
        self.end = len(head)
        self.counts = WriteCounts()

    def catch_up(self) -> None:
        """Add the complete lines that are new. Raises OSError or ``ConfigError``."""
        try:
            with self._path.open("rb") as file:
                head = file.readline()
                if head != self.head or not head:
                    _check_head(self._path, head)
                    self._forget(head)
                file.seek(self.end)
                new = file.read()
        except FileNotFoundError:
            self._forget(b"")
            return
        end = new.rfind(b"\n") + 1
        for line in new[:end].split(b"\n")[:-1]:
            self._take(line)
        self.end += end

    def _take(self, line: bytes) -> None:
        try:
            self.counts.take(line)
        except (ValueError, KeyError, TypeError) as error:
            self._forget(b"")  # the next look begins anew: nothing is counted twice
            raise ConfigError(_unreadable(self._path, line, error)) from error


def _check_head(path: Path, head: bytes) -> None:
    try:
        fields = json.loads(head)
        if not head.endswith(b"\n") or fields["wear"] > VERSION:
            raise ValueError(f"version {fields['wear']} is newer than {VERSION}")
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(_unreadable(path, head, error)) from error


def _unreadable(path: Path, line: bytes, error: Exception) -> str:
    return (
        f"the write counts {path} cannot be read at {line[:60]!r} ({error}); repair it, or remove "
        "the file to count from zero"
    )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn an OSError into a ``ConfigError`` that says what a person can do about it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            f"the write counts {path} cannot be kept: {reason}. Registers with a write budget are "
            "not written until its folder exists, is writable by this user and has space "
            "(BMS_HOME names the folder)"
        ) from error
