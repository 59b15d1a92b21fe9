"""Who commands a point, as the drivers see it over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bms.clock import VirtualClock
from bms.model.assets.address import BacnetAddress
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.control.command_state import CommandState, NoCommandState, OccupiedSlot
from bms.ports.drivers import Driver
from drivers.bacnet.driver import BacnetDriver
from drivers.bacnet.link import BacnetLink
from drivers.registry import NetworkDrivers
from tests.rigs.fieldbus.bacnet_responder import TinyDevice, identifier, listening, real, unsigned
from tests.rigs.fieldbus.bacnet_session import device
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import (
    MORNING,
    OWN,
    BacnetRig,
    ModbusRig,
    Rig,
    point,
    rule,
)

RIGS = {
    "bacnet-null": BacnetRig,
    "modbus-remote-enable": lambda: ModbusRig(ReleaseKind.REMOTE_ENABLE),
    "modbus-timetable": lambda: ModbusRig(ReleaseKind.TIMETABLE),
    "modbus-constant": lambda: ModbusRig(ReleaseKind.CONSTANT),
}


@pytest.fixture(params=RIGS)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    rig: Rig = RIGS[request.param]()
    await rig.start()
    yield rig
    await rig.stop()


@pytest.fixture
async def driver(rig: Rig) -> AsyncIterator[Driver]:
    drivers = NetworkDrivers(VirtualClock(MORNING))
    yield drivers.driver(rig.device)
    await drivers.close()


async def state_of(rig: Rig, driver: Driver) -> CommandState:
    (found,) = await driver.command_states([rig.setpoint], MORNING)
    assert isinstance(found, CommandState)
    return found


async def test_before_a_write_the_place_is_the_buildings(rig: Rig, driver: Driver) -> None:
    found = await state_of(rig, driver)
    assert found.effective == OWN
    assert found.above == ()
    registers = (ReleaseKind.TIMETABLE, ReleaseKind.CONSTANT)
    assert found.occupied is (rig.setpoint.write.release.kind in registers)  # type: ignore[union-attr]


async def test_after_a_write_it_holds_what_was_written(rig: Rig, driver: Driver) -> None:
    await driver.write(rig.setpoint, command(rig.setpoint, 21.0))
    found = await state_of(rig, driver)
    assert (found.own, found.effective, found.occupied) == (21.0, 21.0, True)


async def test_a_dead_device_shows_nothing(rig: Rig, driver: Driver) -> None:
    await rig.stop()
    (found,) = await driver.command_states([rig.setpoint], MORNING)
    assert isinstance(found, NoCommandState)
    assert found.retryable


async def test_that_it_was_silent_is_remembered(rig: Rig, driver: Driver) -> None:
    assert (await state_of(rig, driver)).silent_at is None
    await rig.stop()
    await driver.command_states([rig.setpoint], MORNING)
    await rig.start()
    assert (await state_of(rig, driver)).silent_at == MORNING


class TestSlots:
    @pytest.fixture(params=["bacnet-null"])
    async def rig(self) -> AsyncIterator[BacnetRig]:
        made = BacnetRig()
        await made.start()
        yield made
        await made.stop()

    async def test_slots_above_and_ours_are_told_apart(
        self, rig: BacnetRig, driver: Driver
    ) -> None:
        await rig.command(13, 21.0)
        await rig.command(8, 21.0)
        await rig.command(5, 18.0)
        await rig.command(15, 16.0)
        found = await state_of(rig, driver)
        assert found.above == (OccupiedSlot(5, 18.0), OccupiedSlot(8, 21.0))
        assert (found.own, found.effective) == (21.0, 18.0)


NULL, ZONE = b"\x00", ZoneInfo("Europe/Copenhagen")
SLOT_8 = NULL * 7 + real(22.5) + NULL * 8
STAMP = b"\x2e\xa4\x77\x01\x10\x03\xb4\x06\x1e\x00\x00\x2f"
"""16 January 2019, 06:30, a Wednesday."""
BY_OBJECT = b"\x1e\x0c\x02\x00\x02\x59" + b"\x1c" + identifier(2, 3)[1:] + b"\x1f"
BY_ADDRESS = b"\x2e\x21\x00\x65\x06\xc0\xa8\x01\x07\xba\xc0\x2f"


class TestWhatOnlySomeDevicesKeep:
    async def state(self, tiny: TinyDevice, kind: str = "analog-value") -> CommandState:
        where = BacnetAddress(object_type=kind, instance=1)
        lever = point("lever", where, rule(Release(kind=ReleaseKind.NULL)))
        link = BacnetLink()
        async with listening(tiny) as port:
            driver = BacnetDriver(device(port), link, VirtualClock(MORNING))
            try:
                for _ in range(2):
                    (found,) = await driver.command_states([lever], MORNING)
            finally:
                await link.close()
        assert isinstance(found, CommandState)
        return found

    @pytest.mark.parametrize(
        ("source", "said"),
        [
            (BY_OBJECT, "device 601, analog-value 3"),
            (BY_ADDRESS, "192.168.1.7:47808"),
            (b"\x08", None),
        ],
    )
    async def test_who_commanded_the_acting_value_and_when(
        self, source: bytes, said: str | None
    ) -> None:
        stamps = [b"\x19\x00"] * 16
        stamps[7] = STAMP
        tiny = TinyDevice(
            properties={
                (2, 1, 85): real(22.5),
                (2, 1, 87): SLOT_8,
                (2, 1, 433): source,
                (2, 1, 430): stamps,
            }
        )
        found = await self.state(tiny)
        assert found.source == said
        assert found.since == datetime(2019, 1, 16, 6, 30, tzinfo=ZONE)

    async def test_what_the_device_does_not_know_is_asked_for_once(self) -> None:
        tiny = TinyDevice(properties={(2, 1, 85): real(22.5), (2, 1, 87): SLOT_8})
        found = await self.state(tiny)
        assert (found.source, found.since, found.boot) == (None, None, None)
        assert not found.minimum_times
        asked = [payload for service, payload in tiny.requests if service in (12, 14)]
        assert (
            sum(b"\x1a\x01\xb1" in payload or b"\x0a\x01\xb1" in payload for payload in asked) == 1
        )

    async def test_minimum_times_and_the_last_restart(self) -> None:
        tiny = TinyDevice(
            properties={
                (5, 1, 85): b"\x91\x01",
                (5, 1, 87): NULL * 16,
                (5, 1, 66): unsigned(300),
                (5, 1, 67): unsigned(0),
                (8, 77, 203): STAMP,
            }
        )
        found = await self.state(tiny, "binary-value")
        assert found.minimum_times
        assert (found.minimum_on_s, found.minimum_off_s) == (0.0, 300.0)
        assert found.boot is not None
