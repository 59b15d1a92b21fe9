"""Two buildings, one backend and its guard in this process, on real sockets, in building time.

The backend is the wired city of ``bms run`` with its job table; only its planner is a script. It
can be killed between two instructions, stopped and woken, and started anew from its files.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import cast

from bms.bench.chaos.building import MINUTE, SIGNALS, RecordingBuilding
from bms.bench.chaos.network import DatagramLine, StreamLine
from bms.bench.chaos.script import FailingFeed, FailingStore, ScriptedPlanner
from bms.bench.chaos.site_file import write_site_file
from bms.clock import VirtualClock
from bms.config import Settings
from bms.errors import BmsError, GuardError
from bms.guard import Guard
from bms.journal import FileHandsOff, FileJournal
from bms.model.assets.device import DeviceTemplate
from bms.model.assets.site import Mode
from bms.model.control.command import Lease
from bms.ports.storage.whole import Store
from bms.runtime.city import City, Stores
from bms.runtime.jobs import job_table
from bms.runtime.scheduler import Pulse
from bms.runtime.site_files import tariff_book
from bms.runtime.wire import wire
from bms.services.collect.spool import importances
from bms.services.operator import change_mode, end_override, override, release
from bms.store.database.availability import Availability
from bms.store.spool.forwarding import ForwardingReadings
from bms.store.spool.process_folders import SpoolFolders
from bms.store.sql.store import SqlStore
from drivers.registry import NetworkDrivers
from drivers.templates import load_templates
from sites.loader import load_sites

log = logging.getLogger(__name__)

NAMES = ("east", "west")
START = datetime(2019, 1, 14, 5, 0, tzinfo=UTC)
LEASE = timedelta(minutes=30)
TICK = timedelta(minutes=15)
PATIENCE_S = 20.0
"""How long a tick may take [s] before it counts as blocked."""
DATABASE_PATIENCE_S = 0.2


class StrikeMoment(StrEnum):
    """When a fault strikes."""

    HELD = "lease held"
    BETWEEN = "journal to write"
    WRITE = "during a write"
    GIVE_BACK = "give-back"


@dataclass(frozen=True, slots=True)
class Armed:
    """A strike that waits for its moment."""

    moment: StrikeMoment
    strike: Callable[[], Awaitable[None]]


class Keeper:
    """Implements ``GuardKeeper`` over the guard of this process. It is asked once before and once
    after a batch is announced: the second time is the moment between journal and write."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._announced = 0

    async def ensure(self) -> None:
        """A guard runs when this returns."""
        town = self._town
        town.revive_guard()
        if town.announced > self._announced:
            self._announced = town.announced
            await town.at(StrikeMoment.BETWEEN)
            await asyncio.sleep(0)  # a backend that was killed just now ends here
            await town.awake.wait()

    async def close(self) -> None:
        """Nothing to end."""


class CountingJournal(FileJournal):
    """A journal that tells when something is announced."""

    def __init__(self, path: Path, town: Town) -> None:
        super().__init__(path, sync=town.sync)
        self._town = town

    def intend(self, leases: Sequence[Lease]) -> None:
        """See ``Journal``."""
        super().intend(leases)
        self._town.announced += bool(leases)


class Town:
    """The bench object that faults strike at."""

    def __init__(self, home: Path) -> None:
        self.home, self.folder = home, home / "sites"
        self.clock = VirtualClock(START)
        self.buildings = {
            n: RecordingBuilding(n, i, self.clock) for i, n in enumerate(NAMES, start=1)
        }
        self.lines: dict[tuple[str, str], DatagramLine | StreamLine] = {}
        self.homes: dict[str, tuple[int, int]] = {}
        """The ports of each building's own controllers, BACnet and Modbus."""
        self.feed = FailingFeed()
        self.armed: Armed | None = None
        self.awake = asyncio.Event()
        self.awake.set()
        self.alive, self.full, self.announced = False, False, 0
        self.starts_again = False
        """Whether the backend that was killed starts in the next minute."""
        self.blocked: list[datetime] = []
        self.hands_off: dict[str, datetime] = {}
        """Sites that a person has taken from us, and since when."""
        self.office_max: dict[str, tuple[datetime, float]] = {}
        """Limits of the office that the site file has had changed since a moment, by building."""
        self._calls: set[asyncio.Task[object]] = set()
        self.errors: list[str] = []
        """What people were told who asked for something that did not work."""
        self.guard: Guard | None = None
        self._guard_drivers: list[NetworkDrivers] = []
        self._dead: list[tuple[City, Pulse]] = []
        self._dying: set[asyncio.Task[bool]] = set()

    @property
    def now(self) -> datetime:
        """RecordingBuilding time."""
        return self.clock.now()

    @property
    def journal_file(self) -> Path:
        """The file of the release journal."""
        return self.home / "release.journal"

    async def start(self) -> None:
        """Start the buildings, their lines and the backend."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, building in self.buildings.items():
            building.on_write = self._write_arrived
            ports = await building.start()
            self.homes[name] = ports["bacnet"], ports["modbus"]
            self.lines[name, "bacnet"] = DatagramLine(ports["bacnet"])
            self.lines[name, "modbus"] = StreamLine(ports["modbus"])
            for protocol in ports:
                await self.lines[name, protocol].start()
            self.write_site(name)
        self.boot()

    def write_site(self, name: str, **changes: float) -> Path:
        """Write the site file of a building."""
        number = self.buildings[name].number
        bacnet, modbus = (self.lines[name, p].port for p in ("bacnet", "modbus"))
        return write_site_file(
            self.folder, name, number=number, bacnet=bacnet, modbus=modbus, **changes
        )

    def sync(self, descriptor: int) -> None:
        """What the disk of the journal does: refuse while it is full."""
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)

    def boot(self) -> bool:
        """Start the backend from its files; False where it refuses to start."""
        try:
            self.city = self._wired()
        except BmsError as error:
            log.info("the backend does not start: %s", error)
            return False
        self.pulse = Pulse(job_table(self.city), self.clock)
        self.awake.set()
        self.alive = True
        return True

    def _wired(self) -> City:
        settings = Settings(
            home=self.home, sites=self.folder, database_url=None, clock_file=None, feed="archive"
        )
        availability = Availability()
        sql = SqlStore(settings.database, patience_s=DATABASE_PATIENCE_S, availability=availability)
        self.store = FailingStore(sql)
        store = cast("Store", self.store)
        book = tariff_book(settings)
        sites = load_sites(settings.sites, _templates(), book.names)
        city = wire(settings, sites=sites, clock=self.clock, feed=self.feed, store=store)
        folders = SpoolFolders(
            settings.spool, limit_bytes=10**8, importance=importances(city.sites.values())
        )
        self.readings = ForwardingReadings(store, folders, availability)
        planner = ScriptedPlanner({s: _number(s) for s in city.sites})
        return replace(
            city,
            stores=replace(Stores.of(store), readings=self.readings),
            forwarding=self.readings,
            planner=planner,
            checker=planner,
            journal=CountingJournal(settings.journal, self),
            keeper=Keeper(self),
        )

    def kill(self) -> None:
        """SIGKILL of the backend, wherever it stands."""
        if not self.alive:
            return
        self.alive = False
        self._dead.append((self.city, self.pulse))
        self._dying.add(asyncio.create_task(self.pulse.end(0)))
        for call in self._calls:
            call.cancel()
        self.awake.set()

    def stop(self) -> None:
        """SIGSTOP of the backend."""
        self.awake.clear()

    def wake(self) -> None:
        """SIGCONT."""
        self.awake.set()

    async def restart(self) -> None:
        """The backend is killed, where it lives, and started from its files."""
        self.kill()
        await self._bury()
        self.boot()

    def revive_guard(self) -> None:
        """Another guard takes the place of one that is gone."""
        if self.guard is None:
            self.guard = self.new_guard()

    def new_guard(self) -> Guard:
        """A guard that has just been started."""
        drivers = NetworkDrivers(clock=self.clock)
        self._guard_drivers.append(drivers)
        hands_off = FileHandsOff.beside(self.journal_file)
        return Guard(FileJournal(self.journal_file), drivers, self.clock, hands_off)

    def arm(self, moment: StrikeMoment, strike: Callable[[], Awaitable[None]]) -> None:
        """Let a fault strike at the next such moment."""
        self.armed = Armed(moment, strike)

    async def at(self, moment: StrikeMoment) -> None:
        """It is such a moment."""
        armed = self.armed
        if armed is not None and armed.moment is moment:
            self.armed = None
            await armed.strike()

    async def _write_arrived(
        self, building: RecordingBuilding, signal: str, value: float | None
    ) -> None:
        await self.at(StrikeMoment.GIVE_BACK if value is None else StrikeMoment.WRITE)

    async def call(self, work: Coroutine[object, object, object]) -> None:
        """A person asks the backend for something; the answer may never come."""
        task = asyncio.create_task(work)
        self._calls.add(task)
        await asyncio.wait({task}, timeout=PATIENCE_S)
        self._calls.discard(task)
        if task.done() and not task.cancelled() and task.exception() is not None:
            self.errors.append(f"{task.exception()!r}")

    async def set_mode(self, name: str, mode: Mode) -> None:
        """A person sets the mode of a site."""
        city = self.city
        await self.call(
            change_mode(
                city.sites[name],
                mode,
                now=self.now,
                ports=city.control,
                reason="chaos",
                actor="anna",
            )
        )
        if mode is Mode.AUTO:
            self.hands_off.pop(name, None)
        else:
            self.hands_off[name] = self.now

    async def override(self, name: str) -> None:
        """A person takes a site from us; whatever the answer is, his word stands."""
        city = self.city
        await self.call(
            override(
                city.sites[name],
                now=self.now,
                ports=city.control,
                point=None,
                until=None,
                reason="chaos",
                actor="anna",
            )
        )
        self.hands_off[name] = self.now

    async def release(self, name: str) -> None:
        """A person gives a site back to its own control."""
        city = self.city
        await self.call(
            release(
                city.sites[name], now=self.now, ports=city.control, actor="anna", reason="chaos"
            )
        )
        self.hands_off[name] = self.now

    async def take_back(self) -> None:
        """People take back every override, found at a building or made by themselves."""
        ports = self.city.control
        for site in self.city.sites.values():
            for known in ports.decisions.overrides(site.id, self.now):
                with suppress(BmsError):
                    await end_override(site, known.id, now=self.now, ports=ports, actor="anna")

    def held(self) -> list[tuple[str, str]]:
        """Where our values stand, as the controllers know."""
        return [
            (name, signal)
            for name, building in self.buildings.items()
            for signal in SIGNALS
            if building.is_ours(signal)
        ]

    async def minute(self, step: timedelta = MINUTE) -> None:
        """RecordingBuilding time goes on; whoever lives does what is due."""
        self.clock.advance(step)
        for building in self.buildings.values():
            await building.apply_late(self.now)
            await building.let_go(self.now)
            building.refresh()
        await self._bury()
        if self.starts_again:
            self.starts_again = False
            self.boot()
        if self.alive and self.awake.is_set():
            self.pulse.look()
            await self._idle()
        self.revive_guard()
        await self.step_guard()

    async def step_guard(self) -> None:
        """The guard looks once."""
        if self.guard is not None:
            with suppress(GuardError):
                await self.guard.step(patience=5.0)

    async def _idle(self) -> None:
        """Wait until the tick is over, or the backend is stopped or killed in the middle of it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_S
        while self.alive and self.awake.is_set():
            if await self.pulse.wait_until_idle(0.05):
                return
            if loop.time() > deadline:
                self.blocked.append(self.now)
                return

    async def _bury(self) -> None:
        await asyncio.gather(*self._dying)
        self._dying.clear()
        for city, pulse in self._dead:
            await pulse.wait_until_idle(1.0)
            await city.drivers.close()
            city.stores.close()
        self._dead = []

    async def close(self) -> None:
        """End everything."""
        self.kill()
        await self._bury()
        for drivers in self._guard_drivers:
            await drivers.close()
        for line in self.lines.values():
            await line.close()
        for building in self.buildings.values():
            await building.close()


@cache
def _templates() -> dict[str, DeviceTemplate]:
    """Those of the product; they never change, and reading them takes a second."""
    return dict(load_templates())


def _number(site: str) -> int:
    """A renamed site keeps the number of its building."""
    return next(i for i, name in enumerate(NAMES, start=1) if site.startswith(name))
