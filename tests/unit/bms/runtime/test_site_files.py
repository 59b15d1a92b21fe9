"""Site files are checked against the settings that they are run with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bms.cli.main import app
from bms.config import Settings
from bms.errors import SiteFileError
from bms.model.assets.device import Fingerprint
from bms.model.assets.site import Mode
from bms.runtime.site_files import load_checked, remarks
from tests.rigs.buildings.bacnet_site_file import SITE


def folder_with(folder: Path, watchdog_s: int) -> Path:
    release = f"{{kind: 'null'}}, watchdog_s: {watchdog_s}"
    text = SITE.format(device="", temp="", pulse="", release=release)
    (folder / "library.yaml").write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize(
    ("minutes", "watchdog_s", "served"),
    [(15, 1800, True), (15, 1799, False), (5, 600, True), (5, 599, False), (30, 1800, False)],
)
def test_w09_a_watchdog_goes_by_the_tick_of_the_settings(
    tmp_path: Path, minutes: int, watchdog_s: int, served: bool
) -> None:
    sites = folder_with(tmp_path, watchdog_s)
    settings = Settings(sites=sites, poll_minutes=minutes, lease_minutes=60)
    if served:
        assert [site.id for site in load_checked(settings.sites, settings)] == ["library"]
        return
    with pytest.raises(SiteFileError) as caught:
        load_checked(settings.sites, settings)
    (mistake,) = caught.value.mistakes
    assert f"renews every {60 * minutes} s (BMS_POLL_MINUTES)" in mistake.message
    assert mistake.line > 1


@pytest.mark.parametrize(("minutes", "code"), [("5", 0), ("15", 1)])
def test_w09_sites_check_goes_by_the_tick_of_the_settings(
    tmp_path: Path, minutes: str, code: int
) -> None:
    words = ("sites", "check", str(folder_with(tmp_path, 600)), "--json")
    done = CliRunner().invoke(app, words, env={"BMS_POLL_MINUTES": minutes})
    assert done.exit_code == code, done.output
    assert ("renews every 900 s" in done.output) is bool(code)


def test_w01_what_is_written_by_number_alone_is_told(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, 1800)
    (site,) = load_checked(folder, Settings(sites=folder))
    (said,) = remarks([site], {})
    assert "mode auto writes to ctrl by address and number alone" in said
    accepted = (replace(d, fingerprint=Fingerprint(model="A1")) for d in site.devices)
    assert remarks([replace(site, devices=tuple(accepted))], {}) == []
    assert remarks([replace(site, mode=Mode.ADVISE)], {}) == []


def test_w02_a_host_name_that_nobody_knows_is_told_and_is_no_mistake(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, 1800)
    (site,) = load_checked(folder, Settings(sites=folder))
    devices = tuple(replace(d, host="PLC.example") for d in site.devices)
    named = replace(site, devices=devices, mode=Mode.OBSERVE)
    (said,) = remarks([named], {})
    assert said.startswith("host names that are not known here: plc.example;")
    assert remarks([named], {"plc.example": "192.0.2.7"}) == []
