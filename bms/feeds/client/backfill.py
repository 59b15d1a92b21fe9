"""Fills a record with what was observed, as it is asked for: one request for all missing days.

Each day that came as a whole is marked, so that a day on which a provider has nothing is not asked
for again. What one request cannot bring, the next ones do, a minute or more apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import numpy as np

from bms.errors import FeedError
from bms.feeds.client.datasets import Courier, Dataset
from bms.feeds.client.payload import Samples, Seconds, moment_of
from bms.feeds.client.series_archive import Record
from bms.ports.clock import Clock

T = TypeVar("T")

DAY_S = 86_400
REFRESH = timedelta(hours=1)
"""How often the days that are not over yet are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic(Generic[T]):
    """Something observed: how it is asked for and kept.

    ``url`` is of a start and an end (exclusive); ``keep`` puts an answer into the record. It exists
    from ``first`` until ``end``, where they are given. A day is complete ``settled`` after its end;
    one request brings ``longest`` at most.
    """

    name: str
    dataset: Dataset[T]
    url: Callable[[datetime, datetime], str]
    keep: Callable[[T], None]
    longest: timedelta
    settled: timedelta = timedelta(hours=3)
    first: datetime | None = None
    end: datetime | None = None


class Past:
    """Asks for the days that a record does not have yet."""

    def __init__(self, courier: Courier, record: Record, clock: Clock) -> None:
        self._courier = courier
        self._record = record
        self._clock = clock

    def fill(self, topic: Topic[T], start: datetime, end: datetime) -> str | None:
        """Have the record hold ``start`` to ``end`` as far as it can; what went wrong, if any."""
        now = self._clock.now()
        start = max(start, topic.first or start)
        end = min(end, now, topic.end or end)
        if start >= end:
            return None
        missing = self._missing(topic, start, end)
        if not len(missing) or not self._worth_asking(topic, int(missing[0]), now):
            return None
        until = moment_of(int(missing[-1]) + DAY_S)
        since = max(moment_of(int(missing[0])), until - topic.longest)
        try:
            topic.keep(self._courier.once(topic.dataset, topic.url(since, until)))
            self._mark(topic, since, until, now)
        except FeedError as error:
            return str(error)
        return None

    def _missing(self, topic: Topic[T], start: datetime, end: datetime) -> Seconds:
        """Starts of the UTC days that are not complete [s]."""
        first = int(start.timestamp()) // DAY_S * DAY_S
        n = (int(end.timestamp()) - 1 - first) // DAY_S + 1
        asked = self._record.get(_mark_of(topic), DAY_S, first, n)
        days = first + DAY_S * np.arange(n, dtype=np.int64)
        return days[np.isnan(asked)]

    def _worth_asking(self, topic: Topic[T], oldest: int, now: datetime) -> bool:
        """Days that are over are worth it at once, the running one every now and then."""
        if moment_of(oldest + DAY_S) + topic.settled <= now:
            return True
        last = self._courier.asked_at(topic.dataset)
        return last is None or not timedelta(0) <= now - last < REFRESH

    def _mark(self, topic: Topic[T], since: datetime, until: datetime, now: datetime) -> None:
        days = np.arange(int(since.timestamp()), int(until.timestamp()), DAY_S, dtype=np.int64)
        over = days[days + DAY_S + topic.settled.total_seconds() <= now.timestamp()]
        self._record.put(_mark_of(topic), DAY_S, Samples(over, np.ones(len(over))))


def _mark_of(topic: Topic[T]) -> str:
    return f"{topic.name}.asked"
