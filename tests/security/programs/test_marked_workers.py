"""Secrets with a mark, as in ``test_marked_secrets``: what a worker, and whoever reads, writes and
looks for devices, prints, logs and keeps holds none of them."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

import pytest

from bms.cli.main import main
from tests.rigs.fieldbus.driver_rigs import free_port
from tests.rigs.processes.outside import bms, soon
from tests.rigs.storage.modes import others_may, umask
from tests.rigs.web.marked_secrets import MARK, marked

DEVICE = """devices:
  - {{id: told, protocol: mqtt, host: 127.0.0.1, port: {closed}, topic: hall/climate,
     mqtt: {{username: bms, password_file: {folder}/mqtt}}}}"""
POINT = """points:
  - {id: told.temp, device: told, role: zone_temp, zone: south, unit: degC, mqtt: temperature}"""
CALLS = [
    ("read townhall", False),
    ("read townhall --json", False),
    ("write townhall/north.setpoint 20.5 --reason asked", False),
    ("write townhall/north.setpoint 20.5 --reason asked --json", False),
    ("write townhall/told.temp 20.5 --reason asked", False),
    ("release townhall --reason asked", False),
    ("discover bacnet 127.0.0.1:47999 --timeout 0.2", False),
    ("discover modbus 127.0.0.1:1 --last-unit 2 --timeout 0.1", False),
    ("discover mbus 127.0.0.1:1 --last-address 2 --timeout 0.1", False),
    ("work look townhall", False),
    ("write townhall/north.setpoint 20.5 --reason asked", True),
    ("discover bacnet 127.0.0.1:47999 --timeout 0.2", True),
]
"""Words, and whether the address of a database that is away holds the mark."""


@pytest.fixture
def told(settings: dict[str, str]) -> dict[str, str]:
    """With a device at a broker that wants a password."""
    file = Path(settings["BMS_SITES"]) / "townhall.yaml"
    device = DEVICE.format(closed=free_port(), folder=file.parent.parent)
    file.write_text(file.read_text().replace("devices:", device).replace("points:", POINT))
    return settings


@pytest.mark.system
def test_a_worker_keeps_its_secrets_to_itself(tmp_path: Path, told: dict[str, str]) -> None:
    """It asks devices and brokers, plans and sends notices, and answers nobody."""
    seen, words = tmp_path / "seen", ("work", "--sites", "townhall")
    with umask(0), bms(*words, log=seen / "log", cwd=seen, env=told) as process:
        soon(lambda: b"broker 127.0.0.1" in (seen / "log").read_bytes(), 150, "it asks", process)
        time.sleep(3)  # rounds of its jobs
    assert marked(seen) == []
    assert others_may(seen / "home") == {}


@pytest.mark.system
def test_what_people_at_a_building_see_holds_no_secret(
    tmp_path: Path,
    told: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.chdir(tmp_path / "seen")
    found = []
    for words, away in CALLS:
        url = {"BMS_DATABASE_URL": f"postgresql://bms:{MARK}@127.0.0.1:1/bms"} if away else {}
        with monkeypatch.context() as patch, contextlib.suppress(SystemExit), umask(0):
            for name, text in {**told, **url}.items():
                patch.setenv(name, text)
            patch.setattr(sys, "argv", ["bms", *words.split()])
            main()
        out, err = capfd.readouterr()
        if MARK in out + err + caplog.text:
            found.append((words, away))
        caplog.clear()
    assert found == []
    assert marked(tmp_path / "seen") == []
