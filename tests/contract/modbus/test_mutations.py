"""Every reply a device could send but should not: never a wrong value, never past the deadline."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bms.clock import SystemClock, VirtualClock
from bms.model.assets.address import ModbusAddress, Table
from bms.model.assets.device import Device, Framing, Parity, SerialLine
from bms.model.assets.point import Point
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.control.command import Accepted, Failed
from drivers.modbus.connection import endpoint_of
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.link import ModbusLink
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import MORNING, point, rule
from tests.rigs.fieldbus.modbus_peer import Bank, Call, Peer, Script
from tests.rigs.steady_loop import now_s

TIMEOUT_S = 0.4  # a busy machine needs time for an honest reply
# One exchange, and on lines whose replies name no request as long again in silence.
DEADLINE_S = 2.5 * TIMEOUT_S
FRAMINGS = ["tcp", "rtu_over_tcp", "rtu"]


def device_of(peer: Peer, unit: int = 1, **rest: object) -> Device:
    serial = SerialLine(path=peer.path, baud=115200, parity=Parity.NONE) if peer.path else None
    return Device(
        id=f"site/unit{unit}",
        site="site",
        protocol="modbus",
        host="" if peer.path else "127.0.0.1",
        port=peer.port,
        unit=unit,
        timeout_s=TIMEOUT_S,
        framing=Framing(peer.framing),
        serial=serial,
        **rest,  # type: ignore[arg-type]
    )


def register(address: int) -> Point:
    """A holding register whose honest value is its address."""
    return point(f"r{address}", ModbusAddress(table=Table.HOLDING, address=address))


@pytest.fixture
async def peer(request: pytest.FixtureRequest) -> AsyncIterator[Peer]:
    bank = Bank()
    for unit in (1, 2):
        bank.fill(unit, "holding", 290, *range(290, 320))
    peer = Peer(request.param, bank)
    await peer.start()
    yield peer
    await peer.stop()


@pytest.fixture
async def driver(peer: Peer, request: pytest.FixtureRequest) -> AsyncIterator[ModbusDriver]:
    """The usual silence is kept where it matters; elsewhere it would only cost time."""
    device = device_of(peer)
    quiet_s = None if "late" in request.node.name else 0.03
    link = ModbusLink(endpoint_of(device), quiet_s=quiet_s)
    yield ModbusDriver(device, link, SystemClock(), "Europe/Copenhagen")
    await link.close()


def once(mutation: Callable[[Call], Awaitable[None] | None]) -> Script:
    """The first answer is mutated, all others are honest."""
    first = True

    async def script(call: Call) -> None:
        nonlocal first
        if not first:
            call.tell()
            return
        first = False
        done = mutation(call)
        if done is not None:
            await done

    return script


async def _later(call: Call, wait_s: float, data: bytes) -> None:
    await asyncio.sleep(wait_s)
    call.send(data)


async def _begun_and_ended_late(call: Call) -> None:
    frame = call.frame()
    call.send(frame[:6])
    await _later(call, 1.3 * TIMEOUT_S, frame[6:])


def _cut_and_closed(call: Call) -> None:
    call.send(call.frame()[:5])
    call.hang_up()


# No value may come of these.
WRONG: dict[str, Callable[[Call], Awaitable[None] | None]] = {
    "nothing": lambda c: None,
    "another unit": lambda c: c.tell(unit=2),
    "unit 0": lambda c: c.tell(unit=0),
    "unit 255": lambda c: c.tell(unit=255),
    "another function": lambda c: c.tell(b"\x04" + c.honest[1:]),
    "a write's echo": lambda c: c.tell(b"\x06" + c.pdu[1:]),
    "one register too few": lambda c: c.tell(b"\x03\x02\x00\x09"),
    "one register too many": lambda c: c.tell(b"\x03\x06" + b"\x00\x09" * 3),
    "odd byte count": lambda c: c.tell(b"\x03\x03\x00\x09\x00"),
    "byte count 0": lambda c: c.tell(b"\x03\x00"),
    "byte count too small": lambda c: c.tell(b"\x03\x02" + c.honest[2:]),
    "byte count too large": lambda c: c.tell(b"\x03\x08" + c.honest[2:]),
    "byte count 255": lambda c: c.tell(b"\x03\xff" + c.honest[2:]),
    "byte count without bytes": lambda c: c.tell(b"\x03\x04"),
    "a function alone": lambda c: c.tell(b"\x03"),
    "function 0": lambda c: c.tell(b"\x00" + c.honest[1:]),
    "exception 4": lambda c: c.tell(b"\x83\x04"),
    "exception 0": lambda c: c.tell(b"\x83\x00"),
    "exception 255": lambda c: c.tell(b"\x83\xff"),
    "exception of another function": lambda c: c.tell(b"\x84\x02"),
    "exception with a tail": lambda c: c.tell(b"\x83\x02\x00"),
    "exception without a code": lambda c: c.tell(b"\x83"),
    "the request sent back": lambda c: c.tell(c.pdu),
    "garbage": lambda c: c.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "zeros": lambda c: c.send(bytes(40)),
    "all ones": lambda c: c.send(b"\xff" * 40),
    "cut short": lambda c: c.send(c.frame()[:-1]),
    "head alone": lambda c: c.send(c.frame()[:3]),
    "late": lambda c: _later(c, 1.3 * TIMEOUT_S, c.frame()),
    "begun and ended late": _begun_and_ended_late,
}
CLOSED: dict[str, Callable[[Call], Awaitable[None] | None]] = {
    "closed": lambda c: c.hang_up(),
    "cut and closed": _cut_and_closed,
}


def mbap(call: Call, transaction: int, protocol: int = 0, length: int | None = None) -> None:
    size = len(call.honest) + 1 if length is None else length
    head = struct.pack(">HHHB", transaction & 0xFFFF, protocol, size, call.unit)
    call.send(head + call.honest)


TCP_WRONG: dict[str, Callable[[Call], Awaitable[None] | None]] = {
    "garbage before": lambda c: c.send(b"\xff\xfe" + c.frame()),
    "next transaction": lambda c: mbap(c, c.transaction + 1),
    "transaction before": lambda c: mbap(c, c.transaction - 1),
    "transaction 0": lambda c: mbap(c, 0),
    "transaction with bytes swapped": lambda c: mbap(c, c.transaction << 8),
    "another protocol": lambda c: mbap(c, c.transaction, protocol=1),
    "length 0": lambda c: mbap(c, c.transaction, length=0),
    "length 9999": lambda c: mbap(c, c.transaction, length=9999),
    "length one too small": lambda c: mbap(c, c.transaction, length=len(c.honest)),
    "length one too large": lambda c: mbap(c, c.transaction, length=len(c.honest) + 2),
}


def _flipped(call: Call, byte: int) -> None:
    frame = bytearray(call.frame())
    frame[byte] ^= 0x01
    call.send(bytes(frame))


RTU_WRONG: dict[str, Callable[[Call], Awaitable[None] | None]] = {
    "checksum swapped": lambda c: c.send(c.frame()[:-2] + c.frame()[:-3:-1]),
    "checksum 0": lambda c: c.send(c.frame()[:-2] + b"\0\0"),
    "no checksum": lambda c: c.send(c.frame()[:-2]),
    "a bit flipped in the value": lambda c: _flipped(c, 4),
    "a bit flipped in the checksum": lambda c: _flipped(c, -1),
    "a TCP frame": lambda c: c.send(b"\0\1\0\0\0\x07\1" + c.honest),
}
# The right answer is among these, in a strange shape.
STRANGE: dict[str, Callable[[Call], Awaitable[None] | None]] = {
    "twice in one": lambda c: c.send(c.frame() * 2),
    "garbage after": lambda c: c.send(c.frame() + b"\x01\x03\x04"),
    "with a stranger behind": lambda c: c.send(c.frame() + c.frame(unit=2)),
}


def _cases() -> list[object]:
    found = []
    for framing in FRAMINGS:
        tables = [WRONG, TCP_WRONG if framing == "tcp" else RTU_WRONG]
        tables += [CLOSED] if framing != "rtu" else []
        found += [
            pytest.param(framing, mutation, id=f"{framing}: {name}")
            for table in tables
            for name, mutation in table.items()
        ]
    return found


@pytest.mark.parametrize(("peer", "mutation"), _cases(), indirect=["peer"])
async def test_no_value_comes_of_a_wrong_reply_and_the_next_is_right(
    peer: Peer, driver: ModbusDriver, mutation: Callable[[Call], Awaitable[None] | None]
) -> None:
    peer.script = once(mutation)
    started = now_s()
    readings = await driver.read([register(300), register(301)], MORNING)
    assert now_s() - started < DEADLINE_S
    assert [r.value for r in readings] == [None, None]
    readings = await driver.read([register(302), register(303)], MORNING)
    assert [r.value for r in readings] == [302, 303]
    readings = await driver.read([register(304), register(305)], MORNING)
    assert [r.value for r in readings] == [304, 305]


@pytest.mark.parametrize("peer", FRAMINGS, indirect=True)
@pytest.mark.parametrize("strange", STRANGE)
async def test_strangers_beside_the_right_reply_are_nobodys(
    peer: Peer, driver: ModbusDriver, strange: str
) -> None:
    peer.script = once(STRANGE[strange])
    for address in range(300, 305):
        started = now_s()
        (reading,) = await driver.read([register(address)], MORNING)
        assert now_s() - started < DEADLINE_S
        assert reading.value in ((address, None) if "after" in strange else (address,))
    assert reading.value == 304


@pytest.mark.parametrize("peer", FRAMINGS, indirect=True)
async def test_a_reply_in_single_bytes_is_read(peer: Peer, driver: ModbusDriver) -> None:
    async def script(call: Call) -> None:
        for byte in call.frame():
            call.send(bytes((byte,)))
            await asyncio.sleep(0.001)

    peer.script = script
    (reading,) = await driver.read([register(300)], MORNING)
    assert reading.value == 300


@pytest.mark.parametrize("peer", FRAMINGS, indirect=True)
async def test_a_cancelled_read_leaves_no_reply_behind(peer: Peer, driver: ModbusDriver) -> None:
    async def script(call: Call) -> None:
        await asyncio.sleep(0.03)
        call.tell()

    peer.script = script
    for address in (300, 302, 304):
        poll = asyncio.create_task(driver.read([register(address)], MORNING))
        await asyncio.sleep(0.015)
        poll.cancel()
        (reading,) = await driver.read([register(address + 1)], MORNING)
        assert reading.value == address + 1


@pytest.mark.parametrize("peer", ["rtu"], indirect=True)
@pytest.mark.parametrize("late_s", [0.205, 0.22, 0.26, 0.32])
async def test_on_a_serial_line_a_very_late_reply_is_never_taken_for_another(
    peer: Peer, late_s: float
) -> None:
    """The port is open again, and the next request of the same shape is on its way."""
    lock, first = asyncio.Lock(), True

    async def script(call: Call) -> None:
        nonlocal first
        async with lock:  # a slow device answers in order, one after the other
            wait, first = (late_s if first else 0.01), False
            await asyncio.sleep(wait)
            call.tell()

    peer.script = script
    clock = VirtualClock(MORNING)
    device = replace(device_of(peer), timeout_s=0.1)
    link = ModbusLink(endpoint_of(device), clock)
    driver = ModbusDriver(device, link, clock, "Europe/Copenhagen")
    values = []
    for address in range(300, 310):
        (reading,) = await driver.read([register(address)], MORNING)
        assert reading.value in (address, None)
        values.append(reading.value)
        clock.advance(timedelta(minutes=15))
    assert values[0] is None
    assert any(values[2:])
    await link.close()


SETPOINT = point(
    "setpoint",
    ModbusAddress(table=Table.HOLDING, address=300, scale=0.1),
    rule(Release(kind=ReleaseKind.CONSTANT, value=20.0)),
)
WRONG_ECHO: dict[str, Callable[[Call], Awaitable[None] | None]] = {
    "another value": lambda c: c.tell(c.pdu[:3] + b"\x00\x63"),
    "another address": lambda c: c.tell(c.pdu[:1] + b"\x00\x63" + c.pdu[3:]),
    "another function": lambda c: c.tell(b"\x10" + c.pdu[1:]),
    "cut short": lambda c: c.tell(c.pdu[:3]),
    "a read's answer": lambda c: c.tell(b"\x03\x02\x00\x63"),
    "exception of a read": lambda c: c.tell(b"\x83\x02"),
    "exception 4": lambda c: c.tell(b"\x86\x04"),
    "nothing": lambda c: None,
}


@pytest.mark.parametrize("peer", FRAMINGS, indirect=True)
@pytest.mark.parametrize("echo", WRONG_ECHO)
async def test_a_wrong_echo_is_no_write_and_a_write_is_never_repeated(
    peer: Peer, driver: ModbusDriver, echo: str
) -> None:
    writes: list[bytes] = []
    mutate = once(WRONG_ECHO[echo])

    async def script(call: Call) -> None:
        if call.pdu[0] == 6:
            writes.append(call.pdu)
            await mutate(call)
        else:
            call.tell()

    peer.script = script
    receipt = await driver.write(SETPOINT, command(SETPOINT, 21.0))
    assert isinstance(receipt, Failed)
    assert receipt.retryable
    assert len(writes) == 1
    receipt = await driver.write(SETPOINT, command(SETPOINT, 22.0))
    assert receipt == Accepted(command(SETPOINT, 22.0), 22.0)
