"""People in charge: what they say is kept, and what we hold is given back at once."""

import json
from dataclasses import replace

import pytest

from bms.errors import StoreUnavailable
from bms.model.assets.site import Mode
from bms.model.control.audit import Action, AuditSearch
from bms.model.control.command import Released, StillHeld
from bms.model.control.reasons import ReceiptReason
from bms.store.memory.store import MemoryStore
from tests.rigs.commissioned import as_declared
from tests.rigs.fakes.api import NOW, SETPOINT, a_command, a_lodge_plan, a_world
from tests.rigs.fakes.city import HOUR
from tests.rigs.fakes.safety import lease_of
from tests.rigs.storage.evidence_rows import a_step
from tests.rigs.web.forms import send_form


def hold_setpoint(world):
    """We hold the setpoint of the hall."""
    site = world.city.site("lodge")
    point = next(p for p in site.points if p.id == SETPOINT)
    device = site.device(point.device)
    command = replace(a_command("held", NOW, 18.0), lease_end=NOW + HOUR)
    world.city.journal.intend([lease_of(command, point, device)])
    world.drivers.device(device.id).held[SETPOINT] = 18.0
    world.drivers.device(device.id).own[SETPOINT] = 21.0


@pytest.fixture
async def desk(tmp_path):
    """A world whose setpoint we hold, and the browser of a person who may operate."""
    world = a_world(tmp_path)
    hold_setpoint(world)
    async with world.browser(**world.key("operate")) as browser:
        yield world, browser


async def test_an_override_gives_the_point_back_at_once(desk):
    world, browser = desk
    until = NOW + 3 * HOUR
    answer = await browser.post(
        "/v1/sites/lodge/overrides",
        json={"point": SETPOINT, "until": until.isoformat(), "reason": "  a concert tonight "},
    )
    assert answer.status_code == 201
    body = answer.json()
    assert body["override"]["reason"] == "a concert tonight"
    assert body["override"]["actor"] == "operate of a test"
    assert body["released"] == {
        "complete": True,
        "points": [{"point": SETPOINT, "outcome": "released", "effective": 21.0, "error": None}],
        "recorded": True,
    }
    assert world.city.journal.leases() == {}
    (kept,) = world.store.overrides("lodge", NOW)
    assert (kept.point, kept.until) == (SETPOINT, until)
    assert [r for _, r in world.store.receipts("lodge", NOW)] == [Released(SETPOINT, 21.0)]
    assert world.store.overrides("lodge", until) == []


async def test_an_override_is_taken_back_once(desk):
    world, browser = desk
    made = await browser.post("/v1/sites/lodge/overrides", json={"reason": "all of it"})
    assert made.json()["override"]["point"] is None
    assert (await browser.delete(made.headers["location"])).status_code == 204
    assert world.store.overrides("lodge", NOW) == []
    assert (await browser.delete(made.headers["location"])).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"reason": "wrong point", "point": "lodge/nowhere"}, 404),
        ({"reason": "no lever", "point": "lodge/hall.temp"}, 404),
        ({"reason": "over", "until": (NOW - HOUR).isoformat()}, 422),
        ({"reason": "no offset", "until": "2019-02-01T00:00:00"}, 422),
        ({"reason": "  "}, 422),
        ({}, 422),
        ({"reason": "a typo", "points": SETPOINT}, 422),
    ],
)
async def test_wrong_overrides_change_nothing(desk, body, status):
    world, browser = desk
    answer = await browser.post("/v1/sites/lodge/overrides", json=body)
    assert answer.status_code == status
    assert world.store.overrides("lodge", NOW) == []
    assert SETPOINT in world.city.journal.leases()


async def test_the_approver_of_auto_is_the_name_of_the_key_and_no_free_text(desk):
    world, browser = desk
    asked = {"mode": "auto", "reason": "shadow period met"}
    refused = await browser.post("/v1/sites/lodge/mode", json={**asked, "approver": "Ane Holm"})
    assert refused.status_code == 422
    assert "approver" in refused.json()["detail"]
    answer = await browser.post("/v1/sites/lodge/mode", json=asked)
    assert answer.json()["mode"] == "auto"
    approved, said, *_ = world.store.audit(AuditSearch())
    assert (approved.action, approved.subject) == (Action.APPROVE, "limited")
    assert (said.action, said.subject) == (Action.SET_MODE, "auto")
    assert {entry.actor for entry in (approved, said)} == {"operate of a test"}
    assert SETPOINT in world.city.journal.leases()


async def test_below_auto_everything_is_given_back(desk):
    world, browser = desk
    answer = await browser.post(
        "/v1/sites/lodge/mode", json={"mode": "advise", "reason": "look first"}
    )
    assert answer.json()["released"]["complete"] is True
    assert world.store.mode("lodge") is Mode.ADVISE
    assert world.city.journal.leases() == {}


@pytest.mark.parametrize("body", [{"site": "lodge"}, {"all": True}])
async def test_release_gives_back_and_observes(desk, body):
    world, browser = desk
    answer = await browser.post("/v1/release", json={**body, "reason": "the fire brigade"})
    assert answer.json()["complete"] is True
    assert world.store.mode("lodge") is Mode.OBSERVE
    assert world.drivers.device("lodge/rooms").held == {}
    assert world.city.journal.leases() == {}


async def test_what_is_still_held_is_said(desk):
    world, browser = desk
    world.drivers.device("lodge/rooms").dead = True
    answer = await browser.post("/v1/release", json={"all": True, "reason": "the fire brigade"})
    assert answer.status_code == 200
    body = answer.json()
    assert body["complete"] is False
    assert body["points"][0]["outcome"] == "still_held"
    assert body["points"][0]["error"]["code"] == ReceiptReason.DEVICE_ERROR
    assert body["points"][0]["error"]["en"] == "device: no reply"
    assert isinstance(world.store.receipts("lodge", NOW)[0][1], StillHeld)


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "which one?"},
        {"reason": "both?", "site": "lodge", "all": True},
        {"reason": "not all", "all": False},
        {"all": True},
    ],
)
async def test_release_wants_one_site_or_all(desk, body):
    world, browser = desk
    assert (await browser.post("/v1/release", json=body)).status_code == 422
    assert SETPOINT in world.city.journal.leases()


async def test_release_of_an_unknown_site_is_not_found(desk):
    _, browser = desk
    answer = await browser.post("/v1/release", json={"site": "nowhere", "reason": "typo"})
    assert answer.status_code == 404


class Forgetful(MemoryStore):
    """A store that can read but not write what people decide."""

    def set_mode(self, *args, **kwargs):
        raise StoreUnavailable("the database is away")


async def test_release_does_not_wait_for_the_database(tmp_path):
    world = a_world(tmp_path, store=Forgetful())
    hold_setpoint(world)
    async with world.browser(**world.key("operate")) as browser:
        answer = await browser.post("/v1/release", json={"all": True, "reason": "storm"})
    assert json.loads(answer.text)["complete"] is True
    assert world.drivers.device("lodge/rooms").held == {}


async def test_the_gate_and_the_protocols_of_a_site(desk):
    world, browser = desk
    site = world.city.site("lodge")
    made = [as_declared(site, p, at=NOW) for p in site.points if p.id == SETPOINT]
    world.store.add_commissionings(made)
    body = (await browser.get("/v1/sites/lodge/commissioning")).json()
    assert (body["mode"], body["allowed"], body["scope"]) == ("auto", "auto", "limited")
    [protocol] = body["protocols"]
    assert (protocol["point"], protocol["by"], protocol["passed"]) == (SETPOINT, "mette", True)
    assert protocol["tests"][0]["found"]["da"] == "viser 20 degC"


async def test_a_site_that_went_back_waits_for_somebody_who_agrees(desk):
    world, browser = desk
    world.store.step_back(a_step("s1", "lodge"), actor="bms")
    asked = {"mode": "auto", "reason": "mended"}
    refused = await browser.post("/v1/sites/lodge/mode", json=asked)
    assert refused.status_code == 422
    assert "went back from auto by itself" in refused.json()["detail"]
    body = (await browser.get("/v1/sites/lodge/commissioning")).json()
    assert (body["mode"], body["missing"][0]["code"]) == ("advise", "mode_stepped_back")
    assert (await browser.get("/v1/sites/lodge")).json()["went_back"]["code"] == "mode_stepped_back"
    assert "went back from auto by itself" in (await browser.get("/sites/lodge?lang=en")).text
    agreed = await browser.post("/v1/sites/lodge/mode", json={**asked, "agree": True})
    assert agreed.json()["mode"] == "auto"
    assert (await browser.get("/v1/sites/lodge")).json()["went_back"] is None
    assert "went back from auto by itself" not in (await browser.get("/sites/lodge?lang=en")).text


async def test_logins_and_exports_stand_in_the_audit_of_the_city(desk):
    world, browser = desk
    key = world.key("read")["authorization"].removeprefix("Bearer ")
    await send_form(browser, "/login", {"key": key})
    await browser.get("/v1/portfolio/savings.csv")
    found = {entry.action: entry for entry in world.store.audit(AuditSearch())}
    assert found[Action.LOGIN].actor == "read of a test"
    assert (found[Action.EXPORT].actor, found[Action.EXPORT].subject) == (
        "operate of a test",
        "savings.csv",
    )
    assert found[Action.LOGIN].site is found[Action.EXPORT].site is None


async def test_the_overrides_of_the_city_are_listed_with_their_age_and_what_they_forgo(desk):
    world, browser = desk
    world.store.add_plan(a_lodge_plan())
    for point in (SETPOINT, None):
        body = {"point": point, "reason": "a concert"}
        assert (await browser.post("/v1/sites/lodge/overrides", json=body)).status_code == 201
        world.clock.advance(HOUR)
    listed = (await browser.get("/v1/overrides", params={"limit": 1})).json()
    (first,) = listed["overrides"]
    assert (first["point"], first["age_s"]) == (SETPOINT, 7200.0)
    assert first["actor"] == "operate of a test"
    assert {"forgone_kwh_per_day", "forgone_dkk_per_day"} <= first.keys()
    after = {"cursor": listed["next"]}
    (second,) = (await browser.get("/v1/overrides", params=after)).json()["overrides"]
    assert (second["point"], second["age_s"]) == (None, 3600.0)


async def test_an_answer_bears_the_identifier_of_its_request(desk):
    _, browser = desk
    made = (await browser.get("/healthz")).headers["x-request-id"]
    assert len(made) == 16
    given = {"x-request-id": "proxy-0001"}
    assert (await browser.get("/healthz", headers=given)).headers["x-request-id"] == "proxy-0001"
    odd = {"x-request-id": "a b\tc" * 20}
    assert len((await browser.get("/healthz", headers=odd)).headers["x-request-id"]) == 16
