"""What waits for the database, as those who keep the backend running see it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from bms.errors import StoreError, StoreUnavailable
from bms.model.planning.plan import Plan
from bms.model.readings.reading import Ingested
from bms.model.readings.spool import Importance, Loss, SpoolState
from bms.runtime.jobs import forward_job, job_table
from bms.services.collect.spool import forward
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.api import NOW, World, a_world

WAITING = SpoolState(
    waiting={Importance.REGISTER: 7, Importance.OTHER: 5},
    size_bytes=640,
    lost={(Importance.PERSONAL, Loss.FULL): 3},
    torn=1,
)


class Waiting:
    """``Forwarding`` with readings that wait."""

    def __init__(self, state: SpoolState = WAITING, error: StoreError | None = None) -> None:
        self._state = state
        self._error = error
        self.asked = 0

    def forward(self) -> Ingested:
        self.asked += 1
        if self._error is not None:
            raise self._error
        return Ingested(new=12)

    def state(self) -> SpoolState:
        return self._state


class Away(MemoryStore):
    """A store whose database went away."""

    def keys(self) -> list[tuple[str, str, str, datetime, datetime | None]]:
        raise StoreUnavailable("the database is away")

    def plan_in_force(self, site: str) -> Plan | None:
        raise StoreUnavailable("the database is away")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path, open_dashboard=True).rewired(forwarding=Waiting())


def gone(world: World, tmp_path: Path) -> World:
    return a_world(tmp_path, store=Away(), open_dashboard=True).rewired(
        forwarding=world.city.forwarding
    )


async def lines(world: World) -> list[str]:
    async with world.browser() as browser:
        answer = await browser.get("/metrics")
    assert answer.status_code == 200
    return answer.text.splitlines()


class TestMetrics:
    async def test_waiting_and_lost_by_class(self, world: World) -> None:
        found = [line for line in await lines(world) if "spool" in line]
        assert found[:6] == [
            "# TYPE bms_spool_waiting gauge",
            'bms_spool_waiting{class="register"} 7',
            'bms_spool_waiting{class="other"} 5',
            'bms_spool_waiting{class="personal"} 0',
            "# TYPE bms_spool_bytes gauge",
            "bms_spool_bytes 640",
        ]
        assert found[6] == "# TYPE bms_spool_dropped_total counter"
        assert 'bms_spool_dropped_total{class="personal",reason="full"} 3' in found
        assert 'bms_spool_dropped_total{class="register",reason="disk"} 0' in found
        assert found[-1] == "bms_spool_torn_total 1"

    async def test_they_are_there_while_the_database_is_not(
        self, world: World, tmp_path: Path
    ) -> None:
        found = await lines(gone(world, tmp_path))
        assert "bms_database_up 0" in found
        assert 'bms_spool_waiting{class="register"} 7' in found
        assert not [line for line in found if "bms_points" in line]

    async def test_a_database_that_answers(self, world: World) -> None:
        found = await lines(world)
        assert "bms_database_up 1" in found
        assert 'bms_points{site="lodge"} 9' in found

    async def test_a_store_that_cannot_be_away(self, tmp_path: Path) -> None:
        found = await lines(a_world(tmp_path, open_dashboard=True))
        assert "bms_spool_bytes 0" in found


class TestReady:
    async def test_ready_says_what_waits(self, world: World) -> None:
        async with world.browser() as browser:
            ready = (await browser.get("/readyz")).json()
        assert (ready["status"], ready["waiting"], ready["lost"]) == ("ready", 12, 3)

    async def test_not_ready_says_so_too(self, world: World, tmp_path: Path) -> None:
        async with gone(world, tmp_path).browser() as browser:
            away = await browser.get("/readyz")
        assert away.status_code == 503
        assert away.json()["detail"] == (
            "the database is away. 12 readings wait on disk, 3 were lost so far"
        )


class TestJob:
    async def test_it_comes_before_the_poll(self, world: World) -> None:
        names = [job.name for job in job_table(world.city)]
        assert names.index("forward") < names.index("poll")

    async def test_a_tick_hands_on_what_waits(self, world: World) -> None:
        (job,) = forward_job(world.city)
        await job.run(NOW)
        assert world.city.forwarding.asked == 1

    async def test_no_job_where_nothing_can_wait(self, tmp_path: Path) -> None:
        assert forward_job(a_world(tmp_path).city) == ()

    async def test_a_refusal_is_said_and_stops_nothing(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        refusing = Waiting(error=StoreError("none of 12 readings"))
        assert await forward(refusing) == Ingested(waiting=12)
        assert "cannot be handed on: none of 12 readings" in caplog.text
