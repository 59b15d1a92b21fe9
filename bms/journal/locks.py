"""Turns at a file that processes share."""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

LOCK_SECONDS = 5.0
RETURN_SECONDS = 1.0
"""How long a give-back waits for an announcement at its point [s]: that takes one sync."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Our turn at a file that processes share, by ``flock`` on a file beside it.

    Raises OSError when another process keeps it longer than ``LOCK_SECONDS`` [s].
    """
    name = path.with_name(f"{path.name}.lock")
    with os.fdopen(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "ab") as lock:
        deadline = time.monotonic() + LOCK_SECONDS
        while not try_lock(lock.fileno()):
            if time.monotonic() > deadline:
                raise OSError(f"another process has held {name} for {LOCK_SECONDS:.0f} s")
            time.sleep(0.002)
        yield


def try_lock(descriptor: int) -> bool:
    """Whether the exclusive lock was free and is ours now."""
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


class PointTurns:
    """Turns at points, for the processes of one journal (clause W9): while somebody gives a point
    back nobody announces a write there, so that a give-back that is under way takes nothing away
    that was written since.

    A point is a byte of a file beside the journal, locked by an open file description, so that the
    turns of one process are told apart and the kernel ends those of a process that has ended. Where
    a system has no such locks, there are no turns.
    """

    def __init__(self, journal: Path) -> None:
        self._path = journal.with_name(f"{journal.name}.turns")

    def to_return(self, point: str) -> ExitStack:
        """A turn to give the point back, beside others who do, until the stack is closed. Without
        one where an announcement does not end or the disk refuses: what is ours goes back (W13)."""
        turn = ExitStack()
        with suppress(OSError):
            descriptor = self._opened(turn)
            deadline = time.monotonic() + RETURN_SECONDS
            while not _lock_byte(descriptor, point, fcntl.F_RDLCK) and time.monotonic() < deadline:
                time.sleep(0.002)
        return turn

    @contextmanager
    def to_announce(self, points: Iterable[str]) -> Iterator[frozenset[str]]:
        """A turn to announce writes at these points, but for those that it yields, which somebody
        is giving back. Raises OSError where the disk refuses."""
        with ExitStack() as turn:
            descriptor = self._opened(turn)
            yield frozenset(p for p in points if not _lock_byte(descriptor, p, fcntl.F_WRLCK))

    def _opened(self, turn: ExitStack) -> int:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        turn.callback(os.close, descriptor)
        return descriptor


def _lock_byte(descriptor: int, point: str, kind: int) -> bool:
    """Whether the byte of the point is locked by this description now."""
    if not hasattr(fcntl, "F_OFD_SETLK"):
        return True
    byte = int.from_bytes(hashlib.sha256(point.encode()).digest()[:7], "big")
    wanted = struct.pack("hhqqi", kind, os.SEEK_SET, byte, 1, 0)
    with suppress(BlockingIOError, PermissionError):  # EAGAIN or EACCES: somebody has it
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, wanted)
        return True
    return False


def replace_file(path: Path, lines: Sequence[bytes], sync: Callable[[int], None]) -> None:
    """Put a whole new file in place, durable together with its name."""
    fresh = path.with_name(f"{path.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with os.fdopen(os.open(fresh, flags, 0o600), "wb") as file:
        file.write(b"".join(lines))
        file.flush()
        sync(file.fileno())
    fresh.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sync(directory)
    finally:
        os.close(directory)


class WorkerLock:
    """The lock of the one process that works with a home, or with a database file (clause W2).

    It stands beside ``path``. The kernel drops it when the process ends, however it ends; a process
    that is stopped keeps it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f"{path.name}.worker")
        self._descriptor: int | None = None

    def take(self) -> str | None:
        """Take it; what the process that has it says of itself, None where it is ours now. Raises
        OSError where the disk refuses."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not try_lock(descriptor):
            said = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
            os.close(descriptor)
            return said or "another process"
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} ({_command()})\n".encode(), 0)
        self._descriptor = descriptor
        return None

    def drop(self) -> None:
        """Let the next process work."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _command() -> str:
    """How this process was called, in short."""
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:100]
