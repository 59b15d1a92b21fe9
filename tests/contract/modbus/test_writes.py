"""Writes: only what is needed, within their budgets, with heartbeats."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bms.config import Settings
from bms.model.assets.address import DataType, ModbusAddress, Table
from bms.model.assets.device import Device
from bms.model.assets.point import Point, Role
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.control.command import Accepted, Failed, Refused, Released, StillHeld
from bms.model.control.command_state import NoCommandState
from bms.model.control.reasons import RefusalReason
from bms.runtime.wire import wire
from drivers.fieldbus.write_budget_log import FileWriteCounter
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.link import ModbusLink
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import MORNING, point, rule
from tests.rigs.fieldbus.modbus_line import (
    CONSTANT,
    TIMEOUT_S,
    Quick,
    register,
    unit,
    writes,
)
from tests.rigs.fieldbus.modbus_peer import Peer


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


@pytest.mark.parametrize("name", ["frost_setpoint", "smoke_damper", "alarm_ack", "dhw.setpoint"])
async def test_w18_the_driver_writes_no_protected_register(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point, name: str
) -> None:
    guarded = replace(setpoint, id=f"site/{name}")
    receipt = await unit(peer, link, clock).write(guarded, command(guarded, 21.0))
    assert isinstance(receipt, Refused)
    assert receipt.reason.code == RefusalReason.NEVER_WRITTEN
    assert receipt.reason.parameters["word"] == name
    assert writes(peer) == []


@pytest.mark.parametrize("said", ["Røgspjæld 2. sal", "FrostGrænse", "VBV beholder"])
async def test_w18_a_register_is_known_by_what_the_site_file_calls_it(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point, said: str
) -> None:
    guarded = replace(setpoint, id="site/hr100", said=(said,))
    receipt = await unit(peer, link, clock).write(guarded, command(guarded, 21.0))
    assert isinstance(receipt, Refused)
    assert receipt.reason.parameters["word"] == said
    assert writes(peer) == []


async def test_w18_the_device_of_hot_water_says_so_where_the_role_says_nothing(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point
) -> None:
    unknown = replace(setpoint, device="site/vvb_styring")
    receipt = await unit(peer, link, clock).write(unknown, command(unknown, 21.0))
    assert isinstance(receipt, Refused)
    assert writes(peer) == []
    room = replace(unknown, role=Role.ZONE_SETPOINT)
    assert isinstance(await unit(peer, link, clock).write(room, command(room, 21.0)), Accepted)


NAN, INFINITE = (0x7FC0, 0), (0x7F80, 0)
FLOAT = register(300, DataType.FLOAT32).address


@pytest.mark.parametrize("shown", [NAN, INFINITE])
async def test_w12_what_reads_back_as_no_number_has_not_arrived(
    peer: Peer, link: ModbusLink, clock: Quick, shown: tuple[int, int]
) -> None:
    lever = point("lever", FLOAT, rule(CONSTANT))
    peer.bank.fill(1, "holding", 300, *shown)
    driver = unit(peer, link, clock)
    peer.bank.ignored.add(300)
    receipt = await driver.write(lever, command(lever, 21.0))
    assert isinstance(receipt, Failed)
    assert receipt.read_back is None
    assert isinstance(await driver.release(lever, MORNING), StillHeld)
    (state,) = await driver.command_states([lever], MORNING)
    assert isinstance(state, NoCommandState)


async def test_w12_a_device_that_clamps_says_what_it_made_of_it(
    peer: Peer, link: ModbusLink, clock: Quick, setpoint: Point
) -> None:
    driver = unit(peer, link, clock)
    peer.bank.most = 205
    receipt = await driver.write(setpoint, command(setpoint, 21.0))
    assert isinstance(receipt, Failed)
    assert receipt.read_back == 20.5
    assert await driver.release(setpoint, MORNING) == Released(setpoint.id, 20.0)
