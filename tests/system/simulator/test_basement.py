"""The M-Bus line of the simulated town hall: ten meters behind a gateway, found and read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bms.clock import VirtualClock
from bms.model.readings.measurement import Quality
from bms.runtime.municipality import example_sites, wired
from drivers.discovery.mbus_scan import MbusScan
from drivers.registry import NetworkDrivers
from drivers.simulator.buildings.submeters import SUBMETERS, submeter_values
from drivers.simulator.servers.basement import BasementLine

NOW = datetime(2019, 1, 16, 12, tzinfo=UTC)
SENSORS = {
    "heat.energy": 68_259.5, "heat.volume": 1_234.56, "heat.power": 41.2,
    "plant.supply_temp": 62.5, "plant.return_temp": 38.1, "el.energy": 91_234.5,
}  # fmt: skip


async def test_ten_meters_are_found_by_their_numbers_and_read_within_their_budget() -> None:
    line = BasementLine("townhall")
    shown = submeter_values("townhall", SENSORS)
    line.refresh(shown)
    port = await line.start(0)
    clock = VirtualClock(NOW)
    drivers = NetworkDrivers(clock)
    (site,) = wired(example_sites(1), {"townhall": {"bacnet": 1, "mbus": port}})
    points = [point for point in site.points if "submeter" in point.id]
    for _ in range(8):  # two hours of polls
        for device in (each for each in site.devices if each.protocol == "mbus"):
            own = [point for point in points if point.device == device.id]
            for reading in await drivers.driver(device).read(own, clock.now()):
                wanted = shown[reading.point.partition("/")[2]]
                assert reading.quality is Quality.GOOD, reading.detail
                assert reading.value == pytest.approx(wanted, abs=0.06)
        clock.advance(timedelta(minutes=15))
    scan = MbusScan(f"127.0.0.1:{port}", timeout_s=0.05)
    await scan.by_primary(range(1, 13))
    await scan.close()
    await drivers.close()
    await line.close()
    numbers = [each.number for each in SUBMETERS["townhall"]]
    assert [each.serial_number for each in scan.found] == numbers
