"""One driver for each device."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bms.clock import VirtualClock
from bms.errors import ConfigError
from bms.model.assets.address import ModbusAddress, Table
from bms.model.assets.device import Device
from bms.model.assets.point import Point, Role
from bms.model.readings.measurement import Quality
from bms.model.readings.units import Unit
from drivers.registry import NetworkDrivers

START = datetime(2019, 1, 16, tzinfo=UTC)


def test_one_driver_per_device_and_a_clear_word_for_an_unknown_protocol() -> None:
    drivers = NetworkDrivers(VirtualClock(START))
    device = Device(id="a/b", site="a", protocol="modbus", host="127.0.0.1", port=502)
    assert drivers.driver(device) is drivers.driver(replace(device))
    assert drivers.driver(device) is not drivers.driver(replace(device, unit=2))
    with pytest.raises(ConfigError, match=r"'knx' is none of modbus, bacnet, mbus, mqtt"):
        drivers.driver(replace(device, protocol="knx"))


async def test_drivers_of_removed_devices_go_with_the_connections_that_nobody_shares() -> None:
    drivers = NetworkDrivers(VirtualClock(START))
    rooms = Device(id="a/rooms", site="a", protocol="modbus", host="127.0.0.1", port=502)
    plant = replace(rooms, id="a/plant", unit=2)
    other = replace(rooms, id="b/rooms", site="b", port=503)
    kept, gone = drivers.driver(rooms), drivers.driver(other)
    drivers.driver(plant)
    await drivers.keep_only([rooms])
    assert set(drivers.health()) == {"a/rooms"}
    assert drivers.driver(rooms) is kept
    assert drivers.driver(other) is not gone
    point = Point(
        id="b/rooms.temp",
        site="b",
        device="b/rooms",
        role=Role.ZONE_TEMP,
        unit=Unit.DEG_C,
        address=ModbusAddress(table=Table.HOLDING, address=1),
    )
    (reading,) = await gone.read([point], START)
    assert reading.quality is Quality.NO_REPLY
    await drivers.close()
