"""Prices of other sources where Energi Data Service has none: ENTSO-E and Nord Pool.

They are asked for a day that is due and not settled there: today, and tomorrow from half an hour
after it was due. What they say is kept apart and yields as soon as Energi Data Service has a price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from bms.errors import FeedError
from bms.feeds.client.cached_fetch import CachedValue, Dataset, DatasetFetcher
from bms.feeds.client.check import DatasetCheck
from bms.feeds.client.notes import TIMEZONE
from bms.feeds.client.payload import Samples, utc_time
from bms.feeds.client.series_archive import SeriesArchive
from bms.feeds.electricity.energidata import QUARTER_S, samples_check
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats
from bms.ports.clock import Clock

DUE = time(13, 15)
"""Local time from which tomorrow's prices are asked for: half an hour after they are published."""
ASK_EVERY = timedelta(minutes=15)

_DAY = timedelta(days=1)
_PER_MWH = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSource:
    """A source of day-ahead prices, in DKK/MWh or EUR/MWh by ``in_dkk``; ``url`` takes a price area
    and start and end of a local day."""

    id: str
    credit: str
    in_dkk: bool
    fetcher: DatasetFetcher
    url: Callable[[str, datetime, datetime], str]
    read: Callable[[bytes], dict[str, Samples]]

    def dataset(self, area: str) -> Dataset[dict[str, Samples]]:
        """What is asked for."""
        return Dataset(
            key=f"{self.id}_{area}",
            name=f"{self.credit}, prices of {area}",
            quota=self.id,
            read=self.read,
        )


@dataclass(frozen=True, slots=True)
class SecondPrices:
    """Who filled prices in, and from when on."""

    credit: str
    since: datetime


class SecondSources:
    """Fills prices in that Energi Data Service does not have."""

    def __init__(
        self, sources: Sequence[PriceSource], archive: SeriesArchive, clock: Clock
    ) -> None:
        self._sources = tuple(sources)
        self._archive = archive
        self._clock = clock

    def fill(
        self, area: str, values: Floats, first: int, rate: float, troubles: list[str]
    ) -> list[SecondPrices]:
        """Fills unknown ``values`` [DKK/kWh] from epoch second ``first``; ``rate`` is DKK per EUR.

        What goes wrong is added to ``troubles``.
        """
        filled = []
        for source in self._sources:
            self._ask_for_missing(source, area, values, first, rate, troubles)
            kept = self._archive.get(_name(source, area), QUARTER_S, first, len(values))
            used = np.isnan(values) & np.isfinite(kept)
            if used.any():
                values[used] = kept[used]
                since = utc_time(first + int(np.flatnonzero(used)[0]) * QUARTER_S)
                filled.append(SecondPrices(source.credit, since))
        return filled

    def check(self, area: str) -> Iterator[DatasetCheck]:
        """Asks each source for the prices of the last day that is due; returns what each said."""
        for source in self._sources:
            dataset, now = source.dataset(area), self._clock.now()
            start, end = self._due_days()[0]
            samples, before = None, source.fetcher.asked_at(dataset)
            with suppress(FeedError):
                samples = source.fetcher.fetch_uncached(dataset, source.url(area, start, end)).get(
                    area
                )
            entry = source.fetcher.entry(dataset)
            known = CachedValue(entry, samples, asked_now=entry.asked_at != before)
            yield samples_check(dataset.name, known, samples, now, end)

    def _ask_for_missing(
        self,
        source: PriceSource,
        area: str,
        values: Floats,
        first: int,
        rate: float,
        troubles: list[str],
    ) -> None:
        kept = self._archive.get(_name(source, area), QUARTER_S, first, len(values))
        for start, end in self._due_days():
            inside = _between(values, first, start, end)
            if not (inside & np.isnan(values) & np.isnan(kept)).any() or not self._may(
                source, area
            ):
                continue
            try:
                found = source.fetcher.fetch_uncached(
                    source.dataset(area), source.url(area, start, end)
                )
            except FeedError as error:
                troubles.append(str(error))
                return
            factor = (1.0 if source.in_dkk else rate) / _PER_MWH
            for each, samples in found.items():
                priced = Samples(samples.seconds, samples.values * factor)
                self._archive.put(_name(source, each), QUARTER_S, priced)

    def _may(self, source: PriceSource, area: str) -> bool:
        """Whether it was not asked just now; what failed is held off by the fetcher."""
        last = source.fetcher.asked_at(source.dataset(area))
        return last is None or not timedelta(0) <= self._clock.now() - last < ASK_EVERY

    def _due_days(self) -> list[tuple[datetime, datetime]]:
        """Start and end of the local days whose prices are there by now, tomorrow first."""
        zone = ZoneInfo(TIMEZONE)
        local = self._clock.now().astimezone(zone)
        days = [local.date() + _DAY] if local.time() >= DUE else []
        return [
            (datetime.combine(day, time(), zone), datetime.combine(day + _DAY, time(), zone))
            for day in (*days, local.date())
        ]


def _between(values: Floats, first: int, start: datetime, end: datetime) -> Flags:
    seconds = first + QUARTER_S * np.arange(len(values))
    inside: Flags = (seconds >= start.timestamp()) & (seconds < end.timestamp())
    return inside


def _name(source: PriceSource, area: str) -> str:
    return f"spot_{source.id}_{area}"
