"""Which processes may still send a write that they announced: alive ones, stopped ones among them.

Each process that writes holds the lock of a file of its own beside the journal for as long as it
lives. The kernel gives the lock up when the process ends, however it ends, and not before.
"""

from __future__ import annotations

import os
import uuid
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

from bms.journal.locks import try_lock


class WriterLocks:
    """The locks of the writers of one journal."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._own: str | None = None
        self._finalizers: list[weakref.finalize[Any, WriterLocks]] = []

    def own(self) -> str:
        """The name under which this process writes. Raises OSError where the lock cannot be made.

        Locks of processes that have ended are cleared away when one is made.
        """
        while self._own is None:
            self._clear()
            name = uuid.uuid4().hex
            lock = os.open(self._file(name), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._finalizers.append(weakref.finalize(self, os.close, lock))
            if try_lock(lock) and self._is(name, lock):
                self._own = name
        return self._own

    def give_up(self) -> None:
        """Write no more: to others this is as the end of the process."""
        for finalizer in self._finalizers:
            finalizer()

    def is_alive(self, name: str) -> bool:
        """Whether the process that writes under this name has not ended yet."""
        try:
            with self._file(name).open("rb") as file:
                return not try_lock(file.fileno())
        except FileNotFoundError:
            return False

    def _file(self, name: str) -> Path:
        return self._journal.with_name(f"{self._journal.name}.writer.{name}")

    def _is(self, name: str, lock: int) -> bool:
        """Whether the locked file is still the one of that name: it may have been cleared away
        between its making and its locking."""
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(lock), self._file(name).stat())
        return False

    def _clear(self) -> None:
        for path in self._journal.parent.glob(f"{self._journal.name}.writer.*"):
            with suppress(OSError), path.open("rb") as file:
                if try_lock(file.fileno()):
                    path.unlink()
