"""``bms run``, ``read``, ``write`` and ``release`` at simulated buildings, from outside."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path

import httpx
import pytest

from bms.journal import open_leases
from bms.runtime.municipality import START, WEATHER
from bms.services.guard.heartbeat import Presence
from bms.store.sql.store import SqlStore
from drivers.simulator.client import SimulatorProcess
from drivers.simulator.config import SimulatorConfig, SiteConfig
from drivers.simulator.servers.loopback_ports import probe_tcp
from drivers.templates import load_templates
from sites.loader import load_sites
from tests.rigs.commissioned import trust
from tests.rigs.processes.outside import BMS, ROOT, alive, bms, children, site_files, soon

SITES = ("townhall", "school", "sportshall")
BEGIN = START.astimezone(UTC) + timedelta(hours=6, minutes=15)


@dataclass(frozen=True)
class Town:
    """Running buildings, and the settings of a backend for them."""

    simulator: SimulatorProcess
    folder: Path
    env: dict[str, str]

    @property
    def journal(self) -> Path:
        return self.folder / "home" / "release.journal"

    def call(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BMS, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **self.env, **more},
        )

    async def held(self) -> list[str]:
        state = await self.simulator.state()
        return [f"{site}/{signal}" for site in SITES for signal in state[site]["held"]]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    clock = tmp_path / "clock.json"
    config = SimulatorConfig(
        sites=tuple(SiteConfig(id=site, archetype=site, seed=1) for site in SITES),
        weather=WEATHER,
        start=BEGIN,
        clock_file=clock,
    )
    async with SimulatorProcess(tmp_path / "simulator") as simulator:
        ports = await simulator.start(config)
        yield Town(
            simulator,
            tmp_path,
            {
                "BMS_HOME": str(tmp_path / "home"),
                "BMS_SITES": str(site_files(tmp_path / "sites", ports)),
                "BMS_CLOCK_FILE": str(clock),
                "BMS_PORT": str(probe_tcp(0)),
            },
        )


async def test_run_writes_in_building_time_and_gives_everything_back_at_sigterm(
    town: Town,
) -> None:
    log = town.folder / "run.log"
    await asyncio.to_thread(entrust, town)
    with bms("run", log=log, cwd=town.folder, env=town.env) as running:
        address = f"http://127.0.0.1:{town.env['BMS_PORT']}"
        await asyncio.to_thread(soon, lambda: answers(address), 30, "healthz", running)
        await town.simulator.speed(600)
        async with asyncio.timeout(60):
            while len(await town.held()) < 10:
                await asyncio.sleep(0.2)
        assert {point.split("/")[0] for point in await town.held()} == set(SITES)
        guard = Presence(town.journal).look()
        assert guard is not None
        assert guard.pid in children(running.pid)
        running.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(running.wait, 60) == 0
        assert not alive(guard.pid)
    await town.simulator.speed(0)
    assert await town.held() == []
    assert open_leases(town.journal) == []
    assert "Traceback" not in log.read_text()


def entrust(town: Town) -> None:
    """People have commissioned the points and approved auto, before the backend starts."""
    home = town.folder / "home"
    home.mkdir(mode=0o700)
    store = SqlStore(f"sqlite:///{home / 'bms.db'}")
    trust(store, load_sites(town.folder / "sites", load_templates()), at=BEGIN)
    store.close()


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


async def test_a_person_reads_writes_and_releases(town: Town) -> None:
    call = town.call

    def run(*arguments: str) -> tuple[int, object]:
        done = call(*arguments, "--json")
        assert "Traceback" not in done.stderr
        return done.returncode, json.loads(done.stdout) if done.stdout else None

    code, rows = await asyncio.to_thread(run, "read", "school")
    assert code == 0
    assert isinstance(rows, list)
    assert len(rows) >= 20
    assert all(row["value"] is not None and row["unit"] for row in rows)

    code, traced = await asyncio.to_thread(run, "read", "school/gym.temp", "--trace")
    assert code == 0
    assert [row["point"] for row in traced["readings"]] == ["school/gym.temp"]
    (exchanges,) = traced["trace"].values()
    assert exchanges[-1]["to"].startswith("ReadProperty")
    assert bytes.fromhex(exchanges[-1]["answer"])

    done = await asyncio.to_thread(call, "read", "sportshall", "--trace", COLUMNS="60")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 60
    assert all(f"sportshall/{name}" in done.stdout for name in ("hall.setpoint", "heat.energy"))
    assert any("→ unit" in line for line in lines)

    point = "sportshall/hall.setpoint"
    wish = ("write", point, "17.4", "--for", "30m", "--reason", "parents' evening")
    code, receipt = await asyncio.to_thread(run, *wish)
    assert (code, receipt["outcome"], receipt["read_back"]) == (0, "accepted", 17.4)
    assert await town.held() == [point]

    limited = ("write", point, "99", "--for", "30m", "--reason", "as warm as it gets")
    code, receipt = await asyncio.to_thread(run, *limited)
    assert (code, receipt["outcome"], receipt["asked"]) == (1, "clamped", 99)
    assert receipt["written"] == receipt["read_back"] < 99
    done = await asyncio.to_thread(call, *limited)
    assert done.returncode == 1
    assert f"{receipt['written']:g}" in done.stderr
    assert "99" in done.stderr

    below = ("write", "school/plant.curve_shift", "-2", "--for", "30m", "--reason", "mild")
    code, receipt = await asyncio.to_thread(run, *below)
    assert (code, receipt["outcome"], receipt["read_back"]) == (0, "accepted", -2)
    assert (await asyncio.to_thread(run, "release", "school"))[0] == 0

    guard = Presence(town.journal).look()
    assert guard is not None
    try:
        code, receipts = await asyncio.to_thread(run, "release", "sportshall")
        assert code == 0
        assert point in [row["point"] for row in receipts]
        assert {row["outcome"] for row in receipts} == {"released"}
        assert await town.held() == []
        # the process that wrote is gone and nothing is held any more: so is the guard
        await asyncio.to_thread(soon, lambda: not alive(guard.pid), 15, "the guard ends")
    finally:
        if alive(guard.pid):
            os.kill(guard.pid, signal.SIGKILL)


async def test_a_lease_of_a_person_ends_though_nobody_is_there(town: Town) -> None:
    wish = ("write", "townhall/north.setpoint", "20.5", "--for", "30m", "--reason", "test")
    done = await asyncio.to_thread(town.call, *wish)
    assert done.returncode == 0, done.stderr
    assert await town.held() == ["townhall/north.setpoint"]
    guard = Presence(town.journal).look()
    assert guard is not None
    try:
        await town.simulator.advance(29 * 60)
        assert await town.held() == ["townhall/north.setpoint"]
        await town.simulator.advance(60)
        async with asyncio.timeout(15):
            while await town.held():
                await asyncio.sleep(0.1)
        await asyncio.to_thread(soon, lambda: not alive(guard.pid), 15, "the guard ends")
    finally:
        if alive(guard.pid):
            os.kill(guard.pid, signal.SIGKILL)


async def test_releasing_works_while_the_database_is_broken(town: Town) -> None:
    wish = ("write", "townhall/north.setpoint", "20.5", "--for", "30m", "--reason", "test")
    done = await asyncio.to_thread(town.call, *wish)
    assert done.returncode == 0, done.stderr
    (town.folder / "home" / "bms.db").write_bytes(b"no database at all" * 500)
    done = await asyncio.to_thread(town.call, "release", "--all")
    assert done.returncode == 0, done.stderr
    assert "is no database" in done.stderr
    assert "released" in done.stdout
    assert await town.held() == []
    assert open_leases(town.journal) == []


async def test_w12_what_a_device_held_that_is_gone_is_given_up_by_name_once_the_file_says_so(
    town: Town,
) -> None:
    point = "sportshall/hall.setpoint"
    wish = ("write", point, "17.4", "--for", "30m", "--reason", "parents' evening")
    assert (await asyncio.to_thread(town.call, *wish)).returncode == 0
    guard = Presence(town.journal).look()
    assert guard is not None
    assert town.simulator.pid is not None
    os.kill(town.simulator.pid, signal.SIGKILL)
    gone = ("release", point, "--gone", "--by", "Anna", "--reason", "scrapped", "--json")
    try:
        unsaid = await asyncio.to_thread(town.call, *gone[:5], "--json")
        assert unsaid.returncode == 2
        assert "--reason" in unsaid.stderr
        refused = await asyncio.to_thread(town.call, *gone)
        assert refused.returncode == 1
        assert "site file still has" in refused.stderr
        assert len(open_leases(town.journal)) == 1
        file = town.folder / "sites" / "sportshall.yaml"
        file.write_text(re.sub(r"port: \d+", f"port: {probe_tcp(0)}", file.read_text()))
        given_up = await asyncio.to_thread(town.call, *gone)
        assert given_up.returncode == 0, given_up.stderr
        (row,) = json.loads(given_up.stdout)
        assert (row["outcome"], row["error"]["code"]) == ("stillheld", "declared_gone")
        assert open_leases(town.journal) == []
        told = await asyncio.to_thread(town.call, "audit", "list", "--json")
        assert '"declare_gone"' in told.stdout
        assert "Anna" in told.stdout
        await asyncio.to_thread(soon, lambda: not alive(guard.pid), 15, "the guard ends")
    finally:
        if alive(guard.pid):
            os.kill(guard.pid, signal.SIGKILL)
