"""Turns at a file that processes share."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK_SECONDS = 5.0


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Our turn at a file that processes share, by ``flock`` on a file beside it.

    Raises OSError when another process keeps it longer than ``LOCK_SECONDS`` [s].
    """
    with path.with_name(f"{path.name}.lock").open("ab") as lock:
        deadline = time.monotonic() + LOCK_SECONDS
        while not try_lock(lock.fileno()):
            if time.monotonic() > deadline:
                raise OSError(f"another process has held {lock.name} for {LOCK_SECONDS:.0f} s")
            time.sleep(0.002)
        yield


def try_lock(descriptor: int) -> bool:
    """Whether the exclusive lock was free and is ours now."""
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def replace_file(path: Path, lines: Sequence[bytes], sync: Callable[[int], None]) -> None:
    """Put a whole new file in place, durable together with its name."""
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("wb") as file:
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
