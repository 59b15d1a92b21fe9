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
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from bms.errors import FeedError
from bms.feeds.client.disk_cache import Entry, Shelf
from bms.feeds.client.http import HttpClient, HttpResponse
from bms.feeds.client.http_policy import (
    GAP,
    NOT_MODIFIED,
    Refused,
    accept,
    came,
    conditions,
    due,
    held_off,
    paused,
    soon,
    still_holds,
)
from bms.ports.clock import Clock

log = logging.getLogger(__name__)

T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """What is on disk: an entry, and its value where there is one."""

    entry: Entry
    value: T | None


class Courier:
    """Brings datasets. Safe to use from several threads and processes on one folder."""

    def __init__(self, web: HttpClient, shelf: Shelf, clock: Clock) -> None:
        self._web = web
        self._shelf = shelf
        self._clock = clock
        self._read: dict[str, tuple[str, Any]] = {}
        self._asked: dict[str, datetime] = {}

    def bring(self, dataset: Dataset[T], url: str, *, refresh: timedelta) -> Delivery[T]:
        """The dataset, asked for again once it was checked longer than ``refresh`` ago.

        Raises ``FeedError`` when there is nothing to serve.
        """
        now = self._clock.now()
        seen = self._look(dataset)
        trouble = seen.entry.trouble
        if seen.value is None or self._wanted(dataset, url, seen.entry, refresh, now):
            try:
                seen = self._renewed(dataset, url, refresh, now, wait=seen.value is None)
                trouble = seen.entry.trouble
            except FeedError as error:
                trouble = str(error)
        if seen.value is None or seen.entry.fetched_at is None:
            raise FeedError(f"{dataset.name}: {trouble or self._closed(dataset)}")
        return Delivery(value=seen.value, fetched_at=seen.entry.fetched_at, trouble=trouble)

    def once(self, dataset: Dataset[T], url: str) -> T:
        """An answer that is not kept here. Raises ``FeedError``, also when it is too early."""
        now = self._clock.now()
        with self._shelf.turn(dataset.key, wait=False) as ours:
            entry = self._shelf.entry(dataset.key)
            early = not ours or soon(entry, GAP, now) or held_off(entry, now)
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

    def _renewed(
        self, dataset: Dataset[T], url: str, refresh: timedelta, now: datetime, *, wait: bool
    ) -> Seen[T]:
        """What is known after the provider was asked, if it is our turn to ask."""
        with self._shelf.turn(dataset.key, wait=wait) as ours:
            seen = self._look(dataset)  # somebody else may have asked meanwhile
            if not ours or not self._wanted(dataset, url, seen.entry, refresh, now):
                return seen
            self._asked[dataset.key] = now
            entry = self._ask(dataset, url, seen.entry, now)
            return Seen(entry, self._known(dataset, entry))

    def _wanted(
        self, dataset: Dataset[T], url: str, entry: Entry, refresh: timedelta, now: datetime
    ) -> bool:
        """Whether it is time to ask; a disk that keeps no entry is no reason to ask more often."""
        ours = Entry(asked_at=self._asked.get(dataset.key))
        return (
            not soon(ours, GAP, now) and due(entry, url, refresh, now) and self._open(dataset, now)
        )

    def _look(self, dataset: Dataset[T]) -> Seen[T]:
        entry = self._shelf.entry(dataset.key)
        known = self._known(dataset, entry)
        if known is None:
            entry = replace(entry, digest="", checked_at=None, fresh_until=None)
        return Seen(entry, known)

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
            answer = self._get(dataset, url, conditions(entry, url), now)
            if answer.status == NOT_MODIFIED:
                return self._shelf.put(dataset.key, still_holds(asked, answer, now))
            dataset.read(answer.body)
        except FeedError as error:
            return self._shelf.put(dataset.key, self._failed(dataset, asked, error, now))
        if entry.failures:
            log.info("%s is back", dataset.name)
        newest = came(url, answer, now)
        if entry.fetched_at is not None and self._shelf.body(dataset.key, entry) == answer.body:
            newest = replace(newest, fetched_at=entry.fetched_at)
        return self._shelf.put(dataset.key, newest, answer.body)

    def _get(
        self, dataset: Dataset[T], url: str, headers: dict[str, str], now: datetime
    ) -> HttpResponse:
        """An answer that can be read. Raises ``FeedError``; ``Refused`` closes the gate, too."""
        gate = self._shelf.entry(_gate(dataset))
        try:
            try:
                answer = self._web.get(url, {"Accept": "application/json", **headers})
            except FeedError as error:
                raise Refused(str(error)) from error
            accept(answer, now, conditional=bool(headers))
        except Refused as refusal:
            closed = paused(replace(gate, asked_at=now), refusal, now)
            self._shelf.put(_gate(dataset), closed)
            raise
        self._shelf.put(_gate(dataset), Entry(asked_at=now))
        return answer

    def _open(self, dataset: Dataset[T], now: datetime) -> bool:
        gate = self._shelf.entry(_gate(dataset))
        return not held_off(gate, now) and not soon(gate, dataset.gate_gap, now)

    def _closed(self, dataset: Dataset[T]) -> str:
        gate = self._shelf.entry(_gate(dataset))
        until = f" before {gate.not_before:%H:%M:%S} UTC" if gate.not_before else ""
        return f"it is not asked{until} ({gate.trouble or 'once a minute at most'})"

    def _failed(self, dataset: Dataset[T], entry: Entry, error: FeedError, now: datetime) -> Entry:
        if not entry.failures:
            log.warning("%s: %s", dataset.name, error)
        return paused(entry, error, now)


def _gate(dataset: Dataset[T]) -> str:
    return f"gate.{dataset.gate}"
