"""Site files that are drafted from what answers on a Modbus line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bms.model.assets.address import ModbusAddress
from bms.model.assets.device import Fingerprint, Framing, Parity, SerialLine
from bms.model.assets.point import Role
from bms.model.assets.site import Site
from drivers.discovery.inventory import FoundDevice
from drivers.discovery.site_draft import draft_site, with_template
from drivers.templates import load_templates
from sites.loader import load_sites

TEMPLATES = load_templates()
LINE = SerialLine(path="/dev/ttyUSB0", baud=19200, parity=Parity.NONE, stop_bits=2)
METER = FoundDevice(
    protocol="modbus", host="10.0.0.20", port=502, framing=Framing.TCP, unit=4,
    vendor="Carlo Gavazzi", model="EM340DINAV23XS1X", firmware="1.2",
)  # fmt: skip
SERIAL = FoundDevice(
    protocol="modbus", host="", port=0, framing=Framing.RTU, serial=LINE, unit=7,
    vendor="ABB", model="B23 112-100",
)  # fmt: skip
STRANGER = FoundDevice(
    protocol="modbus", host="gw.local", port=4001, framing=Framing.RTU_OVER_TCP, unit=9,
    notes=("it does not say what it is",),
)  # fmt: skip


def drafted(folder: Path, *devices: FoundDevice) -> Site:
    text = draft_site([with_template(each, TEMPLATES) for each in devices], site="hall")
    (folder / "hall.yaml").write_text(text, encoding="utf-8")
    (site,) = load_sites(folder, TEMPLATES)
    return site


def test_a_draft_of_a_line_is_a_site_file_in_order(tmp_path: Path) -> None:
    site = drafted(tmp_path, METER, SERIAL, STRANGER)
    tcp, serial, stranger = site.devices
    assert (tcp.host, tcp.port, tcp.unit, tcp.framing) == ("10.0.0.20", 502, 4, Framing.TCP)
    assert tcp.template == "carlo_gavazzi_em340"
    assert tcp.traits.max_registers == 50
    assert (serial.framing, serial.serial, serial.unit) == (Framing.RTU, LINE, 7)
    assert (stranger.framing, stranger.port, stranger.template) == (
        Framing.RTU_OVER_TCP, 4001, None
    )  # fmt: skip


def test_w01_what_a_device_says_it_is_stands_in_the_draft(tmp_path: Path) -> None:
    """A person who leaves it there accepts it; what no line of YAML can hold is left out."""
    named = replace(STRANGER, vendor="Alfa", name="pump: 'east' \"1\"", serial_number="0x10\x01")
    tcp, stranger, silent = drafted(
        tmp_path, METER, named, replace(STRANGER, host="gw2.local")
    ).devices
    assert tcp.fingerprint == Fingerprint(vendor="Carlo Gavazzi", model="EM340DINAV23XS1X")
    assert stranger.fingerprint == Fingerprint(vendor="Alfa", name="pump: 'east' \"1\"")
    assert silent.fingerprint is None


def test_the_registers_of_a_template_are_points_that_only_look(tmp_path: Path) -> None:
    site = drafted(tmp_path, METER, SERIAL)
    points = {point.id: point for point in site.points}
    energy = points["hall/device_4.energy_import"]
    assert energy.role is Role.METER_ENERGY
    assert isinstance(energy.address, ModbusAddress)
    assert energy.address.address == 0x34
    assert points["hall/device_4.energy_import_l1"].role is Role.OTHER
    assert "hall/device_7.energy_import" in points
    assert all(point.write is None for point in site.points)
    assert len(site.meters) == 2


@pytest.mark.parametrize(
    ("vendor", "model", "template"),
    [
        ("Carlo Gavazzi", "EM24", None),  # two templates fit
        ("Carlo Gavazzi", "EM111", None),
        ("Somebody", "EM340", None),
        ("Schneider Electric", "iEM3155 (METSEIEM3155)", "schneider_iem3155"),
        ("ABB", "b23 112-100", "abb_b23"),
        ("Danfoss", "ECL310", None),
        (None, None, None),
    ],
)
def test_a_template_is_taken_only_where_one_alone_bears_the_name(
    vendor: str | None, model: str | None, template: str | None
) -> None:
    device = FoundDevice(protocol="modbus", host="h", port=502, unit=1, vendor=vendor, model=model)
    assert with_template(device, TEMPLATES).template == template
