"""Workers with clocks of their own that share one table of owners."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from bms.clock import VirtualClock
from bms.journal import MemoryJournal
from bms.model.assets.site import Site
from bms.model.control.ownership import OwningWorker
from bms.ports.ownership import SiteOwners
from bms.services.control.ports import ControlPorts
from bms.services.ownership.held import HeldSites
from bms.services.ownership.ports import OwnershipPorts
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.drivers import FakeDrivers
from tests.rigs.fakes.ports import control_ports
from tests.rigs.fakes.safety import LEASE, NOW, OWN, Keeper, hut

LASTS_S = 60.0


@dataclass
class World:
    """The table of owners on the database's clock, and the devices of every worker."""

    sites: dict[str, Site] = field(default_factory=lambda: {"hut": hut()})
    store: MemoryStore = field(default_factory=MemoryStore)
    drivers: FakeDrivers = field(default_factory=FakeDrivers)
    seconds: float = 1e6
    workers: list[WorkerBench] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = MemoryStore(server=lambda: self.seconds)
        for point in hut().points:
            if point.id in OWN:
                self.drivers.device(point.device).own[point.id] = OWN[point.id]

    def worker(self, name: str, *, apart: timedelta = timedelta(0)) -> WorkerBench:
        """A worker whose calendar is ``apart`` from the others'."""
        made = WorkerBench(self, name, apart)
        self.workers.append(made)
        return made

    def sleep(self, seconds: float) -> None:
        """Time goes by for everybody."""
        self.seconds += seconds
        for each in self.workers:
            each.clock.advance(timedelta(seconds=seconds))


class WorkerBench:
    """A worker with journal, guard and clock of its own."""

    def __init__(self, world: World, name: str, apart: timedelta) -> None:
        self.world = world
        self.worker = OwningWorker(id=name, place=f"{name}.example")
        self.clock = VirtualClock(NOW + apart)
        self.journal = MemoryJournal()
        self.held = HeldSites(self.clock, self.clock, world.sites.__contains__)
        self.keeper = Keeper()
        self.owners: SiteOwners = world.store

    def ports(self, **changes: object) -> OwnershipPorts:
        """What its ``SiteWorker`` works with."""
        made = OwnershipPorts(
            worker=self.worker,
            sites=self.world.sites,
            owners=self.owners,
            held=self.held,
            journal=self.journal,
            keeper=self.keeper,
            drivers=self.world.drivers,
            decisions=self.world.store,
            ledgers=self.world.store,
            clock=self.clock,
            lasts_s=LASTS_S,
            stands_s=LEASE.total_seconds(),
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    def control(self) -> ControlPorts:
        """What its dispatch works with."""
        made = control_ports(
            self.world.store,
            drivers=self.world.drivers,
            journal=self.journal,
            keeper=self.keeper,
            clock=self.clock,
        )
        return replace(made, owned=self.held)
