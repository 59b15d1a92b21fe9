"""A site with its store, journal and devices, and everybody who may write to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

from bms.clock import VirtualClock
from bms.journal import MemoryHandsOff, MemoryJournal
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.control.command import AnyReceipt, Override, Receipt
from bms.ports.planner import Checker
from bms.services.control.authority import Writer
from bms.services.control.dispatch import dispatch_site
from bms.services.control.person_write import PersonWrite, write_once
from bms.services.control.plan_check import PlanCheck
from bms.services.control.ports import ControlPorts
from bms.services.controllers.schedule import ControllerSchedule, controller_schedule
from bms.services.rooms.missing_temperature import Rooms
from bms.services.trust.commissioned import Commissioned
from bms.services.trust.without_building import AllCommissioned
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.drivers import FakeDevice, FakeDrivers
from tests.rigs.fakes.ports import NoObjections, SeenRooms, control_ports
from tests.rigs.fakes.safety import (
    LEASE,
    NOW,
    OWN,
    WANTED,
    GoneOnceAnnounced,
    Keeper,
    hut,
    plan_of,
)


class ControlBench:
    """A hut, or another site, that ticks in building time; ``own`` is what its own control has."""

    def __init__(
        self,
        site: Site | None = None,
        now: datetime = NOW,
        own: Mapping[str, float] = OWN,
        *,
        checker: Checker | None = None,
        rooms: Rooms | None = None,
        commissioned: Commissioned | None = None,
    ) -> None:
        self.site = site or hut()
        self.store = MemoryStore()
        self.journal = MemoryJournal()
        self.hands_off = MemoryHandsOff()
        self.drivers = FakeDrivers()
        self.keeper = Keeper()
        self.clock = VirtualClock(now)
        self.rooms = rooms or SeenRooms()
        self.commissioned = commissioned or AllCommissioned()
        self.plan_check = PlanCheck(checker or NoObjections())
        self.plans = count()
        self.overrides = count(1)
        self.is_filed: Callable[[Point], bool] = lambda point: True
        for point, value in own.items():
            self.device(point).own[point] = value

    @property
    def now(self) -> datetime:
        return self.clock.now()

    @now.setter
    def now(self, moment: datetime) -> None:
        if moment < self.clock.now():
            self.clock = VirtualClock(moment)
        self.clock.move_to(moment)

    @property
    def ports(self) -> ControlPorts:
        ports = control_ports(
            self.store,
            drivers=self.drivers,
            journal=self.journal,
            keeper=self.keeper,
            clock=self.clock,
            plan_check=self.plan_check,
            rooms=self.rooms,
            hands_off=self.hands_off,
            commissioned=self.commissioned,
        )
        return replace(ports, is_filed=self.is_filed)

    def device(self, point: str) -> FakeDevice:
        """The device that has the point."""
        return self.drivers.device(next(p.device for p in self.site.points if p.id == point))

    def announce_only(self, point: str, value: float) -> None:
        """The process that holds the point is killed between journal and write of this value."""
        held = self.journal.leases()[point]
        command = replace(held.command, id="never-sent", value=value)
        self.journal.intend([replace(held, command=command, read_back=None, earlier=held.values)])

    async def announce(self, after: timedelta = timedelta(0)) -> None:
        """A tick whose process is killed between journal and write: what it wants to write is
        announced, and nothing is sent."""
        keeper, self.keeper = self.keeper, GoneOnceAnnounced()
        await self.tick(after)
        self.keeper = keeper

    def held(self) -> dict[str, float]:
        """What stands in our place, by point."""
        return {p: v for d in self.drivers.devices.values() for p, v in d.held.items()}

    def writes(self) -> int:
        return sum(len(d.writes) for d in self.drivers.devices.values())

    def plan(self, values: dict[str, float] = WANTED, **more: object) -> None:
        """Put another plan in force."""
        plan_id = f"p{next(self.plans)}"
        chosen = {"site": self.site.id, "start": self.now, "plan_id": plan_id, **more}
        self.store.add_plan(plan_of(values, **chosen))  # type: ignore[arg-type]

    def override(
        self,
        point: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        actor: str = "janitor",
    ) -> Override:
        """Somebody takes the point, or the site."""
        made = Override(
            id=f"o{next(self.overrides)}",
            site=self.site.id,
            point=point,
            since=since or self.now,
            until=until,
            reason="cold today",
            actor=actor,
        )
        self.store.add_override(made)
        return made

    async def tick(
        self, after: timedelta = timedelta(0), **more: timedelta
    ) -> dict[str, AnyReceipt]:
        """What a tick of dispatch did, by point; the last outcome of each."""
        self.now += after
        outcomes = await dispatch_site(
            self.site, now=self.now, lease=LEASE, ports=self.ports, **more
        )
        return {(getattr(o, "point", None) or o.command.point): o for o in outcomes}  # type: ignore[union-attr]

    async def write(
        self,
        point: str,
        value: float,
        *,
        lease: timedelta = LEASE,
        actor: str = "operator:anna",
        reason: str = "test",
        writer: Writer = Writer.PERSON,
    ) -> Receipt:
        """What became of a person's write."""
        wanted = PersonWrite(
            point=point, value=value, lease=lease, actor=actor, reason=reason, writer=writer
        )
        return await write_once(self.site, wanted, now=self.now, ports=self.ports)

    def download(self, device: str) -> ControllerSchedule:
        """What a controller is given that fetches its schedule now."""
        return controller_schedule(
            {self.site.id: self.site}, device, now=self.now, ports=self.ports, lease=LEASE
        )
