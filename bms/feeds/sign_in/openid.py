"""Sign-in with OpenID Connect: authorization code with PKCE (OpenID Connect Core 1.0 §3.1,
RFC 7636, RFC 9700).

What the provider says of itself is kept for an hour, its keys until it signs with one that is not
known: then they are asked for again, once in ten seconds at most.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import threading
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from bms.errors import ConfigError, FeedError, NotPermitted
from bms.model.outside_text import without_secrets
from bms.outgoing.http import HttpResponse, HttpxClient, Transport
from bms.ports.sign_in import ProvidedIdentity, SignInAttempt

log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures that are taken: those that only the provider can make. No ``none``, and no HMAC, under
a key that others have."""
TIMEOUT_S, DEADLINE_S = 10.0, 20.0
MOST_BYTES = 1_000_000
KEPT_S, AGAIN_S = 3600.0, 10.0
MOST_AT_ONCE = 8
"""Questions to the provider at a time [1]: each has a thread of ours, and anybody may cause one."""
LEEWAY_S = 60
"""How far the clocks of the provider and ours may differ [s]."""
FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
NAMES = ("preferred_username", "email", "name", "sub")
NOT_PROVEN = "the answer of the sign-in provider does not prove who you are; sign in again"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """``secret`` is None for a public client; ``groups_claim`` is where groups stand."""

    issuer: str
    client_id: str
    secret: str | None
    scopes: str = "openid profile email"
    groups_claim: str = "groups"


class OpenIdProvider:
    """Implements ``SignInProvider``. Raises ``ConfigError`` for an issuer that is not on https."""

    def __init__(
        self,
        settings: ProviderSettings,
        transport: Transport | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        _secure(settings.issuer, ConfigError)
        self._settings = settings
        self._client = HttpxClient(
            user_agent="bms",
            timeout_s=TIMEOUT_S,
            deadline_s=DEADLINE_S,
            max_bytes=MOST_BYTES,
            max_redirects=0,
            proxies=False,
            transport=transport,
        )
        self._monotonic = monotonic
        self._now = now
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._away: tuple[float, str] | None = None
        self._about: tuple[float, Mapping[str, Any]] | None = None
        self._keys: tuple[float, list[dict[str, Any]]] | None = None

    def address(self, attempt: SignInAttempt) -> str:
        """See ``SignInProvider``."""
        challenge = urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest())
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": attempt.back,
            "scope": self._settings.scopes,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        address = self._endpoint("authorization_endpoint")
        return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"

    def identity(self, attempt: SignInAttempt, code: str) -> ProvidedIdentity:
        """See ``SignInProvider``."""
        tokens = self._tokens(attempt, code)
        claims = self._claims(str(tokens.get("id_token", "")), attempt.nonce)
        claims = {**self._more(tokens, claims), **claims}
        name = next(text for each in NAMES if (text := str(claims.get(each) or "").strip()))
        groups = claims.get(self._settings.groups_claim)
        listed = groups if isinstance(groups, list) else [groups]
        return ProvidedIdentity(
            subject=f"{claims['iss']} {claims['sub']}",
            name=name[:100],
            groups=tuple(each for each in listed if isinstance(each, str)),
        )

    def _tokens(self, attempt: SignInAttempt, code: str) -> Mapping[str, Any]:
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.back,
            "code_verifier": attempt.verifier,
            "client_id": self._settings.client_id,
        }
        secret, headers = self._settings.secret, dict(FORM)
        methods = self._described().get("token_endpoint_auth_methods_supported")
        if secret is not None and "client_secret_basic" in (methods or ["client_secret_basic"]):
            ours = f"{quote(self._settings.client_id, '')}:{quote(secret, '')}"
            headers["authorization"] = f"Basic {b64encode(ours.encode()).decode()}"
        elif secret is not None:
            sent["client_secret"] = secret
        address, body = self._endpoint("token_endpoint"), urlencode(sent).encode()
        answer = self._asked(lambda: self._client.post(address, headers, body))
        if answer.status in (400, 401, 403):
            log.warning("the sign-in provider refused a code (%d)", answer.status)
            raise NotPermitted(NOT_PROVEN)
        return _told(answer)

    def _more(self, tokens: Mapping[str, Any], claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """Claims that the provider tells where it is asked, if groups are not in its token."""
        address = self._described().get("userinfo_endpoint")
        if self._settings.groups_claim in claims or address is None:
            return {}
        bearer = {"authorization": f"Bearer {tokens.get('access_token', '')}"}
        found = self._get(_secure(address, FeedError), bearer)
        if found.get("sub") != claims["sub"]:  # §5.3.2
            raise NotPermitted(NOT_PROVEN)
        return found

    def _claims(self, token: str, nonce: str) -> Mapping[str, Any]:
        """The claims of an ID token that is meant for us, now (§3.1.3.7)."""
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            issuer, ours = str(self._described()["issuer"]), self._settings.client_id
            claims = self._signed(token)
            jwt.JWTClaimsRegistry(
                now=int(self._now()),
                leeway=LEEWAY_S,
                iss={"essential": True, "value": issuer},
                aud={"essential": True, "value": ours},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(claims)
            several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
            if claims.get("azp", None if several else ours) != ours:
                raise NotPermitted(NOT_PROVEN)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            log.warning("an ID token was refused: %s", error)
            raise NotPermitted(NOT_PROVEN) from error
        return claims

    def _signed(self, token: str) -> dict[str, Any]:
        """The claims of a token that the provider has signed; where it may have new keys, they are
        asked for. Raises ``NotPermitted``, ``JoseError``."""
        from joserfc import jwt
        from joserfc.errors import BadSignatureError
        from joserfc.jwk import import_key

        for again in (False, True):
            key = self._key(token, again=again)
            with contextlib.suppress(BadSignatureError):
                if key is not None:
                    found = jwt.decode(token, import_key(key), algorithms=list(ALGORITHMS))
                    return dict(found.claims)
        log.warning("an ID token was not signed with a key of the provider")
        raise NotPermitted(NOT_PROVEN)

    def _key(self, token: str, *, again: bool) -> dict[str, Any] | None:
        """The key that the token says it is signed with; the only one where it says none."""
        from joserfc import jws

        header = jws.extract_compact(token.encode()).headers()
        if header.get("alg") not in ALGORITHMS:
            raise NotPermitted(NOT_PROVEN)
        keys = [key for key in self._known_keys(again=again) if key.get("use", "sig") == "sig"]
        wanted = header.get("kid")
        found = keys if wanted is None else [k for k in keys if k.get("kid") == wanted]
        return found[0] if len(found) == 1 else None

    def _known_keys(self, *, again: bool) -> list[dict[str, Any]]:
        with self._lock:
            kept, now = self._keys, self._monotonic()
        if kept is None or (again and now - kept[0] >= AGAIN_S):
            found = self._get(self._endpoint("jwks_uri")).get("keys")
            keys = [each for each in found or () if isinstance(each, dict)]
            with self._lock:
                self._keys = kept = (now, keys)
        return kept[1]

    def _described(self) -> Mapping[str, Any]:
        """What the provider says of itself (OpenID Connect Discovery 1.0 §4.3)."""
        with self._lock:
            kept, now = self._about, self._monotonic()
        if kept is None or now - kept[0] >= KEPT_S:
            if self._away is not None and now - self._away[0] < AGAIN_S:
                raise FeedError(self._away[1])
            issuer = self._settings.issuer.rstrip("/")
            try:
                about = self._get(f"{issuer}/.well-known/openid-configuration")
            except FeedError as error:
                self._away = (self._monotonic(), str(error))
                raise
            if str(about.get("issuer", "")).rstrip("/") != issuer:
                shown = without_secrets(issuer)
                raise FeedError(f"the sign-in provider at {shown} says that it is another one")
            with self._lock:
                self._about = kept = (now, about)
        return kept[1]

    def _endpoint(self, name: str) -> str:
        return _secure(str(self._described().get(name, "")), FeedError)

    def _get(self, address: str, headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        return _told(self._asked(lambda: self._client.get(address, headers or {})))

    def _asked(self, ask: Callable[[], HttpResponse]) -> HttpResponse:
        if not self._turns.acquire(blocking=False):
            raise FeedError("many are signing in at the provider just now; try again in a moment")
        try:
            return ask()
        except FeedError as error:
            raise FeedError(f"the sign-in provider cannot be asked: {error}") from error
        finally:
            self._turns.release()


def _told(answer: HttpResponse) -> Mapping[str, Any]:
    """The JSON object of an answer. Raises ``FeedError``."""
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(answer.body) if answer.status == 200 else None
        if isinstance(found, dict):
            return found
    raise FeedError(f"the sign-in provider answered {answer.status}; try again later")


def _secure(address: str, otherwise: type[Exception]) -> str:
    """The address, if nobody on the way can read or change what it answers."""
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return address
    shown = without_secrets(address)[:200]
    raise otherwise(f"the sign-in provider has an address that is not on https: {shown!r}")
