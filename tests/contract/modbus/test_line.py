"""Who is asked when: quarantine, walls, breakers, pace, turns, budgets and heartbeats."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bms.clock import VirtualClock
from bms.config import Settings
from bms.errors import ConfigError
from bms.model.assets.address import DataType, ModbusAddress, Table
from bms.model.assets.device import Device, Framing, ModbusTraits, Parity, ReadableRange, SerialLine
from bms.model.assets.point import Point
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.control.command import Accepted, Refused, Released
from bms.model.control.reasons import RefusalReason
from bms.model.readings.reading import Quality
from bms.runtime.wire import wire
from drivers.fieldbus.write_budget_log import FileWriteCounter, MemoryWriteCounter
from drivers.modbus.connection import Endpoint, endpoint_of
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.link import ModbusLink
from drivers.registry import NetworkDrivers
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import MORNING, free_port, point, rule
from tests.rigs.fieldbus.modbus_peer import Bank, Call, Peer
from tests.rigs.steady_loop import now_s

TIMEOUT_S = 0.3
CONSTANT = Release(kind=ReleaseKind.CONSTANT, value=20.0)


def register(address: int, kind: DataType = DataType.INT16) -> Point:
    return point(f"r{address}", ModbusAddress(table=Table.HOLDING, address=address, type=kind))


class Quick(VirtualClock):
    """A clock whose wire time can be moved on, too."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead_s


@pytest.fixture
def clock() -> Quick:
    return Quick(MORNING)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer("tcp", Bank())
    await peer.start()
    yield peer
    await peer.stop()


@pytest.fixture
async def link(peer: Peer, clock: Quick) -> AsyncIterator[ModbusLink]:
    link = ModbusLink(Endpoint("127.0.0.1", peer.port), clock)
    yield link
    await link.close()


def unit(
    peer: Peer, link: ModbusLink, clock: Quick, number: int = 1, **rest: object
) -> ModbusDriver:
    device = Device(
        id=f"site/unit{number}",
        site="site",
        protocol="modbus",
        host="127.0.0.1",
        port=peer.port,
        unit=number,
        timeout_s=TIMEOUT_S,
        **rest,  # type: ignore[arg-type]
    )
    return ModbusDriver(device, link, clock, "Europe/Copenhagen", MemoryWriteCounter())


def asked(peer: Peer) -> list[tuple[int, int]]:
    """What was asked since the last look: (address, count)."""
    found = [(address, count) for _, function, address, count in peer.bank.log if function == 3]
    peer.bank.log.clear()
    return found


# What a device refuses


async def test_a_bad_register_is_found_once_and_its_neighbours_travel_together_again(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    peer.bank.fill(1, "holding", 0, *range(100))
    del peer.bank.cells[1, "holding", 41]
    driver = unit(peer, link, clock)
    points = [register(address) for address in range(100)]
    for _ in range(3):
        readings = await driver.read(points, MORNING)
        assert [r.value for r in readings if r.point != "site/r41"] == [
            a for a in range(100) if a != 41
        ]
        assert readings[41].quality is Quality.DEVICE_ERROR
        assert "illegal data address" in (readings[41].detail or "")
        last = asked(peer)
    assert last == [(0, 41), (42, 58)]


async def test_a_register_in_quarantine_is_asked_again_slowly_and_comes_back(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    peer.bank.fill(1, "holding", 0, *range(10))
    del peer.bank.cells[1, "holding", 4]
    driver = unit(peer, link, clock)
    points = [register(address) for address in range(10)]
    await driver.read(points, MORNING)
    asked(peer)
    for wait_s, probed in ((290, False), (20, True), (590, False), (20, True)):
        clock.ahead_s += wait_s
        readings = await driver.read(points, MORNING)
        assert readings[4].value is None
        assert ((4, 1) in asked(peer)) is probed
    peer.bank.fill(1, "holding", 4, 44)
    clock.ahead_s += 1300
    readings = await driver.read(points, MORNING)
    assert readings[4].value == 44
    asked(peer)
    await driver.read(points, MORNING)
    assert asked(peer) == [(0, 10)]


async def test_a_gap_that_cannot_be_read_becomes_a_wall(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    for start in (0, 10, 20):
        peer.bank.fill(1, "holding", start, *range(start, start + 4))
    driver = unit(peer, link, clock)
    points = [register(a) for start in (0, 10, 20) for a in range(start, start + 4)]
    for _ in range(2):
        readings = await driver.read(points, MORNING)
        assert [r.value for r in readings] == [float(p.id[6:]) for p in points]
    asked(peer)
    await driver.read(points, MORNING)
    assert asked(peer) == [(0, 4), (10, 4), (20, 4)]


async def test_a_gap_that_silences_the_unit_becomes_a_wall(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    peer.bank.fill(1, "holding", 0, *range(30))

    async def script(call: Call) -> None:
        first, count = call.pdu[2], call.pdu[4]
        if not first <= 5 < first + count:  # the unit says nothing at all when 5 is touched
            call.tell()

    peer.script = script
    driver = unit(peer, link, clock)
    points = [register(a) for a in (0, 1, 10, 11)]
    readings = await driver.read(points, MORNING)
    assert [r.value for r in readings] == [0, 1, 10, 11]
    asked(peer)
    await driver.read(points, MORNING)
    assert asked(peer) == [(0, 2), (10, 2)]


async def test_a_smaller_limit_than_declared_is_learned(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    peer.bank.fill(1, "holding", 0, *range(120))
    peer.bank.max_registers = 40
    driver = unit(peer, link, clock)
    points = [register(a) for a in range(120)]
    for _ in range(3):
        readings = await driver.read(points, MORNING)
        assert [r.value for r in readings] == list(range(120))
        last = asked(peer)
    assert len(last) == 4
    assert all(count <= 40 for _, count in last)


async def test_a_unit_that_refuses_everything_costs_a_bounded_number_of_requests(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    driver = unit(peer, link, clock)
    points = [register(a) for a in range(100)]
    readings = await driver.read(points, MORNING)
    assert {r.quality for r in readings} == {Quality.DEVICE_ERROR}
    assert len(asked(peer)) <= 65


async def test_declared_ranges_are_read_across_and_never_left(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    peer.bank.fill(1, "holding", 0, *range(120))
    ranges = (
        ReadableRange(table=Table.HOLDING, first=0, last=99),
        ReadableRange(table=Table.HOLDING, first=104, last=110),
    )
    driver = unit(peer, link, clock, traits=ModbusTraits(ranges=ranges, max_gap=0))
    await driver.read([register(a) for a in (0, 99, 104, 110)], MORNING)
    assert asked(peer) == [(0, 100), (104, 7)]


# Who waits for whom


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
            started = time.monotonic()
            readings = await asyncio.gather(*(u.read([register(0)], MORNING) for u in units))
            assert [r[0].value for r in readings[:9]] == list(range(1, 10))
            took.append(time.monotonic() - started)
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
        started, wall = now_s(), time.monotonic()  # the driver rests by the wall's clock
        for _ in range(4):
            await driver.read([register(0)], MORNING)
        assert time.monotonic() - wall >= least
        assert now_s() - started < most
    link.require_pause(0.03)
    started = time.monotonic()
    for _ in range(4):
        await quick.read([register(0)], MORNING)
    assert time.monotonic() - started >= 0.09


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


# Writing


@pytest.fixture
def setpoint(peer: Peer) -> Point:
    peer.bank.fill(1, "holding", 100, 200, 0)
    where = ModbusAddress(table=Table.HOLDING, address=100, scale=0.1)
    return point("setpoint", where, rule(CONSTANT))


def writes(peer: Peer) -> list[tuple[int, int]]:
    return [(function, a) for _, function, a, _ in peer.bank.log if function not in (1, 2, 3, 4)]


async def test_what_stands_already_is_not_written_again(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point
) -> None:
    driver = unit(peer, link, clock)
    for value in (21.0, 21.0, 21.04, 21.5):
        assert isinstance(await driver.write(setpoint, command(setpoint, value)), Accepted)
    assert writes(peer) == [(6, 100), (6, 100)]
    for released in (1, 2):  # a release is never spared
        assert await driver.release(setpoint, MORNING) == Released(setpoint.id, 20.0)
        assert len(writes(peer)) == 2 + released


async def test_a_watchdog_is_fed_although_the_value_stands(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point
) -> None:
    assert setpoint.write is not None
    fed = replace(setpoint, write=replace(setpoint.write, watchdog_s=120))
    driver = unit(peer, link, clock)
    for _ in range(3):
        await driver.write(fed, command(fed, 21.0))
    assert len(writes(peer)) == 3


@pytest.mark.parametrize(
    ("table", "kind", "function", "sent"),
    [
        (Table.HOLDING, DataType.INT16, None, 6),
        (Table.HOLDING, DataType.INT16, 16, 16),
        (Table.HOLDING, DataType.FLOAT32, None, 16),
        (Table.COIL, DataType.BIT, None, 5),
        (Table.COIL, DataType.BIT, 15, 15),
    ],
)
async def test_each_function_writes_what_reads_back(
    peer: Peer, link: ModbusLink, clock: Quick, table: Table, kind: DataType,
    function: int | None, sent: int,
) -> None:  # fmt: skip
    peer.bank.fill(1, str(table), 7, 0, 0)
    where = ModbusAddress(table=table, address=7, type=kind, write_function=function)
    release = Release(kind=ReleaseKind.CONSTANT, value=0.0)
    switch = point("p", where, replace(rule(release), minimum=0, maximum=1))
    driver = unit(peer, link, clock)
    assert await driver.write(switch, command(switch, 1.0)) == Accepted(command(switch, 1.0), 1.0)
    assert writes(peer) == [(sent, 7)]
    assert await driver.release(switch, MORNING) == Released(switch.id, 0.0)


async def test_a_bit_is_written_without_its_neighbours_where_the_device_can(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    peer.bank.fill(1, "holding", 7, 0b1010_0001)
    where = ModbusAddress(
        table=Table.HOLDING, address=7, type=DataType.BIT, bit=3, write_function=22
    )
    release = Release(kind=ReleaseKind.CONSTANT, value=0.0)
    switch = point("p", where, replace(rule(release), minimum=0, maximum=1))
    driver = unit(peer, link, clock)
    assert isinstance(await driver.write(switch, command(switch, 1.0)), Accepted)
    assert peer.bank.cells[1, "holding", 7] == 0b1010_1001
    assert await driver.release(switch, MORNING) == Released(switch.id, 0.0)
    assert peer.bank.cells[1, "holding", 7] == 0b1010_0001
    plain = replace(switch, address=replace(where, write_function=None))
    assert isinstance(await driver.write(plain, command(plain, 1.0)), Refused)


async def test_a_spent_budget_refuses_the_write_and_never_the_release(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point, tmp_path: Path
) -> None:
    assert setpoint.write is not None
    limited = replace(setpoint, write=replace(setpoint.write, writes_per_day=2, writes_lifetime=4))
    device = Device(
        id="site/unit", site="site", protocol="modbus", host="127.0.0.1", port=peer.port,
        timeout_s=TIMEOUT_S,
    )  # fmt: skip

    def after_a_restart() -> ModbusDriver:
        write_counter = FileWriteCounter(tmp_path / "wear.log")
        return ModbusDriver(device, link, clock, "Europe/Copenhagen", write_counter)

    for value, refused in ((20.5, False), (21.0, False), (21.5, True)):
        receipt = await after_a_restart().write(limited, command(limited, value))
        assert isinstance(receipt, Refused if refused else Accepted)
        if isinstance(receipt, Refused):
            assert receipt.reason.code == RefusalReason.WRITES_SPENT_TODAY
            assert receipt.reason.parameters["writes"] == 2
    assert isinstance(await after_a_restart().release(limited, MORNING), Released)
    clock.advance(timedelta(days=1))
    assert isinstance(await after_a_restart().write(limited, command(limited, 22.0)), Accepted)
    receipt = await after_a_restart().write(limited, command(limited, 21.0))
    assert isinstance(receipt, Refused)
    assert receipt.reason.code == RefusalReason.WRITES_SPENT
    assert receipt.reason.parameters["writes"] == 4
    assert isinstance(await after_a_restart().release(limited, MORNING), Released)
    assert len(writes(peer)) == 5


async def test_unreadable_counts_refuse_writes_and_let_releases_pass(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point, tmp_path: Path
) -> None:
    (tmp_path / "wear.log").write_text("{")
    device = Device(id="s/u", site="s", protocol="modbus", host="127.0.0.1", port=peer.port)
    write_counter = FileWriteCounter(tmp_path / "wear.log")
    driver = ModbusDriver(device, link, clock, "Europe/Copenhagen", write_counter)
    assert setpoint.write is not None
    limited = replace(setpoint, write=replace(setpoint.write, writes_lifetime=100))
    receipt = await driver.write(limited, command(limited, 21.0))
    assert isinstance(receipt, Refused)
    assert receipt.reason.code == RefusalReason.WEAR_UNKNOWN
    assert "repair it" in str(receipt.reason.parameters["text"])
    peer.bank.fill(1, "holding", 100, 210)
    assert isinstance(await driver.release(limited, MORNING), Released)
    free = await driver.write(setpoint, command(setpoint, 21.0))
    assert isinstance(free, Accepted)  # a register without a budget needs no book


async def test_a_slow_disk_holds_up_nobody_else(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point, tmp_path: Path
) -> None:
    asked_for, disk = threading.Event(), threading.Event()

    def sync(_: int) -> None:
        asked_for.set()
        assert disk.wait(10)

    write_counter = FileWriteCounter(tmp_path / "wear.log", sync=sync)
    device = Device(id="s/u", site="s", protocol="modbus", host="127.0.0.1", port=peer.port)
    driver = ModbusDriver(device, link, clock, "Europe/Copenhagen", write_counter)
    assert setpoint.write is not None
    limited = replace(setpoint, write=replace(setpoint.write, writes_per_day=5))
    written = asyncio.create_task(driver.write(limited, command(limited, 21.0)))
    while not asked_for.is_set():
        await asyncio.sleep(0.001)
    (reading,) = await unit(peer, link, clock).read([register(100)], MORNING)
    assert reading.value == 200  # the line is free, and nothing was sent before it is counted
    disk.set()
    assert isinstance(await written, Accepted)


async def test_a_heartbeat_is_toggled_once_in_each_round_of_writes(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point
) -> None:
    peer.bank.fill(1, "holding", 110, 200)
    other = replace(setpoint, id="site/other", address=ModbusAddress(
        table=Table.HOLDING, address=110, scale=0.1
    ))  # fmt: skip
    beat = ModbusAddress(table=Table.HOLDING, address=101, type=DataType.UINT16)
    driver = unit(peer, link, clock, heartbeat=beat)
    seen = []
    for tick in range(4):
        at = MORNING + timedelta(minutes=15 * tick)
        for lever in (setpoint, other):
            wish = replace(command(lever, 21.0), issued_at=at)
            assert isinstance(await driver.write(lever, wish), Accepted)
        seen.append(peer.bank.cells[1, "holding", 101])
    assert seen == [1, 0, 1, 0]
    refused = replace(command(setpoint, float("nan")), issued_at=MORNING + timedelta(days=1))
    assert isinstance(await driver.write(setpoint, refused), Refused)
    assert peer.bank.cells[1, "holding", 101] == 0


async def test_the_budget_of_a_wired_city_survives_a_restart(
    peer: Peer, clock: Quick, tmp_path: Path
) -> None:
    peer.bank.fill(1, "holding", 0, 200)
    limits = replace(rule(CONSTANT), writes_lifetime=2)
    setpoint = replace(register(0), write=limits)
    device = Device(id="site/one", site="site", protocol="modbus", host="127.0.0.1", port=peer.port)
    receipts = []
    for value in (21.0, 22.0, 20.0):
        city = wire(Settings(home=tmp_path), sites=(), clock=clock)
        receipts.append(await city.drivers.driver(device).write(setpoint, command(setpoint, value)))
        await city.drivers.close()
        city.stores.close()
    assert [type(receipt) for receipt in receipts] == [Accepted, Accepted, Refused]


# Lines


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


async def test_the_last_exchanges_and_the_health_of_a_unit_can_be_seen(
    peer: Peer, link: ModbusLink, clock: Quick
) -> None:
    peer.bank.fill(1, "holding", 0, 7)
    driver = unit(peer, link, clock)
    await driver.read([register(0), register(300)], MORNING)
    lines = [str(exchange) for exchange in driver.trace()]
    assert len(lines) == 2
    assert "03 00 00 00 01  →  03 02 00 07" in lines[0]
    assert "illegal data address" in lines[1]
    health = driver.health
    assert (health.answers, dict(health.errors), health.left_alone) == (1, {"2": 1}, False)
    assert health.last_good == MORNING
    assert health.latency_s is not None


async def test_the_health_and_trace_of_devices_are_had_by_their_id(
    peer: Peer, clock: Quick
) -> None:
    """Also behind one gateway, where a talkative unit hides no other."""
    peer.bank.fill(1, "holding", 0, 7)
    peer.bank.fill(2, "holding", 0, 8)
    one = Device(id="site/one", site="site", protocol="modbus", host="127.0.0.1", port=peer.port)
    two = replace(one, id="site/two", unit=2)
    drivers = NetworkDrivers(clock)
    assert (drivers.health(), drivers.trace("site/one")) == ({}, ())
    await drivers.driver(one).read([register(0)], MORNING)
    for _ in range(60):
        await drivers.driver(two).read([register(0)], MORNING)
    assert {name: health.answers for name, health in drivers.health().items()} == {
        "site/one": 1,
        "site/two": 60,
    }
    (exchange,) = drivers.trace("site/one")
    assert (exchange.to, exchange.request, exchange.answer) == (
        "unit 1",
        b"\x03\0\0\0\1",
        b"\x03\2\0\7",
    )
    assert len(drivers.trace("site/two")) == 50
    await drivers.close()


async def test_a_device_that_goes_away_is_told_once_and_once_that_it_is_back(
    peer: Peer, link: ModbusLink, clock: Quick, caplog: pytest.LogCaptureFixture
) -> None:
    peer.bank.fill(1, "holding", 0, 7)
    away = False

    async def script(call: Call) -> None:
        if not away:
            call.tell()

    peer.script = script
    driver = unit(peer, link, clock)

    async def poll(times: int) -> float | None:
        for _ in range(times):
            clock.advance(timedelta(minutes=15))
            (reading,) = await driver.read([register(0)], MORNING)
        return reading.value

    with caplog.at_level(logging.WARNING, "drivers"):
        assert await poll(2) == 7
        away = True
        assert await poll(4) is None
        away = False
        assert await poll(3) == 7
    gone, back = [record.getMessage() for record in caplog.records]
    assert gone.startswith("site/unit1 does not answer: ")
    assert back == "site/unit1 is back"
