"""What was reported about sign-in in other products, tried on ours: fixed sessions, sessions that
outlive a sign-out, answers of a provider that are used again, and claims that nobody expects."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from bms.model.access.grant import Grant
from bms.model.access.people import KeptPerson, SignInWay
from bms.model.access.rules import AccessRules
from bms.model.control.command import Accepted
from bms.ports.sign_in import ProvidedIdentity
from bms.services.access.passwords import hashed
from bms.services.access.provided import person_of_provider
from bms.services.access.sessions import SignedIn, begin_session
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.api import NOW, World, a_command, a_world
from tests.rigs.web.event_stream import Stream
from tests.rigs.web.forms import send_form
from tests.rigs.web.openid import RULES, Provider, client, walked

PASSWORD = "correct horse battery"
FORM = {"name": "kari", "password": PASSWORD}
SESSION = "bms_session"


@pytest.fixture(scope="module")
def kari() -> KeptPerson:
    password = hashed("kari", PASSWORD)
    return KeptPerson(id="u1", name="kari", grants="viewer", created=NOW, password=password)


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def world(tmp_path: Path, provider: Provider, kari: KeptPerson) -> World:
    made = a_world(tmp_path).rewired(provider=client(provider), access=RULES)
    made.store.add_person(kari, actor="a test")
    return made


def another_session(world: World) -> str:
    """The token of a session of somebody else."""
    who = SignedIn(of="u2", name="eve", way=SignInWay.PASSWORD, grants="viewer")
    made = KeptPerson(id="u2", name="eve", grants="viewer", created=NOW, password="x")
    world.store.add_person(made, actor="a test")
    return begin_session(world.store, who, now=world.clock.now(), at=NOW)


@pytest.mark.parametrize("way", ["password", "provider"])
@pytest.mark.parametrize("planted", ["made-up", "of somebody else"])
async def test_a_session_that_was_planted_before_the_sign_in_is_not_the_one_after(
    world: World, provider: Provider, way: str, planted: str
) -> None:
    old = "x" * 43 if planted == "made-up" else another_session(world)
    async with world.browser() as victim:
        victim.cookies.set(SESSION, old, domain="localhost.local")
        answer = await (
            walked(victim, provider) if way == "provider" else send_form(victim, "/login", FORM)
        )
    assert answer.status_code == 303
    given = answer.cookies[SESSION]
    assert given != old
    async with world.browser(cookie=f"{SESSION}={old}") as attacker:
        assert (await attacker.get("/v1/sites")).status_code == 401
    async with world.browser(cookie=f"{SESSION}={given}") as here:
        assert (await here.get("/v1/sites")).status_code == 200


async def test_signing_out_in_one_tab_signs_out_in_all_of_them(world: World) -> None:
    async with world.browser() as tab, world.browser() as elsewhere:
        await send_form(tab, "/login", FORM)
        await send_form(elsewhere, "/login", FORM)
        kept = f"{SESSION}={tab.cookies[SESSION]}"
        async with world.browser(cookie=kept) as other_tab:
            assert (await other_tab.get("/v1/sites")).status_code == 200
            await send_form(tab, "/logout", {}, "/sessions")
            assert SESSION not in tab.cookies
            assert (await other_tab.get("/v1/sites")).status_code == 401
        assert (await elsewhere.get("/v1/sites")).status_code == 200


async def test_signing_out_everywhere_ends_ones_own_sessions_and_no_others(world: World) -> None:
    theirs = another_session(world)
    async with world.browser() as here, world.browser() as there:
        await send_form(here, "/login", FORM)
        await send_form(there, "/login", FORM)
        assert (await here.post("/sessions/end", data={})).status_code == 403
        answer = await send_form(here, "/sessions/end", {}, "/sessions")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        for each in (here, there):
            assert (await each.get("/v1/sites")).status_code == 401
    async with world.browser(cookie=f"{SESSION}={theirs}") as other:
        assert (await other.get("/v1/sites")).status_code == 200


@pytest.mark.parametrize("way", ["revoked", "signed out", "key"])
async def test_what_goes_on_ends_with_whoever_asked_for_it(world: World, way: str) -> None:
    """Events go on for minutes: nothing is told to somebody who is gone."""
    async with world.browser() as browser:
        await send_form(browser, "/login", FORM)
        shown = {"cookie": f"{SESSION}={browser.cookies[SESSION]}"}
        if way == "key":
            shown = world.key("read")
        async with Stream(world, "", **shown) as stream:
            assert (await stream.start())[0] == 200
            await stream.until("retry")
            while world.app.state.changes._last_audit is None:
                await asyncio.sleep(0.01)
            if way == "revoked":
                world.store.revoke_person("kari", NOW, actor="root")
            elif way == "signed out":
                await send_form(browser, "/logout", {}, "/sessions")
            else:
                [key] = world.store.keys()
                world.store.revoke_key(key.id, NOW, actor="root")
            world.store.add_receipts([Accepted(a_command("c1", NOW, 18.0), 18.0)], NOW)
            assert "event:" not in await stream.rest()


async def test_the_answer_of_a_provider_is_good_once(world: World, provider: Provider) -> None:
    async with world.browser() as browser:
        start = await browser.get("/login/oidc")
        begun = browser.cookies["bms_provider"]
        back = provider.sign_in(start.headers["location"]).removeprefix("http://localhost")
        assert (await browser.get(back)).status_code == 303
        assert (await browser.get(back)).status_code == 403
        async with world.browser(cookie=f"bms_provider={begun}") as again:
            assert (await again.get(back)).status_code == 403
    assert len(world.store.sessions()) == 1


def test_a_role_that_many_groups_give_is_had_once() -> None:
    """The grants of a session are read with every request of it."""
    role = (Grant(name="viewer"),)
    rules = AccessRules(grants={f"g{i}": role for i in range(10_000)})
    assert rules.of_claims([f"g{i}" for i in range(10_000)] * 2) == role


async def test_without_a_group_that_is_known_nobody_is_let_in(
    world: World, provider: Provider
) -> None:
    async with world.browser() as browser:
        answer: httpx.Response = await walked(browser, provider, "78")
    assert answer.status_code == 403
    assert SESSION not in answer.cookies


def known(store: MemoryStore, subject: str, name: str) -> KeptPerson:
    identity = ProvidedIdentity(subject=f"https://id.by.dk {subject}", name=name, groups=())
    return person_of_provider(store, identity, "viewer", NOW)


def test_who_somebody_is_does_not_hang_on_their_address() -> None:
    store = MemoryStore()
    first = known(store, "77", "ole@by.dk")
    assert known(store, "77", "OLE@BY.DK") == known(store, "77", "ole.ny@by.dk") == first
    other = known(store, "78", "Ole@By.dk")
    assert (other.id != first.id, other.name) == (True, "Ole@By.dk (78)")


def test_a_name_has_no_signs_that_nobody_sees() -> None:
    store = MemoryStore()
    names = [
        known(store, "1", "ole\r\nroot\x00\x1b[31m\u202e").name,
        known(store, "2", "\x00\u200b").name,
        known(store, "3\x00\n" + "y" * 40, "ole root[31m").name,
        known(store, "3" + "y" * 60, "ole root[31m").name,
    ]
    assert names[:3] == ["oleroot[31m", "?", "ole root[31m"]
    assert all(name.isprintable() for name in names)
    assert len(set(names)) == 4


def test_names_that_collide_even_with_their_subject_are_told_apart() -> None:
    store = MemoryStore()
    names = {known(store, "y" * 40 + str(i), "Ole\x00").name for i in range(4)}
    assert len(names) == 4
    assert all(name.isprintable() for name in names)
