"""A line with a peer of memory behind it, and a clock that can be moved on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bms.model.assets.address import ModbusAddress, Table
from bms.model.assets.point import Point
from drivers.modbus.connection import Endpoint
from drivers.modbus.link import ModbusLink
from tests.rigs.fieldbus.driver_rigs import MORNING, point, rule
from tests.rigs.fieldbus.modbus_line import CONSTANT, Quick
from tests.rigs.fieldbus.modbus_peer import Bank, Peer


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


@pytest.fixture
def setpoint(peer: Peer) -> Point:
    peer.bank.fill(1, "holding", 100, 200, 0)
    where = ModbusAddress(table=Table.HOLDING, address=100, scale=0.1)
    return point("setpoint", where, rule(CONSTANT))
