"""Sign-in with OpenID Connect, against a real provider (OpenID Connect Core 1.0, RFC 7636)."""

from __future__ import annotations

import json
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from bms.errors import ConfigError, FeedError, NotPermitted
from bms.feeds.sign_in.openid import LEEWAY_S, MOST_AT_ONCE, OpenIdProvider
from bms.feeds.sign_in.settings import access_rules
from bms.model.access.people import SignInWay
from bms.ports.sign_in import SignInAttempt
from tests.rigs.fakes.api import NOW, World, a_world
from tests.rigs.fakes.store import a_person
from tests.rigs.web.openid import (
    ISSUER,
    RULES,
    SETTINGS,
    Provider,
    asked_of,
    client,
    packed,
    walked,
    with_claims,
)

ATTEMPT = SignInAttempt(
    back="http://localhost/login/oidc/callback", state="s", nonce="n" * 43, verifier="v" * 43
)
OURS = RSAKey.generate_key(2048, {"kid": "ours", "use": "sig"})


@pytest.fixture
def provider() -> Provider:
    return Provider()


def code_of(back: str) -> str:
    return parse_qs(urlsplit(back).query)["code"][0]


def test_who_has_signed_in_at_the_provider_is_known(provider: Provider) -> None:
    ours = client(provider)
    found = ours.identity(ATTEMPT, code_of(provider.sign_in(ours.address(ATTEMPT))))
    assert found.subject == f"{ISSUER} 77"
    assert found.groups == ("energy",)
    assert found.name == "ole@by.dk"


def test_the_address_holds_the_client_to_its_attempt(provider: Provider) -> None:
    asked = parse_qs(urlsplit(client(provider).address(ATTEMPT)).query)
    assert asked["response_type"] == ["code"]
    assert (asked["state"], asked["nonce"]) == (["s"], ["n" * 43])
    assert asked["redirect_uri"] == [ATTEMPT.back]
    assert "v" * 43 not in str(asked)


def test_a_code_is_worth_nothing_without_its_verifier(provider: Provider) -> None:
    ours = client(provider)
    code = code_of(provider.sign_in(ours.address(ATTEMPT)))
    with pytest.raises(NotPermitted):
        ours.identity(replace(ATTEMPT, verifier="w" * 43), code)


def test_a_code_is_good_once(provider: Provider) -> None:
    ours = client(provider)
    code = code_of(provider.sign_in(ours.address(ATTEMPT)))
    ours.identity(ATTEMPT, code)
    with pytest.raises(NotPermitted):
        ours.identity(ATTEMPT, code)


def test_the_answer_to_another_attempt_is_refused(provider: Provider) -> None:
    ours = client(provider)
    code = code_of(provider.sign_in(ours.address(ATTEMPT)))
    with pytest.raises(NotPermitted):
        ours.identity(replace(ATTEMPT, nonce="m" * 43), code)


def token(**changes: object) -> dict[str, Any]:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": "bms", "sub": "77", "nonce": ATTEMPT.nonce}
    return {**claims, "iat": now, "exp": now + 300, "groups": ["energy"], **changes}


def signed(claims: dict[str, Any], head: dict[str, Any] | None = None, key: Any = OURS) -> str:
    made = {k: v for k, v in claims.items() if v is not None}
    header = {"alg": "RS256", "kid": "ours", **(head or {})}
    return jwt.encode(header, made, key, algorithms=[header["alg"]])


def answered(given: str) -> OpenIdProvider:
    """A client whose provider has our key, and answers this ID token."""

    def change(path: str, answer: dict[str, Any]) -> dict[str, Any]:
        if path == "/jwks":
            return {"keys": [OURS.as_dict(private=False)]}
        return {"id_token": given, "access_token": "a"} if path == "/oauth2/token" else answer

    provider = Provider(change)
    ours = client(provider)
    provider.challenges["c"] = parse_qs(urlsplit(ours.address(ATTEMPT)).query)["code_challenge"][0]
    return ours


def test_a_token_of_the_provider_is_taken() -> None:
    assert answered(signed(token())).identity(ATTEMPT, "c").subject == f"{ISSUER} 77"
    several = token(aud=["bms", "other"], azp="bms")
    assert answered(signed(several)).identity(ATTEMPT, "c").groups == ("energy",)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "http://localhost.evil.example"},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": ["bms", "other"]},
        {"aud": ["bms", "other"], "azp": "other"},
        {"azp": "other"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"iat": None},
        {"iat": 4_000_000_000},
        {"nonce": "m" * 43},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
    ],
)
def test_a_token_that_is_not_for_us_now_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(NotPermitted):
        answered(signed(token(**changes))).identity(ATTEMPT, "c")


@pytest.mark.parametrize(
    ("claim", "seconds", "taken"),
    [
        ("iat", LEEWAY_S - 5, True),
        ("iat", LEEWAY_S + 5, False),
        ("nbf", LEEWAY_S - 5, True),
        ("nbf", LEEWAY_S + 5, False),
        ("exp", 5 - LEEWAY_S, True),
        ("exp", -5 - LEEWAY_S, False),
    ],
)
def test_clocks_may_differ_by_a_minute(claim: str, seconds: int, taken: bool) -> None:
    ours = answered(signed(token(**{claim: int(time.time()) + seconds})))
    if taken:
        assert ours.identity(ATTEMPT, "c").groups == ("energy",)
    else:
        with pytest.raises(NotPermitted):
            ours.identity(ATTEMPT, "c")


@pytest.mark.parametrize(
    ("groups", "found"),
    [
        ("energy", ["energy"]),
        ("energy,boss", ["energy,boss"]),
        ("", [""]),
        ([], []),
        ({"energy": True}, []),
        (7, []),
        (True, []),
        ([7, None, ["energy"], "energy"], ["energy"]),
        ([f"g{i}" for i in range(10_000)], [f"g{i}" for i in range(10_000)]),
    ],
)
def test_groups_are_a_list_of_names_or_one_name(groups: Any, found: list[str]) -> None:
    assert list(answered(signed(token(groups=groups))).identity(ATTEMPT, "c").groups) == found


OTHERS = RSAKey.generate_key(2048, {"kid": "ours"})
SHARED = OctKey.import_key(json.dumps(OURS.as_dict(private=False)).encode())


@pytest.mark.parametrize(
    "forge",
    [
        lambda: f"{packed({'alg': 'none'})}.{packed(token())}.",
        lambda: f"{packed({'alg': 'none', 'kid': 'ours'})}.{packed(token())}.",
        lambda: f"{packed({'alg': 'None', 'kid': 'ours'})}.{packed(token())}.",
        lambda: signed(token(), {"alg": "HS256"}, SHARED),
        lambda: signed(token(), {"kid": "nobody's"}),
        lambda: signed(token(), key=OTHERS),
        lambda: signed(token())[:-3] + "AAA",
        lambda: "",
        lambda: "x.y.z",
        lambda: "ééé",
    ],
)
def test_a_token_that_the_provider_did_not_sign_is_refused(forge: Callable[[], str]) -> None:
    with pytest.raises(NotPermitted):
        answered(forge()).identity(ATTEMPT, "c")


def test_claims_that_were_changed_on_the_way_are_refused() -> None:
    provider = Provider(with_claims(lambda claims: {**claims, "groups": ["boss"]}))
    ours = client(provider)
    code = code_of(provider.sign_in(ours.address(ATTEMPT)))
    with pytest.raises(NotPermitted):
        ours.identity(ATTEMPT, code)


def test_new_keys_of_the_provider_are_asked_for_once_in_ten_seconds(provider: Provider) -> None:
    clock = [0.0]
    ours = client(provider, monotonic=lambda: clock[0])
    ours.identity(ATTEMPT, code_of(provider.sign_in(ours.address(ATTEMPT))))
    provider.rotate()
    with pytest.raises(NotPermitted):
        ours.identity(ATTEMPT, code_of(provider.sign_in(ours.address(ATTEMPT))))
    clock[0] = 11.0
    again = ours.identity(ATTEMPT, code_of(provider.sign_in(ours.address(ATTEMPT))))
    assert again.subject == f"{ISSUER} 77"
    assert provider.asked.count("/jwks") == 2


@pytest.mark.parametrize("issuer", ["http://id.by.dk", "ftp://id.by.dk", "id.by.dk", ""])
def test_a_provider_that_is_not_on_https_is_none(issuer: str) -> None:
    with pytest.raises(ConfigError, match="https"):
        OpenIdProvider(replace(SETTINGS, issuer=issuer))


def test_a_provider_that_says_it_is_another_one_is_not_asked(provider: Provider) -> None:
    provider.change = lambda _, answer: {**answer, "issuer": "https://evil.example"}
    with pytest.raises(FeedError, match="another one"):
        client(provider).address(ATTEMPT)


def test_groups_are_asked_for_where_the_token_has_none(provider: Provider) -> None:
    def change(path: str, answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "sub": told[0], "groups": ["energy"]} if path == "/userinfo" else answer

    told, provider.change, ours = ["78"], change, client(provider)
    code = code_of(provider.sign_in(ours.address(ATTEMPT), "78"))
    assert ours.identity(ATTEMPT, code).groups == ("energy",)
    told[0] = "77"
    code = code_of(provider.sign_in(ours.address(ATTEMPT), "78"))
    with pytest.raises(NotPermitted):
        ours.identity(ATTEMPT, code)


def test_a_provider_that_is_away_is_asked_once_in_ten_seconds() -> None:
    """Anybody may ask for the way to it, and each who waits has a thread of ours."""
    clock, asked = [0.0], [0]

    def away(request: httpx.Request) -> httpx.Response:
        asked[0] += 1
        raise httpx.ConnectTimeout("silent", request=request)

    ours = OpenIdProvider(SETTINGS, asked_of(away), monotonic=lambda: clock[0])
    for _ in range(5):
        with pytest.raises(FeedError, match="cannot be asked"):
            ours.address(ATTEMPT)
    assert asked == [1]
    clock[0] = 11.0
    with pytest.raises(FeedError):
        ours.address(ATTEMPT)
    assert asked == [2]


def test_few_threads_wait_for_a_provider_that_is_slow(provider: Provider) -> None:
    go, lock, asked = threading.Event(), threading.Lock(), [0]
    known = provider.answer

    def slow(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth2/token":
            with lock:
                asked[0] += 1
            go.wait(10)
        return known(request)

    ours = OpenIdProvider(SETTINGS, asked_of(slow))
    ours.address(ATTEMPT)
    with ThreadPoolExecutor(40) as pool:
        crowd = [pool.submit(ours.identity, ATTEMPT, "junk") for _ in range(40)]
        done, _ = wait(crowd, 2, return_when=FIRST_COMPLETED)
        while len(done) < 40 - MOST_AT_ONCE:
            done, _ = wait(crowd, 0.05)
        go.set()
    told = [type(job.exception()) for job in crowd]
    assert told.count(FeedError) >= 40 - MOST_AT_ONCE
    assert asked[0] <= MOST_AT_ONCE


@pytest.fixture
def world(tmp_path: Path, provider: Provider) -> World:
    return a_world(tmp_path).rewired(provider=client(provider), access=RULES)


async def test_somebody_of_a_group_with_a_role_is_let_in(world: World, provider: Provider) -> None:
    async with world.browser() as browser:
        assert (
            "/login/oidc?next="
            in (await browser.get("/login", headers={"accept": "text/html"})).text
        )
        answer = await walked(browser, provider)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sites/lodge")
        assert (await browser.get("/v1/sites/lodge")).status_code == 200
        assert (await browser.get("/v1/sites/barn")).status_code == 403
        assert "bms_provider" not in browser.cookies
    [session] = world.store.sessions()
    assert (session.name, session.way) == ("ole@by.dk", SignInWay.PROVIDER)
    assert session.grants == "energy_team@lodge"


@pytest.mark.parametrize("limit", ["sites", "groups"])
def test_a_group_that_is_limited_to_no_building_is_not_let_in_everywhere(
    tmp_path: Path, limit: str
) -> None:
    file, role = tmp_path / "access.yaml", "{group: drift, role: viewer"
    file.write_text(f"sign_in: [{role}, {limit}: [lodge]}}]")
    assert not access_rules(file).of_claims(["drift"])[0].everywhere
    file.write_text(f"sign_in: [{role}, {limit}: []}}]")
    with pytest.raises(ConfigError, match=limit):
        access_rules(file)


async def test_somebody_without_a_group_is_not(world: World, provider: Provider) -> None:
    async with world.browser() as browser:
        answer = await walked(browser, provider, "78")
    assert answer.status_code == 403
    assert world.store.sessions() == world.store.people() == []


async def test_somebody_who_was_revoked_here_is_let_in_no_more(
    world: World, provider: Provider
) -> None:
    async with world.browser() as browser:
        await walked(browser, provider)
        world.store.revoke_person("ole@by.dk", NOW, actor="root")
        assert (await browser.get("/v1/sites")).status_code == 401
        assert (await walked(browser, provider)).status_code == 403
    assert len(world.store.people()) == 1


@pytest.mark.parametrize("query", ["code={code}&state=x", "code={code}", "state=x", "error=denied"])
async def test_an_answer_that_nobody_here_asked_for_is_refused(
    world: World, provider: Provider, query: str
) -> None:
    async with world.browser() as browser, world.browser() as other:
        start = await other.get("/login/oidc")
        code = code_of(provider.sign_in(start.headers["location"]))
        answer = await browser.get(f"/login/oidc/callback?{query.format(code=code)}")
        assert answer.status_code == 403
        await browser.get("/login/oidc")
        answer = await browser.get(f"/login/oidc/callback?{query.format(code=code)}")
    assert answer.status_code == 403
    assert world.store.sessions() == []


async def test_whoever_makes_up_codes_is_not_tried_for_ever(
    world: World, provider: Provider
) -> None:
    """Each try asks the provider in our name."""
    async with world.browser() as browser:
        statuses = []
        for _ in range(14):
            start = await browser.get("/login/oidc")
            state = parse_qs(urlsplit(start.headers["location"]).query)["state"][0]
            answer = await browser.get(f"/login/oidc/callback?code=made-up&state={state}")
            statuses.append(answer.status_code)
    assert statuses == [403] * 10 + [429] * 4
    assert provider.asked.count("/oauth2/token") == 10


async def test_the_name_of_somebody_with_a_password_is_not_taken_over(
    world: World, provider: Provider
) -> None:
    world.store.add_person(a_person("u1", name="ole@by.dk"), actor="root")
    async with world.browser() as browser:
        await walked(browser, provider)
    assert [person.name for person in world.store.people()] == ["ole@by.dk", "ole@by.dk (77)"]


async def test_without_a_provider_there_is_no_such_page(tmp_path: Path) -> None:
    async with a_world(tmp_path).browser() as browser:
        for path in ("/login/oidc", "/login/oidc/callback?code=c&state=s"):
            assert (await browser.get(path)).status_code in (403, 404)


def test_the_token_of_the_mock_is_one(provider: Provider) -> None:
    """What the tests change is there to be changed."""
    seen: list[str] = []

    def change(path: str, answer: dict[str, Any]) -> dict[str, Any]:
        seen.append(answer.get("id_token", ""))
        return answer

    provider.change = change
    ours = client(provider)
    ours.identity(ATTEMPT, code_of(provider.sign_in(ours.address(ATTEMPT))))
    body = next(filter(None, seen)).split(".")[1]
    assert json.loads(urlsafe_b64decode(body + "=="))["nonce"] == ATTEMPT.nonce
