"""Day-ahead prices of Energi Data Service, with estimates after the last settled one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np

from bms.errors import FeedError
from bms.feeds.client import notes as feed_notes
from bms.feeds.client.backfill import HistoryBackfill, HistorySource
from bms.feeds.client.cached_fetch import Dataset, DatasetFetcher, FetchResult
from bms.feeds.client.check import DatasetCheck
from bms.feeds.client.notes import TIMEZONE, why_nothing
from bms.feeds.client.payload import utc_time
from bms.feeds.client.series_archive import SeriesArchive
from bms.feeds.electricity import energidata
from bms.feeds.electricity.energidata import (
    AREAS,
    CENTRAL_RATE,
    CREDIT,
    FIRST_DAY_AHEAD,
    QUARTER,
    QUARTER_S,
    Prices,
    require_area,
    samples_check,
)
from bms.feeds.electricity.estimates import fill_unknown
from bms.feeds.electricity.second_sources import DUE, PriceSource, SecondSources
from bms.model.fact import Fact
from bms.model.planning.feed import FeedSeries
from bms.model.readings.series import Floats, Series, grid_length
from bms.ports.clock import Clock

DAY = timedelta(days=1)
WINDOW = 8 * DAY
"""How far a request for the newest prices goes back: for the exchange rate and the estimates."""

AUCTION_RESULT = time(12, 45)
"""Local time from which tomorrow's prices are expected; the exchange publishes them then."""
_OVERDUE_REFRESH = timedelta(minutes=5)
_BEFORE_AUCTION_REFRESH = timedelta(hours=6)
_SETTLED_REFRESH = timedelta(hours=1)
"""Prices are published again at times, corrected."""
_MAX_BACKFILL = timedelta(days=400)
_MINUTE = timedelta(minutes=1)

NEWEST = Dataset(
    key="eds_DayAheadPrices",
    name="DayAheadPrices",
    quota="eds_DayAheadPrices",
    quota_interval=_MINUTE,
    read=energidata.read_newest,
)


class LivePrices:
    """The ``spot`` of a feed. Prices are archived: each day of the past is requested once."""

    def __init__(
        self,
        fetcher: DatasetFetcher,
        archive: SeriesArchive,
        clock: Clock,
        base: str,
        others: Sequence[PriceSource] = (),
    ) -> None:
        self._fetcher = fetcher
        self._archive = archive
        self._clock = clock
        self._past = HistoryBackfill(fetcher, archive, clock)
        self._base = base
        self._others = SecondSources(others, archive, clock)
        self._kept: datetime | None = None

    def spot(self, area: str, *, start: datetime, end: datetime) -> FeedSeries:
        """Returns the quarter-hours [DKK/kWh] that cover ``start`` to ``end``; NaN where unknown.

        After the last settled price: means of the same local quarter-hours of the last days, with
        a note. Raises ``FeedError`` where no price is known.
        """
        require_area(area)
        first = int(start.timestamp()) // QUARTER_S * QUARTER_S
        n = grid_length(utc_time(first), end, QUARTER)
        delivery, troubles = self._newest()
        troubles += self._fill(utc_time(first), end)
        values = self._archive.get(_name(area), QUARTER_S, first, n)
        rate = delivery.value.rate if delivery else CENTRAL_RATE
        filled = self._others.fill(area, values, first, rate, troubles)
        notes = tuple(feed_notes.prices_second(one.credit, one.since, troubles) for one in filled)
        notes += self._estimated(area, values, first, troubles)
        if not np.isfinite(values).any():
            raise FeedError(f"no prices of {area} from {start} to {end}: {why_nothing(troubles)}")
        return FeedSeries(
            series=Series(utc_time(first), QUARTER, values),
            unit="DKK/kWh",
            source=", ".join([_source(delivery), *(one.credit for one in filled)]),
            issued_at=delivery.fetched_at if delivery else self._clock.now(),
            notes=notes,
        )

    def check(self, area: str) -> Iterator[DatasetCheck]:
        """Asks for the newest prices once, and the second sources for those of today."""
        now = self._clock.now()
        known = self._fetcher.check(NEWEST, self._newest_url(now))
        samples = known.value.by_area[area] if known.value else None
        yield samples_check(NEWEST.name, known, samples, now, self._due(now))
        yield from self._others.check(area)

    def _due(self, now: datetime) -> datetime:
        """The end of the last local day whose prices are there by now."""
        local = now.astimezone(ZoneInfo(TIMEZONE))
        days = 2 if local.time() >= DUE else 1
        return datetime.combine(local.date() + days * DAY, time(), local.tzinfo)

    def _newest_url(self, now: datetime) -> str:
        today = datetime(now.year, now.month, now.day, tzinfo=UTC)
        return energidata.prices_url(self._base, today - WINDOW, today + 3 * DAY)

    def _newest(self) -> tuple[FetchResult[Prices] | None, list[str]]:
        now = self._clock.now()
        url = self._newest_url(now)
        try:
            delivery = self._fetcher.fetch(NEWEST, url, refresh=self._refresh(now))
        except FeedError as error:
            return None, [str(error)]
        if delivery.fetched_at != self._kept:
            self._keep(delivery.value)
            self._kept = delivery.fetched_at
        return delivery, [delivery.trouble] if delivery.trouble else []

    def _refresh(self, now: datetime) -> timedelta:
        """Returns the interval of requests: short while a price is overdue."""
        local = now.astimezone(ZoneInfo(TIMEZONE))
        if self._settled(local, 1):
            return _SETTLED_REFRESH
        return (
            _OVERDUE_REFRESH
            if local.time() >= AUCTION_RESULT or not self._settled(local, 0)
            else _BEFORE_AUCTION_REFRESH
        )

    def _settled(self, local: datetime, days: int) -> bool:
        """Whether the last quarter-hour of the local day ``days`` ahead is known in both areas."""
        midnight = datetime.combine(local.date() + (days + 1) * DAY, time(), local.tzinfo)
        last = int(midnight.timestamp()) - QUARTER_S
        return all(np.isfinite(self._archive.get(_name(a), QUARTER_S, last, 1)[0]) for a in AREAS)

    def _keep(self, prices: Prices) -> None:
        for area, samples in prices.by_area.items():
            self._archive.put(_name(area), QUARTER_S, samples)

    def _fill(self, start: datetime, end: datetime) -> list[str]:
        recent = self._clock.now() - WINDOW + DAY
        troubles = [
            self._past.fill(topic, start, min(end, recent)) for topic in (self._elspot, self._older)
        ]
        return [trouble for trouble in troubles if trouble]

    @property
    def _elspot(self) -> HistorySource[Prices]:
        return HistorySource(
            name="spot_elspot",
            dataset=Dataset(
                key="eds_Elspotprices",
                name="Elspotprices",
                quota="eds_Elspotprices",
                quota_interval=_MINUTE,
                read=energidata.read_elspot,
            ),
            url=partial(energidata.prices_url, self._base),
            store=self._keep,
            max_span=_MAX_BACKFILL,
            end=FIRST_DAY_AHEAD,
        )

    @property
    def _older(self) -> HistorySource[Prices]:
        return HistorySource(
            name="spot_day_ahead",
            dataset=Dataset(
                key="eds_DayAheadPrices_past",
                name="DayAheadPrices",
                quota="eds_DayAheadPrices",
                quota_interval=_MINUTE,
                read=energidata.read_day_ahead,
            ),
            url=lambda since, until: energidata.prices_url(
                self._base, max(since, FIRST_DAY_AHEAD), until
            ),
            store=self._keep,
            max_span=_MAX_BACKFILL,
            first=FIRST_DAY_AHEAD,
        )

    def _estimated(
        self, area: str, values: Floats, first: int, troubles: list[str]
    ) -> tuple[Fact, ...]:
        """Fills what is not settled, and notes from when on."""
        since = fill_unknown(
            values,
            first,
            now=self._clock.now(),
            timezone=TIMEZONE,
            history=partial(self._archive.get, _name(area), QUARTER_S),
        )
        if since is None:
            return ()
        return (feed_notes.prices_estimated(since, troubles),)


def _name(area: str) -> str:
    return f"spot_{area}"


def _source(delivery: FetchResult[Prices] | None) -> str:
    rate = delivery.value.dkk_per_eur if delivery else None
    return CREDIT if rate is None else f"{CREDIT}; some from EUR at {rate:.4f}"
