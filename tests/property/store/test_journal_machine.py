"""Whatever happens, in whatever order: nothing is held without a lease, nor after its end."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bms.clock import VirtualClock
from bms.guard import Guard
from bms.journal import FileJournal
from bms.model.assets.site import Mode
from bms.model.control.command import Failed, Override
from bms.services.control.dispatch import dispatch_site
from bms.services.control.inspection import verify_site
from bms.services.control.person_write import PersonWrite, write_once
from bms.services.operator import release
from bms.store.memory.store import MemoryStore
from tests.rigs.examples import examples
from tests.rigs.fakes.drivers import FakeDevice, FakeDrivers, device_said
from tests.rigs.fakes.ports import control_ports
from tests.rigs.fakes.safety import (
    CONSTANT,
    ENABLE,
    LEASE,
    LEVERS,
    NOW,
    NULL,
    OWN,
    TIMETABLE,
    Keeper,
    hut,
    plan_of,
)

VALUES = {NULL: (15.0, 30.0), ENABLE: (13.0, 22.0), CONSTANT: (-6.0, 4.0)}
points = st.sampled_from(LEVERS)
devices = st.sampled_from(["hut/bacnet", "hut/modbus"])
minutes = st.integers(0, 40)


class Killed(BaseException):
    """The process is gone in the middle of a write."""


class Wire(FakeDevice):
    """A device whose writer may be killed, and whose answers may get lost after they acted."""

    def __init__(self) -> None:
        super().__init__()
        self.kill_after: int | None = None
        self.loses_answers = False

    async def write(self, point, command):
        if self.kill_after is not None:
            self.kill_after -= 1
            if self.kill_after < 0:
                raise Killed
        receipt = await super().write(point, command)
        if self.loses_answers:
            return Failed(command, device_said("no reply"), retryable=True)
        return receipt

    async def release(self, point, at):
        if self.loses_answers:
            self.releases.append((point.id, at))
            return await FakeDevice(dead=True).release(point, at)
        return await super().release(point, at)


class Building(RuleBasedStateMachine):
    """A writer, a guard and people around one building."""

    @initialize()
    def build(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.path = Path(self.folder.name) / "journal"
        self.clock = VirtualClock(NOW)
        self.store = MemoryStore()
        self.site = hut()
        self.drivers = FakeDrivers({"hut/bacnet": Wire(), "hut/modbus": Wire()})
        for point in LEVERS:
            self.device(point).own[point] = OWN[point]
        self.count = 0
        self.start_writer()

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.close()
            self.folder.cleanup()

    def start_writer(self) -> None:
        self.journal = FileJournal(self.path, sync=lambda _: None, compact_bytes=8_000)

    def device(self, point: str) -> Wire:
        return self.drivers.devices["hut/bacnet" if point == NULL else "hut/modbus"]

    def held(self) -> set[str]:
        return {point for device in self.drivers.devices.values() for point in device.held}

    def wired(self, store: MemoryStore | None = None) -> dict:
        ports = control_ports(
            store or self.store,
            drivers=self.drivers,
            journal=self.journal,
            keeper=Keeper(),
            clock=self.clock,
        )
        return {"now": self.clock.now(), "ports": ports}

    def tick(self) -> None:
        self.runner.run(dispatch_site(self.site, **self.wired(), lease=LEASE))

    def guard_step(self) -> None:
        guard = Guard(FileJournal(self.path), self.drivers, self.clock)
        self.runner.run(guard.step(patience=5))

    @rule(data=st.data())
    def plan(self, data: st.DataObject) -> None:
        self.count += 1
        values = {
            point: float(data.draw(st.integers(*map(int, VALUES.get(point, (0, 1))))))
            for point in LEVERS
        }
        self.store.add_plan(
            plan_of(values, plan_id=f"p{self.count}", start=self.clock.now(), hours=2)
        )

    @rule(after=minutes)
    def dispatch(self, after: int) -> None:
        self.clock.advance(timedelta(minutes=after))
        self.tick()

    @rule(after=minutes)
    def verify(self, after: int) -> None:
        self.clock.advance(timedelta(minutes=after))
        self.runner.run(verify_site(self.site, **self.wired()))

    @rule(device=devices, writes=st.integers(0, 3), torn=st.integers(0, 60))
    def writer_is_killed(self, device: str, writes: int, torn: int) -> None:
        wire = self.drivers.devices[device]
        wire.kill_after = writes
        with suppress(Killed):
            self.tick()
        wire.kill_after = None
        if torn and self.path.exists():
            with self.path.open("ab") as file:
                file.write(b'{"op":"intend","lease":{"command":{"id":"torn","point":"x"'[:torn])
        self.start_writer()

    @rule(device=devices)
    def answers_get_lost(self, device: str) -> None:
        wire = self.drivers.devices[device]
        wire.loses_answers = True
        self.tick()
        wire.loses_answers = False

    @rule(device=devices)
    def dies_or_revives(self, device: str) -> None:
        wire = self.drivers.devices[device]
        wire.dead = not wire.dead

    @rule(point=st.sampled_from([NULL, ENABLE]))
    def somebody_sits_above_us(self, point: str) -> None:
        overrides = self.device(point).override
        if overrides.pop(point, None) is None:
            overrides[point] = (8, 16.0)

    @rule(point=st.sampled_from([TIMETABLE, CONSTANT]), value=st.sampled_from([0.0, 1.0]))
    def somebody_writes_the_register(self, point: str, value: float) -> None:
        self.device(point).held.pop(point, None)
        self.device(point).own[point] = value

    @rule(point=st.one_of(st.none(), points))
    def somebody_overrides_in_the_api(self, point: str | None) -> None:
        self.count += 1
        self.store.add_override(
            Override(
                id=f"o{self.count}",
                site="hut",
                point=point,
                since=self.clock.now(),
                until=self.clock.now() + timedelta(minutes=45),
                reason="test",
                actor="anna",
            )
        )

    @rule(mode=st.sampled_from([Mode.AUTO, Mode.AUTO, Mode.ADVISE]))
    def mode(self, mode: Mode) -> None:
        self.store.set_mode("hut", mode, actor="anna", at=self.clock.now(), reason="test")

    @rule(point=points)
    def operator_writes(self, point: str) -> None:
        self.runner.run(
            write_once(
                self.site,
                PersonWrite(
                    point=point,
                    value=1.0 if point not in (NULL, ENABLE) else 20.0,
                    lease=timedelta(minutes=10),
                    actor="operator",
                    reason="test",
                ),
                **self.wired(),
            )
        )

    @rule()
    def site_is_released(self) -> None:
        wired = self.wired(MemoryStore())  # its mode stays: the plan may write again
        self.runner.run(release(self.site, **wired, actor="anna", reason="noise"))

    @rule(after=minutes)
    def guard_steps(self, after: int) -> None:
        self.clock.advance(timedelta(minutes=after))
        self.guard_step()
        alive = {p for p in self.held() if not self.device(p).dead}
        leases = FileJournal(self.path).leases()
        assert not {p for p in alive if leases[p].ended(self.clock.reading())}

    @rule()
    def writer_is_gone_for_a_lease(self) -> None:
        for device in self.drivers.devices.values():
            device.dead = False
        self.clock.advance(LEASE)
        self.guard_step()
        assert self.held() == set()
        assert FileJournal(self.path).leases() == {}

    @rule()
    def people_win(self) -> None:
        self.tick()
        now = self.clock.now()
        for override in self.store.overrides("hut", now):
            for point in LEVERS if override.point is None else (override.point,):
                lease = self.journal.leases().get(point)
                ours = lease is not None and lease.command.actor == "plan"
                assert not (ours and point in self.held()) or self.device(point).dead

    @invariant()
    def nothing_is_held_without_a_lease(self) -> None:
        if not hasattr(self, "journal"):
            return
        leases = FileJournal(self.path).leases()
        assert self.held() <= set(leases)
        assert all(held.lease_end <= self.clock.now() + LEASE for held in leases.values())


TestBuilding = Building.TestCase
TestBuilding.settings = settings(
    max_examples=examples(100),
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
