"""``python -m bms.bench.owners.worker HOME DATABASE OWNER_S``: ``bms work`` by a planner's script.

It is told by JSON lines ``{"look": n}``, ``{"pause": bool}`` and ``{"go": true}``, and says
``{"ready": true}``, ``{"done": n}`` when no tick is under way any more, and ``{"between": true}``
where it waits between journal and write. It ends as ``bms work`` does: by SIGTERM, or when its
standard input closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from bms.bench.chaos.backend import HORIZON_H, Backend
from bms.bench.chaos.town import PATIENCE_S
from bms.bench.chaos.worker import CLOCK_FILE, Pause, PausingKeeper, say
from bms.clock import FileClock
from bms.config import Settings
from bms.logs import log_to_stderr
from bms.runtime.evidence import heads_kept
from bms.runtime.ownership import owning
from bms.runtime.scheduler import Pulse
from bms.runtime.serve import stop_signal, working
from bms.services.guard.launcher import GuardLauncher
from bms.services.ownership.selection import Selection

LEASE_MINUTES = 5
"""Of a point and of an owner [min, building time]."""
TICK_MINUTES = 1


def settings_of(home: Path, database: str, owner_s: int) -> Settings:
    """The settings of a worker that has its site files in its home."""
    return Settings(
        home=home,
        sites=home / "sites",
        database_url=database,
        clock_file=home / CLOCK_FILE,
        feed="archive",
        horizon_hours=HORIZON_H,
        lease_minutes=LEASE_MINUTES,
        poll_minutes=TICK_MINUTES,
        owner_seconds=owner_s,
    )


class ToldWorker:
    """A pulse that is waited for, and a pause between journal and write."""

    def __init__(self, pulse: Pulse, pause: Pause) -> None:
        self._pulse, self._pause = pulse, pause
        self._looks: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Until standard input closes: then nobody watches us any more, and we end."""
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
        )
        while line := await lines.readline():
            self._take(json.loads(line))
        os.kill(os.getpid(), signal.SIGTERM)

    def _take(self, line: dict[str, Any]) -> None:
        match line:
            case {"look": n}:
                look = asyncio.create_task(self._look(n))
                self._looks.add(look)
                look.add_done_callback(self._looks.discard)
            case {"pause": wanted}:
                self._pause.wanted = bool(wanted)
                self._pause.over.clear()
            case {"go": True}:
                self._pause.over.set()
            case _:
                raise ValueError(f"unknown line {line}")

    async def _look(self, n: int) -> None:
        self._pulse.look()
        await self._pulse.wait_until_idle(PATIENCE_S)
        say({"done": n})


async def work(settings: Settings) -> None:
    """Work until SIGTERM. Raises ``BmsError`` where it refuses to start."""
    pause, clock_file = Pause(), settings.home / CLOCK_FILE

    def keeper(backend: Backend) -> PausingKeeper:
        return PausingKeeper(pause, backend, GuardLauncher(settings.journal, clock_file))

    stopped = stop_signal()
    city = Backend(settings.home, FileClock(clock_file), keeper, set(), settings).city
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(city.stores.close)
        await stack.enter_async_context(heads_kept(city))
        stack.push_async_callback(city.drivers.close)
        chosen, ownership = stack.enter_context(owning(city, Selection()))
        pulse = await stack.enter_async_context(working(chosen, ownership))
        listening = asyncio.create_task(ToldWorker(pulse, pause).listen())
        say({"ready": True})
        await stopped.wait()
        listening.cancel()


if __name__ == "__main__":
    log_to_stderr(logging.WARNING, times=True)
    asyncio.run(work(settings_of(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
