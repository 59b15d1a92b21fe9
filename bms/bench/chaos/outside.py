"""A town that processes of their own control: the backend (``bms.bench.chaos.worker``) and the
guards that it starts, killed and stopped by signals."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from bms.bench.chaos.backend import Switch, Wish
from bms.bench.chaos.town import LEASE, PATIENCE_S, StrikeMoment, Town
from bms.bench.chaos.worker import CLOCK_FILE
from bms.clock import VirtualClock
from bms.services.guard.heartbeat import GuardPlace, Presence

START_S = 300.0
LOOK_S = 0.1
GUARD_S = 25.0
"""How long [s, real] a guard may take to give everything back: another takes the place of a silent
one after ten seconds."""
GUARDS_LOOK_S = 1.2
"""In so long [s, real] every guard has looked at the journal."""
DISTURBED_S = 2.0
"""How long [s, real] it may take while a building cannot be given back, so that it has tried."""


class SayingClock(VirtualClock):
    """Building time that every process reads from a file."""

    def __init__(self, town_clock: VirtualClock, file: Path) -> None:
        super().__init__(town_clock.now())
        self._file = file

    def publish(self) -> None:
        """Write the file anew."""
        boot, seconds = self.elapsed().boot, self.elapsed().seconds
        said = {"time": self.now().isoformat(), "elapsed": seconds, "boot": boot}
        draft = self._file.with_suffix(".part")
        draft.write_text(json.dumps(said))
        draft.replace(self._file)


class TownOutside(Town):
    """Signals strike at any instruction, so that one seed gives one schedule, not one log."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._clock = SayingClock(self.clock, home / CLOCK_FILE)
        self.clock = self._clock
        home.mkdir(parents=True, exist_ok=True)
        for building in self.buildings.values():
            building.clock = self._clock
        self._process: asyncio.subprocess.Process | None = None
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = count(1)
        self._reading: asyncio.Task[None] | None = None
        self._stopped_guard = 0
        self._between: asyncio.Task[None] | None = None
        self._down_since = 0.0

    async def boot(self) -> None:
        """See ``Town``."""
        self._clock.publish()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bms.bench.chaos.worker", str(self.home)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        first = await asyncio.wait_for(self._process.stdout.readline(), START_S)
        self.alive = bool(first) and "ready" in json.loads(first)
        self.awake.set()
        self._reading = asyncio.create_task(self._read(self._process.stdout))
        if self.alive:
            self._send({"off": sorted(self.off)})

    async def _read(self, lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            said = json.loads(line)
            if "between" in said:
                self._between = asyncio.create_task(self._strike_between())
            elif said.get("done") in self._answers:
                self._answers.pop(said["done"]).set_result(said)

    async def _strike_between(self) -> None:
        await self.at(StrikeMoment.BETWEEN)
        self._send({"go": True})

    def _send(self, line: dict[str, object]) -> None:
        process = self._process
        if self.alive and process is not None and process.stdin is not None:
            with suppress(OSError):
                process.stdin.write(json.dumps(line).encode() + b"\n")

    async def _ask(self, line: Callable[[int], dict[str, object]]) -> dict[str, Any] | None:
        """The answer of the backend; None where it was stopped or killed meanwhile."""
        n = next(self._numbers)
        self._answers[n] = answer = asyncio.get_running_loop().create_future()
        self._send(line(n))
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while self.alive and self.awake.is_set() and not answer.done():
            await asyncio.wait({answer}, timeout=0.05)
            if asyncio.get_running_loop().time() > deadline:
                self.blocked.append(self.now)
                break
        return answer.result() if answer.done() else None

    def kill(self) -> None:
        """See ``Town``."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        self.alive = False
        self.awake.set()

    async def bury(self) -> None:
        """See ``Town``."""
        if not self.alive and self._process is not None:
            await self._process.wait()
            if self._reading is not None:
                await self._reading
            self._process = None
            self._answers.clear()

    def stop(self) -> None:
        """See ``Town``."""
        self._signal(signal.SIGSTOP)
        super().stop()

    def wake(self) -> None:
        """See ``Town``."""
        self._signal(signal.SIGCONT)
        super().wake()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def kill_guard(self) -> None:
        """See ``Town``."""
        _signal_guard(self._guard_pid(), signal.SIGKILL)

    async def stop_guard(self) -> None:
        """See ``Town``."""
        self._stopped_guard = self._guard_pid()
        _signal_guard(self._stopped_guard, signal.SIGSTOP)

    async def wake_guard(self) -> None:
        """See ``Town``."""
        _signal_guard(self._stopped_guard, signal.SIGCONT)

    def _guard_pid(self) -> int:
        seen = Presence(self.journal_file, GuardPlace.ACTIVE).look()
        return 0 if seen is None else seen.pid

    def switch(self, what: Switch) -> None:
        """See ``Town``."""
        super().switch(what)
        self._send({"off": sorted(self.off)})

    def switch_back(self) -> None:
        """See ``Town``."""
        super().switch_back()
        self._send({"off": []})

    def arm(self, moment: StrikeMoment, strike: Any) -> None:
        """See ``Town``."""
        super().arm(moment, strike)
        if moment is StrikeMoment.BETWEEN:
            self._send({"pause": True})

    async def tell(self, wish: Wish, site: str) -> None:
        """See ``Town``."""
        if self.alive:
            said = await self._ask(lambda n: {"wish": wish.value, "site": site, "n": n})
            if said is not None and "error" in said:
                self.errors.append(said["error"])

    async def leftovers(self) -> list[str]:
        """See ``Town``."""
        said = await self._ask(lambda n: {"leftovers": n}) if self.alive else None
        return [] if said is None else list(said["found"])

    async def tick(self) -> None:
        """See ``Town``."""
        self._clock.publish()
        await self._ask(lambda n: {"look": n})

    async def guard_minute(self) -> None:
        """The guards look by themselves once a real second: they are given the time to give back
        what nobody may hold any more."""
        self._clock.publish()
        if self.alive and self.awake.is_set():
            self._down_since = self.clock.elapsed().seconds
        disturbed = any(self.is_disturbed(name) for name in self.buildings)
        for _ in range(round((DISTURBED_S if disturbed else GUARD_S) / LOOK_S)):
            if not self._is_owed():
                return
            await asyncio.sleep(LOOK_S)

    async def guards_look(self) -> None:
        """They look once a real second, in which hours of building time can go by: a fault that
        strikes then would find them further behind than they ever are."""
        await asyncio.sleep(GUARDS_LOOK_S)

    def _is_owed(self) -> bool:
        """Whether something stands that a guard has to give back."""
        held = self.held()
        if self.clock.elapsed().seconds - self._down_since > LEASE.total_seconds():
            return bool(held)
        return any(name in self.hands_off for name, _ in held)

    async def close(self) -> None:
        """See ``Town``."""
        await super().close()
        for place in (GuardPlace.STANDBY, GuardPlace.ACTIVE):
            seen = Presence(self.journal_file, place).look()
            _signal_guard(0 if seen is None else seen.pid, signal.SIGKILL)


def _signal_guard(pid: int, number: signal.Signals) -> None:
    if pid:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
