"""Every M-Bus template, read from a meter whose telegrams were made from it."""

from __future__ import annotations

from datetime import datetime

import pytest

from bms.clock import VirtualClock
from bms.model.assets.address import MbusAddress, MbusQuantity
from bms.model.assets.device import Device
from bms.model.assets.point import Point, Role
from bms.model.control.command import Refused
from bms.model.readings.measurement import Quality
from bms.ports.drivers import Driver
from drivers.registry import NetworkDrivers
from drivers.simulator.servers import mbus_telegrams as made
from drivers.templates import load_templates
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import MORNING
from tests.rigs.fieldbus.mbus_rig import a_line

TEMPLATES = {
    name: template
    for name, template in load_templates().items()
    if all(isinstance(point.address, MbusAddress) for point in template.values())
}
VIFS = {
    MbusQuantity.ENERGY: b"\x06", MbusQuantity.VOLUME: b"\x16", MbusQuantity.FLOW: b"\x3e",
    MbusQuantity.POWER: b"\x2e", MbusQuantity.SUPPLY_TEMP: b"\x5b",
    MbusQuantity.RETURN_TEMP: b"\x5f", MbusQuantity.TEMP_DIFFERENCE: b"\x63",
    MbusQuantity.ERROR_FLAGS: b"\xfd\x17",
}  # fmt: skip
SHOWN = datetime(2026, 11, 30, 9, 30)  # noqa: DTZ001  a meter's clock knows no zone


def record_of(address: MbusAddress, number: int) -> bytes:
    assert address.quantity is not None
    if address.quantity is MbusQuantity.TIME:
        return made.clock(SHOWN)
    return made.integer(VIFS[address.quantity], number, 4, storage=address.storage)


def test_the_meters_of_the_issue_are_there() -> None:
    makers = {template.maker for template in TEMPLATES.values()}
    assert {"Kamstrup", "Landis+Gyr", "B METERS"} <= makers


@pytest.mark.parametrize("name", TEMPLATES)
async def test_every_record_has_its_value_and_what_is_absent_spares_the_others(name: str) -> None:
    template = TEMPLATES[name]
    points = [
        Point(
            id=f"site/{each}", site="site", device="site/meter", role=Role.OTHER,
            unit=found.unit, address=found.address,
        )
        for each, found in template.items()
    ]  # fmt: skip
    lacking = next(iter(template))
    records = [
        record_of(found.address, 7 + place)
        for place, (each, found) in enumerate(template.items())
        if each != lacking and isinstance(found.address, MbusAddress)
    ]
    line = a_line({5: records})
    device = Device(
        id="site/meter", site="site", protocol="mbus", host="127.0.0.1",
        port=await line.start(), primary=5, timeout_s=0.5,
    )  # fmt: skip
    drivers = NetworkDrivers(VirtualClock(MORNING))
    driver: Driver = drivers.driver(device)
    readings = await driver.read(points, MORNING)
    refused = await driver.write(points[1], command(points[1], 1.0))
    await drivers.close()
    await line.close()
    assert readings[0].quality is Quality.DEVICE_ERROR
    for place, (reading, each) in enumerate(zip(readings, template, strict=True)):
        if each not in (lacking, "time"):
            assert (reading.value, reading.quality) == (7 + place, Quality.GOOD), each
    assert isinstance(refused, Refused)


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_nobody_saw_is_marked_so(name: str) -> None:
    template = TEMPLATES[name]
    assert all(point.unverified for point in template.values())
    assert template.notes
