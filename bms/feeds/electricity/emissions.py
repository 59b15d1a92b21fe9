"""CO2 of electricity as Energinet tells it: measured, prognosis, and the usual day after that."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np

from bms.errors import FeedError
from bms.feeds.client import notes as feed_words
from bms.feeds.client.backfill import Past, Topic
from bms.feeds.client.datasets import Courier, Dataset
from bms.feeds.client.notes import TIMEZONE, told, why_nothing
from bms.feeds.client.payload import Samples, moment_of
from bms.feeds.client.series_archive import Record
from bms.feeds.electricity import energidata
from bms.feeds.electricity.day_ahead import DAYS, QUARTER, refuse_unknown, tail_begin, usual
from bms.feeds.electricity.energidata import CREDIT, QUARTER_S
from bms.model.planning.feed import FeedSeries
from bms.model.readings.series import Floats, Series, grid_length
from bms.model.words import Words
from bms.ports.clock import Clock

STALE = timedelta(hours=2)

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_PROGNOSIS_EVERY = timedelta(minutes=15)
_LONGEST_PAST = timedelta(days=92)
"""Five-minute values of two areas: what one answer may hold."""


class LiveEmissions:
    """The ``emissions`` of a feed."""

    def __init__(self, courier: Courier, record: Record, clock: Clock, base: str) -> None:
        self._courier = courier
        self._record = record
        self._clock = clock
        self._past = Past(courier, record, clock)
        self._base = base
        self._kept: datetime | None = None

    def emissions(self, area: str, *, start: datetime, end: datetime) -> FeedSeries:
        """Quarter-hours [kg/kWh] that cover ``start`` to ``end``; unknown ones are NaN.

        What comes after the prognosis is the mean of the same local quarter-hours of the last
        days; a note says so. Raises ``FeedError``.
        """
        refuse_unknown(area)
        now = self._clock.now()
        first = int(start.timestamp()) // QUARTER_S * QUARTER_S
        n = grid_length(moment_of(first), end, QUARTER)
        issued = now
        troubles: list[str] = []
        notes: list[Words] = []
        since = moment_of(first)
        if end > now:
            since = min(since, now - DAYS * _DAY)
            issued, troubles = self._prognosis(now)
        if now - issued > STALE:
            notes.append(feed_words.emissions_stale(now - issued, told(troubles)))
        trouble = self._past.fill(self._measured, since, end)
        values, more = self._with_tail(area, self._values(area, first, n), first, troubles)
        if not np.isfinite(values).any():
            said = why_nothing([*troubles, *([trouble] if trouble else [])])
            raise FeedError(f"no CO2 figures of {area} from {start} to {end}: {said}")
        return FeedSeries(
            series=Series(moment_of(first), QUARTER, values),
            unit="kg/kWh",
            source=CREDIT,
            issued_at=issued,
            notes=(*notes, *more),
        )

    def _values(self, area: str, first: int, n: int) -> Floats:
        """Measured where it was, else the last prognosis."""
        measured, foreseen = (
            self._record.get(f"{kind}_{area}", QUARTER_S, first, n) for kind in ("co2", "co2prog")
        )
        return np.where(np.isfinite(measured), measured, foreseen)

    def _prognosis(self, now: datetime) -> tuple[datetime, list[str]]:
        """When the prognosis came, and what went wrong; long ago where there is none."""
        dataset = Dataset(
            key="eds_CO2EmisProg",
            name="CO2EmisProg",
            gate="eds_CO2EmisProg",
            gate_gap=_MINUTE,
            read=partial(energidata.read_emissions, name="CO2EmisProg"),
        )
        today = datetime(now.year, now.month, now.day, tzinfo=UTC)
        url = energidata.url(self._base, "CO2EmisProg", today, today + 3 * _DAY, "Minutes5UTC")
        try:
            delivery = self._courier.bring(dataset, url, refresh=_PROGNOSIS_EVERY)
        except FeedError as error:
            return now, [str(error)]
        if delivery.fetched_at != self._kept:
            self._keep("co2prog", delivery.value)
            self._kept = delivery.fetched_at
        return delivery.fetched_at, [delivery.trouble] if delivery.trouble else []

    def _keep(self, kind: str, by_area: Mapping[str, Samples]) -> None:
        for area, samples in by_area.items():
            self._record.put(f"{kind}_{area}", QUARTER_S, samples)

    @property
    def _measured(self) -> Topic[Mapping[str, Samples]]:
        return Topic(
            name="co2",
            dataset=Dataset(
                key="eds_CO2Emis",
                name="CO2Emis",
                gate="eds_CO2Emis",
                gate_gap=_MINUTE,
                read=partial(energidata.read_emissions, name="CO2Emis"),
            ),
            url=lambda since, until: energidata.url(
                self._base, "CO2Emis", since, until, "Minutes5UTC"
            ),
            keep=partial(self._keep, "co2"),
            longest=_LONGEST_PAST,
        )

    def _with_tail(
        self, area: str, values: Floats, first: int, troubles: list[str]
    ) -> tuple[Floats, tuple[Words, ...]]:
        tail = tail_begin(values, first, self._clock.now())
        if tail is None:
            return values, ()
        begin = first + tail * QUARTER_S
        quarters = DAYS * int(_DAY / QUARTER)
        lately = self._values(area, begin - quarters * QUARTER_S, quarters)
        values[tail:] = usual(lately, begin, len(values) - tail, TIMEZONE)
        if not np.isfinite(values[tail:]).any():
            return values, ()
        return values, (feed_words.emissions_estimated(moment_of(begin), TIMEZONE, told(troubles)),)
