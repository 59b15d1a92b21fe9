"""People sign in with name and password; sessions are rows and end (docs/operate/access.md)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from api.failed_keys import MOST_A_MINUTE, MOST_OF_A_NAME
from bms.model.access.people import KeptPerson
from bms.model.control.audit import Action, AuditSearch
from bms.services.access.passwords import hashed
from bms.services.access.sessions import IDLE, LASTS
from tests.rigs.fakes.api import NOW, World, a_world
from tests.rigs.web.forms import send_form

PASSWORD = "correct horse battery"
HASH = hashed("kari", PASSWORD)
FORM = {"name": "kari", "password": PASSWORD}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = a_world(tmp_path)
    person = KeptPerson(
        id="u1", name="kari", grants="facility_manager@lodge", created=NOW, password=HASH
    )
    made.store.add_person(person, actor="a test")
    return made


async def signed_in(browser: httpx.AsyncClient) -> httpx.Response:
    return await send_form(browser, "/login", FORM)


async def test_a_person_signs_in_and_the_browser_gets_a_token_that_nobody_keeps(
    world: World,
) -> None:
    async with world.browser() as browser:
        answer = await signed_in(browser)
        assert answer.status_code == 303
        cookie = answer.headers["set-cookie"]
        token = browser.cookies["bms_session"]
        for part in ("HttpOnly", "Path=/", "SameSite=strict"):
            assert part in cookie
        assert (await browser.get("/v1/sites")).status_code == 200
    [kept] = world.store.sessions()
    assert token not in repr(kept)
    assert (kept.name, kept.grants) == ("kari", "facility_manager@lodge")
    [entry] = world.store.audit(AuditSearch(action=Action.LOGIN))
    assert (entry.actor, entry.reason) == ("kari", "password")


async def test_over_tls_the_cookie_is_bound_to_the_host(world: World) -> None:
    transport = httpx.ASGITransport(world.app)
    async with httpx.AsyncClient(transport=transport, base_url="https://localhost") as browser:
        answer = await signed_in(browser)
        assert "__Host-bms_session=" in answer.headers["set-cookie"]
        assert "Secure" in answer.headers["set-cookie"]
        assert (await browser.get("/v1/sites")).status_code == 200
        plain = {"cookie": f"bms_session={browser.cookies['__Host-bms_session']}"}
        browser.cookies.clear()
        assert (await browser.get("/v1/sites", headers=plain)).status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "kari", "password": "wrong horse battery"},
        {"name": "ida", "password": PASSWORD},
        {"name": "", "password": ""},
        {"name": "kari", "password": ""},
    ],
)
async def test_whoever_has_no_password_of_that_name_is_told_the_same(
    world: World, wrong: dict[str, str]
) -> None:
    async with world.browser() as browser:
        answer = await send_form(browser, "/login", wrong)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert "Navn eller adgangskode er forkert" in answer.text
    assert world.store.sessions() == []


async def test_guesses_from_one_address_are_slowed_before_they_are_tried(world: World) -> None:
    async with world.browser() as browser:
        for _ in range(MOST_A_MINUTE):
            wrong = await send_form(browser, "/login", {**FORM, "password": "x"})
            assert wrong.status_code == 403
        answer = await signed_in(browser)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
    assert world.store.sessions() == []


async def test_guesses_for_one_name_are_slowed_wherever_they_come_from(world: World) -> None:
    statuses = []
    for host in range(MOST_OF_A_NAME + 1):
        transport = httpx.ASGITransport(world.app, client=(f"10.0.0.{host}", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as browser:
            wrong = await send_form(browser, "/login", {**FORM, "password": "x"})
            statuses.append(wrong.status_code)
    assert statuses == [403] * MOST_OF_A_NAME + [429]


@pytest.mark.parametrize("over", ["idle", "old", "ended", "revoked", "password"])
async def test_a_session_ends(world: World, over: str) -> None:
    async with world.browser() as browser:
        await signed_in(browser)
        [session] = world.store.sessions()
        match over:
            case "idle":
                world.clock.advance(IDLE)
            case "old":
                for _ in range(int(LASTS / IDLE) * 2):
                    world.clock.advance(IDLE / 2)
                    last = await browser.get("/v1/sites")
                assert last.status_code == 401
            case "ended":
                world.store.end_session(session.id, NOW, actor="root")
            case "revoked":
                world.store.revoke_person("kari", NOW, actor="root")
            case _:
                world.store.set_password("kari", HASH, NOW, actor="root")
        assert (await browser.get("/v1/sites")).status_code == 401


async def test_browsers_whose_sessions_are_over_keep_nobody_behind_their_address_out(
    world: World,
) -> None:
    async with world.browser() as browser:
        await signed_in(browser)
        world.clock.advance(IDLE)
        answers = [await browser.get("/v1/sites") for _ in range(MOST_A_MINUTE + 1)]
        assert {answer.status_code for answer in answers} == {401}
        assert (await signed_in(browser)).status_code == 303
        assert (await browser.get("/v1/sites")).status_code == 200


async def test_a_session_that_is_used_goes_on(world: World) -> None:
    async with world.browser() as browser:
        await signed_in(browser)
        for _ in range(5):
            world.clock.advance(IDLE - timedelta(minutes=1))
            assert (await browser.get("/v1/sites")).status_code == 200


async def test_signing_in_again_ends_the_session_before(world: World) -> None:
    async with world.browser() as browser:
        await signed_in(browser)
        [first] = world.store.sessions()
        await send_form(browser, "/login", FORM, "/sessions")
        [second] = world.store.sessions()
    assert first.id != second.id


async def test_somebody_ends_their_own_sessions_and_those_of_nobody_else(world: World) -> None:
    async with world.browser() as here, world.browser() as there, world.browser() as other:
        await signed_in(here)
        await signed_in(there)
        key = world.key("operate")["authorization"].removeprefix("Bearer ")
        await send_form(other, "/login", {"key": key})
        theirs = next(s for s in world.store.sessions() if s.name != "kari")
        page = await here.get("/sessions")
        assert page.text.count("/end") == 3  # each, and all at once
        refused = await send_form(here, f"/sessions/{theirs.id}/end", {}, "/sessions")
        assert refused.status_code == 403
        for session in [s for s in world.store.sessions() if s.name == "kari"]:
            await send_form(other, f"/sessions/{session.id}/end", {}, "/sessions")
        assert len(world.store.sessions()) == 3
        async with world.browser() as admin:
            boss = world.key("administrator")["authorization"].removeprefix("Bearer ")
            await send_form(admin, "/login", {"key": boss})
            mine = next(s for s in world.store.sessions() if s.name == "kari")
            await send_form(admin, f"/sessions/{mine.id}/end", {}, "/sessions")
        assert [(await each.get("/v1/sites")).status_code for each in (here, there)].count(401) == 1


async def test_what_somebody_does_bears_their_name(world: World) -> None:
    async with world.browser() as browser:
        await signed_in(browser)
        page = "/sites/lodge/do/booking"
        assert (await browser.get(page)).status_code == 200
        assert (await browser.get("/sites/barn/do/booking")).status_code == 403
        body = {"start": "2019-02-01T18:00:00+01:00", "end": "2019-02-01T21:00:00+01:00"}
        api = await browser.post("/v1/sites/lodge/occupancy", json={**body, "reason": "choir"})
        assert api.status_code == 401


async def test_a_wrong_key_in_the_cookie_of_a_session_opens_nothing(world: World) -> None:
    key = world.key("operate")["authorization"].removeprefix("Bearer ")
    for cookie in (f"bms_session={key}", f"bms_key={key}", "bms_session=x"):
        async with world.browser(cookie=cookie) as browser:
            assert (await browser.get("/v1/sites")).status_code == 401
