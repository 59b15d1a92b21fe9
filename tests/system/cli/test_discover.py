"""``bms discover`` and ``bms sites draft`` against simulated buildings on real sockets."""

import asyncio
import contextlib
import json
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bms.runtime.municipality import WEATHER
from drivers.simulator.client import SimulatorProcess
from drivers.simulator.config import SimulatorConfig, SiteConfig
from drivers.simulator.servers import mbus_telegrams as made
from tests.rigs.fieldbus.mbus_rig import a_line
from tests.rigs.fieldbus.modbus_peer import Bank, Call, Peer
from tests.rigs.processes.outside import BMS

START = datetime(2019, 1, 14, tzinfo=UTC)
BRIEF = ("--timeout", "1")
"""Who is on loopback answers within a second on any machine."""
BRIEF_ON_A_LINE = ("--timeout", "0.2")
"""A search waits so long for each of the many addresses that nobody has."""


@contextlib.asynccontextmanager
async def school(folder: Path):
    config = SimulatorConfig(
        sites=(SiteConfig(id="school", archetype="school"),), weather=WEATHER, start=START
    )
    async with SimulatorProcess(folder) as simulator:
        yield (await simulator.start(config))["school"]


async def bms(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [BMS, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_what_is_there_is_found_and_drafted(tmp_path):
    async with school(tmp_path / "home") as ports:
        room = f"127.0.0.1:{ports['bacnet']}"
        found = await bms("discover", "bacnet", room, *BRIEF, "--json", cwd=tmp_path)
        assert found.returncode == 0, found.stderr
        (device,) = json.loads(found.stdout)
        setpoints = [o for o in device["objects"] if o["commandable"]]
        assert device["protocol"] == "bacnet"
        assert len(setpoints) >= 5

        table = await bms("discover", "bacnet", room, *BRIEF, cwd=tmp_path)
        assert "analog-value" in table.stdout

        meters = f"127.0.0.1:{ports['modbus']}"
        six = ("--last-unit", "6", *BRIEF)
        units = await bms("discover", "modbus", meters, *six, "--json", cwd=tmp_path)
        assert units.returncode == 0, units.stderr
        assert {1, 2, 3, 4} <= {unit["unit"] for unit in json.loads(units.stdout)}

        folder = tmp_path / "my-sites"
        folder.mkdir()
        out = folder / "school.yaml"
        drafted = await bms("sites", "draft", room, *BRIEF, "--out", str(out), cwd=tmp_path)
        assert drafted.returncode == 0, drafted.stderr
        again = await bms("sites", "draft", room, "--out", str(out), cwd=tmp_path)
        assert again.returncode == 2
        checked = await bms("sites", "check", str(folder), cwd=tmp_path)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert "mode: observe" in out.read_text()


@pytest.fixture
def interruptible():
    """Children obey SIGINT also where whoever started the tests ignores it, as a shell does for
    what it runs behind."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
async def test_a_draft_of_modbus_units_is_stopped_at_will_and_keeps_what_answered(tmp_path):
    bank = Bank()
    bank.fill(3, "holding", 0, *range(20))

    async def of_unit_3(call: Call) -> None:
        if call.unit == 3:
            call.tell()

    peer = Peer("tcp", bank, of_unit_3)
    await peer.start()
    target, out = f"modbus:127.0.0.1:{peer.port}", tmp_path / "draft.yaml"
    process = await asyncio.create_subprocess_exec(
        BMS, "sites", "draft", target, "--site", "hall", *BRIEF, "--out", str(out),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(40):
            while not any(unit == 5 for unit, *_ in bank.log):
                await asyncio.sleep(0.05)
            process.send_signal(signal.SIGINT)
            said, _ = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    assert process.returncode == 0, said
    assert b"--first-unit" in said
    assert "unit: 3" in out.read_text()
    short = tmp_path / "short.yaml"
    four = ("--last-unit", "4", *BRIEF)
    few = await bms("sites", "draft", target, *four, "--out", str(short), cwd=tmp_path)
    assert few.returncode == 0, few.stderr
    assert "unit: 3" in short.read_text()
    await peer.stop()


async def test_nobody_there_is_said_and_fails(tmp_path):
    silent = await bms("discover", "modbus", "127.0.0.1:1", "--last-unit", "2", cwd=tmp_path)
    assert silent.returncode == 1
    assert "Traceback" not in silent.stdout + silent.stderr


async def test_a_wrong_target_is_a_wrong_call(tmp_path):
    wrong = await bms("discover", "modbus", "127.0.0.1:http", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "is not a port" in wrong.stderr


async def test_meters_of_a_line_are_found_drafted_checked_and_read(tmp_path, monkeypatch):
    line = a_line({3: [made.bcd(b"\x06", 4711)], 4: [made.integer(b"\x13", 1500)]})
    target = f"127.0.0.1:{await line.start()}"
    try:
        found = await bms("discover", "mbus", target, *BRIEF_ON_A_LINE, "--json", cwd=tmp_path)
        assert found.returncode == 0, found.stderr
        assert [each["serial_number"] for each in json.loads(found.stdout)] == [
            "12345678",
            "12345679",
        ]
        one = ("--primary", "--first-address", "4", "--last-address", "4")
        asked = await bms("discover", "mbus", target, *one, *BRIEF_ON_A_LINE, cwd=tmp_path)
        assert "primary 4" in asked.stdout
        (tmp_path / "my-sites").mkdir()
        out = tmp_path / "my-sites" / "hall.yaml"
        options = ("--site", "hall", *BRIEF_ON_A_LINE, "--out", str(out))
        drafted = await bms("sites", "draft", f"mbus:{target}", *options, cwd=tmp_path)
        assert drafted.returncode == 0, drafted.stderr
        checked = await bms("sites", "check", "my-sites", cwd=tmp_path)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        monkeypatch.setenv("BMS_SITES", str(tmp_path / "my-sites"))
        monkeypatch.setenv("BMS_HOME", str(tmp_path / "home"))
        read = await bms("read", "hall", "--json", cwd=tmp_path)
        assert "4711" in read.stdout, read.stderr
        assert "1.5" in read.stdout
    finally:
        await line.close()
