"""Who is asked when: breakers, pace, turns and the owner of a serial line."""

from __future__ import annotations

import asyncio
import socket
import termios
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bms.errors import ConfigError
from bms.model.assets.address import ModbusAddress, Table
from bms.model.assets.device import Device, Framing, ModbusTraits, Parity, SerialLine
from bms.model.control.command import Accepted, Failed
from bms.model.control.reasons import ReceiptReason
from bms.model.readings.measurement import Quality
from bms.ports.departure import leaving_while
from bms.ports.drivers import QueuedDriver
from drivers.fieldbus.wire import open_tcp
from drivers.modbus.connection import Endpoint, endpoint_of
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.link import ModbusLink
from drivers.registry import NetworkDrivers
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import MORNING, free_port, point, rule
from tests.rigs.fieldbus.modbus_line import (
    CONSTANT,
    TIMEOUT_S,
    Quick,
    register,
    unit,
    writes,
)
from tests.rigs.fieldbus.modbus_peer import Bank, Call, Peer
from tests.rigs.steady_loop import now_s

# Who waits for whom


async def test_w11_a_write_that_waits_behind_a_slow_unit_past_its_time_does_not_leave(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    """The lease ends while the write is in the queue of the line."""
    let_go, ends = asyncio.Event(), asyncio.Event()

    async def script(call: Call) -> None:
        if call.unit == 2:
            await let_go.wait()
        call.tell()

    peer.script = script
    peer.bank.fill(1, "holding", 0, 7)
    peer.bank.fill(2, "holding", 0, 7)
    watched = point(
        "w", ModbusAddress(table=Table.HOLDING, address=0), rule(CONSTANT, watchdog_s=9)
    )
    slow = asyncio.create_task(unit(peer, link, clock, 2).read([register(0)], MORNING))
    await asyncio.sleep(0.02)
    with leaving_while(lambda: not ends.is_set()):
        write = asyncio.create_task(
            unit(peer, link, clock, 1).write(watched, command(watched, 21.0))
        )
        await asyncio.sleep(0.02)
        ends.set()
        let_go.set()
        receipt = await write
    await slow
    assert isinstance(receipt, Failed)
    assert receipt.error.code == ReceiptReason.TOO_LATE
    assert writes(peer) == []
    assert (await unit(peer, link, clock, 1).read([register(0)], MORNING))[0].value == 7


async def test_all_units_of_a_slow_line_are_read_in_one_poll(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    """The last one waits for many time-outs, though nobody is silent."""
    members = [unit(peer, link, clock, number) for number in range(1, 61)]
    assert all(isinstance(each, QueuedDriver) for each in members)

    async def script(call: Call) -> None:
        await asyncio.sleep(TIMEOUT_S / 4)
        call.tell()

    peer.script = script
    for number in range(1, 61):
        peer.bank.fill(number, "holding", 0, number)
    found = await asyncio.gather(*(each.read([register(0)], MORNING) for each in members))
    assert [readings[0].value for readings in found] == list(range(1, 61))
    assert members[0].patience_s > 60 * TIMEOUT_S


async def test_nine_live_units_keep_their_rate_beside_a_dead_one(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    for number in range(1, 11):
        peer.bank.fill(number, "holding", 0, number)

    async def script(call: Call) -> None:
        if call.unit != 10 or not dead:
            await asyncio.sleep(0.001)
            call.tell()

    peer.script = script
    dead = False
    units = [unit(peer, link, clock, number) for number in range(1, 11)]

    async def rounds(count: int) -> float:
        """Readings per second of the nine in the quickest round, which a busy machine spares."""
        took = []
        for _ in range(count):
            started = now_s()
            readings = await asyncio.gather(*(u.read([register(0)], MORNING) for u in units))
            assert [r[0].value for r in readings[:9]] == list(range(1, 10))
            took.append(now_s() - started)
        return 9 / min(took)

    alive = await rounds(20)
    dead = True
    for _ in range(2):
        await rounds(1)  # the breaker opens
    peer.bank.log.clear()
    beside_a_dead_one = await rounds(20)
    assert all(number != 10 for number, *_ in peer.bank.log)
    assert beside_a_dead_one >= 0.9 * alive


async def test_probes_of_a_dead_unit_are_rare_enough(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    async def script(call: Call) -> None:
        if call.unit == 1:
            call.tell()

    peer.script = script
    peer.bank.fill(1, "holding", 0, 7)
    live, dead = unit(peer, link, clock, 1), unit(peer, link, clock, 2)
    probes = 0
    for _ in range(60):  # an hour with a poll of both each minute
        await dead.read([register(0)], clock.now())
        (reading,) = await live.read([register(0)], clock.now())
        assert reading.value == 7
        probes += any(entry[0] == 2 for entry in peer.bank.log)
        peer.bank.log.clear()
        clock.advance(timedelta(minutes=1))
    assert 3 <= probes <= 18


async def test_a_dead_gateway_is_left_alone_as_a_whole_and_comes_back_for_all(
    clock: Quick,
) -> None:
    port = free_port()
    link = ModbusLink(Endpoint("127.0.0.1", port), clock)
    peer = Peer("tcp", Bank())
    peer.port = port
    units = [unit(peer, link, clock, number) for number in range(1, 6)]
    for _ in range(2):
        for driver in units:
            (reading,) = await driver.read([register(0)], MORNING)
            assert reading.quality is Quality.NO_REPLY
    assert link.down
    for number in range(1, 6):
        peer.bank.fill(number, "holding", 0, number)
    await peer.start()
    clock.advance(timedelta(minutes=2))
    for number, driver in enumerate(units, start=1):
        (reading,) = await driver.read([register(0)], MORNING)
        assert reading.value == number  # no unit was blamed for its gateway
    await link.close()
    await peer.stop()


async def test_a_gateway_behind_which_nobody_answers_is_left_alone(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    async def script(call: Call) -> None:
        pass

    peer.script = script
    units = [unit(peer, link, clock, number) for number in (1, 2, 3)]
    for driver in units:
        await driver.read([register(0)], MORNING)
    await units[0].read([register(0)], MORNING)
    assert link.down


async def test_writes_go_before_reads(peer: Peer, link: ModbusLink, clock: Quick) -> None:
    peer.bank.fill(1, "holding", 0, *[0] * 10)

    async def script(call: Call) -> None:
        await asyncio.sleep(0.005)
        call.tell()

    peer.script = script
    driver = unit(peer, link, clock)
    setpoint = replace(register(5), write=rule(CONSTANT))
    polls = [asyncio.create_task(driver.read([register(a)], MORNING)) for a in range(5)]
    await asyncio.sleep(0.002)
    written = asyncio.create_task(driver.write(setpoint, command(setpoint, 21.0)))
    assert isinstance(await written, Accepted)
    await asyncio.gather(*polls)
    functions = [function for _, function, *_ in peer.bank.log]
    assert 6 in functions[:8]


async def test_each_unit_and_each_line_has_its_pace(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    peer.bank.fill(1, "holding", 0, 1)
    peer.bank.fill(2, "holding", 0, 2)
    slow = unit(peer, link, clock, 1, traits=ModbusTraits(pause_s=0.03))
    quick = unit(peer, link, clock, 2)
    for driver, least, most in ((slow, 0.09, 1.0), (quick, 0.0, 0.09)):
        started = now_s()
        for _ in range(4):
            await driver.read([register(0)], MORNING)
        assert least <= now_s() - started < most
    link.require_pause(0.03)
    started = now_s()
    for _ in range(4):
        await quick.read([register(0)], MORNING)
    assert now_s() - started >= 0.09


async def test_a_device_for_one_client_is_left_between_polls_and_a_usual_one_kept(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    peer.bank.fill(1, "holding", 0, 7)
    for _ in range(3):
        await unit(peer, link, clock).read([register(0)], MORNING)
        await asyncio.sleep(0.05)
    assert peer.connections == 1
    shy = unit(peer, link, clock, traits=ModbusTraits(close_after_s=0.02))
    for _ in range(3):
        for _ in range(2):  # one after the other it is the same connection
            (reading,) = await shy.read([register(0)], MORNING)
            assert (reading.value, reading.quality) == (7, Quality.GOOD)
        await asyncio.sleep(0.05)
    assert peer.connections == 3


async def test_an_exchange_that_takes_longer_than_the_idle_time_is_not_cut_off(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    async def slowly(call: Call) -> None:
        await asyncio.sleep(0.05)
        call.tell()

    peer.bank.fill(1, "holding", 0, 7)
    peer.script = slowly
    shy = unit(peer, link, clock, traits=ModbusTraits(close_after_s=0.01))
    readings = await asyncio.gather(*(shy.read([register(0)], MORNING) for _ in range(4)))
    assert [reading.value for (reading,) in readings] == [7, 7, 7, 7]
    assert peer.connections == 1


# Lines


async def test_the_first_address_of_a_host_that_takes_it_is_used(peer: Peer, clock: Quick) -> None:
    """``localhost`` is ::1 before 127.0.0.1 on most machines; small requests leave at once."""
    peer.bank.fill(1, "holding", 0, 7)
    transport = await open_tcp("localhost", peer.port, asyncio.Protocol(), TIMEOUT_S)
    wire = transport.get_extra_info("socket")
    assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    transport.abort()
    link = ModbusLink(Endpoint("localhost", peer.port), clock)
    (reading,) = await unit(peer, link, clock).read([register(0)], MORNING)
    assert reading.value == 7
    await link.close()


async def test_a_port_where_nobody_listens_is_an_error_of_the_system() -> None:
    with pytest.raises(ConnectionRefusedError):
        await open_tcp("127.0.0.1", free_port(), asyncio.Protocol(), TIMEOUT_S)


async def test_one_line_has_one_framing(clock: Quick) -> None:
    drivers = NetworkDrivers(clock)
    device = Device(id="a/b", site="a", protocol="modbus", host="127.0.0.1", port=502)
    drivers.driver(device)
    with pytest.raises(ConfigError, match=r"a/c: another device of 127\.0\.0\.1:502"):
        drivers.driver(replace(device, id="a/c", framing=Framing.RTU_OVER_TCP))
    with pytest.raises(ConfigError, match="a/d: framing rtu and a serial line"):
        drivers.driver(replace(device, id="a/d", framing=Framing.RTU))
    await drivers.close()


async def test_a_serial_line_that_is_not_there_is_silence_and_then_comes_back(
    clock: Quick, tmp_path: Path
) -> None:
    peer = Peer("rtu", Bank())
    peer.bank.fill(3, "holding", 0, 33)
    await peer.start()
    path = tmp_path / "line"
    line = SerialLine(path=str(path), baud=19200, parity=Parity.NONE, stop_bits=2)
    device = Device(
        id="a/b", site="a", protocol="modbus", host="", port=502, unit=3, timeout_s=TIMEOUT_S,
        framing=Framing.RTU, serial=line,
    )  # fmt: skip
    link = ModbusLink(endpoint_of(device), clock)
    driver = ModbusDriver(device, link, clock, "Europe/Copenhagen")
    for _ in range(3):
        (reading,) = await driver.read([register(0)], MORNING)
        assert reading.quality is Quality.NO_REPLY
    path.symlink_to(peer.path)  # the adapter is plugged in
    clock.advance(timedelta(minutes=2))
    (reading,) = await driver.read([register(0)], MORNING)
    assert reading.value == 33
    await link.close()
    await peer.stop()


async def test_a_serial_line_is_opened_again_as_whoever_had_it_before_left_it(
    clock: Quick,
) -> None:
    """A program that wanted 255 octets at once; and a pseudo-terminal that has no parity."""
    peer = Peer("rtu", Bank())
    peer.bank.fill(3, "holding", 0, 33)
    await peer.start()
    with Path(peer.path).open("rb", buffering=0) as line:
        attributes = termios.tcgetattr(line)
        attributes[3] &= ~termios.ICANON
        attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 255, 0
        termios.tcsetattr(line, termios.TCSANOW, attributes)
    device = Device(
        id="a/b", site="a", protocol="modbus", host="", port=502, unit=3, timeout_s=TIMEOUT_S,
        framing=Framing.RTU, serial=SerialLine(path=peer.path),
    )  # fmt: skip
    for _ in range(3):
        link = ModbusLink(endpoint_of(device), clock)
        driver = ModbusDriver(device, link, clock, "Europe/Copenhagen")
        (reading,) = await driver.read([register(0)], MORNING)
        assert reading.value == 33, reading.detail
        await link.close()
    await peer.stop()


async def test_a_serial_line_has_one_owner(clock: Quick) -> None:
    """A search while the backend runs would take its answers, and the other way round."""
    peer = Peer("rtu", Bank())
    peer.bank.fill(3, "holding", 0, 33)
    await peer.start()
    device = Device(
        id="a/b", site="a", protocol="modbus", host="", port=502, unit=3, timeout_s=TIMEOUT_S,
        framing=Framing.RTU, serial=SerialLine(path=peer.path, parity=Parity.NONE),
    )  # fmt: skip
    links = [ModbusLink(endpoint_of(device), clock) for _ in range(2)]
    owner, other = (ModbusDriver(device, link, clock, "Europe/Copenhagen") for link in links)
    (reading,) = await owner.read([register(0)], MORNING)
    assert reading.value == 33
    (reading,) = await other.read([register(0)], MORNING)
    assert (reading.value, reading.quality) == (None, Quality.NO_REPLY)
    assert "another process uses it" in (reading.detail or "")
    await links[0].close()
    (reading,) = await other.read([register(0)], MORNING)
    assert reading.value == 33
    await links[1].close()
    await peer.stop()
