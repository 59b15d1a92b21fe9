"""Sites and their points over HTTP."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bms.model.assets.device import Fingerprint
from bms.model.control.local_override import LocalOverride
from bms.model.control.reasons import Holder
from bms.model.fact import fact
from bms.services.local_overrides.people import follow_people
from drivers.fieldbus.availability import HealthCounters
from tests.rigs.exposition import read_exposition
from tests.rigs.fakes.api import NOW, SETPOINT, World, a_world
from tests.rigs.fakes.city import lodge


async def test_sites_come_in_pages(tmp_path):
    sites = tuple(replace(lodge(), id=name, points=()) for name in ("c", "a", "b"))
    world = a_world(tmp_path, sites=sites)
    async with world.browser(**world.key("read")) as browser:
        first = (await browser.get("/v1/sites?limit=2")).json()
        second = (await browser.get(f"/v1/sites?limit=2&cursor={first['next']}")).json()
    assert [site["id"] for site in first["sites"]] == ["a", "b"]
    assert [site["id"] for site in second["sites"]] == ["c"]
    assert second["next"] is None


async def test_a_site_names_its_parts(browser):
    site = (await browser.get("/v1/sites/lodge")).json()
    assert site["mode"] == "auto"
    assert site["area_m2"] == 200.0
    assert site["zones"][0]["comfort"] == {
        "low_c": 20.0,
        "high_c": 24.0,
        "floor_c": 16.0,
        "ceiling_c": 28.0,
        "co2_limit_ppm": None,
    }
    assert site["ventilation"][0]["least_flow_pct"] == 0.0
    assert site["power"] == {"limit_kw": None, "peak_dkk_per_kw": None}
    assert [meter["id"] for meter in site["meters"]] == ["heat", "el", "hp"]


async def test_points_come_with_their_newest_reading(browser):
    answer = (await browser.get("/v1/sites/lodge/points")).json()
    points = {point["id"]: point for point in answer["points"]}
    outdoor = points["lodge/outdoor.temp"]
    assert outdoor["latest"]["value"] == 2.5
    assert outdoor["latest"]["quality"] == "good"
    assert datetime.fromisoformat(outdoor["latest"]["time"]).utcoffset() is not None
    assert outdoor["unit"] == "degC"
    assert points["lodge/hp.energy"]["latest"] is None
    assert points["lodge/hall.setpoint"]["write"] == {
        "minimum": 16.0,
        "maximum": 23.0,
        "resolution": 0.5,
        "release": "null",
    }


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
        fingerprint=Fingerprint(vendor="Alfa", model="B2"),
        wrong_device="its model is 'B2'",
        elsewhere=Counter({"10.0.0.9:47808": 2}),
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
        "fingerprint": {"vendor": "Alfa", "model": "B2", "name": None, "serial": None},
        "wrong_device": "its model is 'B2'",
        "announced_elsewhere": {"10.0.0.9:47808": 2},
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
        ("bms_device_wrong", label): 1,
        ("bms_device_announced_elsewhere_total", label): 2,
        ("bms_device_clock_drift_seconds", label): -12.5,
    }
    counters = {name for name, kind in found.types.items() if kind == "counter"}
    assert {name for name in counters if "device" in name} == {
        "bms_device_answers",
        "bms_device_errors",
        "bms_device_announced_elsewhere",
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


async def test_w06_a_site_tells_who_holds_points_at_the_building(tmp_path):
    world = a_world(tmp_path)
    before = datetime.fromisoformat("2019-01-28T08:00+00:00")
    hand = LocalOverride(
        id="8" * 32,
        site="lodge",
        point=SETPOINT,
        since=NOW,
        found=22.5,
        ours=18.0,
        by=fact(Holder.OUR_PLACE),
        priority=13,
        source="device 601",
        commanded=before,
    )
    world.city.journal.note([hand])
    city = world.city
    await follow_people(
        city.site("lodge"),
        at=city.clock.reading(),
        decisions=world.store,
        journal=world.city.journal,
    )
    async with world.browser(**world.key("read")) as browser:
        site = (await browser.get("/v1/sites/lodge")).json()
        (held,) = site["local_overrides"]
        assert (held["source"], held["priority"], held["found"]) == ("device 601", 13, 22.5)
        assert datetime.fromisoformat(held["commanded"]) == before
        (shown,) = site["overrides"]
        assert shown["actor"] == "local"
        assert shown["at_building"] == held
        # a slot above ours is in the book only: it ends with its slot
        world.city.journal.note([replace(hand, id="9" * 32, priority=8, above=True)])
        site = (await browser.get("/v1/sites/lodge")).json()
        assert [each["priority"] for each in site["local_overrides"]] == [8]
        over = replace(hand, id="9" * 32, priority=8, above=True, taken_back=True)
        world.city.journal.note([over])
        assert (await browser.get("/v1/sites/lodge")).json()["local_overrides"] == []
