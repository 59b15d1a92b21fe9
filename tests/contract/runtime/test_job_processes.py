"""Detection in processes of its own, on the same database; one that is killed is replaced."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from pathlib import Path

from bms.clock import VirtualClock
from bms.config import Settings
from bms.ports.jobs import JobHandlers, JobKind, JobOrder, Priority
from bms.runtime.anywhere.handlers import handlers
from bms.runtime.anywhere.processes import POOLED, JobProcesses
from bms.runtime.live_sites import LiveSites
from bms.runtime.wire import wire
from tests.rigs.fakes.city import lodge

AT = datetime(2019, 1, 16, 12, tzinfo=UTC)
ORDER = JobOrder(kind=JobKind.FAULTS, subject="lodge", at=AT, priority=Priority.LEARN)


async def test_what_is_found_is_kept_and_a_killed_process_is_replaced(tmp_path: Path) -> None:
    settings, sites = Settings(home=tmp_path / "home"), LiveSites([lodge()])
    city = wire(settings, sites=(lodge(),), clock=VirtualClock(AT))
    done_here: list[str] = []

    async def here(order: JobOrder) -> None:
        done_here.append(order.name)

    plain: JobHandlers = dict.fromkeys(JobKind, here)
    pool = JobProcesses(settings, sites, 1)
    there = pool.in_place_of(plain)
    try:
        assert {kind for kind in JobKind if there[kind] is not here} == set(POOLED)
        await there[JobKind.FAULTS](ORDER)
        (found,) = city.stores.work.detections(["lodge"])
        assert found.at == AT
        assert done_here == []
        assert pool.pids
        os.kill(pool.pids[0], signal.SIGKILL)
        await there[JobKind.FAULTS](ORDER)
        assert done_here == []
        before = pool.pids
        sites.exchange([lodge()], ())
        await there[JobKind.FAULTS](ORDER)
        assert pool.pids != before
        assert set(handlers(city)) >= set(POOLED)
    finally:
        pool.close()
        city.stores.close()
