"""Cookies of ours: for us alone, out of the reach of scripts and of other sites."""

from __future__ import annotations

from typing import Literal

from fastapi import Request
from starlette.responses import Response

SESSION = "bms_session"
FORM = "bms_form"
PROVIDER = "bms_provider"


def cookie(request: Request, name: str) -> str | None:
    """The value of a cookie of ours."""
    return request.cookies.get(_full_name(request, name)) or None


def set_cookie(
    request: Request,
    answer: Response,
    name: str,
    value: str,
    lasts_s: int | None = None,
    *,
    same_site: Literal["lax", "strict"] = "strict",
) -> None:
    """Give the browser a cookie; for ``lasts_s`` [s], or until it is closed. ``lax`` is for what
    has to come back with somebody whom another site sends to us."""
    answer.set_cookie(
        _full_name(request, name),
        value,
        max_age=lasts_s,
        path="/",
        httponly=True,
        samesite=same_site,
        secure=_over_tls(request),
    )


def delete_cookie(request: Request, answer: Response, name: str) -> None:
    """Take a cookie back."""
    answer.delete_cookie(
        _full_name(request, name),
        path="/",
        httponly=True,
        samesite="strict",
        secure=_over_tls(request),
    )


def _over_tls(request: Request) -> bool:
    return request.url.scheme == "https"


def _full_name(request: Request, name: str) -> str:
    """Over TLS no other host and no plain connection can plant a cookie of this name (RFC 6265bis
    §4.1.3.2)."""
    return f"__Host-{name}" if _over_tls(request) else name
