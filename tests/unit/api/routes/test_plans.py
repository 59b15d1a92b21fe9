"""Plans over HTTP."""

from datetime import timedelta

import pytest

from bms.model.assets.site import Site
from bms.model.codec import from_json, to_json
from bms.model.trust.modes import Application, ShadowDay
from tests.rigs.fakes.api import HTML, NOW, a_world, live_in
from tests.rigs.fakes.city import lodge

SCHOOL = from_json(Site, to_json(lodge()).replace("lodge", "school"))

A_DAY = ShadowDay(
    site="lodge",
    day=NOW.date() - timedelta(days=2),
    plan="p1",
    plan_kwh=100.0,
    own_kwh=130.0,
    plan_kh=0.0,
    own_kh=0.2,
    happened_kh=1.5,
    followed=0.5,
    application=Application.PARTLY,
)


async def test_the_plan_in_force_has_its_reasons(browser):
    plan = (await browser.get("/v1/sites/lodge/plan")).json()
    assert plan["status"] == "optimal"
    assert plan["reasons"][0]["code"] == "no_weather"
    assert plan["reasons"][0]["en"] == "The forecast is missing: <at 8>"
    assert plan["expected"]["cost_dkk"] == 80.0
    assert plan["own_control"]["co2_kg"] is None
    assert plan["setpoints"][0]["steps"][0]["value"] == 18.0
    assert (await browser.get("/v1/plans/p1")).json() == plan


async def test_what_the_plan_knew_is_drawn(browser):
    answer = await browser.get("/v1/sites/lodge/feeds/picture")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.text.startswith("<svg")
    assert "Vejr og pris, som planen kendte dem" in answer.text
    english = (await browser.get("/v1/sites/lodge/feeds/picture?plan=p1&lang=en")).text
    assert "Weather and price as the plan knew them" in english
    unknown = await browser.get("/v1/sites/lodge/feeds/picture?lang=tlh")
    assert unknown.status_code == 422
    assert (await browser.get("/v1/sites/lodge/feeds/picture?plan=p9")).status_code == 404


async def test_a_plan_of_another_building_is_not_drawn(tmp_path):
    world = a_world(tmp_path, sites=(lodge(), SCHOOL))
    live_in(world)
    async with world.browser(**world.key("read")) as browser:
        other = await browser.get("/v1/sites/school/feeds/picture?plan=p1")
        none = await browser.get("/v1/sites/school/feeds/picture")
    assert (other.status_code, none.status_code) == (404, 404)


async def test_plan_now_keeps_a_new_plan(tmp_path):
    world = a_world(tmp_path)
    async with world.browser(**world.key("operate")) as browser:
        assert (await browser.get("/v1/sites/lodge/plan")).status_code == 404
        made = await browser.post("/v1/sites/lodge/plan")
        assert made.status_code == 201
        kept = await browser.get(made.headers["location"])
    assert kept.json() == made.json()
    assert world.store.plan_in_force("lodge", world.clock.now()).id == made.json()["id"]


async def test_days_beside_the_plan_say_what_was_expected_and_what_people_did(
    tmp_path,
):
    world = a_world(tmp_path)
    world.store.keep_shadow_days([A_DAY])
    async with world.browser(**world.key("read")) as browser:
        found = (await browser.get("/v1/sites/lodge/shadow-days?days=7")).json()
        page = (await browser.get("/sites/lodge/work?lang=da", headers=HTML)).text
        none = (await browser.get("/v1/sites/lodge/shadow-days?days=1")).json()
    assert none["days"] == []
    (day,) = found["days"]
    assert day["saving_kwh"] == 30.0
    assert day["happened_kh"] == 1.5
    assert (day["followed"], day["application"]) == (0.5, "advice_partly_applied")
    assert "Dage ved siden af planen" in page
    assert "delvis fulgt (50 %)" in page


@pytest.mark.slow
async def test_the_page_of_a_building_that_is_written_to_has_no_days_beside_the_plan(browser):
    assert 'id="shadow"' not in (await browser.get("/sites/lodge", headers=HTML)).text
