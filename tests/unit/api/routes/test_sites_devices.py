"""How the devices are doing, in the API and for Prometheus."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from drivers.fieldbus.availability import HealthCounters
from tests.rigs.exposition import read_exposition
from tests.rigs.fakes.api import NOW, World, a_world
from tests.rigs.fakes.city import lodge

SEEN = NOW - timedelta(minutes=5)


@pytest.fixture
def world(tmp_path) -> World:
    """One device was asked, the other one never."""
    made = a_world(tmp_path)
    made.drivers.well["lodge/rooms"] = HealthCounters(
        answers=7,
        latency_s=0.0125,
        errors=Counter({"silence": 2, "2": 1}),
        last_good=SEEN,
        left_alone=True,
        clock_drift_s=-12.5,
    )
    return made


async def test_devices_come_with_their_health(world: World) -> None:
    async with world.browser(**world.key("read")) as browser:
        answer = (await browser.get("/v1/sites/lodge/devices")).json()
    plant, rooms = answer["devices"]
    assert plant == {"id": "lodge/plant", "protocol": "bacnet", "health": None}
    assert (rooms["id"], rooms["protocol"]) == ("lodge/rooms", "modbus")
    assert rooms["health"] == {
        "answers": 7,
        "latency_s": 0.0125,
        "errors": {"silence": 2, "2": 1},
        "last_good": SEEN.isoformat().replace("+00:00", "Z"),
        "left_alone": True,
        "clock_drift_s": -12.5,
    }
    assert answer["next"] is None


async def test_devices_come_in_pages_and_of_their_site_only(world: World) -> None:
    async with world.browser(**world.key("read")) as browser:
        first = (await browser.get("/v1/sites/lodge/devices?limit=1")).json()
        rest = (await browser.get(f"/v1/sites/lodge/devices?cursor={first['next']}")).json()
        nowhere = await browser.get("/v1/sites/castle/devices")
    assert [row["id"] for row in first["devices"]] == ["lodge/plant"]
    assert [row["id"] for row in rest["devices"]] == ["lodge/rooms"]
    assert nowhere.status_code == 404


async def test_prometheus_reads_the_health_of_devices(world: World) -> None:
    async with world.browser(**world.key("read")) as browser:
        found = read_exposition((await browser.get("/metrics")).text)
    label = (("device", "lodge/rooms"), ("site", "lodge"))
    assert found.named("bms_device") == {
        ("bms_device_answers_total", label): 7,
        ("bms_device_errors_total", (("code", "2"), *label)): 1,
        ("bms_device_errors_total", (("code", "silence"), *label)): 2,
        ("bms_device_latency_seconds", label): 0.0125,
        ("bms_device_last_good_age_seconds", label): 300,
        ("bms_device_left_alone", label): 1,
        ("bms_device_clock_drift_seconds", label): -12.5,
    }
    counters = {name for name, kind in found.types.items() if kind == "counter"}
    assert {name for name in counters if "device" in name} == {
        "bms_device_answers",
        "bms_device_errors",
    }


async def test_what_is_not_known_of_a_device_is_no_number(tmp_path) -> None:
    world = a_world(tmp_path, sites=(replace(lodge()),))
    world.drivers.well["lodge/rooms"] = HealthCounters(errors=Counter({'odd "code"\\\n': 1}))
    async with world.browser(**world.key("read")) as browser:
        text = (await browser.get("/metrics")).text
    assert "latency" not in text
    assert "last_good" not in text
    assert "clock_drift" not in text
    found = read_exposition(text)
    code = 'odd "code"\\\n'
    assert (
        found.value("bms_device_errors_total", site="lodge", device="lodge/rooms", code=code) == 1
    )
