"""Controllers that fetch their setpoints."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bms.model.assets.site import Mode
from bms.model.fact import Fact
from bms.model.planning.plan_digest import sealed
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.api import NOW, a_lodge_plan, a_world
from tests.rigs.fakes.city import lodge


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


async def test_many_that_ask_at_once_share_one_look_at_the_database(tmp_path):
    sites = [replace(lodge(), mode=Mode.AUTO)]
    store = CountingStore()
    world = a_world(tmp_path, sites=tuple(sites), store=store)
    world.store.add_plan(a_lodge_plan())
    rooms, plant = world.key("controller:lodge/rooms"), world.key("controller:lodge/plant")
    async with world.browser() as browser:
        asked = [browser.get(SCHEDULE, headers=rooms) for _ in range(9)]
        asked.append(browser.get("/v1/controllers/lodge/plant/schedule", headers=plant))
        asked.append(browser.get(SCHEDULE, headers=plant))
        asked.append(browser.get(SCHEDULE, headers={"authorization": "Bearer bms_x_y"}))
        asked.append(browser.get(SCHEDULE))
        answers = await asyncio.gather(*asked)
    assert [answer.status_code for answer in answers] == [200] * 10 + [403, 401, 401]
    assert len({answer.content for answer in answers[:9]}) == 1
    assert store.looked == 1


class CountingStore(MemoryStore):
    """Counts how often it is asked for plans."""

    looked = 0

    def plans_in_force(self, sites, at):
        self.looked += 1
        return super().plans_in_force(sites, at)


async def test_a_revoked_key_fetches_nothing_more(controller):
    world, browser = controller
    key = browser.headers["authorization"].split("_")[1]
    assert (await browser.get(SCHEDULE)).status_code == 200
    world.store.revoke_key(key, world.clock.now(), actor="eva")
    assert (await browser.get(SCHEDULE)).status_code == 401


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
        ("auto", {"objections": (Fact("cold"),)}, 0, "plan_objections"),
        ("auto", {}, 7, "plan_old"),
        ("auto", {}, 40, "plan_old"),
    ],
)
async def test_no_setpoints_where_none_may_be_written(tmp_path, mode, changes, hours, code):
    world = a_world(tmp_path)
    world.store.add_plan(a_lodge_plan(**changes))
    async with world.browser(**world.key("operate")) as browser:
        await browser.post("/v1/sites/lodge/mode", json={"mode": mode, "reason": "test"})
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
    world.store.add_plan(sealed(replace(plan, schedule=replace(plan.schedule, setpoints=(wild,)))))
    world.clock.advance(timedelta(minutes=2))
    steps = (await browser.get(SCHEDULE)).json()["setpoints"][0]["steps"]
    assert [step["value"] for step in steps] == [23.0, 20.5]


def report(**changes):
    value = {"point": "lodge/hall.setpoint", "effective": 18.0}
    return {"plan": "p1", "time": NOW.isoformat(), "values": [value]} | changes


APPLIED = "/v1/controllers/lodge/rooms/applied"


async def test_w15_a_controller_says_what_it_applied(controller):
    world, browser = controller
    answer = (await browser.post(APPLIED, json=report())).json()
    assert answer["repeated"] is False
    (row,) = answer["values"]
    assert (row["outcome"], row["controlled"], row["wanted"]) == ("accepted", True, 18.0)
    assert (await browser.post(APPLIED, json=report())).json()["repeated"] is True
    async with world.browser(**world.key("read")) as reader:
        rows = (await reader.get("/v1/sites/lodge/points")).json()["points"]
    assert [row["id"] for row in rows if row["controlled"]] == ["lodge/hall.setpoint"]


async def test_w15_it_hears_why_a_point_does_not_count(controller):
    _, browser = controller
    values = [{"point": "lodge/hall.setpoint", "effective": 21.0}]
    (row,) = (await browser.post(APPLIED, json=report(values=values))).json()["values"]
    assert (row["outcome"], row["controlled"]) == ("failed", False)
    assert "21" in row["reason"]["en"]
    later = (NOW + timedelta(minutes=1)).isoformat()
    values = [{**values[0], "local_override": True}]
    body = report(values=values, time=later)
    (row,) = (await browser.post(APPLIED, json=body)).json()["values"]
    assert (row["outcome"], row["controlled"]) == ("overridden", False)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"values": []}, 422),
        ({"time": "2019-01-28T09:05:00"}, 422),
        ({"plan": "nobody's"}, 404),
        ({"values": [{"point": "lodge/ahu1.run", "effective": 1}]}, 422),
        ({"values": [{"point": "lodge/hall.setpoint", "effective": "NaN"}]}, 422),
        ({"more": 1}, 422),
    ],
)
async def test_w15_a_report_that_cannot_be_true_is_refused(controller, changes, status):
    _, browser = controller
    assert (await browser.post(APPLIED, json=report(**changes))).status_code == status
