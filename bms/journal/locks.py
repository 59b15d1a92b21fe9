"""Turns at a file that processes share."""

from __future__ import annotations

import fcntl
import os
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
