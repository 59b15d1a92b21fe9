"""When a provider may be asked next: rate limit, freshness, conditional requests and back-off.

HTTP semantics as in RFC 9110 (status codes, ``Retry-After``, conditional requests) and RFC 9111
(``Expires``).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from bms.errors import FeedError
from bms.feeds.client.disk_cache import CacheEntry, FailureKind
from bms.outgoing.http import HttpResponse

log = logging.getLogger(__name__)

MIN_INTERVAL = timedelta(minutes=1)
"""Least time between two requests for one dataset."""
MAX_WAIT = timedelta(days=1)
"""Upper limit of what ``Retry-After`` and ``Expires`` may ask for."""
NOT_MODIFIED = 304

_FIRST_BACKOFF = timedelta(minutes=1)
_MAX_BACKOFF = timedelta(minutes=32)
_OK, _DEPRECATED, _FORBIDDEN = 200, 203, 403
_REFUSALS = (401, _FORBIDDEN)
_BUSY = (408, 425, 429)


class ProviderUnavailable(FeedError):
    """A provider, or the way to it, fails for all of its datasets: ``kind`` tells which."""

    def __init__(
        self,
        message: str,
        retry_after: timedelta | None = None,
        kind: FailureKind = FailureKind.AWAY,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.kind = kind


class StatusRefused(FeedError):
    """A provider answers with a status that has no data."""

    def __init__(self, status: int, message: str | None = None) -> None:
        super().__init__(message or f"HTTP {status}")
        self.kind = FailureKind.REFUSED if status in _REFUSALS else FailureKind.STATUS


class Forbidden(StatusRefused):
    """A provider refuses this request (403)."""

    def __init__(self) -> None:
        super().__init__(_FORBIDDEN)


def failure_kind(error: FeedError) -> FailureKind:
    """Returns what kind of failure it was; what is none of the way or the status is the answer's
    content."""
    if isinstance(error, ProviderUnavailable | StatusRefused):
        return error.kind
    return FailureKind.UNREADABLE


def is_due(entry: CacheEntry, url: str, refresh: timedelta, now: datetime) -> bool:
    """Whether a request is allowed, and the cached response is older than ``refresh`` or stale."""
    if in_backoff(entry, now) or asked_within(entry, MIN_INTERVAL, now):
        return False
    if entry.checked_at is None:
        return True
    promised = entry.fresh_until is not None and now < entry.fresh_until <= now + MAX_WAIT
    if promised and entry.url == url:
        return False
    return not timedelta(0) <= now - entry.checked_at < refresh


def asked_within(entry: CacheEntry, gap: timedelta, now: datetime) -> bool:
    """Whether the last request is younger than ``gap``; False where the clock was set back."""
    return entry.asked_at is not None and timedelta(0) <= now - entry.asked_at < gap


def in_backoff(entry: CacheEntry, now: datetime) -> bool:
    """Whether no request may be made yet; False where the clock was set back by over a day."""
    return entry.not_before is not None and now < entry.not_before <= now + MAX_WAIT


def conditional_headers(entry: CacheEntry, url: str) -> dict[str, str]:
    """Returns If-None-Match and If-Modified-Since of a cached response of the same address."""
    if not entry.digest or entry.url != url:
        return {}
    given = {"If-None-Match": entry.etag, "If-Modified-Since": entry.last_modified}
    return {name: value for name, value in given.items() if value is not None}


def check_status(response: HttpResponse, now: datetime, *, conditional: bool) -> None:
    """Raises ``FeedError`` for a status without data: ``ProviderUnavailable`` where it is 408, 425,
    429, 5xx, or has a ``Retry-After``."""
    status = response.status
    if status == _DEPRECATED:
        log.warning("a provider says that this version of its interface will be taken away")
    if status in (_OK, _DEPRECATED) or (status == NOT_MODIFIED and conditional):
        return
    wait = _retry_after(response.headers.get("retry-after"), now)
    if status in _BUSY or status >= 500 or wait is not None:
        raise ProviderUnavailable(f"HTTP {status}", wait, FailureKind.BUSY)
    raise Forbidden() if status == _FORBIDDEN else StatusRefused(status)


def _retry_after(text: str | None, now: datetime) -> timedelta | None:
    """Returns the wait of a ``Retry-After`` (RFC 9110, 10.2.3), None where it is malformed."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return timedelta(seconds=min(int(text.strip()[:9]), MAX_WAIT.total_seconds()))
    moment = _http_date(text)
    return None if moment is None else min(max(moment - now, timedelta(0)), MAX_WAIT)


def _http_date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def with_backoff(entry: CacheEntry, error: FeedError, now: datetime) -> CacheEntry:
    """Returns the entry after a failure: twice the pause, at most 32 min, or ``Retry-After``."""
    pause = min(_FIRST_BACKOFF * 2 ** min(entry.failures, 10), _MAX_BACKOFF)
    asked_for = error.retry_after if isinstance(error, ProviderUnavailable) else None
    return replace(
        entry,
        failures=entry.failures + 1,
        trouble=str(error),
        failure=failure_kind(error),
        not_before=now + max(pause, asked_for or timedelta(0)),
    )


def revalidated(entry: CacheEntry, response: HttpResponse, now: datetime) -> CacheEntry:
    """Returns the entry after a 304: the cached body still holds."""
    return replace(
        entry,
        checked_at=now,
        fresh_until=_http_date(response.headers.get("expires")),
        failures=0,
        trouble=None,
        failure=None,
        not_before=None,
    )


def fetched_entry(url: str, response: HttpResponse, now: datetime) -> CacheEntry:
    """Returns the entry of a new body."""
    return CacheEntry(
        url=url,
        fetched_at=now,
        checked_at=now,
        asked_at=now,
        fresh_until=_http_date(response.headers.get("expires")),
        etag=response.headers.get("etag"),
        last_modified=response.headers.get("last-modified"),
    )
