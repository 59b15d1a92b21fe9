"""CO2 emission factors of electricity, Energi Data Service: measured, forecast, then estimated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np

from bms.errors import FeedError
from bms.feeds.client import notes as feed_notes
from bms.feeds.client.backfill import HistoryBackfill, HistorySource
from bms.feeds.client.cached_fetch import Dataset, DatasetFetcher
from bms.feeds.client.check import DatasetCheck
from bms.feeds.client.notes import TIMEZONE, why_nothing
from bms.feeds.client.payload import Samples, utc_time
from bms.feeds.client.series_archive import SeriesArchive
from bms.feeds.electricity import energidata
from bms.feeds.electricity.energidata import (
    CREDIT,
    QUARTER,
    QUARTER_S,
    require_area,
    samples_check,
)
from bms.feeds.electricity.estimates import HISTORY_DAYS, fill_unknown
from bms.model.fact import Fact
from bms.model.planning.feed import FeedSeries
from bms.model.readings.series import Floats, Series, grid_length
from bms.ports.clock import Clock

STALE_AFTER = timedelta(hours=2)
"""Age of the prognosis from which its age is noted."""

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_PROGNOSIS_EVERY = timedelta(minutes=15)
_PROGNOSIS_REACH = timedelta(hours=8)
"""How far the prognosis is expected to reach [h]: nine hours are promised."""
_MAX_BACKFILL = timedelta(days=92)
"""Five-minute values of two areas that fit into one response."""

PROGNOSIS = Dataset(
    key="eds_CO2EmisProg",
    name="CO2EmisProg",
    quota="eds_CO2EmisProg",
    quota_interval=_MINUTE,
    read=partial(energidata.read_emissions, name="CO2EmisProg"),
)


class LiveEmissions:
    """The ``emissions`` of a feed."""

    def __init__(
        self, fetcher: DatasetFetcher, archive: SeriesArchive, clock: Clock, base: str
    ) -> None:
        self._fetcher = fetcher
        self._archive = archive
        self._clock = clock
        self._past = HistoryBackfill(fetcher, archive, clock)
        self._base = base
        self._kept: datetime | None = None

    def emissions(self, area: str, *, start: datetime, end: datetime) -> FeedSeries:
        """Returns the quarter-hours [kg/kWh] that cover ``start`` to ``end``; NaN where unknown.

        Beyond the prognosis: means of the same local quarter-hours of the last days, with a note.
        Raises ``FeedError`` where no value is known.
        """
        require_area(area)
        now = self._clock.now()
        first = int(start.timestamp()) // QUARTER_S * QUARTER_S
        n = grid_length(utc_time(first), end, QUARTER)
        issued = now
        troubles: list[str] = []
        notes: list[Fact] = []
        since = utc_time(first)
        if end > now:
            since = min(since, now - HISTORY_DAYS * _DAY)
            issued, troubles = self._prognosis(now)
        if now - issued > STALE_AFTER:
            notes.append(feed_notes.emissions_stale(now - issued, troubles))
        trouble = self._past.fill(self._measured, since, end)
        values = self._values(area, first, n)
        notes += self._estimated(area, values, first, troubles)
        if not np.isfinite(values).any():
            said = why_nothing([*troubles, *([trouble] if trouble else [])])
            raise FeedError(f"no CO2 figures of {area} from {start} to {end}: {said}")
        return FeedSeries(
            series=Series(utc_time(first), QUARTER, values),
            unit="kg/kWh",
            source=CREDIT,
            issued_at=issued,
            notes=tuple(notes),
        )

    def check(self, area: str) -> Iterator[DatasetCheck]:
        """Asks for the prognosis once; returns what came of it."""
        now = self._clock.now()
        known = self._fetcher.check(PROGNOSIS, self._prognosis_url(now))
        samples = known.value[area] if known.value else None
        yield samples_check(PROGNOSIS.name, known, samples, now, now + _PROGNOSIS_REACH)

    def _prognosis_url(self, now: datetime) -> str:
        today = datetime(now.year, now.month, now.day, tzinfo=UTC)
        return energidata.url(self._base, "CO2EmisProg", today, today + 3 * _DAY, "Minutes5UTC")

    def _values(self, area: str, first: int, n: int) -> Floats:
        """Returns measured values, else those of the last prognosis. Shape (n,)."""
        measured, foreseen = (
            self._archive.get(f"{kind}_{area}", QUARTER_S, first, n) for kind in ("co2", "co2prog")
        )
        return np.where(np.isfinite(measured), measured, foreseen)

    def _prognosis(self, now: datetime) -> tuple[datetime, list[str]]:
        """Fetches the prognosis. Returns when it was fetched (now without one), and the errors."""
        url = self._prognosis_url(now)
        try:
            delivery = self._fetcher.fetch(PROGNOSIS, url, refresh=_PROGNOSIS_EVERY)
        except FeedError as error:
            return now, [str(error)]
        if delivery.fetched_at != self._kept:
            self._keep("co2prog", delivery.value)
            self._kept = delivery.fetched_at
        return delivery.fetched_at, [delivery.trouble] if delivery.trouble else []

    def _keep(self, kind: str, by_area: Mapping[str, Samples]) -> None:
        for area, samples in by_area.items():
            self._archive.put(f"{kind}_{area}", QUARTER_S, samples)

    @property
    def _measured(self) -> HistorySource[Mapping[str, Samples]]:
        return HistorySource(
            name="co2",
            dataset=Dataset(
                key="eds_CO2Emis",
                name="CO2Emis",
                quota="eds_CO2Emis",
                quota_interval=_MINUTE,
                read=partial(energidata.read_emissions, name="CO2Emis"),
            ),
            url=lambda since, until: energidata.url(
                self._base, "CO2Emis", since, until, "Minutes5UTC"
            ),
            store=partial(self._keep, "co2"),
            max_span=_MAX_BACKFILL,
        )

    def _estimated(
        self, area: str, values: Floats, first: int, troubles: list[str]
    ) -> tuple[Fact, ...]:
        """Fills what lies beyond the prognosis, and notes from when on."""
        since = fill_unknown(
            values,
            first,
            now=self._clock.now(),
            timezone=TIMEZONE,
            history=partial(self._values, area),
        )
        if since is None:
            return ()
        return (feed_notes.emissions_estimated(since, troubles),)
