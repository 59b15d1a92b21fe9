"""Keep the guard process alive: look for it before every batch of writes, start it if need be."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bms.errors import GuardError
from bms.journal import FileJournal, dialect
from bms.services.guard.heartbeat import GuardPlace, Presence, Sighting
from bms.services.guard.takeover import is_guard
from bms.services.off_loop import off_loop


class GuardLauncher:
    """Implements ``GuardKeeper`` with a process of its own session, which survives ours.

    ``command`` starts a guard; journal, clock file and our pid are added to it. ``deadline_s`` [s]
    is how long it may take until it holds its lock. ``timezone`` is the zone in which it reads the
    timetables of ways back, that of the drivers here; None leaves it to the guard.
    """

    def __init__(
        self,
        journal: Path,
        clock_file: Path | None = None,
        command: Sequence[str] = (sys.executable, "-m", "bms.guard"),
        *,
        deadline_s: float = 10.0,
        timezone: str | None = None,
    ) -> None:
        self.timezone = timezone
        self._journal = journal.absolute()
        self._clock_file = clock_file.absolute() if clock_file is not None else None
        self._command = tuple(command)
        self._deadline_s = deadline_s
        self._presence = Presence(self._journal)
        self._log = self._journal.with_name(f"{self._journal.name}.guard.log")
        self._children: list[subprocess.Popen[bytes]] = []
        self._turn = asyncio.Lock()

    @property
    def guard(self) -> Sighting | None:
        """The guard that lives now, started by us or by somebody else."""
        return self._look()

    async def ensure(self) -> None:
        """Return once a guard holds its lock and beats. Raises ``GuardError`` if none does."""
        if self._beating(self._look()):
            return
        async with self._turn:
            await self._bring_up()

    async def close(self) -> None:
        """At a clean exit: end the guard that we started, unless a lease is still open.

        With an open lease it is left to itself: it goes on trying and ends when all is settled.
        """
        running = self._running()
        self._children = []
        held = self._something_is_held()
        for child in running:
            if held:
                child.returncode = 0  # no longer ours to wait for; it outlives us on purpose
                continue
            child.terminate()
            try:
                await off_loop(child.wait, self._deadline_s)
            except subprocess.TimeoutExpired:
                child.returncode = 0  # it still gives something back; let it
        if not held:
            await self._dismiss_successors()

    async def _dismiss_successors(self) -> None:
        """End the guards that took the place of one that we started: they serve us alone."""
        places = [Presence(self._journal, place) for place in GuardPlace]
        for presence in places:
            seen = presence.look()
            if seen is not None and is_guard(seen.pid, of=os.getpid()):
                with suppress(ProcessLookupError):
                    os.kill(seen.pid, signal.SIGTERM)
        deadline = time.monotonic() + self._deadline_s
        while any(
            (seen := presence.look()) is not None and is_guard(seen.pid, of=os.getpid())
            for presence in places
        ):
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(0.02)

    def _running(self) -> list[subprocess.Popen[bytes]]:
        """The guards that we started and that have not ended."""
        return [child for child in self._children if child.poll() is None]

    def _something_is_held(self) -> bool:
        try:
            return bool(FileJournal(self._journal).leases())
        except GuardError:
            return True

    async def _bring_up(self) -> None:
        deadline = time.monotonic() + self._deadline_s
        seen = self._look()
        if seen is None or seen.stuck:  # a second one replaces a stuck one
            self._start()
        while not self._beating(seen := self._look()):
            if (seen is None and not self._running()) or time.monotonic() > deadline:
                raise GuardError(self._complaint(seen))
            await asyncio.sleep(0.02)

    def _start(self) -> None:
        self._children = self._running()
        command = [*self._command, "--journal", str(self._journal), "--parent", str(os.getpid())]
        if self._clock_file is not None:
            command += ["--clock-file", str(self._clock_file)]
        if self.timezone is not None:
            command += ["--timezone", self.timezone]
        try:
            self._journal.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab") as log:
                child = subprocess.Popen(  # noqa: S603 (our own command)
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self._children.append(child)
        except OSError as error:
            raise GuardError(
                f"the guard cannot be started: {error}. Nothing is written to the buildings "
                f"until {self._journal.parent} is writable and {command[0]} can be run"
            ) from error

    def _look(self) -> Sighting | None:
        try:
            return self._presence.look()
        except OSError as error:
            raise GuardError(
                f"whether a guard lives cannot be told: {error}. Nothing is written until "
                f"{self._presence.path} can be read by this user"
            ) from error

    @staticmethod
    def _beating(seen: Sighting | None) -> bool:
        """Whether a guard is at work that can read what we write. Raises ``GuardError`` where
        another version is: it would skip what it cannot read, and never give that back."""
        if seen is None or not seen.pid or seen.stuck:
            return False
        if seen.reads != dialect():
            raise GuardError(
                f"the guard (process {seen.pid}) is of another version and cannot read every "
                "lease; nothing is written. Restart it; one that a backend has started ends by "
                "itself with its last lease"
            )
        return True

    def _complaint(self, seen: Sighting | None) -> str:
        if seen is not None:
            return (
                f"the guard (process {seen.pid}) has been silent for {seen.silent_s:.0f} s; "
                "nothing is written until the guard that stands by has replaced it"
            )
        return (
            f"the guard did not start within {self._deadline_s:.0f} s; nothing is written. "
            f"It said: {self._last_words()}. See {self._log}"
        )

    def _last_words(self) -> str:
        try:
            lines = self._log.read_text(errors="replace").strip().splitlines()
        except OSError as error:
            return str(error)
        return lines[-1] if lines else "nothing"


class NoGuardNeeded:
    """Implements ``GuardKeeper`` for simulated buildings that live and die in this process."""

    async def ensure(self) -> None:
        return None

    async def close(self) -> None:
        return None
