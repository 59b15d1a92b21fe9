"""How often each register was written: some controllers' memory wears out after 100 000 writes.

``FileWear`` is a log that processes share: a head that names the generation of the file, then lines
as in ``drivers.fieldbus.write_budget``. Appending and folding take turns through ``flock`` on a
file beside it; reading needs no lock. A batch is one ``write()`` and one ``fsync()`` for all who
wait.
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
from drivers.fieldbus.write_budget import UNLIMITED, Budget, BudgetSpent, Counts, Worn

_LOG = logging.getLogger(__name__)
VERSION = 1
FOLD_BYTES = 64_000


class WearBook(Protocol):
    """Counts writes of registers that have a budget. It may wait for a disk: call it in a thread.

    Both methods raise ``bms.errors.ConfigError`` when the counts cannot be read or kept.
    """

    def worn(self, register: str, day: date) -> Worn: ...

    def spend(self, register: str, day: date, budget: Budget = UNLIMITED) -> None:
        """One write more, on disk before it leaves. Raises ``BudgetSpent``, having counted none."""
        ...


class MemoryWear:
    """Counts that end with the process."""

    def __init__(self) -> None:
        self._counts = Counts()
        self._turn = threading.Lock()

    def worn(self, register: str, day: date) -> Worn:
        return self._counts.worn(register, day)

    def spend(self, register: str, day: date, budget: Budget = UNLIMITED) -> None:
        with self._turn:
            budget.check(register, self._counts.worn(register, day))
            self._counts.add(register, day)


@dataclass(slots=True)
class _Wish:
    """Somebody waits for one write to be counted."""

    register: str
    day: date
    budget: Budget
    settled: bool = False
    refusal: Exception | None = None


class FileWear:
    """Counts in a log that survives restarts; processes may share it. Making one opens nothing.

    A log that cannot be read is an error and never an empty book: what is worn stays worn. What a
    power cut tore was never acknowledged, so that its write never left: it is cut away.
    ``sync`` is called with the descriptor before a batch counts as written; a log is folded when
    it is longer than ``fold_bytes`` and folding makes it much shorter.
    """

    def __init__(
        self, path: Path, *, sync: Callable[[int], None] = os.fsync, fold_bytes: int = FOLD_BYTES
    ) -> None:
        self._path = path
        self._sync = sync
        self._fold_bytes = self._fold_above = fold_bytes
        self._waiting: list[_Wish] = []
        self._gate, self._turn = threading.Lock(), threading.Lock()
        self._log = _Reader(path)  # read while nobody else may write

    @classmethod
    def beside(cls, journal: Path) -> FileWear:
        """The counts of a city, which backend and guard find beside its release journal."""
        return cls(journal.with_name("wear.log"))

    def worn(self, register: str, day: date) -> Worn:
        """Reads the whole log: for a person who asks, and not before each write."""
        log = _Reader(self._path)
        with _explained(self._path):
            log.catch_up()
        return log.counts.worn(register, day)

    def spend(self, register: str, day: date, budget: Budget = UNLIMITED) -> None:
        """Whoever comes first counts for all who wait: many writes cost one sync."""
        wish = _Wish(register, day, budget)
        with self._gate:
            self._waiting.append(wish)
        with self._turn:
            if not wish.settled:
                self._settle_all()
        if wish.refusal is not None:
            raise wish.refusal

    def _settle_all(self) -> None:
        with self._gate:
            batch, self._waiting = self._waiting, []
        try:
            with _explained(self._path):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with locked(self._path):
                    self._log.catch_up()
                    self._append(self._granted(batch))
        except Exception as error:  # whoever waits must not take silence for a yes
            for wish in batch:
                wish.refusal = wish.refusal or error
        finally:
            for wish in batch:
                wish.settled = True

    def _granted(self, batch: list[_Wish]) -> bytes:
        """What may be written; whoever's budget is spent learns of it here."""
        granted = Counts()
        for wish in batch:
            told, day = wish.register, wish.day
            try:
                wish.budget.check(told, self._log.counts.worn(told, day) + granted.worn(told, day))
            except BudgetSpent as spent:
                wish.refusal = spent
            else:
                granted.add(told, day)
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
        self._fold()

    def _fold(self) -> None:
        """Keep one line per day that still matters, when that makes the log much shorter."""
        self._log.catch_up()
        if self._log.end <= self._fold_above:
            return
        lines = self._log.counts.lines()
        self._fold_above = max(self._fold_bytes, 4 * len(lines))
        if self._log.end > self._fold_above:
            try:
                self._replace(lines)
            except OSError as error:  # what was to be counted is on disk already
                _LOG.warning("%s cannot be folded and grows: %s", self._path, error)

    def _replace(self, lines: bytes) -> None:
        """Put a whole new file in place, durable together with its name."""
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


class _Reader:
    """Follows the log: reads what is new, or all of it when the generation has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._forget(b"")

    def _forget(self, head: bytes) -> None:
        self.head = head
        self.end = len(head)
        self.counts = Counts()

    def catch_up(self) -> None:
        """Take the whole lines that are new. Raises OSError or ``ConfigError``."""
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
        told = json.loads(head)
        if not head.endswith(b"\n") or told["wear"] > VERSION:
            raise ValueError(f"version {told['wear']} is newer than {VERSION}")
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(_unreadable(path, head, error)) from error


def _unreadable(path: Path, line: bytes, error: Exception) -> str:
    return (
        f"the write counts {path} cannot be read at {line[:60]!r} ({error}); repair it, or remove "
        "the file to count from zero"
    )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the disk says into what a person can do about it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            f"the write counts {path} cannot be kept: {reason}. Registers with a write budget are "
            "not written until its folder exists, is writable by this user and has space "
            "(BMS_HOME names the folder)"
        ) from error
