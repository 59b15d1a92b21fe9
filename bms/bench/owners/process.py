"""A worker as a process of its own: started, killed, stopped and woken by signals."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path

from bms.bench.chaos.town import PATIENCE_S
from bms.bench.chaos.worker import CLOCK_FILE
from bms.bench.owners.worker import settings_of
from bms.model.clock_reading import ClockReading
from bms.runtime.ownership import home_id
from bms.services.guard.heartbeat import GuardPlace, Presence


class WorkerProcess:
    """The worker of a home. ``apart`` is how far its calendar is ahead of ours."""

    def __init__(self, name: str, home: Path, database: str, owner_s: int) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.name, self.home, self.apart = name, home, timedelta(0)
        self.settings = settings_of(home, database, owner_s)
        self.id = home_id(self.settings)
        self.between: Callable[[], Awaitable[None]] | None = None
        """What happens between journal and write of its next write."""
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._stopped = self._ready = False
        self._words = [str(home), database, str(owner_s)]
        self._numbers = count(1)
        self._looked: dict[int, asyncio.Future[None]] = {}

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.returncode is None

    @property
    def lives(self) -> bool:
        """Whether it works: started, ready and not stopped."""
        return self.runs and self._ready and not self._stopped

    @property
    def log(self) -> Path:
        """What it says."""
        return self.home / "worker.log"

    def publish(self, at: ClockReading) -> None:
        """Tell it the building time, by its own calendar; its running time is of a boot of its
        own, as on a computer of its own."""
        said = {
            "time": (at.calendar + self.apart).isoformat(),
            "elapsed": at.elapsed.seconds,
            "boot": f"{self.name}-{at.elapsed.boot}",
        }
        file = self.home / CLOCK_FILE
        draft = file.with_suffix(".part")
        draft.write_text(json.dumps(said))
        draft.replace(file)

    async def start(self) -> None:
        """Start it; it becomes ready by itself."""
        if self.runs:
            return
        self._stopped = self._ready = False
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bms.bench.owners.worker", *self._words),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        self._reading = asyncio.create_task(self._read(self._process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            said = json.loads(line)
            self._ready = self._ready or "ready" in said
            if "between" in said:
                await self._struck()
            if said.get("done") in self._looked:
                self._looked.pop(said["done"]).set_result(None)
        await process.wait()

    async def _struck(self) -> None:
        strike, self.between = self.between, None
        if strike is not None:
            await strike()
        self._send({"go": True})

    async def look(self) -> bool:
        """Let it do what is due, until that is done or it works no longer; whether it was in
        time."""
        if not self.lives:
            return True
        n, loop = next(self._numbers), asyncio.get_running_loop()
        self._looked[n] = looked = loop.create_future()
        self._send({"look": n})
        deadline = loop.time() + PATIENCE_S + 1.0
        while self.lives and not looked.done() and loop.time() < deadline:
            await asyncio.wait({looked}, timeout=0.05)
        return looked.done() or not self.lives

    def _send(self, line: dict[str, object]) -> None:
        if self.runs and self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.write(json.dumps(line).encode() + b"\n")

    def strike_between(self, strike: Callable[[], Awaitable[None]]) -> None:
        """Let something happen between journal and write of its next write."""
        self.between = strike
        self._send({"pause": True})

    def kill(self) -> None:
        """SIGKILL, wherever it stands."""
        self._signal(signal.SIGKILL)
        self._ready = False

    def end(self) -> None:
        """SIGTERM: it hands over and ends."""
        self._signal(signal.SIGTERM)

    def stop(self) -> None:
        """SIGSTOP."""
        self._stopped = True
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """SIGCONT."""
        self._stopped = False
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.runs and self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def ended(self) -> None:
        """Wait until it has ended."""
        if self._reading is not None:
            await self._reading

    def kill_guards(self) -> None:
        """End the guards of its home."""
        for place in (GuardPlace.STANDBY, GuardPlace.ACTIVE):
            seen = Presence(self.settings.journal, place).look()
            if seen is not None and seen.pid:
                with suppress(ProcessLookupError):
                    os.kill(seen.pid, signal.SIGKILL)
