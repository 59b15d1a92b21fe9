"""The work list and faults over HTTP."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from bms.model.control.audit import Action, AuditSearch
from bms.model.fact import fact
from bms.model.work.detection import Detection
from bms.model.work.finding import CannotRun, Price, RuleId
from bms.model.work.item import WorkKind
from bms.services.work.sources.data import DataCode
from bms.services.work.watch import watch_site
from tests.rigs.fakes.api import NOW, World, a_world, live_in
from tests.rigs.work.rows import a_cause, a_finding, a_work_item

WORK = "/v1/work"
SEEN = {"what": fact(DataCode.METER_MISSING, meter="heat", since=None)}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = a_world(tmp_path)
    small = a_cause("lodge/el", price=Price(dkk_year=100.0), **SEEN)
    silent = a_cause("lodge/rooms", kind=WorkKind.DEVICE_SILENT, rule="", **SEEN)
    items = [
        a_work_item("w1", cause=small),
        a_work_item("w2", cause=a_cause(**SEEN)),
        a_work_item("w3", cause=silent),
    ]
    made.store.keep_items(items)
    return made


async def ids(browser: httpx.AsyncClient, query: str = "") -> list[str]:
    answer = await browser.get(f"/v1/work{query}")
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["items"]]


async def test_what_costs_most_stands_first_and_filters_choose(world: World) -> None:
    async with world.browser(**world.key("read")) as browser:
        assert await ids(browser) == ["w2", "w3", "w1"]
        assert await ids(browser, "?site=lodge&kind=device_silent") == ["w3"]
        assert await ids(browser, "?state=closed") == []
        assert await ids(browser, "?state=acknowledged") == []
        first = (await browser.get("/v1/work?limit=2")).json()
        assert [row["id"] for row in first["items"]] == ["w2", "w3"]
        assert await ids(browser, f"?cursor={first['next']}") == ["w1"]
        assert (await browser.get("/v1/work?site=nowhere")).status_code == 404
        assert (await browser.get("/v1/work?state=lost")).status_code == 422
        assert (await browser.get(f"{WORK}/w9")).status_code == 404


async def test_an_item_is_answered_by_people_and_every_word_is_on_record(world: World) -> None:
    async with world.browser(**world.key("operate")) as browser:
        seen = (await browser.post(f"{WORK}/w2/ack", json={})).json()
        assert (seen["state"], seen["acknowledged_by"]) == ("acknowledged", "operate of a test")
        given = await browser.post(f"{WORK}/w2/assign", json={"to": "the plumber"})
        assert (given.json()["state"], given.json()["assignee"]) == ("assigned", "the plumber")
        until = (NOW + timedelta(days=2)).isoformat()
        asleep = (await browser.post(f"{WORK}/w2/snooze", json={"until": until})).json()
        assert asleep["state"] == "snoozed"
        assert await ids(browser, "?state=snoozed") == ["w2"]
        world.clock.advance(timedelta(days=3))
        assert (await browser.get(f"{WORK}/w2")).json()["state"] == "assigned"
        body = {"closing": "not_a_fault", "reason": "built so in 1975"}
        closed = (await browser.post(f"{WORK}/w2/close", json=body)).json()
        assert (closed["state"], closed["closing"], closed["measure"]) == (
            *("closed", "not_a_fault", None),
        )
        assert await ids(browser) == ["w3", "w1"]
        assert await ids(browser, "?state=closed") == ["w2"]
        again = await browser.post(f"{WORK}/w2/close", json=body)
        assert again.status_code == 422 or again.status_code == 400 or again.status_code == 409
    done = [entry.action for entry in world.store.audit(AuditSearch(site="lodge", most=4))]
    assert done == [
        Action.CLOSE_WORK,
        Action.SNOOZE_WORK,
        Action.ASSIGN_WORK,
        Action.ACKNOWLEDGE_WORK,
    ]


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("close", {"closing": "not_a_fault"}),
        ("close", {"closing": "cleared"}),
        ("close", {}),
        ("snooze", {"until": "2019-01-01T00:00:00Z"}),
        ("snooze", {"until": "2031-01-01T00:00:00Z"}),
        ("assign", {"to": " "}),
        ("ack", {"reason": "ok", "more": 1}),
    ],
)
async def test_what_makes_no_sense_is_refused(
    world: World, what: str, body: dict[str, object]
) -> None:
    async with world.browser(**world.key("operate")) as browser:
        answer = await browser.post(f"{WORK}/w2/{what}", json=body)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert world.store.item("w2").events == ()


async def test_who_may_only_read_answers_nothing(world: World) -> None:
    async with world.browser(**world.key("read")) as browser:
        assert (await browser.post(f"{WORK}/w2/ack", json={})).status_code == 403
    async with world.browser() as browser:
        assert (await browser.get("/v1/work")).status_code == 401
        assert (await browser.get("/v1/faults")).status_code == 401


async def test_faults_have_evidence_price_and_what_could_not_run(world: World) -> None:
    found = a_finding(fact=SEEN["what"], look_for=SEEN["what"])
    cannot = CannotRun(
        rule=RuleId("hunting"), site_id="lodge", subject="lodge/hall", reason=SEEN["what"]
    )
    world.store.keep_detection(Detection(site="lodge", at=NOW, findings=(found,), cannot=(cannot,)))
    watch_site(world.city.sites["lodge"], NOW, world.city.work)
    async with world.browser(**world.key("read")) as browser:
        answer = (await browser.get("/v1/faults?site=lodge")).json()
        none = (await browser.get("/v1/faults?rule=hunting")).json()
    (fault,) = answer["faults"]
    assert (fault["rule"], fault["price"]["dkk_year"], fault["item"]) == (
        *("cooling_low", 4000.0, "w2"),
    )
    assert fault["evidence"]["start"] < fault["evidence"]["end"]
    assert answer["cannot_run"][0]["reason"]["code"] == "work_meter_missing"
    assert none["faults"] == []


@pytest.mark.slow
async def test_a_repair_becomes_a_measure_with_its_frozen_baseline(world: World) -> None:
    live_in(world)
    async with world.browser(**world.key("operate")) as browser:
        body = {"closing": "repaired", "reason": "valve of the hot water exchanged"}
        closed = (await browser.post(f"{WORK}/w2/close", json=body)).json()
        measure = (await browser.get(f"/v1/measures/{closed['measure']}")).json()
    assert (measure["kind"], measure["meters"]) == ("repair", ["heat"])
    assert measure["what"] == "valve of the hot water exchanged"
    assert measure["expected_yearly_kwh"] == 5000.0


async def test_whoever_is_limited_to_buildings_sees_and_answers_theirs_alone(world: World) -> None:
    stale = a_cause("weather", kind=WorkKind.FEED_STALE, site="", rule="", **SEEN)
    world.store.keep_items([a_work_item("w4", cause=stale)])
    async with world.browser(**world.key("facility_manager@barn")) as browser:
        assert await ids(browser) == []
        assert (await browser.get("/v1/work?site=lodge")).status_code == 403
        assert (await browser.get(f"{WORK}/w2")).status_code == 404
        assert (await browser.get("/work-list/w2")).status_code == 404
        for item in ("w2", "w4"):
            assert (await browser.post(f"{WORK}/{item}/ack", json={})).status_code == 404
    async with world.browser(**world.key("facility_manager@lodge")) as browser:
        assert await ids(browser) == ["w2", "w3", "w1"]
        assert (await browser.post(f"{WORK}/w2/ack", json={})).status_code == 200
        assert (await browser.post(f"{WORK}/w4/ack", json={})).status_code == 404
    async with world.browser(**world.key("operate")) as browser:
        assert "w4" in await ids(browser)
