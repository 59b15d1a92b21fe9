"""Forms that only our own pages can send (CSRF, CWE-352).

In a template every form that changes something begins with its token::

    <form method="post" action="/sites/{{ site }}/override">
      {{ csrf() }}

``csrf`` is there in every template that ``api.pages.render.render`` fills. The route of the form
takes ``OwnForm`` beside whoever may send it, and is authorised before the form is read::

    @router.post("/sites/{site_id}/override")
    async def override(ports: PortsDep, key: Operator, site: SiteDep, form: OwnForm) -> Response:
        reason = form.get("reason", "")

A route with ``OwnForm`` knows the person by the cookie of the session; one that changes something
and has none takes a key in ``Authorization`` only, so that no foreign page can use the cookie.
What a script of ours sends with ``fetch`` is a form as well.

The token is an HMAC-SHA256 under the secret of the browser's cookie (that of the session, else of
``bms_form``): nothing is kept for it, and it is over when the session is.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from markupsafe import Markup
from starlette.datastructures import ImmutableMultiDict
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.access.cookies import FORM, SESSION, cookie, set_cookie

FIELD = "csrf"
LONGEST_FORM = 8192
"""Bytes of a form [1]."""
MOST_FIELDS = 100
KIND = "application/x-www-form-urlencoded"
STALE = "this form is older than the sign-in; load its page again and send it once more"

FormFields = ImmutableMultiDict[str, str]


class FormToken:
    """The token of the forms of one page, and the cookie that it needs where the browser has none
    yet."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._known = _secret_of(request)
        self._made: str | None = None

    def __call__(self) -> Markup:
        """The hidden field of a form."""
        return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, self.value)

    @property
    def value(self) -> str:
        """The token itself."""
        if self._known is None:
            self._made = self._known = secrets.token_urlsafe(32)
        return _masked(_token(self._known))

    def remember(self, answer: Response) -> None:
        """Give the browser the cookie, if a form of the page needs one."""
        if self._made is not None:
            set_cookie(self._request, answer, FORM, self._made)


async def own_form(request: Request) -> FormFields:
    """The fields of a form that our own page sent.

    Raises ``HTTPException``: 403 for one of another page or an earlier session, 413, 415.
    """
    refuse_foreign(request)
    fields = await _fields(request)
    known, given = _secret_of(request), _unmasked(fields.get(FIELD, ""))
    if known is None or not hmac.compare_digest(_token(known), given):
        raise HTTPException(403, STALE)
    return fields


OwnForm = Annotated[FormFields, Depends(own_form)]


def refuse_foreign(request: Request) -> None:
    """Raises ``HTTPException`` 403 where another site's page sent the request."""
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin")
    foreign = origin is not None and origin.partition("://")[2] != request.headers.get("host")
    if site not in ("same-origin", "none") or foreign:
        raise HTTPException(403, "this form has to be sent from our own page")


async def _fields(request: Request) -> FormFields:
    kind = request.headers.get("content-type", KIND).partition(";")[0].strip().lower()
    if kind != KIND:
        raise HTTPException(415, f"{kind} is not taken; send a form")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            raise HTTPException(413, f"a form may have at most {LONGEST_FORM} bytes")
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise HTTPException(413, f"a form may have at most {MOST_FIELDS} fields") from None
    return ImmutableMultiDict(pairs)


def _secret_of(request: Request) -> str | None:
    return cookie(request, SESSION) or cookie(request, FORM)


def _token(secret: str) -> bytes:
    return hmac.new(secret.encode(), b"form", hashlib.sha256).digest()


def _masked(token: bytes) -> str:
    """The token in another shape each time: pages are compressed, and what a page repeats of its
    address must not tell how much of the token it equals (BREACH)."""
    mask = secrets.token_bytes(len(token))
    return urlsafe_b64encode(mask + _either(mask, token)).decode().rstrip("=")


def _unmasked(text: str) -> bytes:
    """The token of a field; nothing where it is none."""
    try:
        whole = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""
    half = len(whole) // 2
    return _either(whole[:half], whole[half:]) if len(whole) == 2 * half else b""


def _either(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
