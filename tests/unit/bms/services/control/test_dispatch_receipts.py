"""What a tick did is kept though it fails or is cut off (W16), and its neighbours' as well."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from bms.errors import GuardError
from bms.model.assets.point import Point
from bms.model.control.command import Accepted, AnyReceipt, Command, Failed, Receipt, ReleaseReceipt
from bms.model.control.hands_off import HandsOff
from bms.model.control.reasons import ReceiptReason
from bms.services import operator
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.drivers import FakeDevice
from tests.rigs.fakes.safety import ENABLE, LEVERS, NOW, NULL, OWN, WANTED, hut


class Hangs(FakeDevice):
    """A device that gives no answer to what is written at one point, or released there."""

    at: str | None = None

    async def write(self, point: Point, command: Command) -> Receipt:
        if point.id == self.at:
            await asyncio.Event().wait()
        return await super().write(point, command)


def kept(bench: ControlBench) -> dict[str, AnyReceipt]:
    """The last receipt of each point in the database."""
    return {
        getattr(r, "point", None) or r.command.point: r  # type: ignore[union-attr]
        for _, r in bench.store.receipts("hut", NOW)
    }


async def until_written(bench: ControlBench, points: int) -> None:
    while bench.writes() < points:
        await asyncio.sleep(0.01)


async def test_w16_the_receipts_of_a_tick_that_is_cut_off() -> None:
    bench = ControlBench()
    device = Hangs(own={point: OWN[point] for point in LEVERS if point != NULL})
    device.at = LEVERS[2]
    bench.drivers.devices["hut/modbus"] = device
    bench.plan()
    task = asyncio.create_task(bench.tick())
    await until_written(bench, 2)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    found = kept(bench)
    assert isinstance(found[NULL], Accepted)
    assert isinstance(found[ENABLE], Accepted)
    assert bench.journal.leases()[ENABLE].read_back == WANTED[ENABLE]
    cut = found[LEVERS[2]]
    assert isinstance(cut, Failed)
    assert cut.error.code == ReceiptReason.CUT_OFF
    assert LEVERS[2] in bench.journal.leases()


class BreaksLater(ControlBench):
    """Its marks cannot be read any more once something was written."""

    def __init__(self) -> None:
        super().__init__()
        marks = self.hands_off.marks

        def broken() -> Mapping[str, HandsOff]:
            if self.writes():
                raise GuardError("the disk is gone")
            return marks()

        self.hands_off.marks = broken  # type: ignore[method-assign]


async def test_w16_the_receipts_of_a_tick_that_raises() -> None:
    bench = BreaksLater()
    bench.plan()
    with pytest.raises(GuardError):
        await bench.tick()
    assert {point for point, r in kept(bench).items() if isinstance(r, Accepted)} == set(LEVERS)


async def test_w16_the_receipt_of_a_persons_write_that_is_cut_off() -> None:
    bench = ControlBench()
    device = Hangs(own={NULL: OWN[NULL]})
    device.at = NULL
    bench.drivers.devices["hut/bacnet"] = device
    task = asyncio.create_task(bench.write(NULL, 21.0))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    cut = kept(bench)[NULL]
    assert isinstance(cut, Failed)
    assert cut.command.actor == "operator:anna"


class SlowRelease(FakeDevice):
    async def release(self, point: Point, at: object) -> ReleaseReceipt:
        await asyncio.Event().wait()
        raise AssertionError


async def test_w16_the_receipts_of_a_release_that_is_cut_off() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    device = bench.device(NULL)
    bench.drivers.devices["hut/bacnet"] = SlowRelease(device.own, device.held)
    task = asyncio.create_task(
        operator.release(hut(), now=bench.now, ports=bench.ports, actor="bo", reason="smoke")
    )
    while len(bench.held()) > 1:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert {point for point, r in kept(bench).items() if not isinstance(r, Accepted)} >= {ENABLE}
