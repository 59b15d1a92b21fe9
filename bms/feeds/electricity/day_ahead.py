"""Day-ahead prices as Energinet tells them, and what stands in for those that are not settled."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np

from bms.errors import FeedError
from bms.feeds.client import notes as feed_words
from bms.feeds.client.backfill import Past, Topic
from bms.feeds.client.datasets import Courier, Dataset, Delivery
from bms.feeds.client.notes import TIMEZONE, told, why_nothing
from bms.feeds.client.payload import moment_of
from bms.feeds.client.series_archive import Record
from bms.feeds.electricity import energidata
from bms.feeds.electricity.energidata import AREAS, CREDIT, FIRST_DAY_AHEAD, QUARTER_S, Prices
from bms.model.planning.feed import FeedSeries
from bms.model.planning.grid import local_grid
from bms.model.readings.series import Floats, Series, grid_length
from bms.model.words import Words
from bms.ports.clock import Clock

DAYS = 7
FEWEST_DAYS = 3
"""Days [d] with a value at that time of day below which nothing is said."""

_DAY_QUARTERS = 96
_QUARTER_S = 900
_MIN_PER_QUARTER = 15


def usual(past: Floats, first: int, n: int, timezone: str) -> Floats:
    """Mean of the same local quarter-hours of the past, for ``n`` quarter-hours. Shape (n,).

    ``past`` has the quarter-hours that end at ``first`` [s since 1970], where the answer begins.
    """
    before = local_grid(
        timezone,
        moment_of(first) - timedelta(seconds=_QUARTER_S * len(past)),
        _QUARTER_S,
        len(past),
    )
    ahead = local_grid(timezone, moment_of(first), _QUARTER_S, n)
    known = np.isfinite(past)
    quarter = before.minute[known] // _MIN_PER_QUARTER
    count = np.bincount(quarter, minlength=_DAY_QUARTERS)
    total = np.bincount(quarter, weights=past[known], minlength=_DAY_QUARTERS)
    mean = np.where(count >= FEWEST_DAYS, total / np.maximum(count, 1), np.nan)
    answer: Floats = mean[ahead.minute // _MIN_PER_QUARTER]
    return answer


QUARTER = timedelta(seconds=QUARTER_S)
DAY = timedelta(days=1)
WINDOW = 8 * DAY
"""Days that every request for the newest prices goes back: the rate and the tail need them."""

AUCTION = time(12, 45)
_EAGER, _PATIENT, _CONTENT = timedelta(minutes=5), timedelta(hours=6), timedelta(hours=12)
_LONGEST_PAST = timedelta(days=400)
_MINUTE = timedelta(minutes=1)


class LivePrices:
    """The ``spot`` of a feed. Prices are kept for good, so the past is asked for once only."""

    def __init__(self, courier: Courier, record: Record, clock: Clock, base: str) -> None:
        self._courier = courier
        self._record = record
        self._clock = clock
        self._past = Past(courier, record, clock)
        self._base = base
        self._kept: datetime | None = None

    def spot(self, area: str, *, start: datetime, end: datetime) -> FeedSeries:
        """Quarter-hours [DKK/kWh] that cover ``start`` to ``end``; unknown ones are NaN.

        What comes after the last price that is settled is the mean of the same local quarter-hours
        of the last days; a note says so. Raises ``FeedError``.
        """
        refuse_unknown(area)
        first = int(start.timestamp()) // QUARTER_S * QUARTER_S
        n = grid_length(moment_of(first), end, QUARTER)
        delivery, troubles = self._newest()
        troubles += self._fill(moment_of(first), end)
        values = self._record.get(_name(area), QUARTER_S, first, n)
        values, notes = self._with_tail(area, values, first, troubles)
        if not np.isfinite(values).any():
            raise FeedError(f"no prices of {area} from {start} to {end}: {why_nothing(troubles)}")
        return FeedSeries(
            series=Series(moment_of(first), QUARTER, values),
            unit="DKK/kWh",
            source=_source(delivery),
            issued_at=delivery.fetched_at if delivery else self._clock.now(),
            notes=notes,
        )

    def _newest(self) -> tuple[Delivery[Prices] | None, list[str]]:
        now = self._clock.now()
        today = datetime(now.year, now.month, now.day, tzinfo=UTC)
        dataset = Dataset(
            key="eds_DayAheadPrices",
            name="DayAheadPrices",
            gate="eds_DayAheadPrices",
            gate_gap=_MINUTE,
            read=energidata.read_day_ahead,
        )
        url = energidata.prices_url(self._base, today - WINDOW, today + 3 * DAY)
        try:
            delivery = self._courier.bring(dataset, url, refresh=self._refresh(now))
        except FeedError as error:
            return None, [str(error)]
        if delivery.fetched_at != self._kept:
            self._keep(delivery.value)
            self._kept = delivery.fetched_at
        return delivery, [delivery.trouble] if delivery.trouble else []

    def _refresh(self, now: datetime) -> timedelta:
        """Eager while a price that should be there is not."""
        local = now.astimezone(ZoneInfo(TIMEZONE))
        if self._settled(local, 1):
            return _CONTENT
        return _EAGER if local.time() >= AUCTION or not self._settled(local, 0) else _PATIENT

    def _settled(self, local: datetime, days: int) -> bool:
        """Whether the last quarter-hour of the local day so many days on is known."""
        midnight = datetime.combine(local.date() + (days + 1) * DAY, time(), local.tzinfo)
        last = int(midnight.timestamp()) - QUARTER_S
        return all(np.isfinite(self._record.get(_name(a), QUARTER_S, last, 1)[0]) for a in AREAS)

    def _keep(self, prices: Prices) -> None:
        for area, samples in prices.by_area.items():
            self._record.put(_name(area), QUARTER_S, samples)

    def _fill(self, start: datetime, end: datetime) -> list[str]:
        recent = self._clock.now() - WINDOW + DAY
        troubles = [
            self._past.fill(topic, start, min(end, recent)) for topic in (self._elspot, self._older)
        ]
        return [trouble for trouble in troubles if trouble]

    @property
    def _elspot(self) -> Topic[Prices]:
        return Topic(
            name="spot_elspot",
            dataset=Dataset(
                key="eds_Elspotprices",
                name="Elspotprices",
                gate="eds_Elspotprices",
                gate_gap=_MINUTE,
                read=energidata.read_elspot,
            ),
            url=partial(energidata.prices_url, self._base),
            keep=self._keep,
            longest=_LONGEST_PAST,
            end=FIRST_DAY_AHEAD,
        )

    @property
    def _older(self) -> Topic[Prices]:
        return Topic(
            name="spot_day_ahead",
            dataset=Dataset(
                key="eds_DayAheadPrices_past",
                name="DayAheadPrices",
                gate="eds_DayAheadPrices",
                gate_gap=_MINUTE,
                read=energidata.read_day_ahead,
            ),
            url=lambda since, until: energidata.prices_url(
                self._base, max(since, FIRST_DAY_AHEAD), until
            ),
            keep=self._keep,
            longest=_LONGEST_PAST,
            first=FIRST_DAY_AHEAD,
        )

    def _with_tail(
        self, area: str, values: Floats, first: int, troubles: list[str]
    ) -> tuple[Floats, tuple[Words, ...]]:
        tail = tail_begin(values, first, self._clock.now())
        if tail is None:
            return values, ()
        begin = first + tail * QUARTER_S
        quarters = DAYS * int(DAY / QUARTER)
        lately = self._record.get(_name(area), QUARTER_S, begin - quarters * QUARTER_S, quarters)
        values[tail:] = usual(lately, begin, len(values) - tail, TIMEZONE)
        if not np.isfinite(values[tail:]).any():
            return values, ()
        return values, (feed_words.prices_estimated(moment_of(begin), TIMEZONE, told(troubles)),)


def tail_begin(values: Floats, first: int, now: datetime) -> int | None:
    """Index of the first quarter-hour after the last known one that is not over yet; None where
    all is known, or nothing of it lies ahead."""
    known = np.flatnonzero(np.isfinite(values))
    after = int(known[-1]) + 1 if len(known) else 0
    begin = max(after, (int(now.timestamp()) - first) // QUARTER_S)
    return begin if begin < len(values) else None


def refuse_unknown(area: str) -> None:
    """Raises ``FeedError`` for a price area that is not Danish."""
    if area not in AREAS:
        raise FeedError(f"unknown price area {area!r}; known: {', '.join(AREAS)}")


def _name(area: str) -> str:
    return f"spot_{area}"


def _source(delivery: Delivery[Prices] | None) -> str:
    rate = delivery.value.dkk_per_eur if delivery else None
    return CREDIT if rate is None else f"{CREDIT}; some from EUR at {rate:.4f}"
