"""Two ``bms work`` in homes of their own on one PostgreSQL, from outside: killed, stopped, asleep.

Building time stands while points are compared, so that no tick and no lease moves one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bms.journal import open_leases
from bms.model.control.local_override import LOCAL
from bms.model.control.ownership import Ownership
from bms.runtime.municipality import START, WEATHER
from bms.store.sql.store import SqlStore
from drivers.simulator.client import SimulatorProcess
from drivers.simulator.config import SimulatorConfig, SiteConfig
from drivers.templates import load_templates
from sites.loader import load_sites
from tests.rigs.commissioned import trust
from tests.rigs.processes.outside import BMS, ROOT, bms, site_files, soon

SITES = ("townhall", "school", "sportshall")
BEGIN = START.astimezone(UTC) + timedelta(hours=6, minutes=15)
OWNER_S = 5
SPEED = 300


@dataclass(frozen=True)
class Town:
    """Running buildings, and one database for the workers."""

    simulator: SimulatorProcess
    folder: Path
    store: SqlStore
    env: dict[str, str]

    @contextlib.contextmanager
    def worker(self, name: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """A worker in the home of this name."""
        env = {**self.env, "BMS_HOME": str(self.folder / name)}
        log = self.folder / f"{name}.log"
        with bms("work", *options, log=log, cwd=self.folder, env=env) as running:
            yield running

    def journal(self, name: str) -> Path:
        return self.folder / name / "release.journal"

    def owners(self) -> dict[str, Ownership]:
        rows = self.store.owners()
        return {row.site: row for row in rows if row.site in SITES and not row.released}

    def owned_by(self, process: subprocess.Popen[bytes]) -> list[str]:
        """What a worker owns and may write now."""
        mine = f"process {process.pid}"
        return [s for s, row in self.owners().items() if row.place.endswith(mine) and row.runs]

    async def until(self, what: str, true: Any, seconds: float = 60.0) -> float:
        """Wait; how long it took [s]."""
        began = time.monotonic()
        await asyncio.to_thread(soon, true, seconds, what)
        return time.monotonic() - began

    async def values(self) -> dict[str, object]:
        """What stands at the points that anybody of us holds."""
        state = await self.simulator.state()
        return {site: (state[site]["held"], state[site]["slots"]) for site in SITES}

    async def held(self) -> set[str]:
        """The sites at which something is held."""
        state = await self.simulator.state()
        return {site for site in SITES if len(state[site]["held"]) >= 2}

    async def until_held(self, sites: Collection[str] = SITES, seconds: float = 60.0) -> None:
        async with asyncio.timeout(seconds):
            while await self.held() != set(sites):
                await asyncio.sleep(0.1)

    async def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What a command says in a home of its own."""

        def run() -> subprocess.CompletedProcess[str]:
            env = {**os.environ, "PYTHONPATH": str(ROOT), **self.env}
            env["BMS_HOME"] = str(self.folder / "carl")
            words, options = [BMS, *arguments], {"text": True, "capture_output": True}
            return subprocess.run(words, env=env, cwd=self.folder, check=False, **options)

        return await asyncio.to_thread(run)

    def overrides(self) -> list[str]:
        """Local overrides: with nobody at the buildings each of them is a false one."""
        now = datetime.now(UTC)
        found = [o for site in SITES for o in self.store.overrides(site, now)]
        return [f"{o.point} {o.reason}" for o in found if o.actor == LOCAL]


@pytest.fixture
async def town(tmp_path: Path, postgres_url: str) -> AsyncIterator[Town]:
    clock = tmp_path / "clock.json"
    config = SimulatorConfig(
        sites=tuple(SiteConfig(id=site, archetype=site, seed=1) for site in SITES),
        weather=WEATHER,
        start=BEGIN,
        clock_file=clock,
    )
    store = SqlStore(postgres_url)
    async with SimulatorProcess(tmp_path / "simulator") as simulator:
        ports = await simulator.start(config)
        env = {
            "BMS_SITES": str(site_files(tmp_path / "sites", ports)),
            "BMS_CLOCK_FILE": str(clock),
            "BMS_DATABASE_URL": postgres_url,
            "BMS_OWNER_SECONDS": str(OWNER_S),
        }
        trust(store, load_sites(tmp_path / "sites", load_templates()), at=BEGIN)
        yield Town(simulator, tmp_path, store, env)
    store.close()


async def test_w02_a_clean_stop_hands_every_point_over_and_none_moves(town: Town) -> None:
    with town.worker("anna") as anna, town.worker("bo") as bo:
        await town.until("both own", lambda: town.owned_by(anna) and town.owned_by(bo))
        await town.simulator.speed(SPEED)
        await town.until_held()
        await town.simulator.speed(0)
        await asyncio.sleep(1.0)
        before, theirs = await town.values(), town.owned_by(anna)
        anna.send_signal(signal.SIGTERM)
        took = await town.until("handed over", lambda: len(town.owned_by(bo)) == len(SITES))
        assert anna.wait(30) == 0
        assert took <= 5.0
        assert await town.values() == before
        assert open_leases(town.journal("anna")) == []
        assert {lease.point.site for lease in open_leases(town.journal("bo"))} == set(SITES)
        assert theirs
        await town.simulator.speed(SPEED)
        await asyncio.sleep(3 * 900 / SPEED)
        assert await town.held() == set(SITES)
        assert town.overrides() == []
        bo.send_signal(signal.SIGTERM)
        assert bo.wait(60) == 0
    await town.simulator.speed(0)
    assert await town.held() == set()
    assert town.owners() == {}


@pytest.mark.long
async def test_w02_a_killed_owner_is_followed_and_a_sleeping_one_wakes_to_nothing(
    town: Town,
) -> None:
    with town.worker("anna") as anna:
        await town.until("owned", lambda: len(town.owned_by(anna)) == len(SITES))
        await town.simulator.speed(SPEED)
        await town.until_held()
        with town.worker("bo") as bo:
            await town.until("shared", lambda: town.owned_by(bo))
            await town.simulator.speed(0)
            os.kill(anna.pid, signal.SIGSTOP)
            await town.until("bo owns all", lambda: len(town.owned_by(bo)) == len(SITES))
            await town.simulator.speed(SPEED)
            await town.until(
                "nothing of anna stands", lambda: not any(r.waits for r in town.owners().values())
            )
            await town.until_held()
            assert town.overrides() == []
            await town.simulator.speed(0)
            tokens = {site: row.token for site, row in town.owners().items()}
            os.kill(anna.pid, signal.SIGCONT)
            await asyncio.sleep(2.0)
            assert town.overrides() == []
            await town.until("shared again", lambda: town.owned_by(anna))
            assert all(row.token >= tokens[site] for site, row in town.owners().items())
            bo.kill()
            bo.wait()
            await town.until("anna owns all", lambda: len(town.owned_by(anna)) == len(SITES))
            await town.simulator.speed(SPEED)
            await town.until(
                "nothing of bo stands", lambda: not any(r.waits for r in town.owners().values())
            )
            await town.until_held()
            assert town.overrides() == []


@pytest.mark.long
async def test_w02_sites_are_owned_as_asked_and_people_elsewhere_reach_the_owner(
    town: Town,
) -> None:
    with town.worker("anna", "--sites", "school,townhall") as anna:
        await town.until("owned", lambda: set(town.owned_by(anna)) == {"school", "townhall"})
        await town.simulator.speed(SPEED)
        await town.until_held({"school", "townhall"})
        await town.simulator.speed(0)
        point = "school/gym.setpoint"
        done = await town.call("write", point, "19", "--reason", "test", "--json")
        assert done.returncode == 1
        assert json.loads(done.stdout)["reason"]["code"] == "other_owner"
        done = await town.call("status", "--json")
        states = {row["site"]: row["state"] for row in json.loads(done.stdout)}
        assert states == {
            "@city": "owned",
            "school": "owned",
            "townhall": "owned",
            "sportshall": "free",
        }
        assert done.returncode == 1
        done = await town.call("release", "school", "--json")
        assert done.returncode == 0  # nothing to give back here, unless the owner has been slow
        assert {row["outcome"] for row in json.loads(done.stdout)} <= {"released"}
        async with asyncio.timeout(10):
            while "school" in await town.held():
                await asyncio.sleep(0.1)
        assert await town.held() == {"townhall"}
        assert town.overrides() == []
        with town.worker("bo", "--sites", "sportshall") as bo:
            await town.until("owned", lambda: town.owned_by(bo) == ["sportshall"])
            assert set(town.owned_by(anna)) == {"school", "townhall"}
            with town.worker("anna") as second:
                assert second.wait(60) == 1
            said = (town.folder / "anna.log").read_text()
            assert f"process {anna.pid}" in said
            assert "BMS_HOME" in said
            assert "Traceback" not in said


async def test_plans_are_made_by_whichever_worker_is_free(town: Town) -> None:
    """A worker of jobs only shares the list with one that holds the sites."""
    town.env["BMS_JOBS"] = "cluster"
    with town.worker("anna") as anna, town.worker("bo", "--jobs") as bo:
        await town.until("owned", lambda: len(town.owned_by(anna)) == len(SITES))
        await town.simulator.speed(SPEED)
        await town.until_held()
        await town.simulator.speed(0)
        assert town.owned_by(bo) == []
        for process in (bo, anna):
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    assert await town.held() == set()
    assert set(town.store.plans_in_force(SITES, datetime.now(UTC))) == set(SITES)
