"""``bms reload`` and SIGHUP at a backend that runs: what did not change goes on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from bms.cli.main import app
from bms.journal import open_leases
from bms.runtime.municipality import START, WEATHER
from bms.store.sql.store import SqlStore
from drivers.simulator.client import SimulatorProcess
from drivers.simulator.config import SimulatorConfig, SiteConfig
from drivers.templates import load_templates
from sites.loader import load_sites
from tests.rigs.commissioned import trust
from tests.rigs.processes.outside import BMS, ROOT, bms, site_files

ANNEXE = """site: annexe
name: {da: Annekset, en: The annexe}
use: office
area_m2: 200
position: {latitude: 56.2, longitude: 10.2}
timezone: Europe/Copenhagen
meters: [{id: heat, commodity: heat}]
"""
SITES = ("townhall", "school", "sportshall")


async def call(env: dict[str, str], *arguments: str) -> tuple[int, Any, str]:
    def run() -> subprocess.CompletedProcess[str]:
        whole = {**os.environ, "PYTHONPATH": str(ROOT), **env}
        return subprocess.run(
            [BMS, *arguments], env=whole, check=False, text=True, capture_output=True
        )

    done = await asyncio.to_thread(run)
    return done.returncode, json.loads(done.stdout or "null"), done.stderr


def by_site(journal: Path) -> dict[str, dict[str, str]]:
    """The open leases of each site: point → when it was taken first, in the journal's words."""
    found: dict[str, dict[str, str]] = {site: {} for site in SITES}
    for lease in open_leases(journal):
        found[lease.point.site][lease.point.id] = str(lease.before)
    return found


async def test_changed_files_are_taken_in_and_the_others_go_on(tmp_path: Path) -> None:
    begin, clock = START, tmp_path / "clock.json"
    config = SimulatorConfig(
        sites=tuple(SiteConfig(id=site, archetype=site, seed=1) for site in SITES),
        weather=WEATHER,
        start=begin,
        clock_file=clock,
    )
    url = f"sqlite:///{tmp_path / 'bms.db'}"
    env = {"BMS_CLOCK_FILE": str(clock), "BMS_HOME": str(tmp_path / "home"), "BMS_PORT": "0"}
    env |= {"BMS_SITES": str(tmp_path / "sites"), "BMS_DATABASE_URL": url}
    journal = tmp_path / "home" / "release.journal"
    async with SimulatorProcess(tmp_path / "simulator") as simulator:
        folder = site_files(tmp_path / "sites", await simulator.start(config))
        store = SqlStore(url)
        trust(store, load_sites(folder, load_templates()), at=begin)
        store.close()
        (folder / "annexe.yaml").write_text("site: annexe\nname: [\n", "utf-8")

        async def held() -> set[str]:
            state = await simulator.state()
            return {site for site in SITES if state[site]["held"]}

        async def until(sites: set[str]) -> None:
            async with asyncio.timeout(60):
                while await held() != sites:
                    await asyncio.sleep(0.1)

        with bms("run", log=tmp_path / "log", cwd=tmp_path, env=env) as running:
            await simulator.speed(300)
            await until(set(SITES))
            await simulator.speed(0)
            assert "left out: " in (tmp_path / "log").read_text()

            _change(folder / "school.yaml", "da: Skolen", "da: Den nye skole")
            (folder / "annexe.yaml").write_text(ANNEXE, "utf-8")
            before = by_site(journal)
            code, (answer,), _ = await call(env, "reload", "--json")
            assert answer["taken_in"] is True
            assert answer["changed"] == ["school"]
            assert (answer["added"], answer["unchanged"]) == (["annexe"], 2)
            assert (answer["given_back"], answer["still_held"]) == ([], [])
            assert (code, answer["mistakes"]) == (0, [])
            assert await held() == set(SITES)
            assert by_site(journal) == before

            good = (folder / "sportshall.yaml").read_text("utf-8")
            (folder / "sportshall.yaml").write_text(good + "\nnonsense: 1\n", "utf-8")
            code, (answer,), _ = await call(env, "reload", "--json", "--strict")
            assert (code, answer["taken_in"]) == (1, False)
            assert await held() == set(SITES)

            code, (answer,), said = await call(env, "reload", "--json")
            assert (code, answer["removed"]) == (1, ["sportshall"])
            assert any("nonsense" in m["message"] for m in answer["mistakes"]), said
            assert all(point.startswith("sportshall/") for point in answer["given_back"])
            assert await held() == {"school", "townhall"}
            assert by_site(journal)["sportshall"] == {}

            (folder / "sportshall.yaml").write_text(good, "utf-8")
            running.send_signal(signal.SIGHUP)
            await simulator.speed(300)
            await until(set(SITES))
            assert running.poll() is None
            (folder / "townhall.yaml").unlink()
            code, (answer,), _ = await call(env, "reload", "--json")
            assert answer["removed"] == ["townhall"]
            await until({"school", "sportshall"})


def test_where_nothing_runs_the_way_out_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["reload", "--wait", "1"], env={"BMS_HOME": str(tmp_path)})
    assert (done.exit_code, done.stdout) == (1, "")
    assert "start bms run" in done.stderr


def _change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
