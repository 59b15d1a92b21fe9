"""Who may do what: every route of the app against every role and every kind of key.

The routes and their rules come from the app itself: a new one without a rule fails here, and one
that is for anybody has to be named here.
"""

from __future__ import annotations

import pytest

from api.access.csrf import STALE
from api.access.rules import Needs
from bms.model.access.grant import PERMITTED, Permission, PersonRole
from bms.model.control.evidence import CITY
from tests.rigs.fakes.api import HTML, a_lodge_plan, a_world
from tests.rigs.web.forms import send_form
from tests.rigs.web.routes import ENDLESS, address, rules_of
from tests.rigs.work.rows import a_cause, a_work_item

ITEMS = "/v1/work", "/work-list"
"""Where work items stand: in the API, and on pages."""
ANYBODY = {
    ("GET", "/openapi.json"),
    ("GET", "/static/style.css"),
    ("GET", "/docs"),
    ("GET", "/accessibility"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/login"),
    ("POST", "/login"),
    ("POST", "/logout"),
    ("GET", "/open-data"),
    ("GET", "/open-data/catalog.jsonld"),
    ("GET", "/open-data/energy-{year}.{ending}"),
    ("GET", "/login/oidc"),
    ("GET", "/login/oidc/callback"),
    ("GET", "/feeds/work.rss"),
    ("GET", "/feeds/work.ics"),
}
ASKING = {("POST", "/v1/exports"), ("POST", "/mcp")}
"""What is asked with a body, and changes nothing."""
SAW, DID, SENT, RAN = "sees", "decides", "sends", "keeps running"
MEANS = {
    Permission.VIEW: SAW,
    Permission.VIEW_PERSONAL: SAW,
    Permission.TRACE: SAW,
    Permission.AUDIT: SAW,
    Permission.OPERATE: DID,
    Permission.RECORD: DID,
    Permission.ASSESS: DID,
    Permission.PUSH: SENT,
    Permission.FETCH: SENT,
    Permission.ADMINISTER: RAN,
}
ROLES = {
    "viewer": {Permission.VIEW},
    "facility_manager": {
        *(Permission.VIEW, Permission.VIEW_PERSONAL, Permission.TRACE),
        *(Permission.OPERATE, Permission.RECORD),
    },
    "energy_team": {Permission.VIEW, Permission.RECORD, Permission.ASSESS},
    "controller": {Permission.FETCH},
    "administrator": set(Permission),
    "auditor": {Permission.VIEW, Permission.TRACE, Permission.AUDIT},
    "read": {Permission.VIEW},
    "operate": set(Permission) - {Permission.ADMINISTER},
    "ingest": {Permission.PUSH},
}
"""What each role and scope is for, said a second time: a change of one of them is on purpose."""


@pytest.fixture
def world(tmp_path):
    made = a_world(tmp_path)
    made.store.add_plan(a_lodge_plan())
    return made


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    found = rules_of(a_world(tmp_path_factory.mktemp("rules")))
    return {route: rule for route, rule in found.items() if route not in ENDLESS}


def test_every_route_has_a_rule(rules):
    assert {route for route, rule in rules.items() if rule is False} == set()


def test_what_is_for_anybody_is_named_here(rules):
    assert {route for route, rule in rules.items() if rule is True} == ANYBODY


def test_what_changes_something_needs_more_than_to_see(rules):
    for (method, path), rule in rules.items():
        if method in ("GET", "HEAD") or (method, path) in ASKING:
            continue
        if isinstance(rule, Needs) and rule.permission:
            assert MEANS[rule.permission] != SAW, path


def test_roles_and_scopes_permit_what_they_are_for():
    assert {name: set(permitted) for name, permitted in PERMITTED.items()} == ROLES
    assert set(PersonRole) <= set(ROLES)


async def refused(browser, world, route, scope):
    """Whether a key of the scope is refused at a route; it sends no body."""
    method, path = route
    answer = await browser.request(method, address(path), headers=world.key(scope))
    assert answer.status_code < 500, (route, scope, answer.text)
    if answer.status_code != 403 or STALE in answer.text:
        return False
    assert answer.headers["content-type"] == "application/problem+json"
    return True


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_a_role_may_what_its_rules_say_at_its_buildings_and_nowhere_else(world, rules, role):
    asked = {route: rule for route, rule in rules.items() if isinstance(rule, Needs)}
    async with world.browser() as browser:
        for route, rule in asked.items():
            wanted = rule.permission is None or rule.permission in ROLES[role]
            assert await refused(browser, world, route, role) is not wanted, route
            assert await refused(browser, world, route, f"{role}@lodge") is (
                not wanted or route == ("GET", "/metrics")
            ), route
            elsewhere = await refused(browser, world, route, f"{role}@barn")
            here = any(name in route[1] for name in ("site_id", "point_id", "device_id"))
            assert elsewhere or not wanted or not here, route


async def test_whoever_is_limited_to_a_building_hears_of_no_other(world, rules):
    async with world.browser(**world.key("operate@barn")) as browser:
        for (method, path), rule in rules.items():
            if method == "GET" and isinstance(rule, Needs) and "{" not in path:
                answer = await browser.get(address(path))
                assert "lodge" not in answer.text.lower(), path
        for site in ({"all": True}, {"site": "lodge"}):
            body = {**site, "reason": "a test"}
            for path in ("/v1/release", "/v1/release/undo"):
                assert (await browser.post(path, json=body)).status_code == 403
        measure = {"site": "lodge", "what": "lamps", "start": "2019-01-20T00:00:00+01:00"}
        assert (await browser.post("/v1/measures", json=measure)).status_code == 403
        assert (await browser.get("/v1/audit?site=lodge")).status_code == 403
        assert (await browser.get("/v1/measures?site=lodge")).status_code == 403
    assert world.store.mode("lodge") is None


@pytest.mark.parametrize("of", ["lodge", CITY])
@pytest.mark.parametrize(
    "path",
    ["/v1/plans/{}", *(f"{work}{end}" for work in ITEMS for end in ("/{}", "/{}/ack"))],
)
async def test_what_is_of_another_building_is_as_if_it_were_not_there(world, of, path):
    world.store.keep_items([a_work_item("p1", cause=a_cause(site=of))])
    async with world.browser() as browser:
        person = world.key("operate@barn")["authorization"].removeprefix("Bearer ")
        await send_form(browser, "/login", {"key": person})
        told = []
        for name in ("p1", "p2"):
            where = path.format(name)
            if not where.endswith("/ack"):
                answer = await browser.get(where)
            elif where.startswith("/v1"):
                headers = world.key("operate@barn")
                answer = await browser.post(where, json={"reason": "a test"}, headers=headers)
            else:
                answer = await send_form(browser, where, {}, "/sessions")
            told.append((answer.status_code, answer.text.replace(name, "")))
    assert told[0] == told[1]
    assert told[0][0] == 404


async def test_nobody_without_a_key_or_with_a_wrong_one(world, rules):
    wrong = {"authorization": "Bearer bms_0000_wrong"}
    async with world.browser() as browser:
        for (method, path), rule in rules.items():
            answer = await browser.request(method, address(path))
            if rule is True:
                assert answer.status_code != 401
                continue
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"].startswith("Bearer")
            other = await browser.request(method, address(path), headers=wrong)
            assert other.status_code in (401, 429)


class Untouched:
    """A body that must not be asked for."""

    def __aiter__(self):
        raise AssertionError("the body was read")


async def test_nothing_of_a_body_is_read_before_the_question_who_asks(world, rules):
    async with world.browser() as browser:
        for (method, path), rule in rules.items():
            if method in ("GET", "HEAD") or rule is True or rule.permission is Permission.VIEW:
                continue
            for headers in ({}, world.key("read")):
                answer = await browser.request(
                    method,
                    address(path),
                    content=Untouched(),
                    headers={**headers, "content-type": "application/json"},
                )
                wanted = isinstance(rule, Needs) and rule.permission is None
                assert answer.status_code in ((401, 415) if wanted else (401, 403)), path


@pytest.mark.parametrize("sent", [b"{", b"[" * 5_000, b"\xff", b""])
async def test_a_body_that_is_none_tells_nothing_to_whoever_may_not(world, rules, sent):
    async with world.browser(**world.key("viewer@lodge")) as browser:
        for (method, path), rule in rules.items():
            if method in ("GET", "HEAD") or rule is True:
                continue
            if rule.permission in (None, Permission.VIEW):
                continue
            answer = await browser.request(
                method, address(path), content=sent, headers={"content-type": "application/json"}
            )
            assert answer.status_code == 403, path


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("facility_manager", {"override", "mode", "booking", "event", "measure"}),
        ("energy_team", {"event", "measure", "end-measure", "baseline"}),
        ("viewer", set()),
        ("auditor", set()),
    ],
)
async def test_an_action_of_the_pages_is_for_whom_it_is_in_the_api(world, role, may):
    codes = ("override", "mode", "booking", "event", "measure", "end-measure", "baseline")
    allowed = set()
    async with world.browser(**world.key(f"{role}@lodge")) as browser:
        for code in codes:
            answer = await browser.get(f"/sites/lodge/do/{code}")
            allowed |= {code} if answer.status_code != 403 else set()
    assert allowed == may | ({"end-measure"} if role == "facility_manager" else set())


def open_pages(rules):
    return [
        path
        for (method, path), rule in rules.items()
        if isinstance(rule, Needs) and rule.open_pages and method == "GET"
    ]


async def test_pages_are_open_where_the_dashboard_is_and_the_api_is_not(tmp_path, rules):
    world = a_world(tmp_path, open_dashboard=True)
    async with world.browser() as browser:
        for (method, path), rule in rules.items():
            if isinstance(rule, Needs):
                answer = await browser.request(method, address(path))
                opened = rule.open_pages and method == "GET"
                assert (answer.status_code == 401) is not opened, path
    assert "/" in open_pages(rules)
    assert not any(path.startswith("/v1") for path in open_pages(rules))


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
    async with world.browser() as browser:
        await send_form(browser, "/login", {"key": text})
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
