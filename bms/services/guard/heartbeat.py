"""Proof that a guard lives: a locked file beside the journal, with its pid and heartbeat."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bms.journal import dialect

log = logging.getLogger("bms.guard")

CLAIM_SECONDS = 1.0
SILENT_SECONDS = 10.0
"""A guard that has not beaten for this long [s] is replaced (CONTRACT, W13)."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A guard that holds the lock. ``silent_s`` [s] since its last heartbeat; ``reads`` says which
    leases it can read (``bms.journal.dialect``), empty where it does not say."""

    pid: int
    silent_s: float
    reads: str = ""

    @property
    def stuck(self) -> bool:
        """Whether it has to be replaced."""
        return self.silent_s >= SILENT_SECONDS


class GuardPlace(StrEnum):
    """What a guard is at a journal: the one that gives back, or the one that stands by."""

    ACTIVE = "guard"
    STANDBY = "guard.standby"


class Presence:
    """The lock of one of the two guards of a journal. The kernel drops it when the process dies.

    The heartbeat is the computer's monotonic clock, which all its processes share.
    """

    def __init__(
        self,
        journal: Path,
        place: GuardPlace = GuardPlace.ACTIVE,
        write: Callable[[int, bytes, int], int] = os.pwrite,
    ) -> None:
        self.path = journal.with_name(f"{journal.name}.{place.value}")
        self._descriptor: int | None = None
        self._write = write
        self.refused = False
        """Whether the disk refused the last heartbeat."""
        self._reads = dialect()  # not between the lock and the first heartbeat: it takes a moment

    @property
    def claimed(self) -> bool:
        """Whether this process holds the place."""
        return self._descriptor is not None

    def claim(self) -> bool:
        """Take the place. False when another one is. Raises OSError when the disk refuses."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + CLAIM_SECONDS
        while True:  # those who only look hold a shared lock for microseconds
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._descriptor = descriptor
                self.beat()
                return True
            if time.monotonic() > deadline:
                os.close(descriptor)
                return False
            time.sleep(0.01)

    def beat(self) -> None:
        """Say that we are still at work. A disk that refuses is said once and ends nobody: a guard
        that cannot beat gives back all the same (W13)."""
        if self._descriptor is None:
            return
        beat = f"{os.getpid():>10} {time.monotonic():>16.3f} {self._reads}"
        try:
            self._write(self._descriptor, beat.encode(), 0)
            self.refused = False
        except OSError as error:
            if not self.refused:
                log.error("the heartbeat %s cannot be written: %s", self.path, error.strerror)
            self.refused = True

    def drop(self) -> None:
        """Stop being the guard."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def look(self) -> Sighting | None:
        """The guard that lives, None when there is none."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return None
            return _sighting(os.pread(descriptor, 64, 0))
        finally:
            os.close(descriptor)


def _sighting(content: bytes) -> Sighting:
    """Pid, heartbeat and dialect; a guard that has not written them yet has just claimed the lock,
    one of an earlier version writes no dialect."""
    words = content.decode().split()
    if len(words) < 2:
        return Sighting(pid=0, silent_s=0.0)
    pid, beat, *reads = words
    silent_s = max(0.0, time.monotonic() - float(beat))
    return Sighting(int(pid), silent_s, reads[0] if reads else "")
