"""Who may do what: every route of the app against every kind of key.

The routes come from the app itself, so that a new one without a rule here fails.
"""

import pytest

from tests.rigs.fakes.api import HTML, SETPOINT, a_lodge_plan, a_world
from tests.rigs.web.forms import send_form
from tests.rigs.web.routes import address, routes_of

READ, OPERATE, FETCH, PUSH = "read", "operate", "fetch", "push"
PAGE, FORM, ANYBODY = "page", "form", "anybody"
STREAM = "stream"
"""As a page; it never ends, so that tests/unit/api/live/test_stream.py asks for it."""
CONTROLLERS = ("controller:lodge/rooms", "controller:lodge/plant")
SCOPES = ("read", "operate", "ingest", "ingest:lodge", "ingest:barn", *CONTROLLERS)
ALLOWED = {
    READ: {"read", "operate"},
    OPERATE: {"operate"},
    FETCH: {"operate", "controller:lodge/rooms"},
    PUSH: {"operate", "ingest", "ingest:lodge", "ingest:barn"},
    PAGE: {"read", "operate"},
    FORM: set(),
}
RULES = {
    ("GET", "/openapi.json"): ANYBODY,
    ("GET", "/docs"): ANYBODY,
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/readyz"): ANYBODY,
    ("GET", "/login"): ANYBODY,
    ("POST", "/login"): ANYBODY,
    ("POST", "/logout"): ANYBODY,
    ("GET", "/static/style.css"): ANYBODY,
    ("GET", "/metrics"): PAGE,
    ("GET", "/"): PAGE,
    ("GET", "/savings.csv"): PAGE,
    ("GET", "/ranking"): PAGE,
    ("GET", "/reports"): PAGE,
    ("GET", "/reports/file"): PAGE,
    ("GET", "/reports/{export_id}"): PAGE,
    ("GET", "/reports/{export_id}/file"): PAGE,
    ("GET", "/cooling"): PAGE,
    ("GET", "/sites/{site_id}"): PAGE,
    ("GET", "/sites/{site_id}/did/{code}"): PAGE,
    ("GET", "/sites/{site_id}/do/{code}"): OPERATE,
    ("POST", "/sites/{site_id}/do/{code}"): FORM,
    ("GET", "/v1/events"): STREAM,
    ("GET", "/v1/sites/{site_id}/consumption"): READ,
    ("GET", "/v1/portfolio/consumption"): READ,
    ("GET", "/v1/portfolio/missing-data"): READ,
    ("GET", "/v1/portfolio/quality"): READ,
    ("GET", "/sites/{site_id}/savings.csv"): PAGE,
    ("GET", "/v1/sites"): READ,
    ("GET", "/v1/sites/{site_id}"): READ,
    ("GET", "/v1/sites/{site_id}/points"): READ,
    ("GET", "/v1/sites/{site_id}/devices"): READ,
    ("GET", "/v1/points/{point_id:path}/readings"): READ,
    ("GET", "/v1/meters"): READ,
    ("GET", "/v1/meters/{site_id}/{meter_id}/consumption"): READ,
    ("GET", "/v1/meters/{site_id}/{meter_id}/quality"): READ,
    ("GET", "/v1/meters/{site_id}/{meter_id}/cooling"): READ,
    ("POST", "/v1/ingest"): PUSH,
    ("GET", "/v1/sites/{site_id}/savings"): READ,
    ("GET", "/v1/sites/{site_id}/savings.csv"): READ,
    ("GET", "/v1/portfolio/savings"): READ,
    ("GET", "/v1/portfolio/savings.csv"): READ,
    ("GET", "/v1/portfolio/ranking"): READ,
    ("GET", "/v1/portfolio/cooling"): READ,
    ("GET", "/v1/sites/{site_id}/events"): READ,
    ("POST", "/v1/sites/{site_id}/events"): OPERATE,
    ("POST", "/v1/exports"): READ,
    ("GET", "/v1/exports/{export_id}"): READ,
    ("GET", "/v1/exports/{export_id}/file"): READ,
    ("GET", "/v1/measures"): READ,
    ("POST", "/v1/measures"): OPERATE,
    ("GET", "/v1/measures/{measure_id}"): READ,
    ("POST", "/v1/measures/{measure_id}/end"): OPERATE,
    ("GET", "/v1/sites/{site_id}/baselines"): READ,
    ("POST", "/v1/sites/{site_id}/baselines"): OPERATE,
    ("GET", "/v1/audit"): OPERATE,
    ("GET", "/v1/sites/{site_id}/plan"): READ,
    ("GET", "/v1/plans/{plan_id}"): READ,
    ("GET", "/v1/sites/{site_id}/predictions"): READ,
    ("POST", "/v1/sites/{site_id}/plan"): OPERATE,
    ("GET", "/v1/controllers/{device_id:path}/schedule"): FETCH,
    ("POST", "/v1/controllers/{device_id:path}/applied"): FETCH,
    ("POST", "/v1/sites/{site_id}/overrides"): OPERATE,
    ("DELETE", "/v1/sites/{site_id}/overrides/{override_id}"): OPERATE,
    ("POST", "/v1/sites/{site_id}/mode"): OPERATE,
    ("GET", "/v1/sites/{site_id}/commissioning"): READ,
    ("GET", "/v1/sites/{site_id}/trials"): READ,
    ("GET", "/v1/sites/{site_id}/shadow-days"): READ,
    ("GET", "/v1/points/{point_id:path}/trace"): OPERATE,
    ("GET", "/v1/release"): READ,
    ("POST", "/v1/release"): OPERATE,
    ("POST", "/v1/release/undo"): OPERATE,
    ("GET", "/v1/sites/{site_id}/occupancy"): READ,
    ("POST", "/v1/sites/{site_id}/occupancy"): OPERATE,
    ("DELETE", "/v1/sites/{site_id}/occupancy/{booking_id}"): OPERATE,
}
BODIES = {
    "/v1/sites/{site_id}/overrides": {"reason": "a test", "point": SETPOINT},
    "/v1/controllers/{device_id:path}/applied": {
        "time": "2019-01-28T09:05:00Z",
        "values": [{"point": SETPOINT, "effective": 20.0}],
    },
    "/v1/sites/{site_id}/mode": {"mode": "observe", "reason": "a test"},
    "/v1/release": {"all": True, "reason": "a test"},
    "/v1/release/undo": {"all": True, "reason": "a test"},
    "/v1/ingest": {"readings": []},
    "/v1/sites/{site_id}/events": {
        "meter": "heat",
        "start": "2019-01-20T00:00:00+01:00",
        "end": "2019-01-21T00:00:00+01:00",
        "change_kwh": 10,
        "change_se_kwh": 1,
        "reason": "a test",
    },
    "/v1/exports": {"kind": "meters"},
    "/v1/measures": {
        "site": "lodge",
        "what": "new lamps",
        "start": "2019-01-20T00:00:00+01:00",
    },
    "/v1/measures/{measure_id}/end": {
        "end": "2019-01-25T00:00:00+01:00",
        "reason": "a test",
    },
    "/v1/sites/{site_id}/baselines": {"reason": "a test"},
    "/v1/sites/{site_id}/occupancy": {
        "start": "2019-02-01T18:00:00+01:00",
        "end": "2019-02-01T21:00:00+01:00",
        "reason": "a test",
    },
}


@pytest.fixture
def world(tmp_path):
    made = a_world(tmp_path)
    made.store.add_plan(a_lodge_plan())
    return made


def test_every_route_has_a_rule(world):
    assert routes_of(world) == set(RULES)


@pytest.mark.parametrize(
    ("method", "path"), sorted(route for route, rule in RULES.items() if rule != STREAM)
)
async def test_a_route_lets_in_whom_its_rule_names(world, method, path):
    rule = RULES[method, path]
    body = {"json": BODIES[path]} if path in BODIES else {}
    async with world.browser() as browser:
        none = await browser.request(method, address(path), **body)
        wrong = await browser.request(
            method, address(path), headers={"authorization": "Bearer bms_0000_wrong"}, **body
        )
        answers = {
            scope: await browser.request(method, address(path), headers=world.key(scope), **body)
            for scope in SCOPES
        }
    refused = {scope for scope, answer in answers.items() if answer.status_code in (401, 403)}
    if rule == ANYBODY:
        # the login refuses a wrong form, whoever sends it
        assert none.status_code != 401
        return
    assert none.status_code == wrong.status_code == 401
    assert none.headers["www-authenticate"].startswith("Bearer")
    assert refused == set(SCOPES) - ALLOWED[rule]
    for scope in refused:
        assert answers[scope].status_code == 403
        assert answers[scope].headers["content-type"] == "application/problem+json"
    for scope in ALLOWED[rule]:
        assert answers[scope].status_code < 400 or answers[scope].status_code == 404


@pytest.mark.parametrize(("method", "path"), sorted(k for k, r in RULES.items() if r == PAGE))
async def test_pages_are_open_where_the_dashboard_is(tmp_path, method, path):
    world = a_world(tmp_path, open_dashboard=True)
    async with world.browser() as browser:
        answer = await browser.request(method, address(path))
    assert answer.status_code in (200, 303, 404)


@pytest.mark.parametrize(("method", "path"), sorted(k for k, r in RULES.items() if r == READ))
async def test_an_open_dashboard_does_not_open_the_api(tmp_path, method, path):
    world = a_world(tmp_path, open_dashboard=True)
    async with world.browser() as browser:
        assert (await browser.request(method, address(path))).status_code == 401


async def test_a_revoked_key_is_none(world):
    headers = world.key("read")
    async with world.browser(**headers) as browser:
        assert (await browser.get("/v1/sites")).status_code == 200
        world.store.revoke_key(
            headers["authorization"].split("_")[1], world.clock.now(), actor="bo"
        )
        assert (await browser.get("/v1/sites")).status_code == 401


async def test_a_cookie_reads_but_changes_nothing(world):
    text = world.key("operate")["authorization"].removeprefix("Bearer ")
    async with world.browser(cookie=f"bms_session={text}") as browser:
        assert (await browser.get("/v1/sites")).status_code == 200
        answer = await browser.post("/v1/release", json={"all": True, "reason": "forged"})
    assert answer.status_code == 401
    assert world.store.mode("lodge") is None


async def test_a_controller_learns_nothing_about_others(world):
    async with world.browser(**world.key("controller:lodge/plant")) as browser:
        other = await browser.get("/v1/controllers/lodge/rooms/schedule")
        missing = await browser.get("/v1/controllers/lodge/nobody/schedule")
    assert other.status_code == missing.status_code == 403


async def test_a_browser_is_sent_to_the_login_and_back(world):
    text = world.key("read")["authorization"].removeprefix("Bearer ")
    async with world.browser(**HTML) as browser:
        sent = await browser.get("/sites/lodge?lang=en")
        assert sent.status_code == 303
        assert sent.headers["location"] == "/login?next=/sites/lodge%3Flang%3Den"
        form = await browser.get(sent.headers["location"])
        assert 'value="/sites/lodge?lang=en"' in form.text
        wrong = await send_form(browser, "/login", {"key": "bms_no_key", "next": "/"})
        assert wrong.status_code == 403
        assert "set-cookie" not in wrong.headers
        right = await send_form(browser, "/login", {"key": text, "next": "/sites/lodge?lang=en"})
        assert (right.status_code, right.headers["location"]) == (303, "/sites/lodge?lang=en")
        cookie = right.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert (await browser.get("/sites/lodge")).status_code == 200
        assert (await send_form(browser, "/logout", {}, "/")).status_code == 303
        assert (await browser.get("/sites/lodge")).status_code == 303


async def test_a_controller_key_does_not_log_in(world):
    text = world.key("controller:lodge/rooms")["authorization"].removeprefix("Bearer ")
    async with world.browser(**HTML) as browser:
        assert (await send_form(browser, "/login", {"key": text})).status_code == 403


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example"])
async def test_the_login_never_leads_away(world, target):
    text = world.key("read")["authorization"].removeprefix("Bearer ")
    async with world.browser(**HTML) as browser:
        answer = await send_form(browser, "/login", {"key": text, "next": target})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}, {"origin": "null"}],
)
async def test_forms_of_other_sites_are_refused(world, headers):
    text = world.key("read")["authorization"].removeprefix("Bearer ")
    async with world.browser() as browser:
        browser.headers.update(headers)
        answer = await send_form(browser, "/login", {"key": text})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_a_huge_form_is_refused(world):
    async with world.browser() as browser:
        assert (await browser.post("/login", data={"key": "x" * 10_000})).status_code == 413
