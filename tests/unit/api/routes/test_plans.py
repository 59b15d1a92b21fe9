"""Plans over HTTP."""

from tests.rigs.fakes.api import a_world


async def test_the_plan_in_force_has_its_reasons(browser):
    plan = (await browser.get("/v1/sites/lodge/plan")).json()
    assert plan["status"] == "optimal"
    assert plan["reasons"][0]["code"] == "no_weather"
    assert plan["reasons"][0]["en"] == "The forecast is missing: <at 8>"
    assert plan["expected"]["cost_dkk"] == 80.0
    assert plan["own_control"]["co2_kg"] is None
    assert plan["setpoints"][0]["steps"][0]["value"] == 18.0
    assert (await browser.get("/v1/plans/p1")).json() == plan


async def test_plan_now_keeps_a_new_plan(tmp_path):
    world = a_world(tmp_path)
    async with world.browser(**world.key("operate")) as browser:
        assert (await browser.get("/v1/sites/lodge/plan")).status_code == 404
        made = await browser.post("/v1/sites/lodge/plan")
        assert made.status_code == 201
        kept = await browser.get(made.headers["location"])
    assert kept.json() == made.json()
    assert world.store.plan_in_force("lodge", world.clock.now()).id == made.json()["id"]
