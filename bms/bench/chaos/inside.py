"""A town whose backend and guard live in this process: fast, and the same for the same seed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

from bms.bench.chaos.backend import Backend, Wish
from bms.bench.chaos.town import PATIENCE_S, StrikeMoment, Town
from bms.errors import BmsError, GuardError
from bms.guard import Guard
from bms.journal import FileHandsOff, FileJournal
from drivers.registry import NetworkDrivers

log = logging.getLogger(__name__)
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class _OneThreadLoop(asyncio.SelectorEventLoop):
    """What leaves the loop is done at once: the order of everything is that of the loop alone, and
    no time goes into the waking of threads. The town of processes has the threads."""

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done


def run_inside(work: Coroutine[Any, Any, T]) -> T:
    """Run a town that lives in this process to its end."""
    with asyncio.Runner(loop_factory=_OneThreadLoop) as runner:
        return runner.run(work)


class Keeper:
    """Implements ``GuardKeeper`` over the guard of this process. It is asked once before and once
    after a batch is announced: the second time is the moment between journal and write."""

    def __init__(self, town: TownInside, backend: Backend) -> None:
        self._town, self._backend = town, backend
        self._announced = 0

    async def ensure(self) -> None:
        """A guard runs when this returns."""
        self._town.revive_guard()
        if self._backend.announced > self._announced:
            self._announced = self._backend.announced
            await self._town.at(StrikeMoment.BETWEEN)
            await asyncio.sleep(0)  # a backend that was killed just now ends here
            await self._town.awake.wait()

    async def close(self) -> None:
        """Nothing to end."""


class TownInside(Town):
    """The backend is killed between two instructions, and started anew from its files."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._calls: set[asyncio.Task[None]] = set()
        self._guard: Guard | None = None
        self._stopped_guard: Guard | None = None
        self._guard_drivers: list[NetworkDrivers] = []
        self._dead: list[Backend] = []
        self._dying: set[asyncio.Task[bool]] = set()

    async def boot(self) -> None:
        """See ``Town``."""
        try:
            self.backend = Backend(self.home, self.clock, lambda b: Keeper(self, b), self.off)
        except BmsError as error:
            log.info("the backend does not start: %s", error)
            return
        self.awake.set()
        self.alive = True

    def kill(self) -> None:
        """See ``Town``."""
        if not self.alive:
            return
        self.alive = False
        self._dead.append(self.backend)
        self.backend.die()
        self._dying.add(asyncio.create_task(self.backend.pulse.end(0)))
        for call in self._calls:
            call.cancel()
        self.awake.set()

    async def bury(self) -> None:
        """See ``Town``."""
        await asyncio.gather(*self._dying)
        self._dying.clear()
        for backend in self._dead:
            await backend.pulse.wait_until_idle(1.0)
            await backend.close()
        self._dead = []

    async def kill_guard(self) -> None:
        """See ``Town``."""
        self._guard = None

    async def stop_guard(self) -> None:
        """See ``Town``."""
        self._stopped_guard, self._guard = self._guard, None

    async def wake_guard(self) -> None:
        """See ``Town``."""
        if self._stopped_guard is not None:
            await self._stopped_guard.step()

    async def tell(self, wish: Wish, site: str) -> None:
        """See ``Town``."""
        if site not in self.backend.city.sites:
            return
        task = asyncio.create_task(self.backend.do(wish, site))
        self._calls.add(task)
        await asyncio.wait({task}, timeout=PATIENCE_S)
        self._calls.discard(task)
        if task.done() and not task.cancelled() and task.exception() is not None:
            self.errors.append(f"{task.exception()!r}")

    async def leftovers(self) -> list[str]:
        """See ``Town``."""
        return self.backend.leftovers() if self.alive else []

    async def tick(self) -> None:
        """Until it is over, or the backend is stopped or killed in the middle of it."""
        self.backend.pulse.look()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_S
        while self.alive and self.awake.is_set():
            if await self.backend.pulse.wait_until_idle(0.05):
                return
            if loop.time() > deadline:
                self.blocked.append(self.now)
                return

    async def guard_minute(self) -> None:
        """See ``Town``."""
        guard = self.revive_guard()
        with suppress(GuardError):
            await guard.step(patience=5.0)

    def revive_guard(self) -> Guard:
        """The guard; another one takes the place of one that is gone."""
        if self._guard is None:
            drivers = NetworkDrivers(clock=self.clock)
            self._guard_drivers.append(drivers)
            hands_off = FileHandsOff.beside(self.journal_file)
            journal = FileJournal(self.journal_file)
            self._guard = Guard(journal, drivers, self.clock, hands_off)
        return self._guard

    async def close(self) -> None:
        """See ``Town``."""
        await super().close()
        for drivers in self._guard_drivers:
            await drivers.close()
