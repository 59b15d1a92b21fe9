"""What real devices and gateways do beside the specification, each with its bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bms.model.assets.address import DataType, ModbusAddress, Table
from bms.model.assets.device import Framing
from bms.model.assets.point import Point
from bms.model.control.command import Accepted, Failed, Released
from bms.model.control.reasons import ReceiptReason
from bms.model.readings.measurement import Quality
from drivers.modbus.connection import Endpoint
from drivers.modbus.link import ModbusLink
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import MORNING, point
from tests.rigs.fieldbus.modbus_line import Quick, register, unit, writes
from tests.rigs.fieldbus.modbus_peer import Bank, Call, Peer, crc16, honestly
from tests.rigs.steady_loop import now_s


async def hanging_up(call: Call) -> None:
    """Close the connection after each reply."""
    call.tell()
    call.hang_up()


async def hanging_up_later(call: Call) -> None:
    call.tell()
    await asyncio.sleep(0.03)
    call.hang_up()


# Closes after each reply


@pytest.mark.parametrize("script", [hanging_up, hanging_up_later])
async def test_a_device_that_closes_after_each_reply_is_written(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point, script
) -> None:  # type: ignore[no-untyped-def]
    peer.script = script
    driver = unit(peer, link, clock)
    for value in (21.0, 22.0, 23.0):
        assert isinstance(await driver.write(setpoint, command(setpoint, value)), Accepted)
    assert await driver.release(setpoint, MORNING) == Released(setpoint.id, 20.0)
    assert writes(peer) == [(6, 100)] * 4


async def test_a_release_alone_reaches_a_device_that_closes_after_each_reply(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point
) -> None:
    peer.script = hanging_up
    driver = unit(peer, link, clock)
    await driver.read([setpoint], MORNING)
    assert await driver.release(setpoint, MORNING) == Released(setpoint.id, 20.0)
    assert writes(peer) == [(6, 100)]


async def test_a_connection_that_stays_is_kept(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point
) -> None:
    driver = unit(peer, link, clock)
    for value in (21.0, 22.0):
        await driver.write(setpoint, command(setpoint, value))
    assert peer.connections == 1


# Noise on the line


@pytest.fixture
async def gateway() -> AsyncIterator[Peer]:
    peer = Peer("rtu_over_tcp", Bank())
    await peer.start()
    yield peer
    await peer.stop()


@pytest.fixture
async def rtu(gateway: Peer, clock: Quick) -> AsyncIterator[ModbusLink]:
    link = ModbusLink(Endpoint("127.0.0.1", gateway.port, Framing.RTU_OVER_TCP), clock)
    yield link
    await link.close()


@pytest.mark.parametrize("noise", ["00", "ff", "0000", "ff00ff", "fe", "04"])
async def test_noise_before_a_frame_is_skipped(
    gateway: Peer, rtu: ModbusLink, clock: Quick, noise: str
) -> None:
    async def script(call: Call) -> None:
        body = bytes.fromhex("04030200d7")
        call.send(bytes.fromhex(noise) + body + crc16(body))

    gateway.script = script
    where = ModbusAddress(table=Table.HOLDING, address=0, scale=0.1)
    driver = unit(gateway, rtu, clock, 4)
    for _ in range(3):
        (found,) = await driver.read([point("room", where)], MORNING)
        assert (found.value, found.quality) == (21.5, Quality.GOOD)
    assert gateway.connections == 1


@pytest.mark.parametrize("noise", ["00", "ff"])
async def test_noise_after_a_frame_is_skipped(
    gateway: Peer, rtu: ModbusLink, clock: Quick, noise: str
) -> None:
    async def script(call: Call) -> None:
        call.send(call.frame() + bytes.fromhex(noise))

    gateway.script = script
    gateway.bank.fill(1, "holding", 0, 7)
    driver = unit(gateway, rtu, clock)
    for _ in range(3):
        assert (await driver.read([register(0)], MORNING))[0].value == 7
    assert gateway.connections == 1


async def test_noise_without_a_frame_is_no_reply(
    gateway: Peer, rtu: ModbusLink, clock: Quick
) -> None:
    async def script(call: Call) -> None:
        call.send(b"\0" * 40)

    gateway.script = script
    (found,) = await unit(gateway, rtu, clock).read([register(0)], MORNING)
    assert found.value is None


# Busy once


def busy(code: int, times: int) -> tuple[list[bytes], object]:
    sent: list[bytes] = []

    async def script(call: Call) -> None:
        sent.append(call.pdu)
        if len(sent) <= times:
            call.tell(bytes((call.pdu[0] | 0x80, code)))
        else:
            call.tell()

    return sent, script


@pytest.mark.parametrize("code", [5, 6])
async def test_a_busy_device_is_asked_again(
    peer: Peer, link: ModbusLink, clock: Quick, code: int
) -> None:
    peer.bank.fill(1, "holding", 0, 7)
    _, peer.script = busy(code, 1)  # type: ignore[assignment]
    (found,) = await unit(peer, link, clock).read([register(0)], MORNING)
    assert found.value == 7


async def test_a_device_that_stays_busy_is_left_within_the_deadline(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    sent, peer.script = busy(6, 99)  # type: ignore[assignment]
    (found,) = await unit(peer, link, clock).read([register(0)], MORNING)
    assert found.quality is Quality.DEVICE_ERROR
    assert 2 <= len(sent) <= 5


async def test_a_busy_device_is_written_again(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point
) -> None:
    refused = []

    async def script(call: Call) -> None:
        if call.pdu[0] == 6 and not refused:
            refused.append(call.pdu)
            peer.bank.fill(1, "holding", 100, 200)  # it had not done it
            call.tell(bytes((0x86, 6)))
        else:
            call.tell()

    peer.script = script
    receipt = await unit(peer, link, clock).write(setpoint, command(setpoint, 21.0))
    assert isinstance(receipt, Accepted)


# Gateways with transaction numbers of their own


async def one_more(call: Call) -> None:
    frame = bytearray(call.frame())
    frame[:2] = ((call.transaction + 1) % 0x10000).to_bytes(2, "big")
    call.send(bytes(frame))


async def test_another_transaction_number_is_named(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    peer.script = one_more
    peer.bank.fill(1, "holding", 0, 7)
    (found,) = await unit(peer, link, clock).read([register(0)], MORNING)
    assert found.value is None
    assert found.detail is not None
    assert "transaction" in found.detail
    assert "any_transaction" in found.detail


async def test_another_transaction_number_is_taken_where_the_site_file_says_so(
    peer: Peer, clock: Quick, setpoint: Point
) -> None:
    peer.script = one_more
    link = ModbusLink(Endpoint("127.0.0.1", peer.port, any_transaction=True), clock)
    driver = unit(peer, link, clock)
    for value in (21.0, 22.0):
        assert isinstance(await driver.write(setpoint, command(setpoint, value)), Accepted)
    await link.close()


async def test_a_late_reply_is_not_taken_for_the_next_at_such_a_gateway(
    peer: Peer, clock: Quick
) -> None:
    """Without numbers, as on a serial line: register 0 is answered after its time-out."""
    slow = asyncio.Event()

    async def script(call: Call) -> None:
        if call.pdu[1:3] == b"\0\0" and not slow.is_set():
            slow.set()
            await asyncio.sleep(0.35)
        await one_more(call)

    peer.script = script
    peer.bank.fill(1, "holding", 0, 300, 301)
    link = ModbusLink(Endpoint("127.0.0.1", peer.port, any_transaction=True), clock)
    driver = unit(peer, link, clock)
    (late,) = await driver.read([register(0)], MORNING)
    (next_one,) = await driver.read([register(1)], MORNING)
    assert (late.value, next_one.value) in ((None, 301), (None, None))
    await link.close()


# Write functions


@pytest.mark.parametrize(("only", "sent"), [(6, 6), (16, 16)])
async def test_the_function_that_a_device_has_is_found(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point, only: int, sent: int
) -> None:
    async def script(call: Call) -> None:
        if call.pdu[0] in (6, 16) and call.pdu[0] != only:
            peer.bank.fill(1, "holding", 100, 200)
            call.tell(bytes((call.pdu[0] | 0x80, 1)))
        else:
            call.tell()

    peer.script = script
    driver = unit(peer, link, clock)
    for value in (21.0, 22.0):
        assert isinstance(await driver.write(setpoint, command(setpoint, value)), Accepted)
    assert await driver.release(setpoint, MORNING) == Released(setpoint.id, 20.0)
    functions = [function for function, _ in writes(peer)]
    assert functions.count(22 - only) == (1 if only == 16 else 0)  # the other is tried once
    assert functions.count(sent) == 3


async def test_a_declared_function_that_is_refused_is_named(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point
) -> None:
    async def script(call: Call) -> None:
        if call.pdu[0] == 6:
            peer.bank.fill(1, "holding", 100, 200)
            call.tell(bytes((0x86, 1)))
        else:
            call.tell()

    peer.script = script
    assert isinstance(setpoint.address, ModbusAddress)
    declared = replace(setpoint, address=replace(setpoint.address, write_function=6))
    receipt = await unit(peer, link, clock).write(declared, command(declared, 21.0))
    assert isinstance(receipt, Failed)
    assert "write_function" in str(receipt.error)


async def test_registers_of_a_device_with_function_6_only_are_not_torn(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point
) -> None:
    """A float32 by two single writes would be another number in between."""

    async def script(call: Call) -> None:
        if call.pdu[0] == 16:
            call.tell(bytes((0x90, 1)))
        else:
            call.tell()

    peer.bank.fill(1, "holding", 100, 0x41A0, 0)
    peer.script = script
    assert isinstance(setpoint.address, ModbusAddress)
    where = replace(setpoint.address, type=DataType.FLOAT32, scale=1.0)
    wide = replace(setpoint, address=where)
    receipt = await unit(peer, link, clock).write(wide, command(wide, 21.0))
    assert isinstance(receipt, Failed)
    assert "write_function" in str(receipt.error)


async def test_the_honest_peer_is_not_asked_more_than_before(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point
) -> None:
    peer.script = honestly
    driver = unit(peer, link, clock)
    await driver.write(setpoint, command(setpoint, 21.0))
    assert len(peer.bank.log) <= 4


# Steps


async def test_a_device_of_half_degrees_is_said_to_be_one(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point
) -> None:
    async def script(call: Call) -> None:
        if call.pdu[0] == 6:
            peer.bank.fill(1, "holding", 100, 215)
        call.tell()

    peer.script = script
    receipt = await unit(peer, link, clock).write(setpoint, command(setpoint, 21.3))
    assert isinstance(receipt, Failed)
    assert receipt.error.code == ReceiptReason.TAKES_STEPS
    assert receipt.error.parameters["step"] == 0.5
    assert not receipt.retryable


# SunSpec elsewhere


@pytest.mark.parametrize("base", [40000, 0, 50000])
async def test_sunspec_models_are_found_where_the_device_has_them(
    peer: Peer, link: ModbusLink, clock: Quick, base: int
) -> None:
    mark = (0x5375, 0x6E53)
    model_1 = (1, 66, *[0x4142] * 16, *[0x4344] * 50)
    model_103 = (103, 50, *range(50))
    peer.bank.fill(1, "holding", base, *mark, *model_1, *model_103, 0xFFFF, 0)
    where = ModbusAddress(table=Table.HOLDING, address=16, type=DataType.UINT16, model=103)
    driver = unit(peer, link, clock)
    (found,) = await driver.read([point("power", where)], MORNING)
    assert found.value == 14
    seen = await driver.fingerprint()
    assert seen is not None
    assert seen.vendor == "AB" * 16


# IPv6


async def test_a_gateway_is_reached_over_ipv6(clock: Quick) -> None:
    bank = Bank()
    bank.fill(1, "holding", 0, 7)
    peer = Peer("tcp", bank, host="::1")
    try:
        await peer.start()
    except OSError:
        pytest.skip("this computer has no IPv6 loopback")
    link = ModbusLink(Endpoint("::1", peer.port), clock)
    assert link.endpoint.name == f"[::1]:{peer.port}"
    (found,) = await unit(peer, link, clock).read([register(0)], MORNING)
    assert found.value == 7
    await link.close()
    await peer.stop()


# A line that gives back what we send


@pytest.mark.parametrize("pause_s", [0.0, 0.01])
async def test_the_echo_of_a_line_is_no_reply(
    gateway: Peer, rtu: ModbusLink, clock: Quick, setpoint: Point, pause_s: float
) -> None:
    async def script(call: Call) -> None:
        echo = bytes((call.unit,)) + call.pdu
        call.send(echo + crc16(echo))
        await asyncio.sleep(pause_s)
        call.tell()

    gateway.script = script
    gateway.bank.fill(1, "holding", 100, 200)
    driver = unit(gateway, rtu, clock)
    for value in (21.0, 22.0):
        found = await driver.write(setpoint, command(setpoint, value))
        assert isinstance(found, Accepted), found
    (seen,) = await driver.read([setpoint], MORNING)
    assert (seen.value, gateway.connections) == (22.0, 1)


async def test_an_echo_alone_is_no_reply(gateway: Peer, rtu: ModbusLink, clock: Quick) -> None:
    async def script(call: Call) -> None:
        echo = bytes((call.unit,)) + call.pdu
        call.send(echo + crc16(echo))

    gateway.script = script
    (found,) = await unit(gateway, rtu, clock).read([register(0)], MORNING)
    assert (found.value, found.quality) == (None, Quality.NO_REPLY)


async def test_noise_within_a_frame_is_no_value_and_the_next_is_right(
    gateway: Peer, rtu: ModbusLink, clock: Quick
) -> None:
    gateway.bank.fill(1, "holding", 0, 7)
    spoilt = iter([b"\0", b"\xff", b"\xa5"])

    async def script(call: Call) -> None:
        frame, noise = call.frame(), next(spoilt, b"")
        call.send(frame[:3] + noise + frame[3:])

    gateway.script = script
    driver = unit(gateway, rtu, clock)
    for _ in range(3):
        (found,) = await driver.read([register(0)], MORNING)
        assert found.value is None
    (found,) = await driver.read([register(0)], MORNING)
    assert found.value == 7


# Who sends without end


@pytest.mark.parametrize("framing", [Framing.TCP, Framing.RTU_OVER_TCP])
@pytest.mark.parametrize("what", ["stray frames", "zeros", "drops"])
async def test_who_sends_without_end_is_hung_up_on(
    clock: Quick, framing: Framing, what: str
) -> None:
    sent = 0
    stray = bytes.fromhex("99990000000501030200d7")
    chunk = {"stray frames": stray * 5_000, "zeros": b"\0" * 65_536, "drops": b"\x01"}[what]

    async def script(call: Call) -> None:
        nonlocal sent
        call.tell()
        for _ in range(300):
            call.send(chunk)
            sent += len(chunk)
            await asyncio.sleep(0.001)

    peer = Peer(framing.value, Bank(), script)
    peer.bank.fill(1, "holding", 0, 7)
    await peer.start()
    link = ModbusLink(Endpoint("127.0.0.1", peer.port, framing), clock)
    (found,) = await unit(peer, link, clock).read([register(0)], MORNING)
    assert found.value == 7
    await asyncio.sleep(0.5)
    assert sent < 300_000 or not link.connected
    await link.close()
    await peer.stop()


@pytest.mark.parametrize(
    "reply", ["0103fa00", "0103ff00", "010300", "01830201", "0103020007ffff", "01"]
)
async def test_a_reply_that_drips_holds_the_line_for_its_time_out(
    gateway: Peer, rtu: ModbusLink, clock: Quick, reply: str
) -> None:
    async def script(call: Call) -> None:
        for octet in bytes.fromhex(reply) + b"\x11" * 300:
            call.send(bytes((octet,)))
            await asyncio.sleep(0.02)

    gateway.script = script
    began = now_s()
    (found,) = await unit(gateway, rtu, clock).read([register(0)], MORNING)
    assert found.value is None
    assert now_s() - began < 2.5
