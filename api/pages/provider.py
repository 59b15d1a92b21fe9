"""People sign in with the account that they have at the municipality's provider."""

from __future__ import annotations

import hmac
import logging
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.access.actors import failed_keys_of
from api.access.cookies import PROVIDER, cookie, delete_cookie, set_cookie
from api.deps import PortsDep
from api.pages.render import render
from api.pages.sign_in import FOR_ANYBODY, inside, signed_in
from api.ports import ApiPorts
from bms.errors import NotFound, NotPermitted
from bms.model.access.grant import grants_text
from bms.model.access.people import KeptPerson, SignInWay
from bms.ports.sign_in import ProvidedIdentity, SignInAttempt, SignInProvider
from bms.services.access.provided import person_of_provider
from bms.services.access.sessions import PROVIDED_LASTS, SignedIn

log = logging.getLogger(__name__)
router = APIRouter(prefix="/login/oidc", include_in_schema=False)
ATTEMPT_S = 600
"""How long somebody may take to sign in at the provider [s]."""


@router.get("", dependencies=FOR_ANYBODY)
def start(request: Request, ports: PortsDep, next: str = "/") -> Response:  # noqa: A002 - its name in the address
    """Send the browser to the provider, with a cookie that its answer has to fit to."""
    secret = secrets.token_urlsafe(32)
    target = urlsafe_b64encode(inside(next).encode()).decode().rstrip("=")
    answer = RedirectResponse(_provider(ports).address(_attempt(request, secret)), 303)
    set_cookie(request, answer, PROVIDER, f"{secret}.{target}", ATTEMPT_S, same_site="lax")
    return answer


@router.get("/callback", dependencies=FOR_ANYBODY)
def back(
    request: Request, ports: PortsDep, code: str = "", state: str = "", error: str = ""
) -> Response:
    """A session for whom the provider has proven to be somebody that we let in."""
    failed_keys_of(request).check(request)
    secret, _, target = (cookie(request, PROVIDER) or "").partition(".")
    attempt = _attempt(request, secret)
    try:
        if not secret or not hmac.compare_digest(attempt.state.encode(), state.encode()):
            raise NotPermitted("this sign-in was not begun here, or took too long; begin again")
        if error or not code:
            raise NotPermitted("the sign-in provider did not let you in")
        who = _known(ports, _provider(ports).identity(attempt, code))
    except NotPermitted as refused:
        failed_keys_of(request).count(request)
        log.warning("somebody was not let in by the provider of sign-ins: %s", refused)
        page = {"target": "/", "wrong": "provider"}
        answer: Response = render(request, "login.html", page, 403)
    else:
        answer = signed_in(request, ports, who, _target(target))
    delete_cookie(request, answer, PROVIDER)
    return answer


def _provider(ports: ApiPorts) -> SignInProvider:
    if ports.provider is None:
        raise NotFound("there is no sign-in provider here; BMS_OIDC_ISSUER names one")
    return ports.provider


def _attempt(request: Request, secret: str) -> SignInAttempt:
    """What belongs to the secret of a browser: nothing of it is kept here."""

    def part(name: str) -> str:
        digest = hmac.digest(secret.encode(), name.encode(), "sha256")
        return urlsafe_b64encode(digest).decode().rstrip("=")

    address = f"{str(request.base_url).rstrip('/')}{request.scope.get('prefix', '')}"
    return SignInAttempt(
        back=f"{address}/login/oidc/callback",
        state=part("state"),
        nonce=part("nonce"),
        verifier=part("verifier"),
    )


def _target(text: str) -> str:
    try:
        return inside(urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode())
    except ValueError:
        return "/"


def _known(ports: ApiPorts, identity: ProvidedIdentity) -> SignedIn:
    """Who signs in. Raises ``NotPermitted`` for whom no group lets in, and who was revoked."""
    grants = grants_text(ports.access.of_claims(identity.groups))
    person: KeptPerson = person_of_provider(ports.people, identity, grants, ports.clock.now())
    return SignedIn(
        of=person.id,
        name=person.name,
        way=SignInWay.PROVIDER,
        grants=grants,
        lasts=PROVIDED_LASTS,
    )
