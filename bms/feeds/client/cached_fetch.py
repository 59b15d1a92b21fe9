"""Fetching of datasets with a rate limit, conditional requests, back-off and a disk cache.

A dataset is requested at most once a minute, not before its provider's ``Expires`` or
``Retry-After``, with exponential back-off while it fails, and with ``If-None-Match`` and
``If-Modified-Since``. A response that cannot be parsed never replaces the last good one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from bms.errors import FeedError
from bms.feeds.client.disk_cache import CacheEntry, DiskCache
from bms.feeds.client.http_policy import (
    MIN_INTERVAL,
    NOT_MODIFIED,
    Forbidden,
    ProviderUnavailable,
    StatusRefused,
    asked_within,
    check_status,
    conditional_headers,
    fetched_entry,
    in_backoff,
    is_due,
    revalidated,
    with_backoff,
)
from bms.outgoing.http import HttpClient, HttpResponse
from bms.ports.clock import Clock

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset(Generic[T]):
    """A dataset of a provider. ``key`` is its file name, ``name`` stands in messages.

    Datasets that the provider limits together share a ``quota``: a refusal or a timeout of one
    stops them all; ``quota_interval`` is the least time between two requests of a quota. ``read``
    parses a body and raises ``FeedError`` where it cannot. ``fallback`` is the address to try once
    where another one is refused with 403.
    """

    key: str
    name: str
    quota: str
    read: Callable[[bytes], T]
    quota_interval: timedelta = timedelta(0)
    fallback: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchResult(Generic[T]):
    """The parsed value, when it was fetched, and the newest error since then, None without."""

    value: T
    fetched_at: datetime
    trouble: str | None


@dataclass(frozen=True, slots=True)
class CachedValue(Generic[T]):
    """A cache entry and its parsed value, None where there is none; ``asked_now`` is False where
    the provider was not asked, because it had been just before or has put us off."""

    entry: CacheEntry
    value: T | None
    asked_now: bool = True


class DatasetFetcher:
    """Fetches datasets. Safe for several threads and processes that share one folder."""

    def __init__(self, client: HttpClient, cache: DiskCache, clock: Clock) -> None:
        self._client = client
        self._cache = cache
        self._clock = clock
        self._parsed: dict[str, tuple[str, Any]] = {}
        self._last_asked: dict[str, datetime] = {}

    def fetch(self, dataset: Dataset[T], url: str, *, refresh: timedelta) -> FetchResult[T]:
        """Returns the dataset, requested again where the last check is older than ``refresh``.

        An error leaves the last good value in place and is part of the result. Raises ``FeedError``
        when there is no value at all.
        """
        now = self._clock.now()
        cached = self._cached(dataset)
        trouble = cached.entry.trouble
        if cached.value is None or self._is_due(dataset, url, cached.entry, refresh, now):
            try:
                cached = self._refreshed(dataset, url, refresh, now, wait=cached.value is None)
                trouble = cached.entry.trouble
            except FeedError as error:
                trouble = str(error)
        if cached.value is None or cached.entry.fetched_at is None:
            raise FeedError(f"{dataset.name}: {trouble or self._why_not(dataset)}")
        return FetchResult(value=cached.value, fetched_at=cached.entry.fetched_at, trouble=trouble)

    def fetch_uncached(self, dataset: Dataset[T], url: str) -> T:
        """Returns a value without caching it.

        Raises ``FeedError``, also where a request is not allowed yet.
        """
        now = self._clock.now()
        with self._cache.lock(dataset.key, wait=False) as ours:
            entry = self._cache.entry(dataset.key)
            early = not ours or asked_within(entry, MIN_INTERVAL, now) or in_backoff(entry, now)
            if early or not self._may_ask(dataset, now):
                trouble = entry.trouble or self._why_not(dataset)
                raise FeedError(f"{dataset.name}: {trouble}; it is asked again later")
            entry = replace(entry, asked_at=now, url=url)
            try:
                value = dataset.read(self._get(dataset, url, {}, now).body)
            except FeedError as error:
                self._cache.put(dataset.key, self._failed(dataset, entry, error, now))
                raise FeedError(f"{dataset.name}: {error}") from error
            good = replace(entry, failures=0, trouble=None, failure=None, not_before=None)
            self._cache.put(dataset.key, good)
            return value

    def check(self, dataset: Dataset[T], url: str) -> CachedValue[T]:
        """Asks for a dataset now, where a request is allowed; returns what is known of it then."""
        before = self._cache.entry(dataset.key).asked_at
        with suppress(FeedError):
            self.fetch(dataset, url, refresh=timedelta(0))
        known = self._cached(dataset)
        asked = known.entry.asked_at != before
        return replace(known, entry=self.entry(dataset), asked_now=asked)

    def entry(self, dataset: Dataset[T]) -> CacheEntry:
        """Returns what is known of the requests for a dataset, and the failure of others that its
        provider limits together with it."""
        entry, quota = self._cache.entry(dataset.key), self._cache.entry(_quota_key(dataset))
        if entry.failure is not None or not in_backoff(quota, self._clock.now()):
            return entry
        return replace(
            entry, failure=quota.failure, trouble=quota.trouble, not_before=quota.not_before
        )

    def asked_at(self, dataset: Dataset[T]) -> datetime | None:
        """Returns when the dataset was last requested, None where it never was."""
        return self._cache.entry(dataset.key).asked_at

    def _refreshed(
        self, dataset: Dataset[T], url: str, refresh: timedelta, now: datetime, *, wait: bool
    ) -> CachedValue[T]:
        """Returns what is known after a request; without ``wait``, what is cached while another
        process makes one."""
        with self._cache.lock(dataset.key, wait=wait) as ours:
            cached = self._cached(dataset)  # another process may have fetched it meanwhile
            if not ours or not self._is_due(dataset, url, cached.entry, refresh, now):
                return cached
            self._last_asked[dataset.key] = now
            entry = self._ask(dataset, url, cached.entry, now)
            return CachedValue(entry, self._value_of(dataset, entry))

    def _is_due(
        self, dataset: Dataset[T], url: str, entry: CacheEntry, refresh: timedelta, now: datetime
    ) -> bool:
        """Whether a request is due. The rate limit holds even where the disk keeps no entry."""
        ours = CacheEntry(asked_at=self._last_asked.get(dataset.key))
        return (
            not asked_within(ours, MIN_INTERVAL, now)
            and is_due(entry, url, refresh, now)
            and self._may_ask(dataset, now)
        )

    def _cached(self, dataset: Dataset[T]) -> CachedValue[T]:
        entry = self._cache.entry(dataset.key)
        known = self._value_of(dataset, entry)
        if known is None:
            entry = replace(entry, digest="", checked_at=None, fresh_until=None)
        return CachedValue(entry, known)

    def _value_of(self, dataset: Dataset[T], entry: CacheEntry) -> T | None:
        """Returns the value of the cached body, parsed once for each body."""
        held = self._parsed.get(dataset.key)
        if held is not None and held[0] == entry.digest:
            value: T = held[1]
            return value
        body = self._cache.body(dataset.key, entry)
        if body is None:
            return None
        try:
            read = dataset.read(body)
        except FeedError as error:
            log.warning("%s on disk is not used: %s", dataset.name, error)
            return None
        self._parsed[dataset.key] = (entry.digest, read)
        return read

    def _ask(self, dataset: Dataset[T], url: str, entry: CacheEntry, now: datetime) -> CacheEntry:
        asked = replace(entry, asked_at=now)
        try:
            answer = self._get_allowed(dataset, url, conditional_headers(entry, url), now)
            if answer.status == NOT_MODIFIED:
                return self._cache.put(dataset.key, revalidated(asked, answer, now))
            dataset.read(answer.body)
        except FeedError as error:
            return self._cache.put(dataset.key, self._failed(dataset, asked, error, now))
        if entry.failures:
            log.info("%s is back", dataset.name)
        newest = fetched_entry(url, answer, now)
        if entry.fetched_at is not None and self._cache.body(dataset.key, entry) == answer.body:
            newest = replace(newest, fetched_at=entry.fetched_at)
        return self._cache.put(dataset.key, newest, answer.body)

    def _get_allowed(
        self, dataset: Dataset[T], url: str, headers: dict[str, str], now: datetime
    ) -> HttpResponse:
        try:
            return self._get(dataset, url, headers, now)
        except Forbidden:
            if dataset.fallback is None:
                raise
        return self._get(dataset, dataset.fallback(url), {}, now)

    def _get(
        self, dataset: Dataset[T], url: str, headers: dict[str, str], now: datetime
    ) -> HttpResponse:
        """Returns a usable response. Raises ``FeedError``; back-off of the quota where it is
        ``ProviderUnavailable``."""
        quota = self._cache.entry(_quota_key(dataset))
        try:
            try:
                answer = self._client.get(url, {"Accept": "application/json", **headers})
            except StatusRefused as refusal:
                raise ProviderUnavailable(str(refusal), kind=refusal.kind) from refusal
            except FeedError as error:
                raise ProviderUnavailable(str(error)) from error
            check_status(answer, now, conditional=bool(headers))
        except ProviderUnavailable as refusal:
            closed = with_backoff(replace(quota, asked_at=now), refusal, now)
            self._cache.put(_quota_key(dataset), closed)
            raise
        self._cache.put(_quota_key(dataset), CacheEntry(asked_at=now))
        return answer

    def _may_ask(self, dataset: Dataset[T], now: datetime) -> bool:
        quota = self._cache.entry(_quota_key(dataset))
        return not in_backoff(quota, now) and not asked_within(quota, dataset.quota_interval, now)

    def _why_not(self, dataset: Dataset[T]) -> str:
        quota = self._cache.entry(_quota_key(dataset))
        until = f" before {quota.not_before:%H:%M:%S} UTC" if quota.not_before else ""
        return f"it is not asked{until} ({quota.trouble or 'once a minute at most'})"

    def _failed(
        self, dataset: Dataset[T], entry: CacheEntry, error: FeedError, now: datetime
    ) -> CacheEntry:
        if not entry.failures:
            log.warning("%s: %s", dataset.name, error)
        return with_backoff(entry, error, now)


def _quota_key(dataset: Dataset[T]) -> str:
    return f"quota.{dataset.quota}"
