"""Modbus servers that are silent or break off, and the ways back against a real server."""

from __future__ import annotations

import asyncio
import dataclasses
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from bms.clock import SystemClock
from bms.model.assets.address import ModbusAddress, Table
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.control.command import Failed, Overridden, Refused, Released, StillHeld
from bms.model.control.reasons import Holder, ReceiptReason
from bms.model.fact import fact
from bms.model.readings.measurement import Quality
from bms.ports.drivers import Driver
from drivers.modbus.connection import Endpoint
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.link import ModbusLink
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import MORNING, NIGHT, OWN, ModbusRig, free_port, point, rule
from tests.rigs.steady_loop import now_s

TIMEOUT_S = 0.2
Script = Callable[[int, int, bytes, asyncio.StreamWriter], Awaitable[None]]


def register(address: int) -> Point:
    """A holding register whose honest value is its address."""
    return point(f"r{address}", ModbusAddress(table=Table.HOLDING, address=address))


def framed(transaction: int, unit: int, pdu: bytes) -> bytes:
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def honest(pdu: bytes) -> bytes:
    """What a good server answers: the registers hold their addresses, writes are echoed."""
    function, address, count = struct.unpack_from(">BHH", pdu)
    if function == 3:
        words = struct.pack(f">{count}H", *range(address, address + count))
        return bytes((3, 2 * count)) + words
    return pdu[:5]


@asynccontextmanager
async def serving(script: Script, port: int) -> AsyncIterator[None]:
    tasks: set[asyncio.Task[None]] = set()

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readexactly(7)
                transaction, _, length, unit = struct.unpack(">HHHB", head)
                pdu = await reader.readexactly(length - 1)
                task = asyncio.ensure_future(script(transaction, unit, pdu, writer))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(session, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0.01)


@pytest.fixture
async def driver() -> AsyncIterator[ModbusDriver]:
    device = Device(
        id="site/controller",
        site="site",
        protocol="modbus",
        host="127.0.0.1",
        port=free_port(),
        timeout_s=TIMEOUT_S,
    )
    link = ModbusLink(Endpoint(device.host, device.port))
    yield ModbusDriver(device, link, SystemClock(), "Europe/Copenhagen")
    await link.close()


def once(mutate: Callable[[int, int, bytes], bytes]) -> Script:
    """The first answer is mutated, all others are honest."""
    first = True

    async def script(t: int, unit: int, pdu: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal first
        answer = mutate(t, unit, pdu) if first else framed(t, unit, honest(pdu))
        first = False
        writer.write(answer)

    return script


@pytest.mark.parametrize(
    "mutate",
    [
        lambda t, u, p: framed(t, u, honest(p)) * 2,
        lambda t, u, p: framed(t - 1, u, b"\x03\x02\x00\x09") + framed(t, u, honest(p)),
    ],
    ids=["repeated", "after a late one"],
)
async def test_strangers_beside_the_right_answer_are_nobodys(
    driver: ModbusDriver, mutate: Callable[[int, int, bytes], bytes]
) -> None:
    async with serving(once(mutate), driver._unit.device.port):
        for address in (300, 301, 302):
            (reading,) = await driver.read([register(address)], MORNING)
            assert reading.value == address


async def test_a_connection_closed_in_the_middle_ends_at_once(driver: ModbusDriver) -> None:
    async def script(t: int, unit: int, pdu: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(framed(t, unit, honest(pdu))[:5])
        writer.close()

    async with serving(script, driver._unit.device.port):
        started = now_s()
        (reading,) = await driver.read([register(300)], MORNING)
        assert now_s() - started < TIMEOUT_S
        assert reading.quality is Quality.NO_REPLY


async def test_a_silent_unit_is_left_alone_and_its_neighbour_is_not() -> None:
    async def script(t: int, unit: int, pdu: bytes, writer: asyncio.StreamWriter) -> None:
        if unit == 1:
            writer.write(framed(t, unit, honest(pdu)))

    port = free_port()
    link = ModbusLink(Endpoint("127.0.0.1", port))
    devices = [
        Device(
            id=f"site/unit{unit}",
            site="site",
            protocol="modbus",
            host="127.0.0.1",
            port=port,
            unit=unit,
            timeout_s=0.1,
        )
        for unit in (1, 2)
    ]
    live, dead = (ModbusDriver(d, link, SystemClock(), "Europe/Copenhagen") for d in devices)
    async with serving(script, port):
        for _ in range(2):
            (reading,) = await dead.read([register(5)], MORNING)
            assert reading.quality is Quality.NO_REPLY
        started = now_s()
        for _ in range(20):
            (good,), (none,) = await asyncio.gather(
                live.read([register(5)], MORNING), dead.read([register(5)], MORNING)
            )
            assert (good.value, none.value) == (5.0, None)
        assert now_s() - started < 1.0
    await link.close()


async def test_a_gateway_that_misses_a_unit_keeps_its_connection(driver: ModbusDriver) -> None:
    connections: set[int] = set()

    async def script(t: int, unit: int, pdu: bytes, writer: asyncio.StreamWriter) -> None:
        connections.add(id(writer))
        missing = struct.unpack_from(">H", pdu, 1)[0] == 300
        writer.write(framed(t, unit, b"\x83\x0b" if missing else honest(pdu)))

    async with serving(script, driver._unit.device.port):
        (reading,) = await driver.read([register(300)], MORNING)
        assert reading.quality is Quality.NO_REPLY
        (reading,) = await driver.read([register(301)], MORNING)
        assert reading.value == 301
        assert len(connections) == 1


# The way back, against a real server


@pytest.fixture
async def timetable() -> AsyncIterator[tuple[ModbusRig, Driver]]:
    async for pair in _rigged(ReleaseKind.TIMETABLE):
        yield pair


@pytest.fixture
async def remote() -> AsyncIterator[tuple[ModbusRig, Driver]]:
    async for pair in _rigged(ReleaseKind.REMOTE_ENABLE):
        yield pair


async def _rigged(kind: ReleaseKind) -> AsyncIterator[tuple[ModbusRig, Driver]]:
    rig = ModbusRig(kind)
    await rig.start()
    link = ModbusLink(Endpoint(rig.device.host, rig.device.port))
    yield rig, ModbusDriver(rig.device, link, SystemClock(), "Europe/Copenhagen")
    await link.close()
    await rig.stop()


@pytest.mark.parametrize(
    ("hour", "minute", "own"),
    [(4, 59, NIGHT), (5, 0, OWN), (18, 59, OWN), (19, 0, NIGHT)],  # UTC; Copenhagen is +1 h
)
async def test_a_timetable_is_read_in_local_time(
    timetable: tuple[ModbusRig, Driver], hour: int, minute: int, own: float
) -> None:
    rig, driver = timetable
    await driver.write(rig.setpoint, command(rig.setpoint, 21.0))
    at = datetime(2019, 1, 16, hour, minute, tzinfo=UTC)
    assert await driver.release(rig.setpoint, at) == Released(rig.setpoint.id, own)
    assert rig.effective() == own


async def test_an_acknowledged_release_that_does_nothing_is_not_believed(
    timetable: tuple[ModbusRig, Driver], remote: tuple[ModbusRig, Driver]
) -> None:
    for rig, driver in (timetable, remote):
        await driver.write(rig.setpoint, command(rig.setpoint, 21.0))
        rig.deaf = True
        given_back = await driver.release(rig.setpoint, MORNING)
        assert isinstance(given_back, StillHeld)
        assert given_back.retryable
        assert rig.held()
        rig.deaf = False
        assert isinstance(await driver.release(rig.setpoint, MORNING), Released)


async def test_an_acknowledged_write_that_does_nothing_failed(
    timetable: tuple[ModbusRig, Driver],
) -> None:
    rig, driver = timetable
    rig.deaf = True
    receipt = await driver.write(rig.setpoint, command(rig.setpoint, 21.0))
    assert isinstance(receipt, Failed)
    assert receipt.error == fact(ReceiptReason.READS_BACK, wrote=21.0, seen=19.0)


async def test_a_remote_setpoint_arrives_before_it_is_enabled(
    remote: tuple[ModbusRig, Driver],
) -> None:
    rig, driver = remote
    await driver.write(rig.setpoint, command(rig.setpoint, 21.0))
    writes = [address for function, address, _ in rig.requests if function in (6, 16)]
    assert list(dict.fromkeys(writes)) == [100, 150]


async def test_a_device_that_takes_remote_control_back_is_overridden(
    remote: tuple[ModbusRig, Driver],
) -> None:
    rig, driver = remote
    rig.deaf = True
    receipt = await driver.write(rig.setpoint, command(rig.setpoint, 21.0))
    assert isinstance(receipt, Overridden)
    assert (receipt.by, receipt.priority, receipt.value) == (fact(Holder.LOCAL), None, OWN)


@pytest.mark.parametrize(
    "release",
    [
        Release(kind=ReleaseKind.NULL),
        Release(kind=ReleaseKind.REMOTE_ENABLE),
        Release(kind=ReleaseKind.TIMETABLE),
        Release(kind=ReleaseKind.CONSTANT),
    ],
    ids=lambda release: str(release.kind),
)
async def test_without_a_way_back_nothing_is_written(
    timetable: tuple[ModbusRig, Driver], release: Release
) -> None:
    rig, driver = timetable
    point = dataclasses.replace(rig.setpoint, write=rule(release))
    assert isinstance(await driver.write(point, command(point, 21.0)), Refused)
    assert isinstance(await driver.release(point, MORNING), StillHeld)
    assert rig.effective() == OWN


async def test_an_input_register_is_never_written(timetable: tuple[ModbusRig, Driver]) -> None:
    rig, driver = timetable
    point = dataclasses.replace(rig.sensors[0], write=rig.setpoint.write)
    assert isinstance(await driver.write(point, command(point, 21.0)), Refused)


async def test_what_a_device_refuses_is_learned(timetable: tuple[ModbusRig, Driver]) -> None:
    rig, driver = timetable
    wanted = [rig.sensors[0], rig.sensors[1], rig.refused, rig.sensors[2]]
    await driver.read(wanted, MORNING)
    first = len(rig.requests)
    await driver.read(wanted, MORNING)
    assert len(rig.requests) - first <= 3  # two good blocks and the refused register
