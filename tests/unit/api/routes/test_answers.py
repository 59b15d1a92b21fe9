"""What the API answers when it reads: sites, points, readings, savings, plans, operations."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bms.errors import StoreUnavailable
from bms.model.words import Words
from bms.store.memory.store import MemoryStore
from tests.rigs.exposition import read_exposition
from tests.rigs.fakes.api import CONTROL, NOW, SHARE, a_lodge_plan, a_world, live_in
from tests.rigs.fakes.city import HOUR, lodge


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """A world with a past, that only reading tests share."""
    made = a_world(tmp_path_factory.mktemp("lived"))
    live_in(made)
    return made, made.key("read")


@pytest.fixture
async def browser(lived):
    world, key = lived
    async with world.browser(**key) as made:
        yield made


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


async def test_readings_as_they_were_read_say_why_one_is_missing(browser):
    start = (NOW.replace(minute=0) - 48 * HOUR).isoformat()
    answer = await browser.get(
        "/v1/points/lodge/hall.temp/readings", params={"start": start, "limit": 12}
    )
    rows = answer.json()["readings"]
    assert len(rows) == 12
    assert rows[10]["value"] is None
    assert (rows[10]["quality"], rows[10]["detail"]) == ("no_reply", "no reply")
    assert rows[11]["quality"] == "good"
    after = await browser.get(
        "/v1/points/lodge/hall.temp/readings", params={"start": answer.json()["next"]}
    )
    assert after.json()["readings"][0]["time"] > rows[11]["time"]


async def test_readings_on_a_grid_are_means_and_gaps_are_null(browser):
    start = NOW.replace(minute=0) - 49 * HOUR
    answer = await browser.get(
        "/v1/points/lodge/hall.temp/readings",
        params={"start": start.isoformat(), "end": NOW.isoformat(), "step": "15m"},
    )
    body = answer.json()
    assert (body["step_s"], body["fold"]) == (900, "mean")
    assert body["readings"][0] == {
        "time": start.isoformat().replace("+00:00", "Z"),
        "value": None,
        "quality": "absent",
        "detail": None,
    }
    assert body["readings"][4]["value"] == 20.0
    assert body["readings"][14]["value"] is None


async def test_a_register_gives_the_use_of_each_step(browser):
    start = CONTROL - timedelta(days=30)
    answer = await browser.get(
        "/v1/points/lodge/el.energy/readings",
        params={"start": start.isoformat(), "end": CONTROL.isoformat(), "step": "1d"},
    )
    body = answer.json()
    assert body["fold"] == "delta"
    assert len(body["readings"]) == 30
    assert all(row["value"] == pytest.approx(48.0, rel=0.05) for row in body["readings"])


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("start=2019-01-02T00:00:00Z&end=2019-01-01T00:00:00Z", "has to lie before"),
        ("start=2019-01-01T00:00:00Z&end=2019-01-01T00:00:00Z", "has to lie before"),
        ("start=2010-01-01T00:00:00Z", "at most"),
        ("start=2018-01-01T00:00:00Z&step=1m", "longer step"),
        ("start=2019-01-01T00:00:00", "timezone"),
        ("start=yesterday", "start"),
        ("step=0m", "step"),
        ("step=1y", "step"),
        ("limit=0", "limit"),
        ("limit=1000000", "limit"),
    ],
)
async def test_wrong_readings_queries_are_refused_with_the_way_out(browser, query, said):
    answer = await browser.get(f"/v1/points/lodge/hall.temp/readings?{query}")
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


async def test_savings_are_told_since_our_first_write(browser):
    body = (await browser.get("/v1/sites/lodge/savings")).json()
    assert body["control_start"] == "2019-01-13T23:00:00Z"
    assert body["reporting"] == {"start": "2019-01-13T23:00:00Z", "end": "2019-01-27T23:00:00Z"}
    assert body["baseline"] == {"start": "2018-01-13T23:00:00Z", "end": "2019-01-13T23:00:00Z"}
    savings = body["savings"]
    assert savings["verdict"] in ("verified", "indicative")
    true_kwh = savings["measured_kwh"] * (1 / SHARE - 1)
    assert savings["saving_low_kwh"] <= true_kwh <= savings["saving_high_kwh"]
    assert [meter["meter_id"] for meter in savings["meters"]] == ["lodge/heat", "lodge/el"]


async def test_savings_are_valued_at_the_mean_prices(browser):
    savings = (await browser.get("/v1/sites/lodge/savings")).json()["savings"]
    heat, el = (meter["saving_kwh"] for meter in savings["meters"])
    # electricity: spot 0..3 by the quarter of the hour, mean 1.5, and 1; heat: 0.5
    assert savings["cost_dkk"] == pytest.approx(heat * 0.5 + el * 2.5)
    assert savings["co2_kg"] == pytest.approx(heat * 0.1 + el * 3.0)


async def test_savings_of_chosen_periods(browser):
    body = (
        await browser.get(
            "/v1/sites/lodge/savings?reporting=2019-01-01..2019-01-11"
            "&baseline=2018-01-12..2018-12-31"
        )
    ).json()
    assert body["reporting"]["start"] == "2018-12-31T23:00:00Z"
    assert body["savings"]["meters"][0]["n"] > 60


@pytest.mark.parametrize(
    "query",
    [
        "reporting=2019-01-11..2019-01-01",
        "reporting=2019-01-41..2019-02-01",
        "reporting=last+week",
        "baseline=2010-01-01..2019-01-01",
    ],
)
async def test_wrong_periods_are_refused(browser, query):
    answer = await browser.get(f"/v1/sites/lodge/savings?{query}")
    assert answer.status_code == 422


async def test_the_portfolio_is_the_sum(browser):
    body = (await browser.get("/v1/portfolio/savings")).json()
    (site,) = body["sites"]
    assert body["portfolio"]["saving_kwh"] == pytest.approx(site["savings"]["saving_kwh"])


@pytest.mark.parametrize("path", ["/v1/sites/lodge/savings.csv", "/v1/portfolio/savings.csv"])
async def test_savings_as_a_table(browser, path):
    plain = await browser.get(path)
    assert plain.headers["content-type"] == "text/csv; charset=utf-8"
    assert plain.headers["content-disposition"].endswith('.csv"')
    assert plain.text.startswith("building,meter_id")
    danish = await browser.get(f"{path}?decimal_comma=true")
    assert danish.content.startswith(b"\xef\xbb\xbfbuilding;meter_id")


async def test_the_plan_in_force_has_its_reasons(browser):
    plan = (await browser.get("/v1/sites/lodge/plan")).json()
    assert plan["status"] == "optimal"
    assert plan["reasons"][0]["code"] == "warm_up"
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
    assert world.store.plan_in_force("lodge").id == made.json()["id"]


async def test_metrics_count_and_age(browser):
    found = read_exposition((await browser.get("/metrics")).text)
    assert found.value("bms_points", site="lodge") == 9
    assert found.value("bms_reading_age_seconds", site="lodge") == 300
    assert found.value("bms_plan_age_seconds", site="lodge") == 0
    again = read_exposition((await browser.get("/metrics")).text)
    before = found.value("bms_http_answers_total", method="GET", status="200") or 0
    assert again.value("bms_http_answers_total", method="GET", status="200") == before + 1


class Away(MemoryStore):
    """A store whose database is away."""

    def keys(self):
        raise StoreUnavailable("the database is away")


async def test_ready_means_that_the_database_answers(tmp_path):
    world = a_world(tmp_path, store=Away())
    async with world.browser() as browser:
        assert (await browser.get("/healthz")).status_code == 200
        away = await browser.get("/readyz")
    assert away.status_code == 503
    assert away.headers["retry-after"] == "30"
    assert away.json()["detail"] == "the database is away"


@pytest.fixture
async def controller(tmp_path):
    world = a_world(tmp_path)
    world.store.add_plan(a_lodge_plan())
    async with world.browser(**world.key("controller:lodge/rooms")) as made:
        yield world, made


SCHEDULE = "/v1/controllers/lodge/rooms/schedule"


async def test_a_controller_fetches_its_own_setpoints(controller):
    _, browser = controller
    answer = await browser.get(SCHEDULE)
    body = answer.json()
    assert body["plan"] == "p1"
    assert body["lease_s"] == 1800
    assert datetime.fromisoformat(body["lease_end"]) == NOW + timedelta(minutes=30)
    assert [row["point"] for row in body["setpoints"]] == ["lodge/hall.setpoint"]
    assert answer.headers["etag"].startswith('W/"')


async def test_an_unchanged_schedule_renews_its_lease(controller):
    world, browser = controller
    first = await browser.get(SCHEDULE)
    world.clock.advance(timedelta(minutes=15))
    again = await browser.get(SCHEDULE, headers={"if-none-match": f'"x", {first.headers["etag"]}'})
    assert again.status_code == 304
    assert again.content == b""
    assert datetime.fromisoformat(again.headers["lease-end"]) == NOW + timedelta(minutes=45)
    world.store.add_plan(a_lodge_plan("p2", world.clock.now()))
    changed = await browser.get(SCHEDULE, headers={"if-none-match": first.headers["etag"]})
    assert changed.status_code == 200


async def test_other_controllers_get_nothing_of_it(controller):
    world, _ = controller
    async with world.browser(**world.key("controller:lodge/plant")) as browser:
        body = (await browser.get("/v1/controllers/lodge/plant/schedule")).json()
    assert body["setpoints"] == []


async def test_an_unknown_controller_is_not_found(controller):
    world, _ = controller
    async with world.browser(**world.key("operate")) as browser:
        for device in ("lodge/nobody", "nowhere/rooms"):
            answer = await browser.get(f"/v1/controllers/{device}/schedule")
            assert answer.status_code == 404


@pytest.mark.parametrize(
    ("mode", "changes", "hours", "code"),
    [
        ("advise", {}, 0, "mode_not_auto"),
        ("observe", {}, 0, "mode_not_auto"),
        ("auto", {"objections": (Words("cold", "for koldt", "too cold"),)}, 0, "plan_objections"),
        ("auto", {}, 7, "plan_old"),
        ("auto", {}, 40, "plan_old"),
    ],
)
async def test_no_setpoints_where_none_may_be_written(tmp_path, mode, changes, hours, code):
    world = a_world(tmp_path)
    world.store.add_plan(a_lodge_plan(**changes))
    async with world.browser(**world.key("operate")) as browser:
        await browser.post(
            "/v1/sites/lodge/mode", json={"mode": mode, "reason": "test", "approver": "Ane"}
        )
        world.clock.advance(timedelta(hours=hours))
        body = (await browser.get(SCHEDULE)).json()
    assert (body["setpoints"], body["plan"]) == ([], None)
    assert [words["code"] for words in body["reasons"]] == [code]


async def test_an_overridden_point_is_left_out(controller):
    world, browser = controller
    async with world.browser(**world.key("operate")) as person:
        await person.post("/v1/sites/lodge/overrides", json={"reason": "a concert tonight"})
    body = (await browser.get(SCHEDULE)).json()
    assert body["setpoints"] == []
    assert "a concert tonight" in body["reasons"][0]["en"]


async def test_handed_out_values_keep_the_limits_of_the_point(controller):
    world, browser = controller
    plan = a_lodge_plan("p3", NOW + timedelta(minutes=1))
    row = plan.schedule.setpoints[0]
    wild = replace(
        row, steps=(replace(row.steps[0], value=40.0), replace(row.steps[1], value=20.7))
    )
    world.store.add_plan(replace(plan, schedule=replace(plan.schedule, setpoints=(wild,))))
    world.clock.advance(timedelta(minutes=2))
    steps = (await browser.get(SCHEDULE)).json()["setpoints"][0]["steps"]
    assert [step["value"] for step in steps] == [23.0, 20.5]
