"""One driver for each device."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bms.clock import VirtualClock
from bms.errors import ConfigError
from bms.model.assets.device import Device
from drivers.registry import NetworkDrivers

START = datetime(2019, 1, 16, tzinfo=UTC)


def test_one_driver_per_device_and_a_clear_word_for_an_unknown_protocol() -> None:
    drivers = NetworkDrivers(VirtualClock(START))
    device = Device(id="a/b", site="a", protocol="modbus", host="127.0.0.1", port=502)
    assert drivers.driver(device) is drivers.driver(replace(device))
    assert drivers.driver(device) is not drivers.driver(replace(device, unit=2))
    with pytest.raises(ConfigError, match=r"'knx' is none of modbus, bacnet, mbus, mqtt"):
        drivers.driver(replace(device, protocol="knx"))
