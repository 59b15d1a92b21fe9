"""Errors as ``application/problem+json`` (RFC 9457): one shape for whatever goes wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.headers import SECURITY_HEADERS
from api.pages.render import failure_page, wants_page
from api.statuses import HEADERS, status_of
from bms.errors import BmsError
from bms.messages import translator
from bms.model.fact import Explained

log = logging.getLogger(__name__)

UNEXPECTED = "An error that we did not expect. It is in the log of the backend."


class EscapedJson(JSONResponse):
    """JSON in ASCII: what a request said is repeated in it, and somebody reads it on a terminal."""

    def render(self, content: Any) -> bytes:
        """Returns the body."""
        return json.dumps(content, separators=(",", ":")).encode()


def problem(
    request: Request,
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """The answer for an error: a page for a browser that asked for one, else the problem."""
    if wants_page(request):
        return failure_page(request, status, detail, headers)
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        **more,
    }
    return EscapedJson(
        body,
        status_code=status,
        media_type="application/problem+json",
        headers={**SECURITY_HEADERS, **(headers or {})},
    )


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every error of the app as a problem."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(BmsError, _ours)
    app.add_exception_handler(Exception, _unexpected)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(request, error.status_code, error.detail, headers=error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"where": "/".join(str(part) for part in e["loc"]), "message": e["msg"]}
        for e in error.errors()
    ]
    detail = "; ".join(f"{e['where']}: {e['message']}" for e in errors)
    return problem(request, 422, detail, errors=errors)


async def _ours(request: Request, error: Exception) -> Response:
    status = status_of(error)
    if status == 500:
        return await _unexpected(request, error)
    return problem(request, status, _detail(error), headers=HEADERS.get(status))


def _detail(error: Exception) -> str:
    if not isinstance(error, Explained):
        return str(error)
    return f"{error.text}: {'; '.join(map(translator('en').describe, error.facts))}"


async def _unexpected(request: Request, error: Exception) -> Response:
    given = getattr(request.state, "request_id", "-")
    log.error("%s %s failed, request %s", request.method, request.url.path, given, exc_info=error)
    return problem(request, 500, UNEXPECTED)
