"""Two guards of one journal: one gives back, the other stands by and takes over (CONTRACT, W13)."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from bms.services.guard.heartbeat import Presence, Sighting
from bms.services.guard.systemd import notify

log = logging.getLogger("bms.guard")

START_AGAIN_SECONDS = 5.0
DEPOSE_SECONDS = 2.0


class Companion:
    """Keeps a second guard process alive beside this one.

    ``command`` starts it; it finds the first place taken and stands by.
    """

    def __init__(self, command: Sequence[str], standby: Presence) -> None:
        self._command = tuple(command)
        self._standby = standby
        self._child: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0

    def ensure(self) -> None:
        """Start a guard that stands by where there is none; what fails is tried again later."""
        alive = self._child is not None and self._child.poll() is None
        if alive or time.monotonic() < self._not_before or self._standby.look() is not None:
            return
        self._not_before = time.monotonic() + START_AGAIN_SECONDS
        try:
            self._child = subprocess.Popen(  # noqa: S603 (our own command)
                self._command, stdin=subprocess.DEVNULL, start_new_session=True
            )
        except OSError as error:
            log.error("no second guard: %s", error)

    def dismiss(self) -> None:
        """End the guard that stands by: nothing is held and nobody writes any more."""
        seen = self._standby.look()
        if seen is not None and seen.pid:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(seen.pid, signal.SIGTERM)


async def stand_by(
    active: Presence,
    standby: Presence,
    stop: asyncio.Event,
    *,
    check_seconds: float,
    done: Callable[[], bool],
) -> bool:
    """Wait until the first place is ours; False where ``stop`` or ``done`` came before.

    A guard that is silent for too long is killed first: one that woke up later would act on what
    it knew then. Where the disk refuses our own heartbeat the silence of another proves nothing.
    """
    while not stop.is_set() and not done():
        standby.beat()
        notify("WATCHDOG=1")
        seen = active.look()
        if seen is not None and seen.stuck and not standby.refused:
            await depose(active, seen)
            seen = active.look()
            if seen is not None and seen.stuck:
                log.error("guard %s is stuck and cannot be ended; taking over beside it", seen.pid)
                return True
        if seen is None and _claimed(active):
            log.warning("the guard before this one is gone: taking over")
            standby.drop()
            return True
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), check_seconds)
    return False


def _claimed(active: Presence) -> bool:
    """Whether the first place is ours now. Where the disk refuses to tell nobody can hold it, and
    somebody has to give back."""
    try:
        return active.claim()
    except OSError as error:
        log.error("%s cannot be claimed: %s; taking over all the same", active.path, error.strerror)
        return True


async def depose(active: Presence, seen: Sighting) -> None:
    """Kill a guard that is stuck and wait until the kernel has dropped its lock."""
    log.error("guard %s has been silent for %.0f s: replacing it", seen.pid, seen.silent_s)
    if not is_guard(seen.pid):
        return
    with suppress(ProcessLookupError, PermissionError):
        os.kill(seen.pid, signal.SIGKILL)
    deadline = time.monotonic() + DEPOSE_SECONDS
    while active.look() is not None and time.monotonic() < deadline:  # noqa: ASYNC110 (no event)
        await asyncio.sleep(0.02)


def is_guard(pid: int, of: int | None = None) -> bool:
    """Whether a process is a guard, and that of the backend ``of`` where one is named.

    A number that was written down may belong to another process by now.
    """
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    if b"bms.guard" not in words and b"guard" not in words:
        return False
    return of is None or (b"--parent", str(of).encode()) in pairwise(words)
