"""Readings over HTTP: as they were read and on a grid."""

from datetime import timedelta

import pytest

from tests.rigs.fakes.api import CONTROL, NOW, SETPOINT
from tests.rigs.fakes.city import HOUR


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


async def test_w16_from_a_setpoint_one_walks_to_plan_problem_forecast_and_readings(lived):
    world, _ = lived
    async with world.browser(**world.key("operate")) as browser:
        found = (await browser.get(f"/v1/points/{SETPOINT}/trace")).json()
        plan = await browser.get(found["plan"]["href"])
        href = found["plan"]["problem"]["readings"][0]["href"] if found["plan"] else ""
        readings = await browser.get(href)
    assert found["outcome"] == "overridden"
    assert (found["value"], found["actor"]) == (18.5, "plan")
    assert found["plan"]["sealed"] is True
    assert len(found["plan"]["entry_hash"]) == 64
    assert found["plan"]["problem"]["forecast_known"] == 0.0
    assert plan.status_code == 200
    assert len(readings.json()["readings"]) > 0


async def test_what_was_never_written_has_no_way_back(lived):
    world, _ = lived
    async with world.browser(**world.key("operate")) as browser:
        found = await browser.get("/v1/points/lodge/hall.temp/trace")
    assert found.status_code == 404
