"""Eloverblik's interface: hours of electricity meters without files.

Unverified until somebody with access has run it: written from public clients and descriptions of
Energinet's customer and third party API, tested against a local server in their shapes.

A refresh token, made by the customer (or by a third party whom customers have given access) at
eloverblik.dk, is exchanged for a token of 24 hours; metering points are asked for ten at a time,
730 days at most, once a day where it succeeded: the DataHub has new values once a day, for days
that are over. The refresh token stands in a file of yours, the other one in memory only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Literal
from zoneinfo import ZoneInfo

from bms.errors import FeedError
from bms.feeds.client.cached_fetch import CachedValue, Dataset, DatasetFetcher
from bms.feeds.client.check import DatasetCheck, Extent, dataset_check
from bms.feeds.client.disk_cache import DiskCache
from bms.feeds.client.http_policy import StatusRefused
from bms.feeds.client.payload import parsing
from bms.outgoing.http import HttpResponse, PostingClient
from bms.ports.clock import Clock

BASE = "https://api.eloverblik.dk"
POINTS_AT_ONCE = 10
LONGEST = timedelta(days=730)
LOOK_BACK = timedelta(days=14)
"""How far back is asked each day: estimated values are replaced by measured ones within days."""
TOKEN_LIFE = timedelta(hours=23)
ASK_EVERY = timedelta(hours=20)
"""How long after an answer the same points are not asked for again."""
METERING_POINT = re.compile(r"57\d{16}")
"""A metering point is a GSRN of 18 digits; the Danish ones begin with 57."""

_NAME = "Eloverblik"
_ZONE = ZoneInfo("Europe/Copenhagen")
_UNAUTHORISED = 401
Access = Literal["customer", "thirdparty"]


@dataclass(slots=True)
class EloverblikApi:
    """The interface with one refresh token."""

    client: PostingClient
    cache: DiskCache
    clock: Clock
    refresh_token: str = field(repr=False)
    access: Access = "customer"
    base: str = BASE
    _token: str = field(default="", repr=False)
    _until: datetime | None = None

    def answers(
        self, numbers: Iterable[str], back: timedelta = LOOK_BACK
    ) -> Iterator[tuple[str, bytes] | FeedError]:
        """Returns the hours of metering points from ``back`` until the last day that is over: the
        name and body of an answer, or an error, for each ten of them. Those that have answered
        today are left out."""
        known = sorted({number for number in numbers if METERING_POINT.fullmatch(number)})
        for at in range(0, len(known), POINTS_AT_ONCE):
            batch = known[at : at + POINTS_AT_ONCE]
            dataset = _dataset(batch)
            if not self._is_due(dataset):
                continue
            fetcher = DatasetFetcher(_Question(self, batch), self.cache, self.clock)
            try:
                body = fetcher.fetch_uncached(dataset, self._url(min(back, LONGEST)))
            except FeedError as error:
                yield error
            else:
                yield dataset.name, body

    def check(self) -> DatasetCheck:
        """Exchanges the refresh token once; returns what came of it."""
        dataset = Dataset(key="eloverblik", name=f"{_NAME} ({self.access})", quota="eloverblik",
                          read=_token_in)  # fmt: skip
        keyed = _WithToken(self.client, self.refresh_token)
        fetcher = DatasetFetcher(keyed, self.cache, self.clock)
        before, got = fetcher.asked_at(dataset), ""
        with suppress(FeedError):
            got = fetcher.fetch_uncached(dataset, self._token_url)
        entry = fetcher.entry(dataset)
        known = CachedValue(entry, got, asked_now=entry.asked_at != before)
        return dataset_check(dataset.name, known, Extent(n=int(bool(got))), self.clock.now())

    def ask(self, url: str, body: bytes) -> HttpResponse:
        """The response to a question; a token that is refused is exchanged once more.

        Raises ``FeedError``.
        """
        fresh = self._until is not None and self.clock.now() < self._until
        answer = self._posted(url, body, self._token if fresh else self._exchanged())
        if answer.status == _UNAUTHORISED and fresh:
            answer = self._posted(url, body, self._exchanged())
        return answer

    def _posted(self, url: str, body: bytes, token: str) -> HttpResponse:
        headers = {**_bearer(token), "Content-Type": "application/json"}
        return self.client.post(url, headers, body)

    def _exchanged(self) -> str:
        answer = self.client.get(self._token_url, _bearer(self.refresh_token))
        if answer.status != 200:
            told = f"{_NAME} takes no refresh token of ours (HTTP {answer.status})"
            raise StatusRefused(answer.status, told)
        self._token = _token_in(answer.body)
        self._until = self.clock.now() + TOKEN_LIFE
        return self._token

    @property
    def _token_url(self) -> str:
        return f"{self.base}/{self.access}api/api/token"

    def _url(self, back: timedelta) -> str:
        today = self.clock.now().astimezone(_ZONE).date()
        return (
            f"{self.base}/{self.access}api/api/meterdata/gettimeseries/"
            f"{_text(today - back)}/{_text(today)}/Actual"
        )

    def _is_due(self, dataset: Dataset[bytes]) -> bool:
        """Whether the points were not answered today; what failed is held off by the fetcher."""
        entry = self.cache.entry(dataset.key)
        if entry.asked_at is None or entry.failures:
            return True
        return not timedelta(0) <= self.clock.now() - entry.asked_at < ASK_EVERY


@dataclass(frozen=True, slots=True)
class _Question:
    """A question about metering points as the fetcher asks: by an address."""

    api: EloverblikApi
    batch: list[str]

    def get(self, url: str, headers: Mapping[str, str]) -> HttpResponse:
        body = {"meteringPoints": {"meteringPoint": self.batch}}
        return self.api.ask(url, json.dumps(body).encode())


@dataclass(frozen=True, slots=True)
class _WithToken:
    """A client that sends the refresh token."""

    client: PostingClient
    token: str = field(repr=False)

    def get(self, url: str, headers: Mapping[str, str]) -> HttpResponse:
        return self.client.get(url, _bearer(self.token))


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Accept": "application/json", "api-version": "1.0"}


def _token_in(body: bytes) -> str:
    """The token of an answer. Raises ``FeedError``."""
    with parsing(f"{_NAME}, token"):
        token = json.loads(body)["result"]
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise ValueError("no token")
        return token


def _dataset(batch: list[str]) -> Dataset[bytes]:
    """What is asked for; metering points are in no file name."""
    digest = sha256(" ".join(batch).encode()).hexdigest()[:12]
    return Dataset(
        key=f"eloverblik_{digest}",
        name=f"{_NAME}, {len(batch)} metering points",
        quota="eloverblik",
        read=_whole,
    )


def _whole(body: bytes) -> bytes:
    """The body. Raises ``FeedError`` where it is no JSON object with results."""
    with parsing(_NAME):
        if not isinstance(json.loads(body)["result"], list):
            raise TypeError("result is no list")
    return body


def _text(day: date) -> str:
    return day.isoformat()
