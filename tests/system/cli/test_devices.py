"""``bms devices clock`` against a device on loopback."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from bms.cli.main import app
from tests.rigs.buildings.bacnet_site_file import SITE, VIA
from tests.rigs.fieldbus.bacnet_responder import TinyDevice, free_udp_port
from tests.rigs.fieldbus.bacnet_thread import in_a_thread


class Clockwork(TinyDevice):
    """A device whose clock runs ``ahead``, until it is told the time."""

    ahead = timedelta()

    def value(self, key, index):
        shown = datetime.now(ZoneInfo("Europe/Copenhagen")) + self.ahead
        if key == (8, 7, 56):
            return b"\xa4" + bytes((shown.year - 1900, shown.month, shown.day, 255))
        if key == (8, 7, 57):
            return b"\xb4" + bytes((shown.hour, shown.minute, shown.second, 0))
        return super().value(key, index)

    def on_unconfirmed(self, service: int, payload: bytes) -> bytes | None:
        if service == 6:
            self.ahead = timedelta()
        return super().on_unconfirmed(service, payload)


def clock(home: Path, port: int, *arguments: str, allowed: bool = False):
    folder = home / "sites"
    folder.mkdir(exist_ok=True)
    extra = f", port: {port}, timeout_s: 0.2" + (", set_clock: true" if allowed else "")
    (folder / "library.yaml").write_text(
        SITE.format(device=extra, temp="", pulse="", release=VIA), encoding="utf-8"
    )
    env = {"BMS_HOME": str(home), "BMS_SITES": str(folder), "COLUMNS": "100"}
    done = CliRunner().invoke(app, ["devices", "clock", "library", *arguments], env=env)
    assert "Traceback" not in done.output
    return done


def device(ahead: timedelta) -> Clockwork:
    made = Clockwork(instance=7)
    made.ahead = ahead
    return made


def test_a_clock_that_is_right_and_one_that_is_off(tmp_path: Path) -> None:
    with in_a_thread(device(timedelta())) as port:
        done = clock(tmp_path, port)
        assert (done.exit_code, "right" in done.stdout) == (0, True)
    with in_a_thread(device(timedelta(minutes=10))) as port:
        done = clock(tmp_path, port, "--json")
        (row,) = json.loads(done.stdout)
        assert row["device"] == "library/ctrl"
        assert row["drift_s"] == pytest.approx(600, abs=3)
        assert done.exit_code == 0


@pytest.mark.parametrize("allowed", [True, False])
def test_it_is_set_only_where_the_site_file_says_so(tmp_path: Path, allowed: bool) -> None:
    responder = device(timedelta(minutes=10))
    with in_a_thread(responder) as port:
        done = clock(tmp_path, port, "--sync", allowed=allowed)
    assert done.exit_code == (0 if allowed else 1)
    assert ("set_clock: true" in done.stdout) is not allowed
    assert responder.ahead == (timedelta() if allowed else timedelta(minutes=10))


def test_a_device_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    done = clock(tmp_path, free_udp_port())
    assert done.exit_code == 1
    assert "no answer" in done.stdout


def test_a_site_that_is_not_there_is_a_wrong_call(tmp_path: Path) -> None:
    env = {"BMS_HOME": str(tmp_path), "BMS_SITES": "sites/examples"}
    done = CliRunner().invoke(app, ["devices", "clock", "castle"], env=env)
    assert done.exit_code == 2
