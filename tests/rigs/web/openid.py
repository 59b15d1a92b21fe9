"""A real provider of sign-ins that may be told to lie, and a browser that walks through it."""

from __future__ import annotations

import json
import warnings
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from bms.feeds.sign_in.openid import OpenIdProvider, ProviderSettings
from bms.model.access.grant import Grant
from bms.model.access.rules import AccessRules

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its own, about a library that it uses
    from oidc_provider_mock import User, app

ISSUER = "http://localhost"
SETTINGS = ProviderSettings(issuer=ISSUER, client_id="bms", secret="of a test")
"""How we are known to the provider."""
RULES = AccessRules(
    grants={"energy": (Grant(name="energy_team", sites=frozenset({"lodge"})),)},
)
"""What its groups may."""
Change = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass
class Provider:
    """``oidc-provider-mock`` behind a transport that holds the client to PKCE, and changes what is
    answered. ``change`` gets the path and the answer as JSON."""

    change: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda path, answer: answer
    asked: list[str] = field(default_factory=list)
    challenges: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._inner = self._fresh()

    def _fresh(self) -> httpx.WSGITransport:
        users = (
            User(
                sub="77", claims={"name": "Ole Olsen", "email": "ole@by.dk", "groups": ["energy"]}
            ),
            User(sub="78", claims={"name": "Ida Ib", "email": "ida@by.dk"}),
        )
        return httpx.WSGITransport(app(user_claims=users))

    def rotate(self) -> None:
        """Have other keys from now on."""
        self._inner = self._fresh()

    def transport(self) -> httpx.MockTransport:
        """How our side reaches the provider."""
        return asked_of(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if request.url.path == "/oauth2/token":
            form = parse_qs(request.content.decode())
            digest = sha256(form["code_verifier"][0].encode()).digest()
            given = urlsafe_b64encode(digest).decode().rstrip("=")
            if self.challenges.get(form["code"][0]) != given:
                return httpx.Response(400, json={"error": "invalid_grant"})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = self._inner.handle_request(request)
        body = self.change(request.url.path, json.loads(answer.read()))
        return httpx.Response(200 if "id_token" in body else answer.status_code, json=body)

    def sign_in(self, address: str, sub: str = "77") -> str:
        """Sign in at the provider as a browser does. Returns where it sends the browser then."""
        with warnings.catch_warnings(), httpx.Client(transport=self._inner) as browser:
            warnings.simplefilter("ignore")
            answer = browser.post(address, data={"sub": sub})
        back = answer.headers["location"]
        asked, given = (parse_qs(urlsplit(each).query) for each in (address, back))
        assert asked["code_challenge_method"] == ["S256"]
        self.challenges[given["code"][0]] = asked["code_challenge"][0]
        return str(back)


def asked_of(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.MockTransport:
    """A way to whom ``answer`` answers for; the bodies come in one piece."""

    def streamed(request: httpx.Request) -> httpx.Response:
        made = answer(request)
        body = httpx.ByteStream(made.content)
        return httpx.Response(made.status_code, headers=made.headers, stream=_Unread(body))

    return httpx.MockTransport(streamed)


class _Unread(httpx.AsyncByteStream):
    """A body that is not read yet."""

    def __init__(self, body: httpx.ByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._body:
            yield part


def with_claims(change: Change) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """Other claims in the ID token, with the signature of the old ones."""

    def changed(path: str, answer: dict[str, Any]) -> dict[str, Any]:
        if path != "/oauth2/token" or "id_token" not in answer:
            return answer
        head, body, signature = answer["id_token"].split(".")
        claims = change(json.loads(urlsafe_b64decode(body + "==")))
        return {**answer, "id_token": f"{head}.{packed(claims)}.{signature}"}

    return changed


def packed(part: dict[str, Any]) -> str:
    """A part of a token."""
    return urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def client(provider: Provider, **changes: object) -> OpenIdProvider:
    """Our side of it."""
    return OpenIdProvider(SETTINGS, provider.transport(), **changes)  # type: ignore[arg-type]


async def walked(browser: httpx.AsyncClient, provider: Provider, sub: str = "77") -> httpx.Response:
    """The whole way: from our page to the provider and back."""
    start = await browser.get("/login/oidc?next=/sites/lodge")
    assert start.status_code == 303
    back = provider.sign_in(start.headers["location"], sub)
    return await browser.get(back.removeprefix("http://localhost"))
