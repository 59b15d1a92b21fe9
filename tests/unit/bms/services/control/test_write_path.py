"""Stalls between the announcement of a write and the moment when it leaves (W11)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bms.clock import VirtualClock
from bms.guard import Guard
from bms.journal import FileJournal
from bms.model.assets.point import Point
from bms.model.control.command import Accepted, Command, Failed, Overridden, Receipt, StillHeld
from bms.model.control.command_state import CommandState, NoCommandState
from bms.model.control.reasons import Holder, ReceiptReason
from bms.model.fact import fact
from bms.ports.departure import may_leave
from bms.services.control.inspection import verify_site
from bms.services.giving_back.many_points import release_leases
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.drivers import FakeDevice, device_said
from tests.rigs.fakes.safety import (
    CONSTANT,
    ENABLE,
    LEASE,
    LEVERS,
    NOW,
    NULL,
    OWN,
    TICK,
    TIMETABLE,
    WANTED,
)

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
TIMEOUT_S = 2.0
Stall = Callable[[VirtualClock], None]


class Stalled(FakeDevice):
    """A device whose driver waits (``stall``) before it asks whether the write may still leave, and
    after (``freeze``): between the question and the socket nothing can be asked any more."""

    clock: VirtualClock
    stall: Stall
    freeze: Stall

    async def write(self, point: Point, command: Command) -> Receipt:
        self.stall(self.clock)
        if not may_leave():
            return Failed(command, fact(ReceiptReason.TOO_LATE, device="hut/bacnet"), False)
        self.freeze(self.clock)
        return await super().write(point, command)


def nothing(clock: VirtualClock) -> None:
    pass


def runs(time: timedelta) -> Stall:
    return lambda clock: clock.advance(time)


def is_set_back(clock: VirtualClock) -> None:
    clock.advance(LEASE)
    clock.set_calendar(clock.now() - DAY)


def is_set_forth(clock: VirtualClock) -> None:
    clock.set_calendar(clock.now() + LEASE)


def reboots(clock: VirtualClock) -> None:
    clock.reboot("second")


def a_bench(stall: Stall = nothing, freeze: Stall = nothing) -> ControlBench:
    bench = ControlBench()
    device = Stalled(own={NULL: OWN[NULL]})
    device.clock, device.stall, device.freeze = bench.clock, stall, freeze
    bench.drivers.devices["hut/bacnet"] = device
    bench.plan()
    return bench


LATE = [
    runs(timedelta(minutes=36)),
    runs(LEASE),
    runs(LEASE - timedelta(seconds=TIMEOUT_S) + SECOND),
    is_set_back,
    is_set_forth,
    reboots,
]


@pytest.mark.parametrize("stall", LATE)
async def test_w11_a_write_that_is_late_does_not_leave(stall: Stall) -> None:
    bench = a_bench(stall)
    receipt = await bench.write(NULL, 21.0)
    assert isinstance(receipt, Failed)
    assert bench.drivers.device("hut/bacnet").writes == []
    assert bench.journal.leases() == {}


async def test_w11_one_whose_end_is_a_time_out_away_leaves() -> None:
    bench = a_bench(runs(LEASE - timedelta(seconds=TIMEOUT_S)))
    assert isinstance(await bench.write(NULL, 21.0), Accepted)
    assert bench.held()[NULL] == 21.0


@pytest.mark.parametrize("freeze", [runs(timedelta(minutes=36)), is_set_back, reboots])
async def test_w11_what_got_through_all_the_same_is_given_back(freeze: Stall) -> None:
    """A process that was stopped between its last look at the clock and the socket."""
    bench = a_bench(freeze=freeze)
    await bench.write(NULL, 21.0)
    assert len(bench.drivers.device("hut/bacnet").writes) == 1
    assert NULL not in bench.held()
    assert bench.journal.leases() == {}


async def test_w11_a_write_that_was_dropped_is_announced_anew_by_the_next_tick() -> None:
    bench = a_bench(runs(LEASE))
    outcomes = await bench.tick()
    assert isinstance(outcomes[NULL], Failed) or NULL not in bench.held()
    bench.drivers.device("hut/bacnet").stall = nothing  # type: ignore[attr-defined]
    outcomes = await bench.tick()
    assert isinstance(outcomes[NULL], Accepted)
    assert bench.journal.leases()[NULL].command.issued_at == bench.now > NOW


async def test_w03_a_write_that_waited_while_its_site_file_changed_does_not_leave() -> None:
    changed: list[bool] = []
    bench = a_bench(lambda clock: changed.append(True))
    bench.is_filed = lambda point: not changed
    receipt = await bench.write(NULL, 21.0)
    assert isinstance(receipt, Failed)
    assert bench.drivers.device("hut/bacnet").writes == []
    assert bench.journal.leases() == {}


SOMEBODYS = {NULL: 22.5, ENABLE: 22.5, TIMETABLE: 1.0, CONSTANT: 3.0}


class Crossed(FakeDevice):
    """A device at which somebody writes right after our write, whose answer is lost or shows
    ``made`` in its place."""

    somebody: float | None = None
    made: float | None = None
    retryable = True

    async def write(self, point: Point, command: Command) -> Receipt:
        await super().write(point, command)
        self.held[point.id] = command.value if self.made is None else self.made
        if self.somebody is not None:
            self.held[point.id] = self.somebody
        failed = Failed(command, device_said("no reply"), retryable=self.retryable)
        return replace(failed, read_back=self.made)


def crossed(point: str, **how: object) -> ControlBench:
    bench = ControlBench(own={point: 0.0 if point == TIMETABLE else OWN[point]})
    device = Crossed(own=dict(bench.device(point).own))
    for name, value in how.items():
        setattr(device, name, value)
    bench.drivers.devices[next(p.device for p in bench.site.points if p.id == point)] = device
    bench.plan({point: WANTED[point]})
    return bench


class Overtaken(FakeDevice):
    """A device whose answer comes after the guard has given our write back: it shows what stands
    there then, or what ``somebody`` has put there."""

    bench: ControlBench
    somebody: float | None = None

    async def write(self, point: Point, command: Command) -> Receipt:
        await super().write(point, command)
        self.bench.clock.advance(LEASE)
        bench = self.bench
        await Guard(bench.journal, bench.drivers, bench.clock).step()
        if self.somebody is not None:
            self.held[point.id] = self.somebody
        seen = self.held.get(point.id, OWN[point.id])
        return Overridden(command, None, seen, fact(Holder.LOCAL))


def overtaken(point: str, somebody: float | None = None) -> ControlBench:
    bench = ControlBench(own={point: OWN[point]})
    device = Overtaken(own=dict(bench.device(point).own))
    device.bench, device.somebody = bench, somebody
    bench.drivers.devices[next(p.device for p in bench.site.points if p.id == point)] = device
    bench.plan({point: WANTED[point]})
    return bench


@pytest.mark.parametrize("point", [NULL, ENABLE, CONSTANT])
async def test_w09_what_the_guard_has_given_back_meanwhile_is_no_hand(point: str) -> None:
    bench = overtaken(point)
    await bench.tick(TICK)
    await Guard(bench.journal, bench.drivers, bench.clock).step()
    assert bench.journal.local_overrides() == {}
    assert bench.journal.leases() == {}
    assert point not in bench.held()


@pytest.mark.parametrize("point", [NULL, ENABLE, CONSTANT])
async def test_w07_who_came_after_the_guard_has_given_back_is_left_alone(point: str) -> None:
    bench = overtaken(point, SOMEBODYS[point])
    await bench.tick(TICK)
    assert bench.held()[point] == SOMEBODYS[point]
    assert bench.journal.local_overrides()[point].found == SOMEBODYS[point]


@pytest.mark.parametrize("retryable", [True, False])
@pytest.mark.parametrize("point", [NULL, ENABLE, CONSTANT])
async def test_w07_a_person_who_writes_while_our_write_fails_is_left_alone(
    point: str, retryable: bool
) -> None:
    bench = crossed(point, somebody=SOMEBODYS[point], retryable=retryable)
    for _ in range(2):
        await bench.tick(TICK)
    assert bench.held()[point] == SOMEBODYS[point]
    assert bench.device(point).releases == []
    assert bench.journal.local_overrides()[point].found == SOMEBODYS[point]


@pytest.mark.parametrize("point", [NULL, ENABLE, CONSTANT])
async def test_w12_what_a_device_has_made_of_a_write_is_given_back(point: str) -> None:
    """It has limited the value, so that the read-back shows another one."""
    made = (OWN[point] + WANTED[point]) / 2
    bench = crossed(point, made=made)
    await bench.tick(TICK)
    assert point not in bench.held()
    assert bench.journal.local_overrides() == {}


@pytest.mark.parametrize("point", [NULL, ENABLE, CONSTANT])
async def test_w07_a_person_after_a_read_back_that_shows_something_else(point: str) -> None:
    made = (OWN[point] + WANTED[point]) / 2
    bench = crossed(point, made=made, somebody=SOMEBODYS[point])
    await bench.tick(TICK)
    assert bench.held()[point] == SOMEBODYS[point]


@pytest.mark.parametrize("point", [NULL, CONSTANT])
async def test_w07_a_read_back_beyond_what_we_wrote_is_somebodys(point: str) -> None:
    bench = crossed(point, made=SOMEBODYS[point])
    await bench.tick(TICK)
    assert bench.held()[point] == SOMEBODYS[point]


async def test_w12_a_failed_write_that_cannot_be_looked_at_stays_with_the_guard() -> None:
    bench = crossed(NULL)
    device = bench.device(NULL)
    seen = device._command_state

    def silent_after_the_write(point: Point, at: datetime) -> CommandState | NoCommandState:
        if device.writes:
            return NoCommandState(point.id, device_said("no reply"))
        return seen(point, at)

    device._command_state = silent_after_the_write  # type: ignore[method-assign]
    outcomes = await bench.tick(TICK)
    assert isinstance(outcomes[NULL], StillHeld)
    assert bench.journal.leases()[NULL].returning
    del device._command_state  # type: ignore[method-assign]
    await verify_site(bench.site, now=bench.now, ports=bench.ports)
    assert NULL not in bench.held()


async def test_w17_what_could_not_be_announced_is_on_no_way(tmp_path: Path) -> None:
    """A full disk may have let the batch through: nobody sends it any more, and once the write
    after it is given back nothing is left to do at the point."""
    full = False

    def sync(_: int) -> None:
        if full:
            raise OSError(28, "No space left on device")

    bench = ControlBench()
    bench.journal = FileJournal(tmp_path / "journal", sync=sync)
    bench.plan()
    await bench.tick()
    full = True
    bench.plan({**WANTED, NULL: 20.0})
    assert isinstance((await bench.tick(TICK))[NULL], Failed)
    full = False
    await bench.tick(TICK)
    assert bench.held()[NULL] == 20.0
    await release_leases(
        bench.journal.leases().values(),
        now=bench.now,
        drivers=bench.drivers,
        journal=bench.journal,
    )
    assert bench.journal.leases() == FileJournal(tmp_path / "journal").leases() == {}


async def test_w17_what_is_behind_a_device_that_was_cut_off_is_on_no_way(tmp_path: Path) -> None:
    """Of a tick that was cut off in the middle of a write the others are sent by nobody."""
    bench = ControlBench()
    bench.journal = FileJournal(tmp_path / "journal")
    hangs = Hangs(own={point: OWN[point] for point in LEVERS if point != NULL})
    bench.drivers.devices["hut/modbus"] = hangs
    bench.plan()
    task = asyncio.create_task(bench.tick())
    await asyncio.wait_for(hangs.asked.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    open_now = bench.journal.leases().values()
    assert [lease.point.id for lease in open_now if lease.writer is not None] == []


@dataclass
class Hangs(FakeDevice):
    """A device that never answers a write."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, point: Point, command: Command) -> Receipt:
        self.asked.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets this event")
