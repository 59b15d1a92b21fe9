"""A line that loses and spoils every fifth piece each way: values or qualities, none wrong."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from bms.clock import VirtualClock
from bms.model.assets.address import ModbusAddress, Table
from bms.model.assets.device import Device, Framing
from bms.model.assets.point import Point
from bms.model.readings.measurement import Quality
from drivers.modbus.connection import endpoint_of
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.link import ModbusLink
from tests.rigs.fieldbus.driver_rigs import MORNING, point
from tests.rigs.fieldbus.modbus_peer import Bank, Peer
from tests.rigs.fieldbus.tcp_chaos import ChaosProxy, Faults
from tests.rigs.steady_loop import now_s

TIMEOUT_S = 0.1
POLLS = 30
# A block that goes unanswered for the first time is asked again in part, on a new connection. The
# half second is for a busy machine.
DEADLINE_S = 8 * TIMEOUT_S + 0.5
# Replies of RTU say nothing of their request: what a line delivers later than the silence that
# is kept after a time-out cannot be told from an answer, by anybody. So its delays are shorter.
FAULTS = {
    "tcp": Faults(
        drop=0.2,
        delay=0.2,
        duplicate=0.1,
        reorder=0.05,
        split=0.2,
        truncate=0.05,
        close=0.03,
        delay_s=0.15,
    ),
    "rtu_over_tcp": Faults(
        drop=0.2, delay=0.2, duplicate=0.1, split=0.2, truncate=0.05, close=0.03, delay_s=0.05
    ),
}


def register(address: int) -> Point:
    return point(f"r{address}", ModbusAddress(table=Table.HOLDING, address=address))


@pytest.mark.parametrize("framing", FAULTS)
async def test_every_poll_ends_in_time_with_values_or_qualities_and_none_is_wrong(
    framing: str,
) -> None:
    bank = Bank()
    bank.fill(1, "holding", 1000, *range(1000, 1200))
    peer = Peer(framing, bank)
    await peer.start()
    proxy = ChaosProxy(peer.port, FAULTS[framing], seed=7)
    await proxy.start()
    device = Device(
        id="site/unit",
        site="site",
        protocol="modbus",
        host="127.0.0.1",
        port=proxy.port,
        timeout_s=TIMEOUT_S,
        framing=Framing(framing),
    )
    clock = VirtualClock(MORNING)
    link = ModbusLink(endpoint_of(device), clock)
    driver = ModbusDriver(device, link, clock, "Europe/Copenhagen")
    chance = random.Random(7)
    good = 0
    for _ in range(POLLS):
        # another list every time, of one length: the worst case for a late answer
        asked = chance.sample(range(1000, 1090), 3)
        started = now_s()
        readings = await driver.read([register(a) for a in asked], clock.now())
        assert now_s() - started < DEADLINE_S
        for address, reading in zip(asked, readings, strict=True):
            assert reading.value in (address, None)
            assert reading.value is not None or reading.quality is not Quality.GOOD
        good += sum(reading.value is not None for reading in readings)
        clock.advance(timedelta(minutes=15))  # breakers let the next poll try
    await link.close()
    await proxy.stop()
    await peer.stop()
    assert set(proxy.spoiled) >= {"drop", "delay", "duplicate", "split", "truncate", "close"}
    assert good > POLLS * 3 * 0.3
