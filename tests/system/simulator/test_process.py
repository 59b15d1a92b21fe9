"""The simulator as a process: its pipe, its ports, and what becomes of it when its owner dies."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymodbus.client import AsyncModbusTcpClient

from bms.errors import ConfigError
from drivers.simulator.client import SimulatorError, SimulatorProcess, read_history
from drivers.simulator.config import SimulatorConfig
from tests.rigs.fakes.physics import START
from tests.rigs.fieldbus.bacnet_visitor import Visitor
from tests.rigs.paths import ROOT

TOY = (sys.executable, "-m", "tests.rigs.processes.toy_simulator")
DAY = timedelta(days=1)


def config(folder: Path, **changes: Any) -> SimulatorConfig:
    sites = [{"id": name, "archetype": name} for name in ("townhall", "sportshall")]
    plain = {"sites": sites, "weather": "none", "start": START, "clock_file": folder / "clock.json"}
    return SimulatorConfig.model_validate(plain | changes)


def clock(folder: Path) -> datetime:
    return datetime.fromisoformat(json.loads((folder / "clock.json").read_text())["time"])


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits for its parent does not."""
    status = Path(f"/proc/{pid}/stat")
    with contextlib.suppress(OSError):
        os.kill(pid, 0)
        return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


async def soon(condition: Any, seconds: float) -> bool:
    """Whether the condition comes true within so many real seconds [s]."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.05)
    return True


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[SimulatorProcess]:
    async with SimulatorProcess(tmp_path, deadline_s=20, command=TOY) as process:
        await process.start(config(tmp_path))
        yield process


async def test_lockstep_moves_clock_file_and_served_values(
    simulator: SimulatorProcess, tmp_path: Path
) -> None:
    assert clock(tmp_path) == START
    client = AsyncModbusTcpClient("127.0.0.1", port=simulator.ports["sportshall"]["modbus"])
    await client.connect()
    before = await client.read_input_registers(0, count=2, device_id=3)
    assert await simulator.advance(7200) == START + timedelta(hours=2)
    after = await client.read_input_registers(0, count=2, device_id=3)
    client.close()
    assert clock(tmp_path) == START + timedelta(hours=2)
    assert after.registers[1] - before.registers[1] == 200  # 20 kWh
    assert await simulator.now() == START + timedelta(hours=2)


async def test_the_past_is_a_file_with_progress(
    simulator: SimulatorProcess, tmp_path: Path
) -> None:
    shares: list[float] = []
    path = tmp_path / "past.npz"
    history = await simulator.history(START + DAY, path, on_progress=shares.append)
    times, again = read_history(path)
    assert times[0] == START.timestamp() + 900
    assert times[-1] == (START + DAY).timestamp()
    assert set(history) == {"townhall", "sportshall"}
    assert history["townhall"]["north.temp"].shape == times.shape == (96,)
    assert np.array_equal(again["sportshall"]["ahu1.run"], history["sportshall"]["ahu1.run"])
    assert history["sportshall"]["ahu1.run"].sum() == 48  # 06:00 to 18:00
    assert shares == sorted(set(shares))
    assert shares[-1] == 1.0
    assert clock(tmp_path) == START + DAY


async def test_truth_is_json_without_nan(simulator: SimulatorProcess, tmp_path: Path) -> None:
    await simulator.fork()
    truth = await simulator.truth(tmp_path / "truth.json")
    assert truth == {"start": START.isoformat(), "heat_kwh": [[1.0, None]]}


async def test_time_runs_by_itself_and_stops(simulator: SimulatorProcess, tmp_path: Path) -> None:
    await simulator.speed(3600)
    with pytest.raises(SimulatorError, match="speed 0"):
        await simulator.advance(60)
    assert await soon(lambda: clock(tmp_path) >= START + timedelta(minutes=10), 10)
    stood = await simulator.speed(0)
    await asyncio.sleep(0.3)
    assert await simulator.now() == stood


WRONG: list[tuple[Any, str]] = [
    ({"op": "dance"}, "unknown op 'dance'"),
    ({"op": "advance"}, "'seconds' is missing"),
    ({"op": "advance", "seconds": 61}, "whole minutes"),
    ({"op": "advance", "seconds": -60}, "whole minutes"),
    ({"op": "speed", "x": "fast"}, "could not convert"),
    ({"op": "speed", "x": float("nan")}, "outside 0..10000"),
    ({"op": "history", "until": "soon", "step_s": 900, "path": "p"}, "isoformat"),
    ({"op": "truth", "path": "/nowhere/at/all.json"}, "No such file"),
    (["op"], "unknown op"),
]


async def test_wrong_lines_are_answered_and_nothing_stops(simulator: SimulatorProcess) -> None:
    for number, (order, says) in enumerate(WRONG, 1):
        with pytest.raises(SimulatorError, match=says):
            await simulator.request(order)
        assert await simulator.advance(60) == START + number * timedelta(minutes=1)


async def test_stop_ends_it_and_frees_its_ports(simulator: SimulatorProcess) -> None:
    port = simulator.ports["sportshall"]["modbus"]
    await simulator.stop()
    assert simulator.pid is None
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    with pytest.raises(SimulatorError, match="does not run"):
        await simulator.now()


def run(folder: Path, text: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    path = folder / "config.json"
    path.write_text(text)
    return subprocess.run(
        [*TOY, "--config", str(path)], input=stdin, capture_output=True, timeout=20, check=False
    )


def test_junk_lines_are_answered_in_order(tmp_path: Path) -> None:
    lines = b'\xff\xfe\n{"op"\n[]\nnull\n{"op": "stop"}\n'
    done = run(tmp_path, config(tmp_path).model_dump_json(), lines)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert answers[0]["ready"] is True
    assert all("error" in answer for answer in answers[1:5])
    assert answers[5]["stopped"] is True
    assert len(answers) == 6


def test_a_port_in_use_ends_it_with_a_clear_line(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen(1)
        taken = holder.getsockname()[1]
        one = [{"id": "sportshall", "archetype": "sportshall"}]
        done = run(tmp_path, config(tmp_path, sites=one, base_port=taken - 1).model_dump_json())
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"].startswith(f"port {taken} is in use: ")
    assert done.stderr == b""


def test_a_wrong_configuration_names_every_mistake(tmp_path: Path) -> None:
    done = run(tmp_path, '{"sites": [], "start": "2019-01-14T00:00:00", "wether": 1}')
    said = json.loads(done.stdout)["error"]
    assert done.returncode == 1
    assert all(name in said for name in ("sites", "start", "wether", "weather"))


async def test_an_unknown_archetype_is_told_to_the_owner(tmp_path: Path) -> None:
    wrong = config(tmp_path, sites=[{"id": "townhall", "archetype": "castle"}])
    async with SimulatorProcess(tmp_path, deadline_s=20, command=TOY) as process:
        with pytest.raises(ConfigError, match="'castle'"):
            await process.start(wrong)


async def test_sigterm_ends_it_cleanly(simulator: SimulatorProcess, tmp_path: Path) -> None:
    pid = simulator.pid
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    assert await soon(lambda: not alive(pid), 5)
    assert (tmp_path / "simulator.log").read_text() == ""


async def test_sigterm_ends_a_long_past(simulator: SimulatorProcess, tmp_path: Path) -> None:
    pid = simulator.pid
    assert pid is not None
    with pytest.raises(SimulatorError, match=r"ended|told to end"):
        await simulator.history(
            START + 3650 * DAY,
            tmp_path / "past.npz",
            on_progress=lambda share: os.kill(pid, signal.SIGTERM),
        )
    assert await soon(lambda: not alive(pid), 5)
    assert not (tmp_path / "past.npz").exists()


OWNER = """
import asyncio, json, sys
from pathlib import Path
from drivers.simulator.client import SimulatorProcess
from drivers.simulator.config import SimulatorConfig

async def own(folder, *command):
    process = SimulatorProcess(Path(folder), command=command)
    config = SimulatorConfig.model_validate_json((Path(folder) / "wish.json").read_text())
    ports = await process.start(config)
    print(json.dumps({"pid": process.pid, "ports": ports}), flush=True)
    await asyncio.sleep(60)

asyncio.run(own(*sys.argv[1:]))
"""


async def test_it_runs_on_for_a_bounded_time_when_its_owner_is_killed(tmp_path: Path) -> None:
    wish = config(tmp_path, orphan_speed=3600, orphan_seconds=2.5)
    (tmp_path / "wish.json").write_text(wish.model_dump_json())
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path), *TOY],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert owner.stdout is not None
    told = json.loads(await asyncio.to_thread(owner.stdout.readline))
    client = AsyncModbusTcpClient("127.0.0.1", port=told["ports"]["sportshall"]["modbus"])
    visitor = Visitor(told["ports"]["townhall"]["bacnet"])
    try:
        assert await visitor.write("analog-value,101", 16.5, priority=13) is None
        await client.connect()
        await client.write_register(100, 160, device_id=1)
        await client.write_register(150, 1, device_id=1)
        owner.kill()
        await asyncio.to_thread(owner.wait, 5)
        owner.stdout.close()
        assert await soon(lambda: clock(tmp_path) > START + timedelta(minutes=30), 10)
        assert alive(told["pid"])
        setpoint = await client.read_holding_registers(100, count=1, device_id=1)
        enable = await client.read_holding_registers(150, count=1, device_id=1)
        assert (setpoint.registers, enable.registers) == ([160], [1])  # nothing expires
        assert await visitor.slots("analog-value,101") == {13: 16.5}
        assert await soon(lambda: not alive(told["pid"]), 10)
    finally:
        client.close()
        visitor.close()
        if alive(told["pid"]):
            os.kill(told["pid"], signal.SIGKILL)
    assert clock(tmp_path).tzinfo == UTC
    assert clock(tmp_path) < START + timedelta(hours=6)
