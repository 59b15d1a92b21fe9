"""Names and addresses of hosts, and devices that are named twice by them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bms.errors import SiteFileError
from sites.host_names import in_one_form, is_name, resolve
from sites.loader import load_sites
from tests.rigs.buildings.bacnet_site_file import SITE, VIA

ADDRESSES = {"plc.example": ["192.0.2.7", "192.0.2.9"], "cab.example": ["192.0.2.7"]}


def look_up(name: str) -> list[str]:
    return ADDRESSES.get(name, [])


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "127.1", "0.0.0.0", "plc.localhost", "0177.0.0.1"]
)
def test_w02_this_computer_has_one_form(host: str) -> None:
    assert in_one_form(host) == "127.0.0.1"
    assert not is_name(host)


def test_names_are_resolved_and_the_unknown_left_out() -> None:
    found = resolve(["PLC.example.", "cab.example", "gone.example", "10.0.0.1"], look_up)
    assert found == {"plc.example": "192.0.2.7", "cab.example": "192.0.2.7"}


def test_a_name_server_that_is_silent_delays_nobody() -> None:
    never = threading.Event()

    def silent(name: str) -> list[str]:
        if name == "gone.example":
            never.wait(20.0)
        return look_up(name)

    assert resolve(["gone.example", "plc.example"], silent, 0.2) == {"plc.example": "192.0.2.7"}
    never.set()


def two_sites(folder: Path, first: str, second: str) -> Path:
    text = SITE.format(device="", temp="", pulse="", release=VIA)
    meter = "  - {id: meter, protocol: modbus, host: 127.0.0.1}\n"
    assert meter in text
    for name, host, other in (("library", first, "10.0.0.1"), ("school", second, "10.0.0.2")):
        site = text.replace(meter, meter.replace("127.0.0.1", other))
        site = site.replace("host: 127.0.0.1", f"host: {host}").replace("library", name)
        (folder / f"{name}.yaml").write_text(site, "utf-8")
    return folder


def test_w02_a_name_and_its_address_are_one_device(tmp_path: Path) -> None:
    folder = two_sites(tmp_path, "plc.example", "192.0.2.7")
    assert len(load_sites(folder)) == 2
    with pytest.raises(SiteFileError, match="device ctrl is that of site library"):
        load_sites(folder, addresses=resolve(["plc.example"], look_up))


def test_w02_two_names_of_one_address_are_one_device(tmp_path: Path) -> None:
    folder = two_sites(tmp_path, "plc.example", "cab.example")
    with pytest.raises(SiteFileError, match="device ctrl is that of site library"):
        load_sites(folder, addresses=resolve(["plc.example", "cab.example"], look_up))
