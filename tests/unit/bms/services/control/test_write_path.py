"""Stalls between the announcement of a write and the moment when it leaves (W11)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from bms.clock import VirtualClock
from bms.model.assets.point import Point
from bms.model.control.command import Accepted, Command, Failed, Receipt
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import fact
from bms.ports.departure import may_leave
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.drivers import FakeDevice
from tests.rigs.fakes.safety import LEASE, NOW, NULL, OWN

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
