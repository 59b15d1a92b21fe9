"""Two buildings on real sockets, in building time, with whoever controls them: what faults strike.

``Town`` has the buildings, their lines, the clock and what people want. Who controls them is left
to its kinds: a backend and a guard in this process (``bms.bench.chaos.inside``), or processes of
their own (``bms.bench.chaos.outside``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from bms.bench.chaos.backend import NAMES, Switch, Wish, settings_of
from bms.bench.chaos.building import MINUTE, SIGNALS, Obedience, RecordingBuilding
from bms.bench.chaos.network import DatagramLine, StreamLine, Traffic
from bms.bench.chaos.site_file import write_site_file
from bms.clock import VirtualClock

START = datetime(2019, 1, 14, 5, 0, tzinfo=UTC)
LEASE = timedelta(minutes=30)
TICK = timedelta(minutes=15)
PROTOCOLS = ("bacnet", "modbus")
PATIENCE_S = 20.0
"""How long a tick may take [s] before it counts as blocked."""


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


class Town:
    """The bench object that faults strike at. ``alive`` and ``awake`` are what is known from
    outside of the process that controls it."""

    def __init__(self, home: Path) -> None:
        self.home, self.folder = home, home / "sites"
        self.settings = settings_of(home)
        self.clock = VirtualClock(START)
        self.buildings = {
            n: RecordingBuilding(n, i, self.clock) for i, n in enumerate(NAMES, start=1)
        }
        self.lines: dict[tuple[str, str], DatagramLine | StreamLine] = {}
        self._starting: dict[str, datetime] = {}
        """Buildings whose controllers start anew, and until when."""
        self.off: set[Switch] = set()
        self.armed: Armed | None = None
        self.awake = asyncio.Event()
        self.awake.set()
        self.alive = self.starts_again = False
        """``starts_again``: the backend that was killed starts in the next minute."""
        self.blocked: list[datetime] = []
        self.hands_off: dict[str, datetime] = {}
        """Sites that a person has taken from us, and since when."""
        self.office_max: dict[str, tuple[datetime, float]] = {}
        """Limits of the office that the site file has had changed since a moment, by building."""
        self.errors: list[str] = []
        """What people were told who asked for something that did not work."""

    @property
    def now(self) -> datetime:
        """Building time."""
        return self.clock.now()

    @property
    def journal_file(self) -> Path:
        """The file of the release journal."""
        return self.settings.journal

    @property
    def database(self) -> str:
        """The URL of the database."""
        return self.settings.database

    async def start(self) -> None:
        """Start the buildings, their lines and the backend."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, building in self.buildings.items():
            building.on_write = self._write_arrived
            self.lines[name, "bacnet"] = DatagramLine(building.controllers["bacnet"])
            self.lines[name, "modbus"] = StreamLine(building.controllers["modbus"])
            for protocol in PROTOCOLS:
                await self.lines[name, protocol].start()
            self.write_site(name)
        await self.boot()

    def write_site(self, name: str, **changes: float) -> Path:
        """Write the site file of a building."""
        number = self.buildings[name].number
        bacnet, modbus = (self.lines[name, p].port for p in ("bacnet", "modbus"))
        return write_site_file(
            self.folder, name, number=number, bacnet=bacnet, modbus=modbus, **changes
        )

    # Left to the kinds of towns

    async def boot(self) -> None:
        """Start the backend from its files; it may refuse to start."""
        raise NotImplementedError

    def kill(self) -> None:
        """SIGKILL of the backend, wherever it stands."""
        raise NotImplementedError

    async def bury(self) -> None:
        """Clear away what a killed backend has left."""
        raise NotImplementedError

    def stop(self) -> None:
        """SIGSTOP of the backend."""
        self.awake.clear()

    def wake(self) -> None:
        """SIGCONT."""
        self.awake.set()

    async def kill_guard(self) -> None:
        """SIGKILL of the guard that is at work."""
        raise NotImplementedError

    async def stop_guard(self) -> None:
        """SIGSTOP of the guard that is at work."""
        raise NotImplementedError

    async def wake_guard(self) -> None:
        """SIGCONT of the guard that was stopped."""
        raise NotImplementedError

    async def tell(self, wish: Wish, site: str) -> None:
        """Hand a person's wish to the backend."""
        raise NotImplementedError

    async def leftovers(self) -> list[str]:
        """What the backend has left over from a fault."""
        raise NotImplementedError

    async def tick(self) -> None:
        """The backend that lives does what is due."""
        raise NotImplementedError

    async def guard_minute(self) -> None:
        """The guard looks."""
        raise NotImplementedError

    async def guards_look(self) -> None:
        """Let the guards read what stands in the journal."""

    def switch(self, what: Switch) -> None:
        """Let something about the backend fail."""
        self.off.add(what)

    def switch_back(self) -> None:
        """Nothing fails any more."""
        self.off.clear()

    # What all of them have

    async def restart(self) -> None:
        """The backend is killed, where it lives, and started from its files."""
        self.kill()
        await self.bury()
        await self.boot()

    async def wish(self, wish: Wish, site: str) -> None:
        """A person wants something; whatever the answer is, his word stands."""
        await self.tell(wish, site)
        if wish is Wish.AUTO:
            self.hands_off.pop(site, None)
        else:
            self.hands_off[site] = self.now

    async def take_back(self) -> None:
        """People take back every override, found at a building or made by themselves."""
        for name in NAMES:
            await self.tell(Wish.TAKE_BACK, name)

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

    def held(self) -> list[tuple[str, str]]:
        """Where our values stand, as the controllers know."""
        return [
            (name, signal)
            for name, building in self.buildings.items()
            for signal in SIGNALS
            if building.is_ours(signal)
        ]

    def is_disturbed(self, name: str) -> bool:
        """Whether nobody could give this building back now, or know what it does."""
        building = self.buildings[name]
        lines = {protocol: self.lines[name, protocol] for protocol in PROTOCOLS}
        moved = any(line.target is not building.controllers[p] for p, line in lines.items())
        out = any(line.traffic is not Traffic.FREE for line in lines.values())
        return out or moved or building.obedience is not Obedience.NORMAL

    async def reboot(self, name: str) -> None:
        """The controllers of a building start anew: connections end, and for a minute nothing
        answers."""
        await self.buildings[name].reboot()
        for protocol in PROTOCOLS:
            line = self.lines[name, protocol]
            line.traffic = Traffic.AWAY
            if isinstance(line, StreamLine):
                line.hang_up()
        self._starting[name] = self.now + MINUTE

    def _started(self) -> None:
        for name in [n for n, end in self._starting.items() if end <= self.now]:
            del self._starting[name]
            for protocol in PROTOCOLS:
                self.lines[name, protocol].traffic = Traffic.FREE

    async def minute(self, step: timedelta = MINUTE) -> None:
        """Building time goes on; whoever lives does what is due."""
        self.clock.advance(step)
        self._started()
        for building in self.buildings.values():
            await building.apply_late(self.now)
            await building.let_go(self.now)
            building.refresh()
        await self.bury()
        if self.starts_again:
            self.starts_again = False
            await self.boot()
        if self.alive and self.awake.is_set():
            await self.tick()
        await self.guard_minute()

    async def close(self) -> None:
        """End everything."""
        self.kill()
        await self.bury()
        for line in self.lines.values():
            await line.close()
