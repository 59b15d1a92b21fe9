"""A value that changes as long as we hold something, at the object that the site file names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from bms.clock import VirtualClock
from bms.model.assets.address import BacnetAddress
from bms.model.control.command import Accepted, Refused
from bms.ports.drivers import HeartbeatDriver
from drivers.bacnet.driver import BacnetDriver
from drivers.bacnet.link import BacnetLink
from tests.rigs.fieldbus.bacnet_responder import (
    TinyDevice,
    enumerated,
    listening,
    real,
    text,
    unsigned,
)
from tests.rigs.fieldbus.bacnet_session import device, setpoint, thermostat
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import MORNING

NUMBERS = {"analog-value": 2, "binary-value": 5, "multi-state-value": 19}


@asynccontextmanager
async def beating(responder: TinyDevice, kind: str = "binary-value") -> AsyncIterator[BacnetDriver]:
    link = BacnetLink()
    async with listening(responder) as port:
        beat = BacnetAddress(object_type=kind, instance=7)
        where = replace(device(port), heartbeat=beat)
        try:
            yield BacnetDriver(where, link, VirtualClock(MORNING))
        finally:
            await link.close()


@pytest.mark.parametrize(
    ("kind", "first", "seen"),
    [
        ("binary-value", enumerated(0), [enumerated(1), enumerated(0), enumerated(1)]),
        ("binary-value", enumerated(1), [enumerated(0), enumerated(1), enumerated(0)]),
        ("analog-value", real(0), [real(1), real(0), real(1)]),
        ("multi-state-value", unsigned(2), [unsigned(1), unsigned(2), unsigned(1)]),
    ],
)
async def test_the_heartbeat_changes_once_in_each_round_of_writes(
    kind: str, first: bytes, seen: list[bytes]
) -> None:
    responder = thermostat()
    key = (NUMBERS[kind], 7, 85)
    responder.properties[key] = first
    found = []
    async with beating(responder, kind) as driver:
        assert isinstance(driver, HeartbeatDriver)
        for tick in range(3):
            at = MORNING + timedelta(minutes=5 * tick)
            for _ in range(2):
                wish = replace(command(setpoint(), 21.5), issued_at=at)
                assert isinstance(await driver.write(setpoint(), wish), Accepted)
            found.append(responder.properties[key])
    assert found == seen


async def test_the_heartbeat_stands_still_where_nothing_is_written() -> None:
    responder = thermostat()
    responder.properties[5, 7, 85] = enumerated(0)
    async with beating(responder) as driver:
        await driver.read([setpoint()], MORNING)
        wish = command(setpoint(), float("nan"))
        assert isinstance(await driver.write(setpoint(), wish), Refused)
    assert responder.properties[5, 7, 85] == enumerated(0)


async def test_a_heartbeat_that_cannot_be_written_spoils_no_write() -> None:
    async with beating(thermostat()) as driver:
        assert isinstance(await driver.write(setpoint(), command(setpoint(), 21.5)), Accepted)


async def test_w18_a_protected_object_is_no_heartbeat() -> None:
    responder = thermostat()
    responder.properties[5, 7, 85] = enumerated(0)
    responder.properties[5, 7, 77] = text("fire alarm reset")
    async with beating(responder) as driver:
        assert isinstance(await driver.write(setpoint(), command(setpoint(), 21.5)), Accepted)
    assert responder.properties[5, 7, 85] == enumerated(0)
