"""How runs end: between two ticks, and not before what is under way is over."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bms.errors import ConfigError
from bms.runtime.fast_run import run_virtual
from bms.runtime.jobs import Job
from bms.runtime.scheduler import RunsInProgress
from bms.runtime.wire import make_home

START = datetime(2019, 1, 14, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


async def test_a_fast_run_stops_between_two_jobs_and_moves_no_further() -> None:
    done: list[datetime] = []
    moved: list[datetime] = []

    async def run(now: datetime) -> None:
        done.append(now)

    async def move_to(moment: datetime) -> None:
        moved.append(moment)

    job = Job("dispatch", QUARTER, run)
    await run_virtual([job], START, START + 8 * QUARTER, move_to, lambda: len(done) == 3)
    assert done == [START, START + QUARTER, START + 2 * QUARTER]
    assert moved == [START + QUARTER, START + 2 * QUARTER]


async def test_what_is_under_way_is_waited_for() -> None:
    in_progress, gate = RunsInProgress(), asyncio.Event()

    async def run(now: datetime) -> None:
        await gate.wait()

    job = in_progress.counted(Job("dispatch", QUARTER, run))
    assert (job.name, job.every) == ("dispatch", QUARTER)
    assert await in_progress.wait_until_idle(0)
    runs = [asyncio.create_task(job.run(START)) for _ in range(2)]
    await asyncio.sleep(0)
    assert not await in_progress.wait_until_idle(0.01)
    waiting = asyncio.create_task(in_progress.wait_until_idle(5))
    gate.set()
    assert await waiting
    assert all(task.done() for task in runs)


async def test_a_job_that_fails_is_over_too() -> None:
    in_progress = RunsInProgress()

    async def run(now: datetime) -> None:
        raise RuntimeError("its site caught fire")

    with pytest.raises(RuntimeError):
        await in_progress.counted(Job("plan", QUARTER, run)).run(START)
    assert await in_progress.wait_until_idle(0)


def test_a_home_below_a_file_is_refused_with_the_way_out(tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="BMS_HOME"):
        make_home(tmp_path / "file" / "home")
