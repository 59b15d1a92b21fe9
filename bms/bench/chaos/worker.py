"""``python -m bms.bench.chaos.worker HOME``: the backend of the bench as a process of its own.

It answers JSON lines, so that building time and its ticks go in lockstep with the bench:

====================================== =========================================================
line                                   answer
====================================== =========================================================
(at the start)                         ``{"ready": true}``, or ``{"refused": text}`` and the end
``{"look": n}``                        ``{"done": n}`` when no tick is under way any more
``{"wish": wish, "site": id, "n": n}`` ``{"done": n}`` or ``{"done": n, "error": text}``
``{"off": [switch, …]}``               none; what of the backend fails from now on
``{"leftovers": n}``                   ``{"done": n, "found": [text, …]}``
``{"pause": bool}``                    none; whether to say ``{"between": true}`` between journal
                                       and write, and to wait for ``{"go": true}``
====================================== =========================================================
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bms.bench.chaos.backend import Backend, Switch, Wish
from bms.bench.chaos.town import PATIENCE_S
from bms.clock import FileClock
from bms.errors import BmsError
from bms.services.guard.launcher import GuardLauncher

CLOCK_FILE = "clock.json"


@dataclass
class Pause:
    """Whether the next write is to wait between journal and write, until it is ``over``."""

    wanted: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)


class PausingKeeper:
    """Implements ``GuardKeeper`` with real guards, and pauses between journal and write."""

    def __init__(self, pause: Pause, backend: Backend, launcher: GuardLauncher) -> None:
        self._pause, self._backend, self._launcher = pause, backend, launcher
        self._announced = 0

    async def ensure(self) -> None:
        """See ``GuardKeeper``."""
        await self._launcher.ensure()
        if self._backend.announced > self._announced:
            self._announced = self._backend.announced
            if self._pause.wanted:
                self._pause.wanted = False
                say({"between": True})
                await self._pause.over.wait()

    async def close(self) -> None:
        """See ``GuardKeeper``."""
        await self._launcher.close()


class Worker:
    """The backend and what it is told."""

    def __init__(self, home: Path) -> None:
        clock_file = home / CLOCK_FILE
        self.pause = Pause()
        self._off: set[Switch] = set()

        def keeper(backend: Backend) -> PausingKeeper:
            launcher = GuardLauncher(backend.settings.journal, clock_file)
            return PausingKeeper(self.pause, backend, launcher)

        self._backend = Backend(home, FileClock(clock_file), keeper, self._off)
        self._work: set[asyncio.Task[None]] = set()

    def take(self, line: Mapping[str, Any]) -> None:
        """Do what a line says."""
        match line:
            case {"look": n}:
                self._start(self._look(n))
            case {"wish": wish, "site": site, "n": n}:
                self._start(self._wish(Wish(wish), site, n))
            case {"off": switches}:
                self._off.clear()
                self._off.update(map(Switch, switches))
            case {"leftovers": n}:
                say({"done": n, "found": self._backend.leftovers()})
            case {"pause": pauses}:
                self.pause.wanted = pauses
                self.pause.over.clear()
            case {"go": True}:
                self.pause.over.set()
            case _:
                raise ValueError(f"unknown line {line}")

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _look(self, n: int) -> None:
        self._backend.pulse.look()
        await self._backend.pulse.wait_until_idle(PATIENCE_S)
        say({"done": n})

    async def _wish(self, wish: Wish, site: str, n: int) -> None:
        try:
            if site in self._backend.city.sites:
                await self._backend.do(wish, site)
        except BmsError as error:
            say({"done": n, "error": repr(error)})
        else:
            say({"done": n})


def say(message: Mapping[str, object]) -> None:
    """One line to the bench."""
    os.write(sys.stdout.fileno(), json.dumps(message).encode() + b"\n")


async def serve(home: Path) -> None:
    """Until standard input closes."""
    try:
        worker = Worker(home)
    except BmsError as error:
        say({"refused": str(error)})
        return
    say({"ready": True})
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while line := await lines.readline():
        worker.take(json.loads(line))


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
