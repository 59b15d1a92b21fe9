"""Ways back that must not hang on a disk, or on a device that makes something else of a list."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import date, datetime

import pytest

from bms.clock import SystemClock
from bms.model.assets.write_rule import ReleaseKind
from bms.model.control.command import Failed, Released
from drivers.bacnet.objects.schedule_writer import ScheduleReason
from drivers.fieldbus.write_budget import UNLIMITED, WriteBudget, WriteCount
from drivers.fieldbus.write_budget_log import MemoryWriteCounter
from drivers.modbus.connection import Endpoint
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.link import ModbusLink
from tests.rigs.fieldbus.bacnet_scheduling import SchedulingDevice, exception
from tests.rigs.fieldbus.bacnet_world import NOW, SETPOINT, world
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import ModbusRig

NEVER = "the disk has not come back"


class StuckWear(MemoryWriteCounter):
    """Counts until its disk hangs."""

    def __init__(self) -> None:
        super().__init__()
        self.stuck = False
        self.back = threading.Event()

    def spend(self, register: str, day: date, budget: WriteBudget = UNLIMITED) -> None:
        if self.stuck:
            assert self.back.wait(10), NEVER
        super().spend(register, day, budget)


@pytest.mark.parametrize("kind", [ReleaseKind.REMOTE_ENABLE, ReleaseKind.TIMETABLE])
class TestAReleaseAndItsCount:
    async def test_the_building_is_back_before_the_disk_has_counted(
        self, kind: ReleaseKind
    ) -> None:
        rig, write_counter = ModbusRig(kind), StuckWear()
        await rig.start()
        link = ModbusLink(Endpoint(rig.device.host, rig.device.port))
        driver = ModbusDriver(rig.device, link, SystemClock(), "Europe/Copenhagen", write_counter)
        assert rig.setpoint.write is not None
        lever = replace(rig.setpoint, write=replace(rig.setpoint.write, writes_per_day=100))
        at = datetime.fromisoformat("2019-01-16T11:00:00+00:00")
        try:
            await driver.write(lever, command(lever, 21.0))
            assert rig.held()
            write_counter.stuck = True
            task = asyncio.create_task(driver.release(lever, at))
            async with asyncio.timeout(5):
                while rig.held():
                    await asyncio.sleep(0.01)
            write_counter.back.set()
            assert isinstance(await task, Released)
        finally:
            write_counter.back.set()
            await link.close()
            await rig.stop()

    async def test_it_is_counted_all_the_same(self, kind: ReleaseKind) -> None:
        rig, write_counter = ModbusRig(kind), MemoryWriteCounter()
        await rig.start()
        link = ModbusLink(Endpoint(rig.device.host, rig.device.port))
        driver = ModbusDriver(rig.device, link, SystemClock(), "Europe/Copenhagen", write_counter)
        assert rig.setpoint.write is not None
        lever = replace(rig.setpoint, write=replace(rig.setpoint.write, writes_lifetime=100))
        register = 150 if kind is ReleaseKind.REMOTE_ENABLE else 100
        try:
            await driver.release(lever, datetime.fromisoformat("2019-01-16T11:00:00+00:00"))
        finally:
            await link.close()
            await rig.stop()
        told = f"{rig.device.id} holding {register}"
        assert write_counter.written(told, SystemClock().now().date()) == WriteCount(1, 1)


class Forgetful(SchedulingDevice):
    """It keeps no Null of an exception: what was to end by itself lasts until midnight."""

    def write(self, invoke: int, payload: bytes) -> bytes | None:
        return super().write(invoke, _without_nulls(payload))


def _without_nulls(payload: bytes) -> bytes:
    """Switches that end in Null (a time, then one octet 0x00) left out."""
    kept, at = bytearray(), 0
    while at < len(payload):
        if payload[at] == 0xB4 and payload[at + 5 : at + 6] == b"\x00":
            at += 6
            continue
        kept.append(payload[at])
        at += 1
    return bytes(kept)


class TestADeviceThatMakesSomethingElseOfTheList:
    @pytest.mark.parametrize("before", [b"", exception(NOW, 16.0, 14)])
    async def test_what_was_there_is_put_back_at_once(self, before: bytes) -> None:
        async with world() as w:
            w.responder.__class__ = Forgetful
            w.responder.exceptions = before
            own = w.responder.effective()
            found = await w.driver.write(SETPOINT, w.command())
            assert isinstance(found, Failed)
            assert found.error.code == ScheduleReason.READS_BACK
            assert w.responder.exceptions == before
            assert w.responder.effective() == own
