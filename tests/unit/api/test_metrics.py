"""What waits for the database, as those who keep the backend running see it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from bms.errors import StoreError, StoreUnavailable
from bms.model.planning.plan import Plan
from bms.model.planning.prediction import PredictionDay
from bms.model.readings.measurement import Ingested
from bms.model.readings.spool import Importance, Loss, SpoolState
from bms.runtime.jobs import forward, forward_job, job_table
from bms.store.memory.store import MemoryStore
from drivers.fieldbus.availability import HealthCounters
from tests.rigs.exposition import Exposition, read_exposition
from tests.rigs.fakes.api import NOW, World, a_world, live_in
from tests.rigs.fakes.store import a_model

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

    def plan_in_force(self, site: str, at: datetime) -> Plan | None:
        raise StoreUnavailable("the database is away")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path, open_dashboard=True).rewired(forwarding=Waiting())


def gone(world: World, tmp_path: Path) -> World:
    return a_world(tmp_path, store=Away(), open_dashboard=True).rewired(
        forwarding=world.city.forwarding
    )


async def exposition(world: World) -> Exposition:
    async with world.browser() as browser:
        answer = await browser.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return read_exposition(answer.text)


BUSY = r"""
# TYPE bms_database_up gauge
bms_database_up 1
# HELP bms_site_files_left_out Site files with a mistake, whose buildings are not run.
# TYPE bms_site_files_left_out gauge
bms_site_files_left_out 0
# TYPE bms_points gauge
bms_points{site="lodge"} 9
# TYPE bms_leases_open gauge
bms_leases_open{site="lodge"} 0
# TYPE bms_overrides gauge
bms_overrides{site="lodge"} 0
# TYPE bms_reading_age_seconds gauge
bms_reading_age_seconds{site="lodge"} 300
# TYPE bms_plan_age_seconds gauge
bms_plan_age_seconds{site="lodge"} 0
# TYPE bms_prediction_rmse_kelvin gauge
bms_prediction_rmse_kelvin{site="lodge",zone="hall",lead_h="1"} 0.2
bms_prediction_rmse_kelvin{site="lodge",zone="hall",lead_h="24"} 0.9
# TYPE bms_model_drift gauge
bms_model_drift{site="lodge"} 1
# TYPE bms_spool_waiting gauge
bms_spool_waiting{class="register"} 7
bms_spool_waiting{class="other"} 5
bms_spool_waiting{class="personal"} 0
# TYPE bms_spool_bytes gauge
bms_spool_bytes 640
# TYPE bms_spool_dropped_total counter
bms_spool_dropped_total{class="register",reason="full"} 0
bms_spool_dropped_total{class="register",reason="disk"} 0
bms_spool_dropped_total{class="register",reason="damage"} 0
bms_spool_dropped_total{class="register",reason="refused"} 0
bms_spool_dropped_total{class="other",reason="full"} 0
bms_spool_dropped_total{class="other",reason="disk"} 0
bms_spool_dropped_total{class="other",reason="damage"} 0
bms_spool_dropped_total{class="other",reason="refused"} 0
bms_spool_dropped_total{class="personal",reason="full"} 3
bms_spool_dropped_total{class="personal",reason="disk"} 0
bms_spool_dropped_total{class="personal",reason="damage"} 0
bms_spool_dropped_total{class="personal",reason="refused"} 0
# TYPE bms_spool_torn_total counter
bms_spool_torn_total 1
# TYPE bms_device_answers_total counter
bms_device_answers_total{site="lodge",device="lodge/rooms"} 7
# TYPE bms_device_errors_total counter
bms_device_errors_total{site="lodge",device="lodge/rooms",code="odd \"code\"\\\n"} 1
bms_device_errors_total{site="lodge",device="lodge/rooms",code="silence"} 2
# TYPE bms_device_announced_elsewhere_total counter
bms_device_announced_elsewhere_total{site="lodge",device="lodge/rooms"} 3
# TYPE bms_device_latency_seconds gauge
bms_device_latency_seconds{site="lodge",device="lodge/rooms"} 0.012500
# TYPE bms_device_last_good_age_seconds gauge
bms_device_last_good_age_seconds{site="lodge",device="lodge/rooms"} 300
# TYPE bms_device_left_alone gauge
bms_device_left_alone{site="lodge",device="lodge/rooms"} 1
# TYPE bms_device_wrong gauge
bms_device_wrong{site="lodge",device="lodge/rooms"} 1
# TYPE bms_device_clock_drift_seconds gauge
bms_device_clock_drift_seconds{site="lodge",device="lodge/rooms"} -12.5
# TYPE bms_http_answers_total counter
bms_http_answers_total{method="GET",status="200"} 1
bms_http_answers_total{method="GET",status="404"} 1
"""
"""Written by hand once, before a library wrote it: names, types, labels and values stay."""


DRIFTING = PredictionDay(
    site="lodge",
    zone="hall",
    lead_h=24,
    day=date(2019, 1, 27),
    n=24,
    rmse_k=0.9,
    bias_k=-0.1,
    expected_k=0.4,
    model_at=NOW - timedelta(days=1),
    drifting=True,
)


async def busy(world: World) -> World:
    """A lodge with a device that fails, a model that drifts and two calls before."""
    live_in(world)
    world.drivers.well["lodge/rooms"] = HealthCounters(
        answers=7,
        errors=Counter({"silence": 2, 'odd "code"\\\n': 1}),
        latency_s=0.0125,
        last_good=NOW - timedelta(minutes=5),
        left_alone=True,
        clock_drift_s=-12.5,
        wrong_device="its model is 'B2'",
        elsewhere=Counter({"10.0.0.9:47808": 2, "10.0.0.8:47808": 1}),
    )
    model = a_model("lodge", NOW - timedelta(days=1))
    world.store.save_model(replace(model, zones=(replace(model.zones[0], zone="hall"),)))
    world.store.keep_predictions([DRIFTING, replace(DRIFTING, lead_h=1, rmse_k=0.2)])
    async with world.browser() as browser:
        await browser.get("/healthz")
        await browser.get("/nowhere")
    return world


class TestMetrics:
    async def test_of_a_busy_city(self, world: World) -> None:
        before, now = read_exposition(BUSY), await exposition(await busy(world))
        assert now.types == before.types
        assert now.values == before.values
        assert min(len(text) for text in now.helps.values()) > 10

    async def test_waiting_and_lost_by_class(self, world: World) -> None:
        found = await exposition(world)
        assert found.types["bms_spool_waiting"] == found.types["bms_spool_bytes"] == "gauge"
        assert found.types["bms_spool_dropped"] == found.types["bms_spool_torn"] == "counter"
        assert found.named("waiting") == {
            ("bms_spool_waiting", (("class", "register"),)): 7,
            ("bms_spool_waiting", (("class", "other"),)): 5,
            ("bms_spool_waiting", (("class", "personal"),)): 0,
        }
        assert found.value("bms_spool_bytes") == 640
        assert len(found.named("dropped")) == len(Importance) * len(Loss)
        assert found.value("bms_spool_dropped_total", **{"class": "personal"}, reason="full") == 3
        assert found.value("bms_spool_dropped_total", **{"class": "register"}, reason="disk") == 0
        assert found.value("bms_spool_torn_total") == 1

    async def test_they_are_there_while_the_database_is_not(
        self, world: World, tmp_path: Path
    ) -> None:
        found = await exposition(gone(world, tmp_path))
        assert found.value("bms_database_up") == 0
        assert found.value("bms_spool_waiting", **{"class": "register"}) == 7
        assert found.named("bms_points") == {}

    async def test_a_database_that_answers(self, world: World) -> None:
        found = await exposition(world)
        assert found.value("bms_database_up") == 1
        assert found.value("bms_points", site="lodge") == 9

    async def test_a_store_that_cannot_be_away(self, tmp_path: Path) -> None:
        found = await exposition(a_world(tmp_path, open_dashboard=True))
        assert found.value("bms_spool_bytes") == 0

    async def test_made_up_methods_are_counted_together(self, world: World) -> None:
        async with world.browser() as browser:
            for word in ("BREW", "WHEN", "GET"):
                await browser.request(word, "/healthz")
        assert (await exposition(world)).named("http") == {
            ("bms_http_answers_total", (("method", "GET"), ("status", "200"))): 1,
            ("bms_http_answers_total", (("method", "OTHER"), ("status", "405"))): 2,
        }

    async def test_applications_of_one_process_do_not_know_each_other(
        self, world: World, tmp_path: Path
    ) -> None:
        other = a_world(tmp_path, open_dashboard=True)
        for _ in range(2):
            found = await exposition(world)
        assert found.value("bms_http_answers_total", method="GET", status="200") == 1
        assert (await exposition(other)).named("http") == {}
        assert not [family for family in REGISTRY.collect() if family.name.startswith("bms")]


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
