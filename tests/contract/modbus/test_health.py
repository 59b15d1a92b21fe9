"""How a unit has been doing can be seen."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from bms.model.assets.device import Device
from drivers.modbus.link import ModbusLink
from drivers.registry import NetworkDrivers
from tests.rigs.fieldbus.driver_rigs import MORNING
from tests.rigs.fieldbus.modbus_line import (
    Quick,
    register,
    unit,
)
from tests.rigs.fieldbus.modbus_peer import Call, Peer


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
