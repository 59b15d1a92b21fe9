"""Modbus devices in site files: lines, what a template asks of a poll, and budgets of writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bms.errors import SiteFileError
from bms.model.assets.address import ModbusAddress, Order, Table
from bms.model.assets.device import (
    Device,
    Fingerprint,
    Framing,
    ModbusTraits,
    Parity,
    ReadableRange,
    SerialLine,
)
from bms.model.assets.site import Site
from bms.model.codec import from_json, to_json
from drivers.templates import load_templates
from sites.loader import load_site_text

TEMPLATE = """
model: M
maker: K
source: a data sheet
tested_on_hardware: false
modbus:
  max_registers: 40
  pause_s: 0.1
  word_order: little
  ranges: [{table: holding, first: 0, last: 99}]
registers:
  setpoint: {table: holding, address: 5, type: int32, unit: degC, writes_per_day: 10}
  flag: {table: holding, address: 9, mask: 0xF0, shift: 4, unit: "1", unverified: true}
  power: {table: holding, model: 103, address: 14, exponent: 15, word_order: big, unit: kW}
texts:
  serial_number: {table: holding, address: 60, registers: 8}
"""
SITE = """
site: library
name: {{da: Biblioteket, en: Library}}
use: culture
area_m2: 500
position: {{latitude: 56.15, longitude: 10.2}}
heat_source: {{kind: district_heating, capacity_kw: 40}}
timetables:
  open: {{default: 0}}
  own: {{default: 21}}
zones: [{{id: all, name: Alt, area_m2: 500, occupancy: open, own_setpoint: own}}]
devices:
  - {{id: ctrl, protocol: modbus, {device}}}
points:
  - id: all.setpoint
    device: ctrl
    role: zone_setpoint
    zone: all
    unit: degC
    register: setpoint
    write: {{min: 15, max: 23, release: {{kind: constant, value: 20}}{write}}}
"""


def loaded(folder: Path, device: str, write: str = "") -> Site:
    (folder / "k_m.yaml").write_text(TEMPLATE)
    return load_site_text(SITE.format(device=device, write=write), templates=load_templates(folder))


def test_a_device_is_polled_as_its_template_asks(tmp_path: Path) -> None:
    site = loaded(tmp_path, "host: 10.0.0.5, template: k_m")
    (device,) = site.devices
    assert device.traits == ModbusTraits(
        max_registers=40,
        pause_s=0.1,
        ranges=(ReadableRange(table=Table.HOLDING, first=0, last=99),),
    )
    assert (device.framing, device.port, device.serial) == (Framing.TCP, 502, None)
    assert from_json(Device, to_json(device)) == device  # as the release journal keeps it
    (point,) = site.points
    assert isinstance(point.address, ModbusAddress)
    assert point.address.word_order is Order.LITTLE
    assert point.write is not None
    assert (point.write.writes_per_day, point.write.writes_lifetime) == (10, None)


def test_w01_a_fingerprint_and_where_it_is_read_go_into_the_release_journal(
    tmp_path: Path,
) -> None:
    site = loaded(tmp_path, "host: 10.0.0.5, template: k_m, fingerprint: {serial: 0471}")
    (device,) = site.devices
    assert device.fingerprint == Fingerprint(serial="0471")
    assert from_json(Device, to_json(device)) == device
    texts = load_templates()["sunspec_inverter"].texts
    full = replace(device, texts=tuple(texts.items()), network=5, mac="0a")
    assert from_json(Device, to_json(full)) == full


def test_a_site_file_knows_better_than_the_template(tmp_path: Path) -> None:
    site = loaded(
        tmp_path,
        "host: 10.0.0.5, template: k_m, framing: rtu_over_tcp, max_registers: 20, ranges: [], "
        "line_pause_s: 0.05, heartbeat: {table: holding, address: 7}",
        ", writes_per_day: 5, writes_lifetime: 1000",
    )
    (device,) = site.devices
    assert device.traits == ModbusTraits(max_registers=20, pause_s=0.1)
    assert (device.framing, device.line_pause_s) == (Framing.RTU_OVER_TCP, 0.05)
    assert device.heartbeat == ModbusAddress(table=Table.HOLDING, address=7)
    write = site.points[0].write
    assert write is not None
    assert (write.writes_per_day, write.writes_lifetime) == (5, 1000)


def test_a_device_on_a_serial_line_has_no_host(tmp_path: Path) -> None:
    device = loaded(
        tmp_path,
        "framing: rtu, unit: 7, template: k_m, "
        "serial: {path: /dev/ttyUSB0, baud: 19200, parity: none, stop_bits: 2}",
    ).devices[0]
    assert device.serial == SerialLine(
        path="/dev/ttyUSB0", baud=19200, parity=Parity.NONE, stop_bits=2
    )
    assert (device.host, device.unit) == ("", 7)


@pytest.mark.parametrize("host", ["::1", "fd00::7", "fe80::1%eth0", "gateway.skole.example"])
def test_a_host_is_a_name_or_an_address_of_either_kind(tmp_path: Path, host: str) -> None:
    device = loaded(tmp_path, f'template: k_m, host: "{host}", any_transaction: true').devices[0]
    assert (device.host, device.any_transaction) == (host, True)


@pytest.mark.parametrize(
    ("device", "mistake"),
    [
        ("framing: rtu, template: k_m, host: 10.0.0.5", "framing rtu and serial go together"),
        ("template: k_m", "host is missing"),
        ("template: k_m, host: 10.0.0.5, serial: {path: /dev/ttyS0}", "go together"),
        ("template: k_m, host: h, ranges: [{table: input, first: 9, last: 3}]", "at most last 3"),
        (
            "template: k_m, host: h, framing: rtu_over_tcp, any_transaction: true",
            "goes with framing tcp",
        ),
        ('template: k_m, host: "[::1]"', "IPv6 without brackets"),
        ('template: k_m, host: "gateway:502"', "host name or IP address"),
        ("template: k_m, host: gate..way.dk", "host name or IP address"),
        (f"template: k_m, host: {'g' * 64}.dk", "host name or IP address"),
        ("template: k_m, host: h, max_registers: 126", "from 1 to 125"),
        ("template: k_m, host: h, framing: rtu, serial: {path: COM1}", "/dev/ttyUSB0"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, device: str, mistake: str) -> None:
    with pytest.raises(SiteFileError, match=mistake):
        loaded(tmp_path, device)
