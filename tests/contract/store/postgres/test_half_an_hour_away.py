"""A PostgreSQL that is away for half an hour of building time: nothing is lost, nothing twice."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

import pytest

from bms.clock import VirtualClock
from bms.config import Settings
from bms.errors import StoreError
from bms.runtime.jobs import job_table
from bms.runtime.wire import wire
from bms.store.sql.store import SqlStore
from tests.rigs.fakes.api import NOW
from tests.rigs.fakes.city import FakeFeed, lodge
from tests.rigs.fakes.drivers import FakeDrivers
from tests.rigs.storage.postgres_server import PostgresServer

MINUTE = timedelta(minutes=1)
BEFORE, AWAY, AFTER = 5, 30, 5
TEMP = "lodge/hall.temp"


async def test_readings_of_half_an_hour_are_handed_on_once_and_the_log_is_short(
    tmp_path: Path, postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    url = postgres_server.fresh()
    clock, drivers = VirtualClock(NOW), FakeDrivers()
    settings = Settings(home=tmp_path / "home", database_url=url, poll_minutes=1)
    city = wire(settings, sites=(lodge(),), clock=clock, drivers=drivers, feed=FakeFeed())
    jobs = {job.name: job for job in job_table(city)}

    async def minutes(count: int) -> None:
        for _ in range(count):
            clock.advance(MINUTE)
            for name in ("forward", "poll"):
                await jobs[name].run(clock.now())

    try:
        await minutes(BEFORE)
        postgres_server.stop()
        caplog.clear()
        await minutes(AWAY)
        with pytest.raises(StoreError):
            city.stores.plans.model("lodge")
        assert city.forwarding is not None
        assert sum(city.forwarding.state().waiting.values()) >= AWAY
        told = [r for r in caplog.records if r.levelno >= logging.ERROR]
        assert len(told) <= 5, [r.getMessage() for r in told]
    finally:
        postgres_server.start()
    for _ in range(40):  # an outage is not looked at for a few seconds
        await minutes(1)
        if not sum(city.forwarding.state().waiting.values()):
            break
        await asyncio.sleep(0.25)
    await minutes(AFTER)
    city.stores.close()
    store = SqlStore(url)
    times = [row.time for row in store.readings(TEMP, NOW, clock.now() + MINUTE)]
    store.close()
    assert times == [NOW + MINUTE * (i + 1) for i in range(len(times))]
    assert len(times) >= BEFORE + AWAY + AFTER
    postgres_server.drop(url)
