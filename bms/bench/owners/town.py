"""Buildings on real sockets whose sites two workers share.

Each worker has ports of its own at every building, so that the buildings know who has written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bms.bench.chaos.backend import Backend, Wish
from bms.bench.chaos.building import MINUTE, SIGNALS, NetworkWrite, RecordingBuilding
from bms.bench.chaos.controllers import Controller
from bms.bench.chaos.network import DatagramLine, StreamLine
from bms.bench.chaos.site_file import write_site_file
from bms.bench.owners.process import WorkerProcess
from bms.bench.owners.worker import LEASE_MINUTES, settings_of
from bms.clock import VirtualClock
from bms.errors import BmsError, StoreError
from bms.journal import open_leases
from bms.model.control.ownership import Ownership
from bms.runtime.ownership import owners_seen
from bms.services.guard.launcher import NoGuardNeeded
from bms.store.sql.store import SqlStore

START = datetime(2019, 1, 14, 5, 0, tzinfo=UTC)
LEASE = timedelta(minutes=LEASE_MINUTES)
WORKERS = ("anna", "bo")
OFFICE_STAFF = "carl"
"""The home of the people in charge, who own nothing."""
GUARD_S = 60.0
"""How long [s, real] the guards may take to give back what has ended: they pause for up to 15 s
where a device does not answer, which must not be a quarter of an hour here."""
HAND_OVER_S = 40.0
"""How long [s, real] a hand-over may take, with the wait for work that is under way."""
LOOK_S = 0.1

OnArrival = Callable[[str, RecordingBuilding, NetworkWrite], Awaitable[None]]
"""Told of a write that has come in, and whose door it came through, before it is answered."""


@dataclass
class Door:
    """A controller as one worker and its guards reach it."""

    worker: str
    building: RecordingBuilding
    inner: Controller
    on_arrival: OnArrival

    async def answer(self, frame: bytes, *, under_way: bool) -> bytes | None:
        """See ``Controller``."""
        known = len(self.building.writes)
        reply = await self.inner.answer(frame, under_way=under_way)
        for row in self.building.writes[known:]:  # nothing else runs while a controller answers
            await self.on_arrival(self.worker, self.building, row)
        return reply


@dataclass(frozen=True, slots=True)
class SharedTownOptions:
    """``database`` is the URL that the workers share; a simulated minute takes ``minute_s`` [s] of
    real time at least."""

    database: str
    sites: int = 6
    minute_s: float = 2.0


class SharedTown:
    """The bench object that faults strike at; ``on_arrival`` sees every write, ``on_minute`` every
    minute."""

    def __init__(self, home: Path, options: SharedTownOptions) -> None:
        self.options, self._home = options, home
        self.clock = VirtualClock(START)
        owner_s = max(5, round(LEASE_MINUTES * options.minute_s))
        self.workers = {
            name: WorkerProcess(name, home / name, options.database, owner_s) for name in WORKERS
        }
        self.buildings = {
            site: RecordingBuilding(site, number, self.clock)
            for site, number in _numbered(options.sites).items()
        }
        self.store = SqlStore(options.database)
        self.on_arrival: OnArrival = _unseen
        self.on_minute: Callable[[], None] = lambda: None
        self.hands_off: dict[str, datetime] = {}
        """Sites that a person has taken from us, and since when."""
        self.errors: list[str] = []
        self.blocked: list[datetime] = []
        """When a tick did not come to its end."""
        self._lines: dict[tuple[str, str], dict[str, DatagramLine | StreamLine]] = {}
        self._armed: tuple[str, bool, Callable[[], Awaitable[None]]] | None = None

    @property
    def now(self) -> datetime:
        """Building time."""
        return self.clock.now()

    async def start(self, files: Collection[str] | None = None) -> None:
        """Start buildings and workers; ``files``: sites whose file anna has alone, and bo the
        others; without it both have all."""
        for worker in self.workers.values():
            for site, building in self.buildings.items():
                await self._open_door(worker, building)
                if files is None or (site in files) == (worker.name == WORKERS[0]):
                    self.write_site(worker.name, site)
        self._publish()
        (self._home / OFFICE_STAFF).mkdir()
        self._people = self._in_charge()
        for worker in self.workers.values():
            await worker.start()

    async def _open_door(self, worker: WorkerProcess, building: RecordingBuilding) -> None:
        lines: dict[str, DatagramLine | StreamLine] = {}
        for protocol, kind in (("bacnet", DatagramLine), ("modbus", StreamLine)):
            inner = building.controllers[protocol]
            lines[protocol] = kind(Door(worker.name, building, inner, self._arrived))
            await lines[protocol].start()
        self._lines[worker.name, building.name] = lines

    def write_site(self, worker: str, site: str) -> Path:
        """Give a worker the file of a site."""
        folder = self.workers[worker].settings.sites
        folder.mkdir(exist_ok=True)
        lines, number = self._lines[worker, site], self.buildings[site].number
        bacnet, modbus = (lines[protocol].port for protocol in ("bacnet", "modbus"))
        return write_site_file(folder, site, number=number, bacnet=bacnet, modbus=modbus)

    def remove_site(self, worker: str, site: str) -> None:
        """Take the file of a site from a worker."""
        (self.workers[worker].settings.sites / f"{site}.yaml").unlink()

    def _in_charge(self) -> Backend:
        """What people use who sit elsewhere: it owns nothing."""
        home, owner_s = self._home / OFFICE_STAFF, self.workers[WORKERS[0]].settings.owner_seconds
        settings = settings_of(home, self.options.database, owner_s)
        (home / "sites").symlink_to(self.workers[WORKERS[0]].settings.sites)
        people = Backend(home, self.clock, lambda _: NoGuardNeeded(), set(), settings)
        people.city = replace(owners_seen(people.city), keeper=NoGuardNeeded())
        return people

    async def wish(self, wish: Wish, site: str) -> None:
        """A person elsewhere wants something."""
        if wish is Wish.AUTO:
            self.hands_off.pop(site, None)
        try:
            await self._people.do(wish, site)
        except BmsError as error:
            self.errors.append(f"{error!r}")
        if wish is not Wish.AUTO:
            self.hands_off[site] = self.now

    # Faults

    def arm(self, worker: str, strike: Callable[[], Awaitable[None]], *, give_back: bool) -> None:
        """Let something happen when the next write of a worker, or give-back, has come in and is
        not answered yet."""
        self._armed = (worker, give_back, strike)

    @property
    def is_armed(self) -> bool:
        """Whether something still waits for its moment."""
        return self._armed is not None or any(w.between is not None for w in self.workers.values())

    def disarm(self) -> None:
        """What waits for its moment does not happen."""
        self._armed = None
        for worker in self.workers.values():
            worker.between = None

    async def _arrived(self, worker: str, building: RecordingBuilding, row: NetworkWrite) -> None:
        await self.on_arrival(worker, building, row)
        armed = self._armed
        if armed is not None and armed[:2] == (worker, row.value is None):
            self._armed = None
            await armed[2]()

    def owners(self) -> dict[str, Ownership]:
        """The table of owners, of sites that were not given up."""
        rows = {row.site: row for row in self.store.owners()}
        return {site: rows[site] for site in self.buildings if site in rows}

    def owned(self, rows: dict[str, Ownership] | None = None) -> dict[str, str]:
        """The living worker that owns a site, by site, where there is one."""
        names = {worker.id: worker.name for worker in self.workers.values() if worker.lives}
        return {
            site: names[row.owner]
            for site, row in (self.owners() if rows is None else rows).items()
            if row.runs and not row.released and row.owner in names
        }

    def leases(self, worker: WorkerProcess, *, offered: bool = False) -> frozenset[str]:
        """The points of which a lease runs in the journal of a worker; ``offered``: those that it
        has opened to take them over, and that end with their lease where it does not come to it."""
        at = self.now + worker.apart
        found = open_leases(worker.settings.journal)
        return frozenset(
            lease.point.id
            for lease in found
            if lease.lease_end >= at and (lease.offered if offered else not lease.returning)
        )

    def held(self, site: str) -> list[str]:
        """Where our values stand, as the controllers of a site know."""
        building = self.buildings[site]
        return [signal for signal in SIGNALS if building.is_ours(signal)]

    # Time

    async def minute(self) -> None:
        """Building time goes on by a minute: who lives does what is due, and guards are given the
        time to give back what has ended."""
        await self._until_handed_over()
        self.clock.advance(MINUTE)
        self._publish()
        over = asyncio.create_task(asyncio.sleep(self.options.minute_s))
        in_time = await asyncio.gather(*(worker.look() for worker in self.workers.values()))
        if not all(in_time):
            self.blocked.append(self.now)
        await over
        for _ in range(round(GUARD_S / LOOK_S)):
            if not self._is_owed():
                break
            await asyncio.sleep(LOOK_S)
        for building in self.buildings.values():
            building.refresh()
        self.on_minute()

    async def _until_handed_over(self) -> None:
        """A hand-over takes seconds, which must not be minutes of a lease here."""
        for _ in range(round(HAND_OVER_S / LOOK_S)):
            living = {worker.id for worker in self.workers.values() if worker.lives}
            if not any(row.heir and row.owner in living for row in self.owners().values()):
                return
            await asyncio.sleep(LOOK_S)

    def _is_owed(self) -> bool:
        """Whether a guard has to give something back: what has ended, was on its way then, or was
        begun to be given back by a worker that may be gone."""
        return any(
            lease.withdrawn
            or (lease.returning and not lease.offered)
            or lease.lease_end < self.now + worker.apart
            for worker in self.workers.values()
            for lease in open_leases(worker.settings.journal)
        )

    def _publish(self) -> None:
        for worker in self.workers.values():
            worker.publish(self.clock.reading())

    async def until(self, true: Callable[[], bool], minutes: int) -> bool:
        """Let time go on until something is true; whether it became so within ``minutes`` [min]."""
        for _ in range(minutes):
            if true():
                return True
            await self.minute()
        return true()

    async def close(self) -> None:
        """End everything, cleanly where it lives."""
        for worker in self.workers.values():
            worker.wake()
            worker.end()
        endings = [asyncio.create_task(worker.ended()) for worker in self.workers.values()]
        _, late = await asyncio.wait(endings, timeout=60)
        for worker in self.workers.values():
            worker.kill()
            worker.kill_guards()
        await asyncio.gather(*late)
        for lines in self._lines.values():
            for line in lines.values():
                await line.close()
        await self._people.close()
        self._give_up()
        self.store.close()

    def _give_up(self) -> None:
        """Leave the table to the next town."""
        try:
            for worker in self.workers.values():
                self.store.give_up(worker.id, [row.site for row in self.store.owners()])
        except StoreError as error:
            self.errors.append(str(error))


async def _unseen(worker: str, building: RecordingBuilding, row: NetworkWrite) -> None:
    """Nobody looks."""


def _numbered(sites: int) -> dict[str, int]:
    """Names of sites, of which a scripted planner knows the number of the building."""
    return {f"{'west' if n % 2 else 'east'}{n:02}": 1 + n % 2 for n in range(sites)}
