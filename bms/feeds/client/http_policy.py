"""How a provider wants to be asked: what answers, refusals and silence mean for the next time."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from bms.errors import FeedError
from bms.feeds.client.disk_cache import Entry
from bms.feeds.client.http import HttpResponse

log = logging.getLogger(__name__)

GAP = timedelta(minutes=1)
"""Least time between two requests for one dataset."""
LONGEST_WAIT = timedelta(days=1)
"""No provider's word keeps us away for longer."""
NOT_MODIFIED = 304

_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(minutes=32)
_OK, _DEPRECATED = 200, 203
_BUSY = (408, 425, 429)


class Refused(FeedError):
    """The provider, or the way to it, fails for everybody who asks there now."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def due(entry: Entry, url: str, refresh: timedelta, now: datetime) -> bool:
    if held_off(entry, now) or soon(entry, GAP, now):
        return False
    if entry.checked_at is None:
        return True
    promised = entry.fresh_until is not None and now < entry.fresh_until <= now + LONGEST_WAIT
    if promised and entry.url == url:
        return False
    return not timedelta(0) <= now - entry.checked_at < refresh


def soon(entry: Entry, gap: timedelta, now: datetime) -> bool:
    """Whether the last request is too young; a clock that was put back starts anew."""
    return entry.asked_at is not None and timedelta(0) <= now - entry.asked_at < gap


def held_off(entry: Entry, now: datetime) -> bool:
    return entry.not_before is not None and now < entry.not_before <= now + LONGEST_WAIT


def conditions(entry: Entry, url: str) -> dict[str, str]:
    if not entry.digest or entry.url != url:
        return {}
    given = {"If-None-Match": entry.etag, "If-Modified-Since": entry.last_modified}
    return {name: value for name, value in given.items() if value is not None}


def accept(answer: HttpResponse, now: datetime, *, conditional: bool) -> None:
    """Raises ``FeedError`` for an answer without data; ``Refused`` where others fare alike."""
    status = answer.status
    if status == _DEPRECATED:
        log.warning("a provider says that this version of its interface will be taken away")
    if status in (_OK, _DEPRECATED) or (status == NOT_MODIFIED and conditional):
        return
    wait = _retry_after(answer.headers.get("retry-after"), now)
    if status in _BUSY or status >= 500 or wait is not None:
        raise Refused(f"HTTP {status}", wait)
    raise FeedError(f"HTTP {status}")


def _retry_after(text: str | None, now: datetime) -> timedelta | None:
    """``Retry-After`` in seconds or as a date (RFC 9110, 10.2.3); nonsense is not said."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return timedelta(seconds=min(int(text.strip()[:9]), LONGEST_WAIT.total_seconds()))
    moment = _http_date(text)
    return None if moment is None else min(max(moment - now, timedelta(0)), LONGEST_WAIT)


def _http_date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def paused(entry: Entry, error: FeedError, now: datetime) -> Entry:
    pause = min(_FIRST_PAUSE * 2 ** min(entry.failures, 10), _LONGEST_PAUSE)
    asked_for = error.retry_after if isinstance(error, Refused) else None
    return replace(
        entry,
        failures=entry.failures + 1,
        trouble=str(error),
        not_before=now + max(pause, asked_for or timedelta(0)),
    )


def still_holds(entry: Entry, answer: HttpResponse, now: datetime) -> Entry:
    return replace(
        entry,
        checked_at=now,
        fresh_until=_http_date(answer.headers.get("expires")),
        failures=0,
        trouble=None,
        not_before=None,
    )


def came(url: str, answer: HttpResponse, now: datetime) -> Entry:
    return Entry(
        url=url,
        fetched_at=now,
        checked_at=now,
        asked_at=now,
        fresh_until=_http_date(answer.headers.get("expires")),
        etag=answer.headers.get("etag"),
        last_modified=answer.headers.get("last-modified"),
    )
