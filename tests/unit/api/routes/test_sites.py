"""Sites and their points over HTTP."""

from dataclasses import replace
from datetime import datetime

from tests.rigs.fakes.api import a_world
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
