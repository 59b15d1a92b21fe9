"""Fetches missing days of a time series into the archive: one request for all of them.

Each day that a request covered is marked as fetched, so that a day for which the provider has no
data is not requested again. What one request cannot return, later ones do, at least a minute apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import numpy as np

from bms.errors import FeedError
from bms.feeds.client.cached_fetch import Dataset, DatasetFetcher
from bms.feeds.client.payload import EpochSeconds, Samples, utc_time
from bms.feeds.client.series_archive import SeriesArchive
from bms.ports.clock import Clock

T = TypeVar("T")

DAY_S = 86_400
UNSETTLED_REFRESH = timedelta(hours=1)
"""Minimum interval between requests for days that are not settled yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySource(Generic[T]):
    """A series of the past at a provider.

    ``url`` takes a start and an end (exclusive); ``store`` writes a response to the archive. Data
    exist from ``first`` to ``end``, where given. A day is complete ``settled_after`` its end; one
    request covers ``max_span`` at most.
    """

    name: str
    dataset: Dataset[T]
    url: Callable[[datetime, datetime], str]
    store: Callable[[T], None]
    max_span: timedelta
    settled_after: timedelta = timedelta(hours=3)
    first: datetime | None = None
    end: datetime | None = None


class HistoryBackfill:
    """Fetches the days that the archive lacks."""

    def __init__(self, fetcher: DatasetFetcher, archive: SeriesArchive, clock: Clock) -> None:
        self._fetcher = fetcher
        self._archive = archive
        self._clock = clock

    def fill(self, source: HistorySource[T], start: datetime, end: datetime) -> str | None:
        """Fetches what the archive lacks of ``start`` to ``end``; returns the error, if any."""
        now = self._clock.now()
        start = max(start, source.first or start)
        end = min(end, now, source.end or end)
        if start >= end:
            return None
        missing = self._missing(source, start, end)
        if not len(missing) or not self._is_due(source, int(missing[0]), now):
            return None
        until = utc_time(int(missing[-1]) + DAY_S)
        since = max(utc_time(int(missing[0])), until - source.max_span)
        try:
            source.store(self._fetcher.fetch_uncached(source.dataset, source.url(since, until)))
            self._mark_fetched(source, since, until, now)
        except FeedError as error:
            return str(error)
        return None

    def _missing(self, source: HistorySource[T], start: datetime, end: datetime) -> EpochSeconds:
        """Returns the starts of the UTC days that were not fetched in full [s]."""
        first = int(start.timestamp()) // DAY_S * DAY_S
        n = (int(end.timestamp()) - 1 - first) // DAY_S + 1
        asked = self._archive.get(_fetched_name(source), DAY_S, first, n)
        days = first + DAY_S * np.arange(n, dtype=np.int64)
        return days[np.isnan(asked)]

    def _is_due(self, source: HistorySource[T], oldest: int, now: datetime) -> bool:
        """Whether a settled day is missing, or the unsettled ones are due again."""
        if utc_time(oldest + DAY_S) + source.settled_after <= now:
            return True
        last = self._fetcher.asked_at(source.dataset)
        return last is None or not timedelta(0) <= now - last < UNSETTLED_REFRESH

    def _mark_fetched(
        self, source: HistorySource[T], since: datetime, until: datetime, now: datetime
    ) -> None:
        days = np.arange(int(since.timestamp()), int(until.timestamp()), DAY_S, dtype=np.int64)
        over = days[days + DAY_S + source.settled_after.total_seconds() <= now.timestamp()]
        self._archive.put(_fetched_name(source), DAY_S, Samples(over, np.ones(len(over))))


def _fetched_name(source: HistorySource[T]) -> str:
    return f"{source.name}.asked"
