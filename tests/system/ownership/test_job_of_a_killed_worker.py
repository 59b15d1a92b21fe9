"""Jobs of workers that are killed in the middle, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from bms.errors import JobFailed
from bms.ports.jobs import JobKind, JobOrder, Priority
from bms.runtime.anywhere.handlers import handlers
from bms.runtime.anywhere.orders import making_exports
from bms.store.shared_jobs import SharedJobs
from tests.rigs.fakes.api import a_world, live_in
from tests.rigs.processes.outside import ROOT

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
WORKER = """
import asyncio, os, sys
from pathlib import Path
from bms.ports.jobs import JobKind
from bms.store.shared_jobs import SharedJobs

url, folder, waits = sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "hangs"

async def do(order):
    with (folder / "begun").open("a") as file:
        file.write(f"{order.name} {os.getpid()}\\n")
    if waits and (order.subject == "school" or order.kind is JobKind.EXPORT):
        await asyncio.sleep(3600)
    with (folder / "done").open("a") as file:
        file.write(f"{order.name} {os.getpid()}\\n")

async def main():
    async with SharedJobs(url, look_s=0.05, dead_s=2.0).open() as jobs:
        await jobs.work({kind: do for kind in JobKind}, 3)

asyncio.run(main())
"""


@contextlib.contextmanager
def worker(url: str, folder: Path, how: str = "works") -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = subprocess.Popen([sys.executable, "-c", WORKER, url, str(folder), how], env=env)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def order(subject: str, kind: JobKind = JobKind.PLAN) -> JobOrder:
    return JobOrder(kind=kind, subject=subject, at=AT, priority=Priority.PLAN)


async def until_begun(folder: Path, what: str, times: int = 1) -> None:
    async with asyncio.timeout(30):
        while lines(folder, "begun").count(what) < times:
            await asyncio.sleep(0.05)


async def waited(url: str) -> bool:
    """Whether the one job of the list was handed out for a later moment."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        found = await connection.execute("SELECT scheduled_at IS NOT NULL FROM procrastinate_jobs")
        return bool((await found.fetchone() or [False])[0])


def lines(folder: Path, name: str) -> list[str]:
    file = folder / name
    return [w.rpartition(" ")[0] for w in file.read_text().splitlines()] if file.exists() else []


async def test_a_job_is_taken_up_by_another_worker_and_its_site_is_free_again(
    tmp_path: Path, postgres_url: str
) -> None:
    async with SharedJobs(postgres_url, look_s=0.05).open() as jobs:
        with worker(postgres_url, tmp_path, "hangs") as dying:
            asked = asyncio.create_task(jobs.done(order("school")))
            await until_begun(tmp_path, "plan of school")
            behind = asyncio.create_task(jobs.done(order("school", JobKind.FAULTS)))
            dying.send_signal(signal.SIGKILL)
            dying.wait()
            with worker(postgres_url, tmp_path):
                assert await jobs.done(order("hall"))  # who is alive goes on meanwhile
                async with asyncio.timeout(30):
                    assert await asked
                    assert await behind
    assert lines(tmp_path, "done").count("plan of school") == 1
    assert lines(tmp_path, "done")[-1] == "faults of school"


async def test_one_that_was_asked_for_again_meanwhile_is_done_once(
    tmp_path: Path, postgres_url: str
) -> None:
    """The same name may wait once only: the dead one gives way to the one that waits."""
    async with SharedJobs(postgres_url, look_s=0.05).open() as jobs:
        with worker(postgres_url, tmp_path, "hangs") as dying:
            first = asyncio.create_task(jobs.done(order("school")))
            await until_begun(tmp_path, "plan of school")
            again = asyncio.create_task(jobs.done(order("school")))
            await asyncio.sleep(0.3)
            dying.kill()
            dying.wait()
            with worker(postgres_url, tmp_path):
                async with asyncio.timeout(30):
                    assert [await first, await again] == [False, True]
    assert lines(tmp_path, "done") == ["plan of school"]


async def test_a_job_that_kills_its_workers_is_given_up(tmp_path: Path, postgres_url: str) -> None:
    async with SharedJobs(postgres_url, look_s=0.05).open() as jobs:
        asked = asyncio.create_task(jobs.done(order("school")))
        for times in (1, 2, 3):
            with worker(postgres_url, tmp_path, "hangs") as dying:
                await until_begun(tmp_path, "plan of school", times)
                # what died with two workers waits for a chance while, away from its neighbours
                assert await waited(postgres_url) is (times == 3)
                dying.kill()
        with worker(postgres_url, tmp_path):
            with pytest.raises(JobFailed):
                async with asyncio.timeout(30):
                    await asked
            assert await jobs.done(order("hall"))


async def test_an_export_is_made_by_another_worker(tmp_path: Path, postgres_url: str) -> None:
    world = a_world(tmp_path / "home")
    live_in(world)
    async with SharedJobs(postgres_url, look_s=0.05, dead_s=2.0).open() as jobs:
        served = world.rewired(make_export=making_exports(replace(world.city, jobs=jobs)))
        async with served.browser(**served.key("read")) as browser:
            with worker(postgres_url, tmp_path, "hangs") as dying:
                asked = await browser.post("/v1/exports", json={"kind": "savings"})
                async with asyncio.timeout(30):
                    while not lines(tmp_path, "begun"):
                        await asyncio.sleep(0.05)
                dying.kill()
            make = {JobKind.EXPORT: handlers(world.city)[JobKind.EXPORT]}
            working = asyncio.create_task(jobs.work(make, 2))
            async with asyncio.timeout(30):
                while (await browser.get(asked.headers["location"])).json()["state"] != "done":
                    await asyncio.sleep(0.05)
            file = await browser.get(f"{asked.headers['location']}/file")
            assert file.status_code == 200
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
