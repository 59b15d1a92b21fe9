"""Site files are checked against the settings that they are run with."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bms.cli.main import app
from bms.config import Settings
from bms.errors import SiteFileError
from bms.runtime.site_files import sites_of
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
        assert [site.id for site in sites_of(settings)] == ["library"]
        return
    with pytest.raises(SiteFileError) as caught:
        sites_of(settings)
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
