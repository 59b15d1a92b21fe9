"""Templates to answers, with what every page needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.access.actors import found_before
from api.access.cookies import SESSION, cookie
from api.access.csrf import FormToken
from api.headers import SECURITY_HEADERS
from api.pages.language import COOKIE, PageTranslator, language_name, language_of
from api.ports import ApiPorts
from api.proxies import below
from bms.messages import languages
from bms.model.outside_text import without_orders

HERE = Path(__file__).parent
YEAR_S = 365 * 86_400


def _fit_to_show(value: object) -> object:
    """What a page shows of a value: texts without what a browser would obey, markup as it is."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return without_orders(value)
    return value


_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    finalize=_fit_to_show,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def translator_of(request: Request, timezone: str | None = None) -> PageTranslator:
    """Returns the translator of a page; times are local to ``timezone``, else to the city."""
    state = request.app.state
    language = language_of(request, languages(state.catalogues))
    zone = timezone or state.ports.settings.timezone
    return PageTranslator(language, zone, folder=state.catalogues)


def render(
    request: Request, template: str, values: Mapping[str, Any], status: int = 200
) -> HTMLResponse:
    """A page from its template. A language that was asked for by ``?lang=`` is remembered."""
    ports: ApiPorts = request.app.state.ports
    t = values.get("t") or translator_of(request)
    csrf = FormToken(request)
    html = _templates.get_template(template).render(
        {
            "csrf": csrf,
            "t": t,
            "lang": t.language,
            "languages": _language_links(request),
            "simulated": ports.settings.clock_file is not None,
            "now": ports.clock.now(),
            "below": request.scope.get("prefix", ""),
            "provider": ports.provider is not None,
            "person": found_before(request),
            "may_log_out": cookie(request, SESSION) is not None,
            **values,
        }
    )
    answer = HTMLResponse(below(request.scope.get("prefix", ""), html), status)
    csrf.remember(answer)
    if request.query_params.get("lang") == t.language:
        answer.set_cookie(
            COOKIE, request.query_params["lang"], max_age=YEAR_S, samesite="lax", httponly=True
        )
    return answer


def _language_links(request: Request) -> list[tuple[str, str, str]]:
    """(language, its name in itself, address of this page in it)."""
    others = {k: v for k, v in request.query_params.items() if k != "lang"}
    return [
        (each, language_name(each), "?" + urlencode({**others, "lang": each}))
        for each in languages(request.app.state.catalogues)
    ]


NO_PAGES = ("/v1", "/openapi.json", "/metrics", "/healthz", "/readyz", "/static")


def wants_page(request: Request) -> bool:
    """Whether a person in front of a browser asked, rather than a program."""
    if request.url.path.startswith(NO_PAGES):
        return False
    return "text/html" in request.headers.get("accept", "")


def failure_page(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None
) -> Response:
    """A page that says what went wrong; the login where a key is missing."""
    if status == 401 and request.method == "GET":
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if request.headers.get("sec-fetch-site") == "cross-site":
            return _asked_again(request, target)
        return RedirectResponse(f"/login?next={quote(target)}", 303, headers=SECURITY_HEADERS)
    answer = render(request, "failure.html", {"status": status, "detail": detail}, status)
    answer.headers.update({**SECURITY_HEADERS, **(headers or {})})
    return answer


def _asked_again(request: Request, target: str) -> Response:
    """A page that asks for the same address from our own site. Whom another site has sent to us (a
    link in a mail, a provider of sign-ins) comes without the cookie of the session, which stays on
    our own site; then it is sent along."""
    answer = render(request, "bounce.html", {"target": target})
    prefix = request.scope.get("prefix", "")
    answer.headers.update(
        {**SECURITY_HEADERS, "Refresh": f"0; url={prefix}{quote(target, '/?&=%')}"}
    )
    return answer
