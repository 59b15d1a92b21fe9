"""Asks providers as politely as they want to be asked, and serves the last good answer.

A dataset is asked at most once a minute, not before its provider's ``Expires`` or
``Retry-After``, and ever less often while it fails; with ``If-None-Match`` and
``If-Modified-Since``, so that what has not changed is not sent. An answer that cannot be read never
takes the place of one that could.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar

from bms.errors import FeedError
from bms.feeds.cache import Entry, Shelf
from bms.feeds.fetch import Answer, Web
from bms.ports import Clock

log = logging.getLogger(__name__)

T = TypeVar("T")

GAP = timedelta(minutes=1)
LONGEST_WAIT = timedelta(days=1)
"""No provider's word keeps us away for longer."""

_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(minutes=32)
_OK, _NOT_MODIFIED, _DEPRECATED = 200, 304, 203
_BUSY = (408, 425, 429)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset(Generic[T]):
    """Something that a provider has. ``key`` is its file name, ``name`` what people call it.

    ``gate`` is shared by datasets whose provider counts them together: a refusal, or silence,
    holds for all of them; ``gate_gap`` is the least time between two requests through it.
    ``read`` raises ``FeedError`` for an answer that is no good.
    """

    key: str
    name: str
    gate: str
    read: Callable[[bytes], T]
    gate_gap: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery(Generic[T]):
    """What a dataset says, since when we have it, and what went wrong since, if anything."""

    value: T
    fetched_at: datetime
    trouble: str | None


class Refused(FeedError):
    """The provider, or the way to it, fails for everybody who asks there now."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Courier:
    """Brings datasets. Safe to use from several threads and processes on one folder."""

    def __init__(self, web: Web, shelf: Shelf, clock: Clock) -> None:
        self._web = web
        self._shelf = shelf
        self._clock = clock
        self._read: dict[str, tuple[str, Any]] = {}

    def bring(self, dataset: Dataset[T], url: str, *, refresh: timedelta) -> Delivery[T]:
        """The dataset, asked for again once it was checked longer than ``refresh`` ago.

        Raises ``FeedError`` when there is nothing to serve.
        """
        now = self._clock.now()
        with self._shelf.turn(dataset.key):
            entry = self._shelf.entry(dataset.key)
            known = self._known(dataset, entry)
            if known is None:
                entry = replace(entry, digest="", checked_at=None, fresh_until=None)
            if _due(entry, url, refresh, now) and self._open(dataset, now):
                entry = self._ask(dataset, url, entry, now)
                known = self._known(dataset, entry)
        if known is None or entry.fetched_at is None:
            raise FeedError(f"{dataset.name}: {entry.trouble or self._closed(dataset)}")
        return Delivery(value=known, fetched_at=entry.fetched_at, trouble=entry.trouble)

    def once(self, dataset: Dataset[T], url: str) -> T:
        """An answer that is not kept here. Raises ``FeedError``, also when it is too early."""
        now = self._clock.now()
        with self._shelf.turn(dataset.key):
            entry = self._shelf.entry(dataset.key)
            early = _soon(entry, GAP, now) or _held_off(entry, now)
            if early or not self._open(dataset, now):
                trouble = entry.trouble or self._closed(dataset)
                raise FeedError(f"{dataset.name}: {trouble}; it is asked again later")
            entry = replace(entry, asked_at=now, url=url)
            try:
                value = dataset.read(self._get(dataset, url, {}, now).body)
            except FeedError as error:
                self._shelf.put(dataset.key, self._failed(dataset, entry, error, now))
                raise FeedError(f"{dataset.name}: {error}") from error
            self._shelf.put(dataset.key, replace(entry, failures=0, trouble=None, not_before=None))
            return value

    def asked_at(self, dataset: Dataset[T]) -> datetime | None:
        """When the dataset was last asked for, None when it never was."""
        return self._shelf.entry(dataset.key).asked_at

    def _known(self, dataset: Dataset[T], entry: Entry) -> T | None:
        """The value of the kept body; read once for each body."""
        held = self._read.get(dataset.key)
        if held is not None and held[0] == entry.digest:
            value: T = held[1]
            return value
        body = self._shelf.body(dataset.key, entry)
        if body is None:
            return None
        try:
            read = dataset.read(body)
        except FeedError as error:
            log.warning("%s on disk is not used: %s", dataset.name, error)
            return None
        self._read[dataset.key] = (entry.digest, read)
        return read

    def _ask(self, dataset: Dataset[T], url: str, entry: Entry, now: datetime) -> Entry:
        asked = replace(entry, asked_at=now)
        try:
            answer = self._get(dataset, url, _conditions(entry, url), now)
            if answer.status == _NOT_MODIFIED:
                return self._shelf.put(dataset.key, _still_holds(asked, answer, now))
            dataset.read(answer.body)
        except FeedError as error:
            return self._shelf.put(dataset.key, self._failed(dataset, asked, error, now))
        if entry.failures:
            log.info("%s is back", dataset.name)
        came = _came(url, answer, now)
        if entry.fetched_at is not None and self._shelf.body(dataset.key, entry) == answer.body:
            came = replace(came, fetched_at=entry.fetched_at)
        return self._shelf.put(dataset.key, came, answer.body)

    def _get(self, dataset: Dataset[T], url: str, headers: dict[str, str], now: datetime) -> Answer:
        """An answer that can be read. Raises ``FeedError``; ``Refused`` closes the gate, too."""
        gate = self._shelf.entry(_gate(dataset))
        try:
            try:
                answer = self._web.get(url, {"Accept": "application/json", **headers})
            except FeedError as error:
                raise Refused(str(error)) from error
            _accept(answer, now, conditional=bool(headers))
        except Refused as refusal:
            closed = _paused(replace(gate, asked_at=now), refusal, now)
            self._shelf.put(_gate(dataset), closed)
            raise
        self._shelf.put(_gate(dataset), Entry(asked_at=now))
        return answer

    def _open(self, dataset: Dataset[T], now: datetime) -> bool:
        gate = self._shelf.entry(_gate(dataset))
        return not _held_off(gate, now) and not _soon(gate, dataset.gate_gap, now)

    def _closed(self, dataset: Dataset[T]) -> str:
        gate = self._shelf.entry(_gate(dataset))
        until = f" before {gate.not_before:%H:%M:%S} UTC" if gate.not_before else ""
        return f"it is not asked{until} ({gate.trouble or 'once a minute at most'})"

    def _failed(self, dataset: Dataset[T], entry: Entry, error: FeedError, now: datetime) -> Entry:
        if not entry.failures:
            log.warning("%s: %s", dataset.name, error)
        return _paused(entry, error, now)


def _gate(dataset: Dataset[T]) -> str:
    return f"gate.{dataset.gate}"


def _due(entry: Entry, url: str, refresh: timedelta, now: datetime) -> bool:
    if _held_off(entry, now) or _soon(entry, GAP, now):
        return False
    if entry.checked_at is None:
        return True
    promised = entry.fresh_until is not None and now < entry.fresh_until <= now + LONGEST_WAIT
    if promised and entry.url == url:
        return False
    return not timedelta(0) <= now - entry.checked_at < refresh


def _soon(entry: Entry, gap: timedelta, now: datetime) -> bool:
    """Whether the last request is too young; a clock that was put back starts anew."""
    return entry.asked_at is not None and timedelta(0) <= now - entry.asked_at < gap


def _held_off(entry: Entry, now: datetime) -> bool:
    return entry.not_before is not None and now < entry.not_before <= now + LONGEST_WAIT


def _conditions(entry: Entry, url: str) -> dict[str, str]:
    if not entry.digest or entry.url != url:
        return {}
    given = {"If-None-Match": entry.etag, "If-Modified-Since": entry.last_modified}
    return {name: value for name, value in given.items() if value is not None}


def _accept(answer: Answer, now: datetime, *, conditional: bool) -> None:
    """Raises ``FeedError`` for an answer without data; ``Refused`` where others fare alike."""
    status = answer.status
    if status == _DEPRECATED:
        log.warning("a provider says that this version of its interface will be taken away")
    if status in (_OK, _DEPRECATED) or (status == _NOT_MODIFIED and conditional):
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


def _paused(entry: Entry, error: FeedError, now: datetime) -> Entry:
    pause = min(_FIRST_PAUSE * 2 ** min(entry.failures, 10), _LONGEST_PAUSE)
    asked_for = error.retry_after if isinstance(error, Refused) else None
    return replace(
        entry,
        failures=entry.failures + 1,
        trouble=str(error),
        not_before=now + max(pause, asked_for or timedelta(0)),
    )


def _still_holds(entry: Entry, answer: Answer, now: datetime) -> Entry:
    return replace(
        entry,
        checked_at=now,
        fresh_until=_http_date(answer.headers.get("expires")),
        failures=0,
        trouble=None,
        not_before=None,
    )


def _came(url: str, answer: Answer, now: datetime) -> Entry:
    return Entry(
        url=url,
        fetched_at=now,
        checked_at=now,
        asked_at=now,
        fresh_until=_http_date(answer.headers.get("expires")),
        etag=answer.headers.get("etag"),
        last_modified=answer.headers.get("last-modified"),
    )
