"""One suite against every Modbus server at hand; a missing one is skipped with the reason.

Each holds 200 of everything: holding register ``i`` is ``3 i``, input register ``3 i + 1``, every
third coil and every fifth discrete input is on. Unit 1.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType as SimType
from pymodbus.simulator import SimData, SimDevice

from bms.clock import SystemClock
from bms.model.assets.address import DataType, ModbusAddress, Order, Table
from bms.model.assets.device import Device, Framing
from bms.model.assets.point import Point
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.control.command import Accepted, Failed, Released
from bms.model.readings.measurement import Quality
from drivers.modbus.connection import Endpoint
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.link import ModbusLink
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import MORNING, free_port, point, rule
from tests.rigs.fieldbus.modbus_libmodbus_peer import library
from tests.rigs.fieldbus.modbus_peer import Bank, Peer

SIZE = 200
START_S = 30.0
"""How long a process may take to start on a busy machine [s]."""
HOLDING = [3 * i for i in range(SIZE)]
INPUTS = [3 * i + 1 for i in range(SIZE)]
COILS = [i % 3 == 0 for i in range(SIZE)]
DISCRETES = [i % 5 == 0 for i in range(SIZE)]


@asynccontextmanager
async def own(framing: str = "tcp") -> AsyncIterator[int]:
    bank = Bank()
    bank.fill(1, "holding", 0, *HOLDING)
    bank.fill(1, "input", 0, *INPUTS)
    bank.fill(1, "coil", 0, *map(int, COILS))
    bank.fill(1, "discrete", 0, *map(int, DISCRETES))
    peer = Peer(framing, bank)
    await peer.start()
    yield peer.port
    await peer.stop()


@asynccontextmanager
async def pymodbus() -> AsyncIterator[int]:
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    blocks = (
        [SimData(0, values=COILS + [False] * 8, datatype=SimType.BITS)],
        [SimData(0, values=DISCRETES + [False] * 8, datatype=SimType.BITS)],
        [SimData(0, values=HOLDING, datatype=SimType.REGISTERS)],
        [SimData(0, values=INPUTS, datatype=SimType.REGISTERS)],
    )
    port = free_port()
    server = ModbusTcpServer([SimDevice(id=1, simdata=blocks)], address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    yield port
    await server.shutdown()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def pymodbustcp() -> AsyncIterator[int]:
    if importlib.util.find_spec("pyModbusTCP") is None:
        pytest.skip("pyModbusTCP is not installed")
    from pyModbusTCP.server import DataBank, ModbusServer

    bank = DataBank(coils_size=SIZE, d_inputs_size=SIZE, h_regs_size=SIZE, i_regs_size=SIZE)
    bank.set_holding_registers(0, HOLDING)
    bank.set_input_registers(0, INPUTS)
    bank.set_coils(0, COILS)
    bank.set_discrete_inputs(0, DISCRETES)
    port = free_port()
    server = ModbusServer("127.0.0.1", port, no_block=True, data_bank=bank)
    await asyncio.to_thread(server.start)
    yield port
    await asyncio.to_thread(server.stop)


@asynccontextmanager
async def libmodbus() -> AsyncIterator[int]:
    if library() is None:
        pytest.skip("libmodbus is not installed (Debian package libmodbus5)")
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.rigs.fieldbus.modbus_libmodbus_peer", str(port)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert await asyncio.wait_for(process.stdout.readline(), START_S) == b"ready\n"
    yield port
    process.stdin.close()
    await asyncio.wait_for(process.wait(), START_S)


PEERS: dict[str, tuple[Callable[[], AbstractAsyncContextManager[int]], Framing]] = {
    "own": (own, Framing.TCP),
    "own RTU over TCP": (lambda: own("rtu_over_tcp"), Framing.RTU_OVER_TCP),
    "pymodbus": (pymodbus, Framing.TCP),
    "pyModbusTCP": (pymodbustcp, Framing.TCP),
    "libmodbus": (libmodbus, Framing.TCP),
}


@pytest.fixture(params=PEERS)
async def driver(request: pytest.FixtureRequest) -> AsyncIterator[ModbusDriver]:
    serving, framing = PEERS[request.param]
    async with serving() as port:
        device = Device(
            id="site/peer", site="site", protocol="modbus", host="127.0.0.1", port=port,
            timeout_s=2.0, framing=framing,
        )  # fmt: skip
        link = ModbusLink(Endpoint(device.host, device.port, framing))
        yield ModbusDriver(device, link, SystemClock(), "Europe/Copenhagen")
        await link.close()
        await asyncio.sleep(0)


def at(table: Table, address: int, kind: DataType = DataType.UINT16) -> Point:
    kind = DataType.BIT if table in (Table.COIL, Table.DISCRETE) else kind
    where = ModbusAddress(table=table, address=address, type=kind)
    return point(f"{table}{address}", where)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (Table.HOLDING, HOLDING),
        (Table.INPUT, INPUTS),
        (Table.COIL, COILS),
        (Table.DISCRETE, DISCRETES),
    ],
)
async def test_every_table_is_read_whole(
    driver: ModbusDriver, table: Table, values: list[float]
) -> None:
    readings = await driver.read([at(table, a) for a in range(SIZE)], MORNING)
    assert [r.value for r in readings] == [float(value) for value in values]


async def test_all_tables_in_one_poll_in_the_order_asked(driver: ModbusDriver) -> None:
    asked = [at(Table.INPUT, 7), at(Table.COIL, 9), at(Table.HOLDING, 5), at(Table.DISCRETE, 8)]
    readings = await driver.read(asked, MORNING)
    assert [r.value for r in readings] == [22, 1, 15, 0]


async def test_what_is_not_there_spares_what_is(driver: ModbusDriver) -> None:
    asked = [at(Table.HOLDING, a) for a in (190, 199, 200, 210, 0)]
    for _ in range(2):
        readings = await driver.read(asked, MORNING)
        assert [r.value for r in readings] == [570, 597, None, None, 0]
        assert readings[2].quality is Quality.DEVICE_ERROR


@pytest.mark.parametrize("word_order", Order)
@pytest.mark.parametrize("kind", [DataType.INT16, DataType.INT32, DataType.FLOAT32])
async def test_a_value_is_written_read_back_and_given_back(
    driver: ModbusDriver, kind: DataType, word_order: Order
) -> None:
    where = ModbusAddress(table=Table.HOLDING, address=60, type=kind, word_order=word_order)
    setpoint = point("setpoint", where, rule(Release(kind=ReleaseKind.CONSTANT, value=20.0)))
    receipt = await driver.write(setpoint, command(setpoint, 22.0))
    assert receipt == Accepted(command(setpoint, 22.0), 22.0)
    neighbours = await driver.read([at(Table.HOLDING, 59), at(Table.HOLDING, 62)], MORNING)
    assert [r.value for r in neighbours] == [177, 186]
    assert await driver.release(setpoint, MORNING) == Released(setpoint.id, 20.0)


async def test_a_coil_is_written(driver: ModbusDriver) -> None:
    switch = at(Table.COIL, 31)
    limits = replace(rule(Release(kind=ReleaseKind.CONSTANT, value=0.0)), minimum=0, maximum=1)
    switch = replace(switch, write=limits)
    assert await driver.write(switch, command(switch, 1.0)) == Accepted(command(switch, 1.0), 1.0)
    assert await driver.release(switch, MORNING) == Released(switch.id, 0.0)


async def test_a_write_that_the_server_refuses_failed_for_good(driver: ModbusDriver) -> None:
    nowhere = at(Table.HOLDING, 60000)
    setpoint = replace(nowhere, write=rule(Release(kind=ReleaseKind.CONSTANT, value=20.0)))
    receipt = await driver.write(setpoint, command(setpoint, 21.0))
    assert isinstance(receipt, Failed)
    assert not receipt.retryable


async def test_fifty_callers_at_once_get_their_own_answers(driver: ModbusDriver) -> None:
    polls = await asyncio.gather(
        *(driver.read([at(Table.HOLDING, address)], MORNING) for address in range(50))
    )
    assert [readings[0].value for readings in polls] == HOLDING[:50]
