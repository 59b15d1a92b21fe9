"""To ``auto``, back from it by itself, and agreeing again, as a new user walks: real sockets,
``bms run``, the command line and HTTP.

The way is that of docs/operating.md, "The whole way at a running city".
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bms.runtime.municipality import START, WEATHER
from bms.store.sql.store import SqlStore
from drivers.simulator.client import SimulatorProcess
from drivers.simulator.config import SimulatorConfig, SiteConfig
from drivers.simulator.servers.loopback_ports import probe_tcp
from drivers.templates import load_templates
from sites.loader import load_sites
from tests.rigs.commissioned import trust
from tests.rigs.processes.outside import BMS, ROOT, bms, site_files, soon

SITE = "sportshall"
BEGIN = START.astimezone(UTC) + timedelta(hours=8)
METTE = ("--by", "Mette Holm")
SLOW, FAST = 300.0, 3600.0
"""Building seconds in a second."""


@dataclass(frozen=True)
class Hall:
    """A running building and what a user has of its backend."""

    simulator: SimulatorProcess
    folder: Path
    env: dict[str, str]

    @property
    def site_file(self) -> Path:
        return self.folder / "sites" / f"{SITE}.yaml"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.env['BMS_PORT']}"

    async def call(self, *arguments: str) -> tuple[int, Any, str]:
        """Exit code, what ``--json`` has printed, and what was said beside."""

        def run() -> subprocess.CompletedProcess[str]:
            whole = {**os.environ, "PYTHONPATH": str(ROOT), **self.env}
            return subprocess.run(
                [BMS, *arguments, "--json"], env=whole, check=False, text=True, capture_output=True
            )

        done = await asyncio.to_thread(run)
        assert "Traceback" not in done.stderr
        return done.returncode, json.loads(done.stdout or "null"), done.stderr

    async def mode(self) -> dict[str, Any]:
        code, told, _ = await self.call("mode", SITE)
        assert code == 0
        return told

    async def held(self) -> list[str]:
        return list((await self.simulator.state())[SITE]["held"])

    async def until_held(self, wanted: bool, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while bool(await self.held()) is not wanted:
                await asyncio.sleep(0.3)


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Hall]:
    clock = tmp_path / "clock.json"
    config = SimulatorConfig(
        sites=(SiteConfig(id=SITE, archetype=SITE, seed=1),),
        weather=WEATHER,
        start=BEGIN,
        clock_file=clock,
    )
    async with SimulatorProcess(tmp_path / "simulator") as simulator:
        ports = await simulator.start(config)
        env = {
            "BMS_HOME": str(tmp_path / "home"),
            "BMS_SITES": str(site_files(tmp_path / "sites", ports)),
            "BMS_CLOCK_FILE": str(clock),
            "BMS_PORT": str(probe_tcp(0)),
            "LC_ALL": "en",
        }
        yield Hall(simulator, tmp_path, env)


def shadow_period_is_over(hall: Hall) -> None:
    """Fourteen days of it are not lived here; the points are those of another day as well, which a
    changed limit has put back."""
    home = hall.folder / "home"
    store = SqlStore(f"sqlite:///{home / 'bms.db'}")
    trust(store, load_sites(hall.folder / "sites", load_templates()), at=BEGIN)
    store.close()


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


async def cut_off(hall: Hall) -> str:
    """Somebody has put the gateway at another address; the file as it was."""
    whole = hall.site_file.read_text()
    ports = {
        line.split("port: ")[1].split(",")[0] for line in whole.splitlines() if "port: " in line
    }
    lost = whole
    for port in ports:
        lost = lost.replace(f"port: {port}", f"port: {probe_tcp(0)}")
    assert lost != whole
    hall.site_file.write_text(lost)
    code, _, said = await hall.call("reload")
    assert code == 0, said
    return whole


@pytest.mark.long
async def test_to_auto_back_from_it_by_itself_and_agreeing_again(hall: Hall) -> None:
    code, _, said = await hall.call("mode", SITE, "auto", "--reason", "now", *METTE)
    assert code == 1, "nothing was tried, and nothing was seen"
    assert "bms commission" in said

    await asyncio.to_thread(shadow_period_is_over, hall)
    code, told, said = await hall.call("mode", SITE, "advise", "--reason", "trying", *METTE)
    assert (code, told["mode"]) == (0, "advise"), said
    await hall.simulator.speed(SLOW)
    code, told, said = await hall.call("commission", SITE, "--yes", *METTE)
    assert (code, told["passed"], told["signed"]) == (0, True, True), said
    code, told, said = await hall.call("mode", SITE, "auto", "--reason", "all tried", *METTE)
    assert (code, told["mode"]) == (0, "auto"), said
    code, key, said = await hall.call("keys", "create", "pages", "--scope", "operate")
    assert code == 0, said

    with bms("run", log=hall.folder / "run.log", cwd=hall.folder, env=hall.env) as running:
        await asyncio.to_thread(soon, lambda: answers(hall.address), 60, "healthz", running)
        await hall.until_held(True, 90)

        whole = await cut_off(hall)
        await hall.simulator.speed(FAST)
        async with asyncio.timeout(150):
            while (await hall.mode())["mode"] != "advise":
                await asyncio.sleep(1.0)
        await hall.simulator.speed(SLOW)
        hall.site_file.write_text(whole)
        assert (await hall.call("reload"))[0] == 0
        await hall.until_held(False, 60)

        code, _, said = await hall.call("mode", SITE, "auto", "--reason", "mended", *METTE)
        assert code == 1
        assert "--agree" in said
        async with httpx.AsyncClient(base_url=hall.address, timeout=20) as client:
            client.headers["Authorization"] = f"Bearer {key['key']}"
            body = {"mode": "auto", "reason": "the gateway is back"}
            url = f"/v1/sites/{SITE}/mode"
            assert (await client.post(url, json=body)).status_code == 422
            done = await client.post(url, json={**body, "agree": True})
            assert (done.status_code, done.json()["mode"]) == (200, "auto"), done.text
        await hall.until_held(True, 90)
        running.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(running.wait, 60) == 0
    code, rows, _ = await hall.call("audit", "list", "--site", SITE)
    assert code == 0
    said_of = {row["action"] for row in rows}
    assert {"step_back", "agree", "approve"} <= said_of
    assert (await hall.call("audit", "verify"))[0] == 0
