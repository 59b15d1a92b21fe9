"""What every driver owes its callers, against real servers on loopback."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from bms.clock import VirtualClock
from bms.model.assets.write_rule import ReleaseKind
from bms.model.control.command import (
    Accepted,
    Clamped,
    Failed,
    Overridden,
    Refused,
    Released,
    StillHeld,
)
from bms.model.control.command_state import NoCommandState
from bms.model.control.reasons import ReceiptReason
from bms.model.readings.measurement import Quality
from bms.ports.departure import leaving_while
from bms.ports.drivers import Driver
from drivers.registry import NetworkDrivers
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import MORNING, OWN, SENSORS, BacnetRig, ModbusRig, Rig
from tests.rigs.fieldbus.mbus_rig import MbusRig
from tests.rigs.steady_loop import now_s

RIGS = {
    "bacnet-null": BacnetRig,
    "modbus-remote-enable": lambda: ModbusRig(ReleaseKind.REMOTE_ENABLE),
    "modbus-timetable": lambda: ModbusRig(ReleaseKind.TIMETABLE),
    "modbus-constant": lambda: ModbusRig(ReleaseKind.CONSTANT),
    "mbus": MbusRig,
}
READ_ONLY = ("mbus",)
WRITTEN = tuple(name for name in RIGS if name not in READ_ONLY)
UNHOLDABLE = ("mbus", "modbus-timetable", "modbus-constant")
Test = Callable[..., Awaitable[None]]


def without(*rigs: str) -> Callable[[Test], Test]:
    """A test that these rigs have no part in."""

    def marked(test: Test) -> Test:
        test.left_out = rigs  # type: ignore[attr-defined]
        return test

    return marked


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test with each of the ``RIGS`` of its module that have a part in it."""
    if "rig" in metafunc.fixturenames:
        left_out = getattr(metafunc.function, "left_out", ())
        rigs = [name for name in metafunc.module.RIGS if name not in left_out]
        metafunc.parametrize("rig", rigs, indirect=True)


@pytest.fixture
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    rig: Rig = request.module.RIGS[request.param]()
    await rig.start()
    yield rig
    await rig.stop()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(MORNING)


@pytest.fixture
async def drivers(clock: VirtualClock) -> AsyncIterator[NetworkDrivers]:
    drivers = NetworkDrivers(clock)
    yield drivers
    await drivers.close()


@pytest.fixture
def driver(rig: Rig, drivers: NetworkDrivers) -> Driver:
    return drivers.driver(rig.device)


async def test_one_reading_per_point_in_their_order(rig: Rig, driver: Driver) -> None:
    asked = [*reversed(rig.sensors), rig.setpoint]
    readings = await driver.read(asked, MORNING)
    assert [r.point for r in readings] == [p.id for p in asked]
    assert [r.value for r in readings] == [*reversed(SENSORS), OWN]
    assert {r.time for r in readings} == {MORNING}
    assert {r.quality for r in readings} == {Quality.GOOD}


async def test_a_refused_point_spares_its_neighbours(rig: Rig, driver: Driver) -> None:
    for _ in range(2):
        readings = await driver.read([rig.sensors[0], rig.refused, *rig.sensors[1:]], MORNING)
        assert [r.value for r in readings] == [SENSORS[0], None, *SENSORS[1:]]
        assert readings[1].quality is Quality.DEVICE_ERROR
        assert readings[1].detail


async def test_a_value_is_what_the_device_gives_whatever_range_its_point_declares(
    rig: Rig, driver: Driver
) -> None:
    narrow = dataclasses.replace(rig.sensors[0], low=0.0, high=SENSORS[0] - 1.0)
    (reading,) = await driver.read([narrow], MORNING)
    assert (reading.value, reading.quality) == (SENSORS[0], Quality.GOOD)


async def test_a_dead_device_is_silence_in_time_and_then_left_alone(
    rig: Rig, driver: Driver
) -> None:
    await rig.stop()
    for _ in range(2):
        started = now_s()
        readings = await driver.read([*rig.sensors, rig.setpoint], MORNING)
        assert now_s() - started < 3 * rig.device.timeout_s
        assert {r.quality for r in readings} == {Quality.NO_REPLY}
        assert {r.value for r in readings} == {None}
    started = now_s()
    readings = await driver.read(rig.sensors, MORNING)
    assert now_s() - started < rig.device.timeout_s / 2
    assert {r.quality for r in readings} == {Quality.NO_REPLY}


@without(*READ_ONLY)
async def test_a_dead_device_is_neither_written_nor_given_back(rig: Rig, driver: Driver) -> None:
    await rig.stop()
    receipt = await driver.write(rig.setpoint, command(rig.setpoint, 20.0))
    assert isinstance(receipt, Failed)
    assert receipt.retryable
    given_back = await driver.release(rig.setpoint, MORNING)
    assert isinstance(given_back, StillHeld)
    assert given_back.retryable


async def test_a_server_that_comes_back_is_read_again(
    rig: Rig, driver: Driver, clock: VirtualClock
) -> None:
    assert (await driver.read(rig.sensors, MORNING))[0].value == SENSORS[0]
    await rig.stop()
    for _ in range(2):
        await driver.read(rig.sensors, MORNING)
    await rig.start()
    clock.advance(timedelta(minutes=15))
    readings = await driver.read(rig.sensors, clock.now())
    assert [r.value for r in readings] == list(SENSORS)


async def test_a_restart_between_two_polls_goes_unnoticed(rig: Rig, driver: Driver) -> None:
    await driver.read(rig.sensors, MORNING)
    await rig.stop()
    await rig.start()
    readings = await driver.read(rig.sensors, MORNING)
    assert [r.value for r in readings] == list(SENSORS)


@without(*READ_ONLY)
async def test_w11_a_late_write_does_not_leave_and_a_give_back_always_does(
    rig: Rig, driver: Driver
) -> None:
    """The permission is asked for last: reads before it go out as ever."""
    with leaving_while(lambda: False):
        receipt = await driver.write(rig.setpoint, command(rig.setpoint, 20.5))
    assert isinstance(receipt, Failed)
    assert receipt.error.code == ReceiptReason.TOO_LATE
    assert not receipt.retryable
    assert not rig.held()
    assert rig.effective() == OWN
    await driver.write(rig.setpoint, command(rig.setpoint, 20.5))
    assert rig.held()
    with leaving_while(lambda: True):
        assert isinstance(await driver.release(rig.setpoint, MORNING), Released)
    assert not rig.held()


@without(*READ_ONLY)
async def test_a_write_is_read_back_and_given_back(rig: Rig, driver: Driver) -> None:
    receipt = await driver.write(rig.setpoint, command(rig.setpoint, 20.54))
    assert receipt == Accepted(command(rig.setpoint, 20.54), 20.5)
    assert rig.effective() == pytest.approx(20.5)
    assert rig.held()
    (reading,) = await driver.read([rig.setpoint], MORNING)
    assert reading.value == 20.5
    assert await driver.release(rig.setpoint, MORNING) == Released(rig.setpoint.id, OWN)
    assert not rig.held()
    assert rig.effective() == OWN


@without(*READ_ONLY)
async def test_a_second_release_is_harmless(rig: Rig, driver: Driver) -> None:
    await driver.write(rig.setpoint, command(rig.setpoint, 21.0))
    for _ in range(2):
        assert await driver.release(rig.setpoint, MORNING) == Released(rig.setpoint.id, OWN)


@without(*READ_ONLY)
@pytest.mark.parametrize(("wish", "written"), [(30.0, 23.0), (3.0, 15.0)])
async def test_a_wish_beyond_the_limits_is_clamped(
    rig: Rig, driver: Driver, wish: float, written: float
) -> None:
    receipt = await driver.write(rig.setpoint, command(rig.setpoint, wish))
    assert isinstance(receipt, Clamped)
    assert (receipt.written, receipt.read_back) == (written, written)
    assert receipt.limit.parameters == {"limit": written}
    assert rig.effective() == written


async def test_what_may_not_be_written_is_refused(rig: Rig, driver: Driver) -> None:
    unwritable = dataclasses.replace(rig.setpoint, write=None)
    for point, value in ((unwritable, 20.0), (rig.setpoint, float("nan"))):
        receipt = await driver.write(point, command(point, value))
        assert isinstance(receipt, Refused)
    assert not rig.held()
    assert rig.effective() == OWN
    given_back = await driver.release(unwritable, MORNING)
    assert isinstance(given_back, StillHeld)
    assert not given_back.retryable


@without(*WRITTEN)
async def test_a_protocol_that_only_reads_refuses_every_write(rig: Rig, driver: Driver) -> None:
    assert isinstance(await driver.write(rig.setpoint, command(rig.setpoint, 20.0)), Refused)
    given_back = await driver.release(rig.setpoint, MORNING)
    assert isinstance(given_back, StillHeld)
    assert not given_back.retryable
    (state,) = await driver.command_states([rig.setpoint], MORNING)
    assert isinstance(state, NoCommandState)
    assert not state.retryable


@without(*UNHOLDABLE)
async def test_whoever_takes_the_point_by_hand_wins(rig: Rig, driver: Driver) -> None:
    await rig.take(22.0)
    receipt = await driver.write(rig.setpoint, command(rig.setpoint, 18.0))
    assert isinstance(receipt, Overridden)
    assert receipt.value == 22.0
    assert rig.effective() == 22.0


async def test_many_callers_at_once_get_their_own_answers(rig: Rig, driver: Driver) -> None:
    polls = await asyncio.gather(
        *(driver.read([rig.sensors[i % 3]], MORNING) for i in range(30)),
    )
    assert [readings[0].value for readings in polls] == [SENSORS[i % 3] for i in range(30)]


async def test_a_cancelled_poll_leaves_the_next_one_right(rig: Rig, driver: Driver) -> None:
    for _ in range(5):
        poll = asyncio.create_task(driver.read(rig.sensors[:1], MORNING))
        await asyncio.sleep(0.001)
        poll.cancel()
        (reading,) = await driver.read(rig.sensors[2:], MORNING)
        assert reading.value == SENSORS[2]


async def test_a_closed_driver_answers_with_silence(
    rig: Rig, driver: Driver, drivers: NetworkDrivers
) -> None:
    await driver.read(rig.sensors, MORNING)
    await drivers.close()
    (reading, *_) = await driver.read(rig.sensors, MORNING)
    assert reading.quality is Quality.NO_REPLY


async def test_a_point_of_another_protocol_spares_the_others(rig: Rig, driver: Driver) -> None:
    modbus = rig.device.protocol == "modbus"
    other: Rig = BacnetRig() if modbus else ModbusRig(ReleaseKind.CONSTANT)
    readings = await driver.read([other.sensors[0], rig.sensors[1]], MORNING)
    assert [r.quality for r in readings] == [Quality.DEVICE_ERROR, Quality.GOOD]
