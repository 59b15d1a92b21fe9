"""Every BACnet template, read from a device of bytes that was filled from it."""

from __future__ import annotations

import asyncio

import pytest

from bms.clock import SystemClock
from bms.model.assets.address import BacnetAddress
from bms.model.assets.device import Device, DeviceTemplate, TemplatePoint
from bms.model.assets.point import Point, Role
from bms.model.readings.measurement import Quality
from bms.model.readings.units import Unit
from drivers.bacnet.driver import BacnetDriver
from drivers.bacnet.link import BacnetLink
from drivers.templates import load_templates
from tests.rigs.fieldbus.bacnet_responder import TinyDevice, enumerated, listening, real
from tests.rigs.fieldbus.driver_rigs import MORNING

TEMPLATES = {
    name: template
    for name, template in load_templates().items()
    if all(isinstance(point.address, BacnetAddress) for point in template.values())
}
KINDS = {
    "analog-input": 0, "analog-output": 1, "analog-value": 2,
    "binary-input": 3, "binary-output": 4, "binary-value": 5,
}  # fmt: skip
PRESENT_VALUE = 85


def key_of(point: TemplatePoint) -> tuple[int, int, int]:
    address = point.address
    assert isinstance(address, BacnetAddress)
    return KINDS[address.object_type], address.instance, PRESENT_VALUE


def is_binary(point: TemplatePoint) -> bool:
    return key_of(point)[0] >= KINDS["binary-input"]


def value_for(point: TemplatePoint, number: int) -> float:
    """A value of its own for each point, within its range."""
    if is_binary(point):
        return float(number % 2)
    assert point.low is not None
    return point.low + 1.0 + number / 4


def points_of(template: DeviceTemplate) -> list[Point]:
    return [
        Point(
            id=f"site/{name}", site="site", device="site/device", role=Role.OTHER,
            unit=point.unit, address=point.address, low=point.low, high=point.high,
        )
        for name, point in template.items()
    ]  # fmt: skip


def test_there_is_a_room_controller_and_an_air_handling_unit() -> None:
    assert {"generic_bacnet_room", "generic_bacnet_ahu"} <= TEMPLATES.keys()


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_nobody_published_is_marked_so(name: str) -> None:
    template = TEMPLATES[name]
    assert not template.tested_on_hardware
    assert all(point.unverified for point in template.values())
    assert len({key_of(point) for point in template.values()}) == len(template)


@pytest.mark.parametrize("name", TEMPLATES)
async def test_every_object_has_its_value_and_what_is_absent_spares_the_others(name: str) -> None:
    template = TEMPLATES[name]
    wanted = {n: value_for(point, i) for i, (n, point) in enumerate(template.items())}
    lacking = next(iter(template))
    tiny = TinyDevice()
    for point_name, point in template.items():
        if point_name != lacking:
            value = wanted[point_name]
            encoded = enumerated(int(value)) if is_binary(point) else real(value)
            tiny.properties[key_of(point)] = encoded
    link = BacnetLink()
    async with listening(tiny) as port:
        device = Device(
            id="site/device", site="site", protocol="bacnet", host="127.0.0.1", port=port,
            instance=tiny.instance, timeout_s=1.0,
        )  # fmt: skip
        async with asyncio.timeout(10):
            readings = await BacnetDriver(device, link, SystemClock()).read(
                points_of(template), MORNING
            )
        await link.close()
    for reading, (point_name, point) in zip(readings, template.items(), strict=True):
        assert point.unit in Unit
        if point_name == lacking:
            assert reading.value is None
            assert reading.quality is Quality.DEVICE_ERROR
        else:
            assert reading.value == pytest.approx(wanted[point_name]), point_name
