"""The status of an answer for each of our errors, and the headers that go with it."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException

from bms.errors import (
    BmsError,
    ConfigError,
    FeedError,
    GuardError,
    InsufficientData,
    NotFound,
    NotMadeYet,
    NotPermitted,
    NotSignedIn,
    StoreError,
)

STATUS: Mapping[type[BmsError], int] = {
    NotFound: 404,
    NotSignedIn: 401,
    NotPermitted: 403,
    ConfigError: 422,
    InsufficientData: 409,
    StoreError: 503,
    FeedError: 503,
    NotMadeYet: 503,
    GuardError: 503,
}
HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": 'Bearer realm="bms"'},
    503: {"Retry-After": "30"},
}


def status_of(error: Exception) -> int:
    """The status of an answer; 500 where the error is none of ours."""
    return next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)


def as_http(error: BmsError) -> HTTPException:
    """The error as it may be raised while a body is read, where others would count as that of the
    body."""
    status = status_of(error)
    return HTTPException(status, str(error), dict(HEADERS.get(status, {})))
