"""One list of jobs, kept by one process or by the PostgreSQL that workers share."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from bms.errors import ConfigError, JobFailed, StoreUnavailable
from bms.ports.job_retries import MOST_TRIES
from bms.ports.jobs import JobHandlers, JobKind, JobOrder, Jobs, Priority
from bms.runtime.load.local_jobs import LocalJobs
from bms.store.shared_jobs import SharedJobs

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
LOOK_S = 0.02
PATIENCE_S = 30.0


def order(subject: str, kind: JobKind = JobKind.PLAN, slot: int | None = None) -> JobOrder:
    priority = Priority.PLAN if kind is JobKind.PLAN else Priority.LEARN
    return JobOrder(kind=kind, subject=subject, at=AT, priority=priority, slot=slot)


@dataclass
class Work:
    """What was done, in order, and how often two jobs of a subject ran at once."""

    done: list[JobOrder] = field(default_factory=list)
    running: Counter[str] = field(default_factory=Counter)
    most: int = 0
    clashes: int = 0
    fails: Callable[[JobOrder], bool] = lambda _: False
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def do(self, job: JobOrder) -> None:
        self.running[job.subject] += 1
        self.clashes += self.running[job.subject] > 1
        self.most = max(self.most, self.running.total())
        try:
            await asyncio.sleep(0.01)
            await self.gate.wait()
            self.done.append(job)
            if self.fails(job):
                raise ValueError("no weather")
        finally:
            self.running[job.subject] -= 1

    @property
    def handlers(self) -> JobHandlers:
        return dict.fromkeys(JobKind, self.do)

    @property
    def names(self) -> list[str]:
        return [job.name for job in self.done]


@dataclass
class Rig:
    """A list that is served by ``at_once`` places, and what they did."""

    jobs: Jobs
    work: Work
    other: Jobs
    """The same list as another process asks for jobs."""


@contextlib.asynccontextmanager
async def local(at_once: int) -> AsyncIterator[Rig]:
    work = Work()
    jobs = LocalJobs(work.handlers, at_once, pause_s=0.0)
    yield Rig(jobs, work, jobs)
    jobs.close()


@contextlib.asynccontextmanager
async def shared(url: str, at_once: int) -> AsyncIterator[Rig]:
    work = Work()
    async with (
        SharedJobs(url, look_s=LOOK_S).open() as jobs,
        SharedJobs(url, look_s=LOOK_S).open() as other,
    ):
        working = asyncio.create_task(jobs.work(work.handlers, at_once))
        yield Rig(jobs, work, other)
        work.gate.set()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


Rigs = Callable[[int], contextlib.AbstractAsyncContextManager[Rig]]


@pytest.fixture(params=["local", "shared"])
def rig(request: pytest.FixtureRequest) -> Rigs:
    if request.param == "local":
        return local
    url = request.getfixturevalue("postgres_url")
    return lambda at_once: shared(url, at_once)


async def test_what_is_asked_for_is_done_as_it_was_asked_for(rig: Rigs) -> None:
    async with rig(2) as town:
        asked = replace(order("school"), known='{"held": []}')
        assert await town.jobs.done(asked)
    assert town.work.done == [asked]


async def test_two_jobs_of_one_site_never_run_at_once_and_those_of_others_do(rig: Rigs) -> None:
    kinds = (JobKind.PLAN, JobKind.IDENTIFY, JobKind.FAULTS)
    async with rig(4) as town:
        town.work.gate.clear()
        asked = [order(site, kind) for site in ("school", "hall") for kind in kinds]
        done = [asyncio.create_task(town.jobs.done(each)) for each in asked]
        async with asyncio.timeout(PATIENCE_S):
            while town.work.most < 2:
                await asyncio.sleep(LOOK_S)
        town.work.gate.set()
        assert all(await asyncio.gather(*done))
    assert sorted(town.work.names) == sorted(each.name for each in asked)
    assert town.work.clashes == 0


async def test_one_asked_for_while_the_list_answers_about_others_is_not_taken_for_done(
    rig: Rigs,
) -> None:
    async with rig(2) as town:
        town.work.gate.clear()
        asked = []
        for number in range(40):
            asked.append(asyncio.create_task(town.jobs.done(order(f"school-{number}"))))
            await asyncio.sleep(0.003)
        await asyncio.sleep(3 * LOOK_S)
        assert not any(each.done() for each in asked)
        town.work.gate.set()
        assert all(await asyncio.gather(*asked))


async def test_a_slot_is_done_once_whoever_asks_for_it(rig: Rigs) -> None:
    async with rig(2) as town:
        day = order("school", JobKind.IDENTIFY, slot=1_796_000_000)
        assert await town.jobs.done(day)
        assert not await town.other.done(day)
        assert await town.other.done(replace(day, slot=1_796_086_400))
    assert len(town.work.done) == 2


async def test_one_of_a_name_waits_at_most_and_is_done_for_all_who_asked(rig: Rigs) -> None:
    async with rig(1) as town:
        town.work.gate.clear()
        first = asyncio.create_task(town.jobs.done(order("hall", JobKind.IDENTIFY)))
        await until(lambda: town.work.running.total() == 1)
        again = [asyncio.create_task(each.done(order("hall"))) for each in (town.jobs, town.other)]
        await asyncio.sleep(0.1)
        town.work.gate.set()
        assert all(await asyncio.gather(first, *again))
    assert Counter(town.work.names) == {"identify of hall": 1, "plan of hall": 1}


async def test_a_plan_is_begun_before_a_report_that_waits_longer(rig: Rigs) -> None:
    async with rig(2) as town:
        town.work.gate.clear()
        waiting = [asyncio.create_task(town.jobs.done(order("a")))]
        await until(lambda: town.work.running.total() == 1)
        waiting += [asyncio.create_task(town.jobs.done(order("b", JobKind.IDENTIFY)))]
        await until(lambda: len(waiting) == 2)
        await asyncio.sleep(0.1)
        report = replace(order("c", JobKind.REPORTS), priority=Priority.REPORT)
        waiting += [asyncio.create_task(town.jobs.done(report))]
        await asyncio.sleep(0.1)
        waiting += [asyncio.create_task(town.jobs.done(order("c")))]
        await asyncio.sleep(0.1)
        town.work.gate.set()
        await asyncio.gather(*waiting)
    assert town.work.names.index("plan of c") < town.work.names.index("reports of c")


async def test_a_job_that_fails_is_tried_again_and_spares_the_others(rig: Rigs) -> None:
    async with rig(2) as town:
        left = [2]

        def fails(job: JobOrder) -> bool:
            left[0] -= job.subject == "school"
            return job.subject == "school" and left[0] >= 0

        town.work.fails = fails
        assert await asyncio.gather(*(town.jobs.done(order(s)) for s in ("school", "hall")))
    assert Counter(town.work.names) == {"plan of school": 3, "plan of hall": 1}


async def test_a_job_that_always_fails_is_said_to_have(rig: Rigs) -> None:
    async with rig(2) as town:
        town.work.fails = lambda job: job.subject == "school"
        with pytest.raises(JobFailed):
            await town.jobs.done(order("school"))
        assert await town.jobs.done(order("hall"))
    assert Counter(town.work.names) == {"plan of school": MOST_TRIES, "plan of hall": 1}


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.005)


def test_a_file_of_one_computer_is_no_shared_list() -> None:
    with pytest.raises(ConfigError, match="PostgreSQL"):
        SharedJobs("sqlite:///var/bms.db")


async def test_a_list_that_only_reads_says_why_in_one_line(postgres_url: str) -> None:
    """A replica, to which nothing can be written."""
    writable = SharedJobs(postgres_url, look_s=LOOK_S)
    async with writable.open():
        await writable.forget_failed()  # makes the tables
    parted = "&" if "?" in postgres_url else "?"
    replica = f"{postgres_url}{parted}options=-c%20default_transaction_read_only%3Don"
    async with SharedJobs(replica, look_s=LOOK_S).open() as jobs:
        with pytest.raises(StoreUnavailable) as told:
            await jobs.done(order("school"))
    assert "read-only" in str(told.value)
    assert "\n" not in str(told.value)
