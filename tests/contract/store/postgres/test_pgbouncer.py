"""The store and the list of jobs behind a pgbouncer that lends sessions, or single transactions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.model.control.ownership import OwningWorker
from bms.model.readings.measurement import Ingested, Reading
from bms.ports.jobs import JobKind, JobOrder, Priority
from bms.ports.storage.readings import Fold
from bms.store.shared_jobs import SharedJobs
from bms.store.sql.store import SqlStore
from tests.rigs.fakes.store import a_plan
from tests.rigs.storage.pgbouncer import pgbouncer
from tests.rigs.storage.postgres_server import PostgresServer

START = datetime(2026, 10, 30, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
POINT = "school/hall.temp"


@pytest.fixture(params=["session", "transaction"])
def url(
    request: pytest.FixtureRequest,
    postgres_server: PostgresServer,
    postgres_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("pgbouncer")
    folder.parent.chmod(0o755)
    folder.chmod(0o755)
    with pgbouncer(postgres_server, postgres_url, request.param, folder) as made:
        yield made


def rows(point: str, count: int = 500) -> list[Reading]:
    return [Reading(point, START + QUARTER * i, float(i)) for i in range(count)]


def test_readings_plans_and_owners_are_kept_and_found(url: str) -> None:
    store = SqlStore(url)
    try:
        assert store.add_readings(rows(POINT)) == Ingested(new=500)
        assert store.add_readings(rows(POINT)) == Ingested(known=500)
        corrected = [Reading(POINT, START, 7.0)]
        assert store.add_readings(corrected) == Ingested(corrected=1)
        series = store.series(POINT, START, START + 8 * QUARTER, QUARTER, Fold.LAST)
        assert series.values.tolist() == [7.0, *map(float, range(1, 8))]
        store.add_plan(a_plan())
        assert store.plan(a_plan().id) == a_plan()
        worker = OwningWorker(id="anna", place="here")
        store.claim(worker, ["school"], lasts_s=60.0, stands_s=60.0, grace_s=0.0, places={})
        assert [row.owner for row in store.owners() if row.site == "school"] == ["anna"]
        store.refresh_rollups([POINT], START + timedelta(days=9))
        store.scrub()
    finally:
        store.close()


def test_many_threads_ask_more_often_than_statements_are_prepared(url: str) -> None:
    """Psycopg prepares what is asked five times: behind single transactions it must not."""
    store, failed = SqlStore(url), list[Exception]()

    def ask(number: int) -> None:
        try:
            for i in range(12):
                store.add_readings(rows(f"school/p{number}.temp", 20 + i))
                store.latest([f"school/p{number}.temp"])
                store.good(f"school/p{number}.temp", START, START + QUARTER * 40)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    store.close()
    assert failed == []


async def test_jobs_are_done(url: str) -> None:
    done: list[str] = []

    async def do(order: JobOrder) -> None:
        done.append(order.name)

    async with SharedJobs(url, look_s=0.05).open() as jobs:
        working = asyncio.create_task(jobs.work(dict.fromkeys(JobKind, do), 3))
        orders = [
            JobOrder(kind=kind, subject=site, at=START, priority=Priority.PLAN)
            for kind in (JobKind.PLAN, JobKind.FAULTS)
            for site in ("school", "hall", "townhall")
        ]
        async with asyncio.timeout(30):
            assert all(await asyncio.gather(*(jobs.done(order) for order in orders)))
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    assert sorted(done) == sorted(order.name for order in orders)
