"""Every Modbus template, read from a server that was filled from it by other code."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest

from bms.clock import SystemClock
from bms.model.assets.address import DataType, ModbusAddress, Order, Table
from bms.model.assets.device import Device, DeviceTemplate, TemplatePoint
from bms.model.assets.point import Point, Role
from bms.model.assets.write_rule import Release, ReleaseKind, WriteRule
from bms.model.control.command import Accepted, Released
from bms.model.readings.measurement import Quality
from bms.model.readings.units import Unit
from drivers.modbus.connection import Endpoint
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.link import ModbusLink
from drivers.templates import load_templates
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import MORNING
from tests.rigs.fieldbus.modbus_peer import Bank, Peer

TEMPLATES = {
    name: template
    for name, template in load_templates().items()
    if all(isinstance(point.address, ModbusAddress) for point in template.values())
}
LETTERS = {
    DataType.INT8: "b", DataType.UINT8: "B", DataType.INT16: "h", DataType.UINT16: "H",
    DataType.INT32: "i", DataType.UINT32: "I", DataType.INT64: "q", DataType.UINT64: "Q",
    DataType.FLOAT32: "f", DataType.FLOAT64: "d",
}  # fmt: skip
SUNSPEC_START = {1: 40002, 103: 40070}
POWERS = {6: -1, 13: -1, 15: 2, 17: -2, 26: 0}


def words_of(address: ModbusAddress, raw: float) -> list[int]:
    """Words as they lie on the device, by struct alone."""
    letter = LETTERS[address.type]
    data = struct.pack(">" + letter, raw)
    words = [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
    if address.byte_order is Order.LITTLE:
        words = [word >> 8 | (word & 0xFF) << 8 for word in words]
    return words[::-1] if address.word_order is Order.LITTLE else words


def raw_for(point: TemplatePoint, number: int) -> int:
    """A raw number of its own for each point, within the plausible range."""
    address = point.address
    assert isinstance(address, ModbusAddress)
    if address.type is DataType.BIT:
        return number % 2
    scale = address.scale * 10 ** POWERS.get(address.exponent or -1, 0)
    low = 0.0 if point.low is None else point.low
    high = 1e3 if point.high is None else point.high
    return round(low / scale) + 1 + number % max(1, int((high - low) / scale) - 1)


def expected(point: TemplatePoint, raw: int) -> float:
    address = point.address
    assert isinstance(address, ModbusAddress)
    power = POWERS.get(address.exponent, 0) if address.exponent is not None else 0
    return float(raw * 10**power * address.scale)


def place(address: ModbusAddress) -> int:
    return address.address + (SUNSPEC_START[address.model] if address.model else 0)


def fill(bank: Bank, template: DeviceTemplate, raws: Mapping[str, int]) -> None:
    for name, raw in raws.items():
        address = template[name].address
        assert isinstance(address, ModbusAddress)
        key = (1, str(address.table), place(address))
        if address.bit is not None:
            bank.cells[key] = bank.cells.get(key, 0) & ~(1 << address.bit) | raw << address.bit
            continue
        words = words_of(address, raw)
        if address.type in (DataType.INT8, DataType.UINT8):
            words = [0xA500 | raw & 0xFF]  # whatever the device leaves in the high byte
        bank.fill(1, *key[1:], *words)


def fill_sunspec(bank: Bank) -> None:
    bank.fill(1, "holding", 40000, 0x5375, 0x6E53, 1, 66)
    bank.fill(1, "holding", 40004, *[0] * 66)
    for offset, text in ((2, "Maker A/S"), (18, "Model X"), (50, "SN-0042")):
        data = text.encode().ljust(32, b"\0")
        bank.fill(1, "holding", 40002 + offset, *struct.unpack(">16H", data))
    bank.fill(1, "holding", 40070, 103, 50, *[0] * 50)
    bank.fill(1, "holding", 40122, 0xFFFF, 0)
    for offset, power in POWERS.items():
        bank.fill(1, "holding", 40070 + offset, power & 0xFFFF)


def points_of(template: DeviceTemplate) -> list[Point]:
    return [
        Point(
            id=f"site/{name}", site="site", device="site/device", role=Role.OTHER,
            unit=point.unit, address=point.address, low=point.low, high=point.high,
        )
        for name, point in template.items()
    ]  # fmt: skip


@pytest.fixture(params=TEMPLATES)
def template(request: pytest.FixtureRequest) -> DeviceTemplate:
    return TEMPLATES[request.param]


@pytest.fixture
async def peer(template: DeviceTemplate) -> AsyncIterator[Peer]:
    bank = Bank(max_registers=template.traits.max_registers)
    if any(getattr(point.address, "model", None) for point in template.values()):
        fill_sunspec(bank)
    peer = Peer("tcp", bank)
    await peer.start()
    yield peer
    await peer.stop()


@pytest.fixture
async def driver(peer: Peer, template: DeviceTemplate) -> AsyncIterator[ModbusDriver]:
    device = Device(
        id="site/device", site="site", protocol="modbus", host="127.0.0.1", port=peer.port,
        timeout_s=1.0, traits=template.traits,
    )  # fmt: skip
    link = ModbusLink(Endpoint(device.host, device.port))
    yield ModbusDriver(device, link, SystemClock(), "Europe/Copenhagen")
    await link.close()


async def test_every_register_has_its_value_and_unit(
    template: DeviceTemplate, peer: Peer, driver: ModbusDriver
) -> None:
    raws = {name: raw_for(point, 3 + 7 * i) for i, (name, point) in enumerate(template.items())}
    fill(peer.bank, template, raws)
    readings = await driver.read(points_of(template), MORNING)
    for reading, (name, point) in zip(readings, template.items(), strict=True):
        assert reading.value == pytest.approx(expected(point, raws[name]), rel=1e-9), name
        assert point.unit in Unit
    asked = [entry for entry in peer.bank.log if entry[1] in (3, 4)]
    assert all(count <= template.traits.max_registers for *_, count in asked)


async def test_every_sentinel_is_no_value(
    template: DeviceTemplate, peer: Peer, driver: ModbusDriver
) -> None:
    absent = {
        name: point.address.sentinels
        for name, point in template.items()
        if isinstance(point.address, ModbusAddress)
    }
    raws = {name: raw_for(point, 3 + 7 * i) for i, (name, point) in enumerate(template.items())}
    fill(peer.bank, template, raws)
    for name, sentinels in absent.items():
        address = template[name].address
        assert isinstance(address, ModbusAddress)
        unsigned = {2: DataType.UINT16, 4: DataType.UINT32, 8: DataType.UINT64}
        for sentinel in sentinels:
            as_number = unsigned[struct.calcsize(LETTERS[address.type])]
            raw = ModbusAddress(
                table=address.table, address=0, type=as_number, word_order=address.word_order
            )
            peer.bank.fill(1, str(address.table), place(address), *words_of(raw, sentinel))
    readings = await driver.read(points_of(template), MORNING)
    for reading, (name, sentinels) in zip(readings, absent.items(), strict=True):
        assert (reading.quality is Quality.ABSENT) == bool(sentinels), name


async def test_registers_that_the_device_lacks_spare_the_others(
    template: DeviceTemplate, peer: Peer, driver: ModbusDriver
) -> None:
    raws = {name: raw_for(point, 5 + 11 * i) for i, (name, point) in enumerate(template.items())}
    present = dict(list(raws.items())[::2])
    fill(peer.bank, template, present)
    for _ in range(2):
        readings = await driver.read(points_of(template), MORNING)
        for reading, (name, raw) in zip(readings, raws.items(), strict=True):
            if name in present:
                assert reading.value == pytest.approx(expected(template[name], raw)), name


async def test_a_sunspec_device_says_who_it_is() -> None:
    template = TEMPLATES["sunspec_inverter"]
    bank = Bank()
    fill_sunspec(bank)
    peer = Peer("tcp", bank)
    await peer.start()
    device = Device(id="s/d", site="s", protocol="modbus", host="127.0.0.1", port=peer.port)
    link = ModbusLink(Endpoint(device.host, device.port))
    driver = ModbusDriver(device, link, SystemClock(), "Europe/Copenhagen")
    texts = await driver.texts(template.texts)
    assert texts == {
        "maker": "Maker A/S", "model": "Model X", "version": None, "serial_number": "SN-0042"
    }  # fmt: skip
    await link.close()
    await peer.stop()


async def test_a_sunspec_map_that_moves_is_found_again_and_never_read_wrong() -> None:
    template = TEMPLATES["sunspec_inverter"]
    (power,) = (p for p in points_of(template) if p.id == "site/power")
    bank = Bank()
    fill_sunspec(bank)
    bank.fill(1, "holding", 40070 + 14, 123)
    peer = Peer("tcp", bank)
    await peer.start()
    device = Device(id="s/d", site="s", protocol="modbus", host="127.0.0.1", port=peer.port)
    link = ModbusLink(Endpoint(device.host, device.port))
    driver = ModbusDriver(device, link, SystemClock(), "Europe/Copenhagen")
    (reading,) = await driver.read([power], MORNING)
    assert reading.value == pytest.approx(12.3)  # 123 * 10**2 W
    first = len(bank.log)
    await driver.read([power], MORNING)
    assert len(bank.log) == first + 1  # the map is known, and its number is read along
    # An update puts model 160 before the inverter.
    bank.fill(1, "holding", 40070, 160, 8, *[7] * 8, 103, 50, *[0] * 50, 0xFFFF, 0)
    bank.fill(1, "holding", 40080 + 14, 456, 0)
    (reading,) = await driver.read([power], MORNING)
    assert (reading.value, reading.quality) == (None, Quality.DEVICE_ERROR)
    (reading,) = await driver.read([power], MORNING)
    assert reading.value == pytest.approx(0.456)
    await link.close()
    await peer.stop()
    await asyncio.sleep(0)


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_says_where_it_is_from(name: str) -> None:
    template = TEMPLATES[name]
    assert template.source
    assert template.maker
    assert not template.tested_on_hardware
    if any(point.unverified for point in template.values()):
        assert template.notes


@pytest.mark.parametrize(
    "name",
    ["kamstrup_multical_x03", "grundfos_cim_magna3", "carlo_gavazzi_em24_e1"],
)
def test_what_no_source_confirms_stays_marked(name: str) -> None:
    assert all(point.unverified for point in TEMPLATES[name].values())


SETPOINTS = {
    (name, register): template[register]
    for name, template in TEMPLATES.items()
    for register in template
    if "setpoint" in register
    and isinstance(template[register].address, ModbusAddress)
    and template[register].address.table is Table.HOLDING  # type: ignore[union-attr]
}


@pytest.mark.parametrize(("name", "register"), SETPOINTS)
async def test_every_setpoint_is_written_read_back_and_given_back(name: str, register: str) -> None:
    template, found = TEMPLATES[name], SETPOINTS[name, register]
    address = found.address
    assert isinstance(address, ModbusAddress)
    low = 0.0 if found.low is None else found.low
    high = low + 10.0 if found.high is None else found.high
    home, wanted = low + 1.0, low + 2.0
    bank = Bank(max_registers=template.traits.max_registers)
    fill(bank, template, {register: round(home / address.scale)})
    peer = Peer("tcp", bank)
    await peer.start()
    device = Device(
        id="site/device", site="site", protocol="modbus", host="127.0.0.1", port=peer.port,
        timeout_s=1.0, traits=template.traits,
    )  # fmt: skip
    link = ModbusLink(Endpoint(device.host, device.port))
    driver = ModbusDriver(device, link, SystemClock(), "Europe/Copenhagen")
    (point,) = (p for p in points_of(template) if p.id == f"site/{register}")
    back = Release(kind=ReleaseKind.CONSTANT, value=home)
    rule = WriteRule(minimum=low, maximum=high, release=back, resolution=address.scale)
    point = replace(point, write=rule)
    assert isinstance(await driver.write(point, command(point, wanted)), Accepted)
    (reading,) = await driver.read([point], MORNING)
    assert reading.value == pytest.approx(wanted)
    assert isinstance(await driver.release(point, MORNING), Released)
    (reading,) = await driver.read([point], MORNING)
    assert reading.value == pytest.approx(home)
    await link.close()
    await peer.stop()
