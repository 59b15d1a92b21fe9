"""What a browser sees when something went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from api.headers import SECURITY_HEADERS
from api.pages.render import render

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
        return RedirectResponse(f"/login?next={quote(target)}", 303, headers=SECURITY_HEADERS)
    answer = render(request, "failure.html", {"status": status, "detail": detail}, status)
    answer.headers.update({**SECURITY_HEADERS, **(headers or {})})
    return answer
