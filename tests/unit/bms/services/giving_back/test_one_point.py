"""A give-back that is under way while somebody else of us writes (W9, W13)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from bms.guard import Guard
from bms.journal import FileJournal
from bms.model.assets.point import Point
from bms.model.control.command import Accepted, Failed, ReleaseReceipt, StillHeld
from bms.model.control.command_state import CommandState, NoCommandState
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import fact
from bms.services.giving_back.many_points import release_leases
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.drivers import FakeDevice, FakeDrivers
from tests.rigs.fakes.safety import ENABLE, LEASE, LEVERS, OWN, TICK, WANTED

ON_WAY = fact(ReceiptReason.BEING_GIVEN_BACK)


@dataclass
class Slow(FakeDevice):
    """What somebody is told, or does here, comes when ``go`` is set; ``asked`` says that it waits.
    It shares the places of the device that the backend reaches."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    slow_look: bool = False

    async def _wait(self) -> None:
        self.asked.set()
        await self.go.wait()

    async def command_states(
        self, points: list[Point], at: datetime
    ) -> list[CommandState | NoCommandState]:
        seen = await super().command_states(points, at)
        if self.slow_look:
            await self._wait()
        return seen

    async def release(self, point: Point, at: datetime) -> ReleaseReceipt:
        if not self.slow_look:
            await self._wait()
        return await super().release(point, at)


class Scene:
    """A backend and a guard over one journal file, and one device that both reach."""

    def __init__(self, home: Path, *, slow_look: bool = False) -> None:
        self.bench = ControlBench()
        self.bench.journal = FileJournal(home / "journal")
        device = FakeDevice(own={point: OWN[point] for point in LEVERS})
        for name in ("hut/bacnet", "hut/modbus"):
            self.bench.drivers.devices[name] = device
        self.slow = Slow(own=device.own, held=device.held, slow_look=slow_look)
        reached = FakeDrivers({"hut/bacnet": self.slow, "hut/modbus": self.slow})
        self.guard = Guard(FileJournal(home / "journal"), reached, self.bench.clock)

    async def guard_is_at_work(self) -> None:
        """The leases of the backend have ended, and the guard stands in its give-back."""
        self.bench.plan()
        await self.bench.tick()
        self.bench.clock.advance(LEASE)
        await self.guard.step(patience=0.0)
        await asyncio.wait_for(self.slow.asked.wait(), 5)

    async def guard_ends(self) -> None:
        self.slow.go.set()
        await self.guard.finish()


async def test_w09_a_give_back_that_is_under_way_takes_nothing_that_was_written_since(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path)
    await scene.guard_is_at_work()
    scene.bench.plan({point: value + 0.5 for point, value in WANTED.items()})
    told = await scene.bench.tick()
    busy = [p for p, outcome in told.items() if isinstance(outcome, Failed)]
    assert busy, "at the point that the guard has at hand nothing is written"
    assert all(told[p].error == ON_WAY for p in busy)
    await scene.guard_ends()
    for _ in range(2):
        told = await scene.bench.tick(TICK)
        assert scene.bench.journal.local_overrides() == {}
    assert set(scene.bench.held()) == set(LEVERS), "all is taken again"


async def test_w09_what_was_written_while_the_guard_looked_is_left_alone(tmp_path: Path) -> None:
    scene = Scene(tmp_path, slow_look=True)
    await scene.guard_is_at_work()
    told = await scene.bench.tick()
    assert all(isinstance(told[point], Accepted) for point in LEVERS)
    written = scene.bench.journal.leases()
    await scene.guard_ends()
    assert scene.bench.held() == WANTED
    left = scene.bench.journal.leases()
    assert {p: lease.command_id for p, lease in left.items()} == {
        p: lease.command_id for p, lease in written.items()
    }
    assert not any(lease.returning for lease in left.values())


async def test_w09_what_was_given_back_since_the_look_is_not_renewed(tmp_path: Path) -> None:
    """A backend that slept between its look and its announcement."""
    path = tmp_path / "journal"
    backend, other = FileJournal(path), FileJournal(path)
    bench = ControlBench()
    bench.journal = backend
    bench.plan()
    await bench.tick()
    held = backend.leases()[ENABLE]
    await release_leases([held], now=bench.now, drivers=bench.drivers, journal=other)
    again = replace(held.command, id="again")
    renewal = replace(held, command=again, writer=None, renews=held.command_id)
    assert backend.intend([renewal]) == {ENABLE}
    assert ENABLE not in backend.leases()


async def test_w09_who_gives_back_an_earlier_command_is_told_that_it_was_renewed(
    tmp_path: Path,
) -> None:
    bench = ControlBench()
    bench.journal = FileJournal(tmp_path / "journal")
    bench.plan()
    await bench.tick()
    earlier = bench.journal.leases()[ENABLE]
    await bench.tick(TICK)
    [receipt] = await release_leases(
        [earlier], now=bench.now, drivers=bench.drivers, journal=bench.journal
    )
    assert receipt == StillHeld(ENABLE, fact(ReceiptReason.WRITTEN_SINCE))
    assert bench.held() == WANTED


async def test_w10_a_write_that_arrives_during_a_release_goes_back_with_it(tmp_path: Path) -> None:
    """Nothing stood at the point when the release looked, and the write was read back since: it is
    nobody's word that the place was empty."""
    bench = ControlBench()
    bench.journal = journal = FileJournal(tmp_path / "journal")
    bench.plan()
    await bench.tick()
    held = replace(journal.leases()[ENABLE], read_back=None)
    device = bench.device(ENABLE)
    look = device.command_states

    async def empty_before(
        points: list[Point], at: datetime
    ) -> list[CommandState | NoCommandState]:
        device.command_states = look  # type: ignore[method-assign]
        there = device.held.pop(ENABLE)
        seen = await look(points, at)
        device.held[ENABLE] = there
        return seen

    device.command_states = empty_before  # type: ignore[method-assign]
    await release_leases([held], now=bench.now, drivers=bench.drivers, journal=journal)
    assert journal.local_overrides() == {}
    assert ENABLE not in bench.held()
    assert ENABLE not in journal.leases()
