"""Blending of weather at a position: observations, DMI's forecast, other providers where it fails.

Positions are rounded to cells of about 2 km, so that the buildings of a neighbourhood share one
request for each model run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import numpy as np

from bms.errors import FeedError
from bms.feeds.client import notes as feed_notes
from bms.feeds.client.cached_fetch import Dataset, DatasetFetcher, FetchResult
from bms.feeds.client.check import DatasetCheck
from bms.feeds.client.notes import why_nothing
from bms.feeds.client.payload import Samples, utc_time
from bms.feeds.client.series_archive import SeriesArchive
from bms.feeds.weather.hourly_forecast import (
    HOUR_S,
    STALE_AFTER,
    HourlyForecast,
    forecast_check,
)
from bms.feeds.weather.observations import StationObservations
from bms.feeds.weather.providers import ForecastCell, ForecastProvider, cell_of
from bms.feeds.weather.skill import Choice, SkillRecord
from bms.model.fact import Fact
from bms.model.planning.feed import FeedSeries, ForecastScore, WeatherQuantity, WeatherSeries
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats, Series, grid_length
from bms.ports.clock import Clock

HOUR = timedelta(hours=1)
FORGET_AFTER = timedelta(hours=48)
"""Age of a model run from which none of its hours is used."""
USUAL_DAYS, LEAST_USUAL_DAYS = 7, 3
"""Days of which the usual weather of an hour is the mean, and how many have to be known [d]."""
LEADS_H = (0, 6, 12, 24, 48)
"""Lead times [h] by which past forecasts are archived: made at least so long before the hour."""

_RUN_DELAY = timedelta(hours=2, minutes=30)
"""DMI starts a model run every three hours; it is assumed to be published so much later."""
_OVERDUE_REFRESH = timedelta(minutes=30)
"""Interval of requests for a model run that is overdue."""
_RECORD_REFRESH = timedelta(hours=6)
"""Interval of requests for a forecast that is not used but kept on record."""
_EPOCH = utc_time(0)

Delivery = FetchResult[HourlyForecast]


@dataclass(slots=True)
class BlendedForecast:
    """A forecast of several providers: hourly means from epoch second ``first`` [degC], [W/m2]."""

    first: int
    temp: Floats
    ghi: Floats
    issued_at: datetime | None = None
    sources: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    notes: list[Fact] = field(default_factory=list)
    deliveries: dict[str, Delivery | None] = field(default_factory=dict)

    def of(self, what: WeatherQuantity) -> Floats:
        """The values of a quantity."""
        return self.temp if what is WeatherQuantity.TEMP else self.ghi

    def is_complete(self, what: WeatherQuantity) -> bool:
        """Whether every hour of a quantity is known."""
        return bool(np.isfinite(self.of(what)).all())

    @property
    def complete(self) -> bool:
        """Whether every hour is known."""
        return all(self.is_complete(what) for what in WeatherQuantity)

    def note(self, one: Fact) -> None:
        """Adds a note, once."""
        if one not in self.notes:
            self.notes.append(one)

    def credit(self, provider: ForecastProvider, delivery: Delivery) -> None:
        """Adds a source; the first one tells how old the forecast is."""
        if not self.sources:
            self.issued_at = delivery.value.issued(delivery.fetched_at)
        if provider.credit not in self.sources:
            self.sources.append(provider.credit)


class LiveWeather:
    """The ``weather`` of a feed."""

    def __init__(
        self,
        fetcher: DatasetFetcher,
        archive: SeriesArchive,
        clock: Clock,
        chosen: Sequence[ForecastProvider],
        observed: StationObservations,
    ) -> None:
        self._fetcher = fetcher
        self._archive = archive
        self._clock = clock
        self._providers = chosen
        self._observed = observed
        self._skill = SkillRecord(archive, observed, clock, [each.id for each in chosen])
        self._kept: dict[str, datetime] = {}
        self._served: dict[str, tuple[object, ...]] = {}

    def weather(
        self, latitude: float, longitude: float, *, start: datetime, end: datetime
    ) -> WeatherSeries:
        """Returns the hours that cover ``start`` to ``end``: observed until now, then forecast.

        An hour without observation is taken from the last forecast before it, one beyond all
        forecasts from the same hour of the last days. Raises ``FeedError`` where no temperature is
        known.
        """
        cell = cell_of(latitude, longitude)
        first = int(start.timestamp()) // HOUR_S * HOUR_S
        n = grid_length(utc_time(first), end, HOUR)
        past = min(n, max(0, int(self._clock.now().timestamp() - first) // HOUR_S))
        ahead = self._forecast(cell, first + past * HOUR_S, n - past)
        before = self._observed.weather(cell.latitude, cell.longitude, first, past)
        temp, temp_source = self._observed_or_forecast(
            cell, "temp", first, before.temp_out_c, before.temp_source
        )
        ghi, ghi_source = self._observed_or_forecast(
            cell, "ghi", first, before.ghi_wm2, before.ghi_source
        )
        temp, ghi = np.append(temp, ahead.temp), np.append(ghi, ahead.ghi)
        usual = [
            self._usual_weather(cell, what, first, values, past)
            for what, values in (("temp", temp), ("ghi", ghi))
        ]
        begins = [at for at in usual if at is not None]
        if begins:
            ahead.notes.append(feed_notes.weather_usual(min(begins)))
        if not np.isfinite(temp).any():
            raise FeedError(
                f"no weather at {latitude}, {longitude} from {start} to {end}: "
                f"{why_nothing([*ahead.troubles, *before.troubles])}"
            )
        sources = ahead.sources

        def series(values: Floats, unit: str, source: str, notes: Sequence[Fact]) -> FeedSeries:
            return FeedSeries(
                series=Series(utc_time(first), HOUR, values),
                unit=unit,
                source=", ".join(dict.fromkeys([source, *sources] if source else sources)),
                issued_at=ahead.issued_at or self._clock.now(),
                notes=tuple(notes),
            )

        return WeatherSeries(
            temp_out_c=series(temp, "degC", temp_source, ahead.notes),
            ghi_wm2=series(ghi, "W/m2", ghi_source, ()),
        )

    def forecasts(
        self, latitude: float, longitude: float, *, start: datetime, end: datetime
    ) -> dict[int, Series]:
        """Returns temperatures [degC] of past hours as forecast, by minimum lead time [h]."""
        cell = cell_of(latitude, longitude)
        first = int(start.timestamp()) // HOUR_S * HOUR_S
        n = grid_length(utc_time(first), end, HOUR)
        return {
            lead: Series(
                utc_time(first),
                HOUR,
                self._archive.get(_kept_name(cell, f"temp.lead{lead}"), HOUR_S, first, n),
            )
            for lead in LEADS_H
        }

    def _observed_or_forecast(
        self, cell: ForecastCell, what: str, first: int, observed: Floats, source: str
    ) -> tuple[Floats, str]:
        """Returns observed values, filled from the last forecast, and their source."""
        foreseen = self._archive.get(_kept_name(cell, what), HOUR_S, first, len(observed))
        used = np.isnan(observed) & np.isfinite(foreseen)
        if not used.any():
            return observed, source
        sources = [source] if source else []
        return np.where(used, foreseen, observed), ", ".join([*sources, "earlier forecasts"])

    def scores(self, latitude: float, longitude: float) -> tuple[ForecastScore, ...]:
        """Returns what each provider foresaw at a position against what came."""
        return self._skill.scores(cell_of(latitude, longitude))

    def _forecast(self, cell: ForecastCell, first: int, n: int) -> BlendedForecast:
        ahead = BlendedForecast(first=first, temp=np.full(n, np.nan), ghi=np.full(n, np.nan))
        if n <= 0:
            return ahead
        for what in WeatherQuantity:
            self._fill(ahead, what, cell)
        for provider in self._providers:
            self._fill_from_earlier_runs(ahead, provider, cell)
        self._keep_served(cell, ahead)
        self._ask_for_the_record(ahead, cell)
        return ahead

    def _fill(self, ahead: BlendedForecast, what: WeatherQuantity, cell: ForecastCell) -> None:
        """Fills a quantity from the forecasts of the leader, then of the others, the stale ones
        last."""
        choice = self._skill.choice(cell, what)
        by_id = {provider.id: provider for provider in self._providers}
        ranked = [by_id[each] for each in choice.order]
        stale: list[tuple[ForecastProvider, Delivery]] = []
        self._fill_blended(ahead, what, cell, choice, by_id)
        for provider in ranked:
            if ahead.is_complete(what):
                break
            delivery = self._delivery(ahead, provider, cell)
            if delivery is None:
                continue
            if self._age(delivery) > STALE_AFTER:
                stale.append((provider, delivery))
            else:
                self._fill_from(ahead, what, provider, delivery, ranked[0])
        for provider, delivery in sorted(stale, key=lambda one: self._age(one[1])):
            self._fill_from(ahead, what, provider, delivery, ranked[0])
        leader, usual = ranked[0], self._providers[0]
        leads = leader is not usual and leader.credit in ahead.sources
        if leads and what is WeatherQuantity.TEMP:
            ahead.note(_leads(choice, leader, usual))

    def _fill_blended(
        self,
        ahead: BlendedForecast,
        what: WeatherQuantity,
        cell: ForecastCell,
        choice: Choice,
        by_id: Mapping[str, ForecastProvider],
    ) -> None:
        """Fills the hours that the leader and the second one both foresee with their mean."""
        if choice.second is None:
            return
        pair = [by_id[choice.order[0]], by_id[choice.second]]
        found = [self._delivery(ahead, provider, cell) for provider in pair]
        fresh = [each for each in found if each is not None and self._age(each) <= STALE_AFTER]
        if len(fresh) < 2:
            return
        ours, theirs = (one.value.on_hours(ahead.first, len(ahead.temp))[what] for one in fresh)
        mean = (1 - choice.weight) * ours + choice.weight * theirs
        there = np.isfinite(mean)
        if not there.any():
            return
        ahead.of(what)[there] = mean[there]
        for provider, delivery in zip(pair, fresh, strict=True):
            ahead.credit(provider, delivery)
        if what is WeatherQuantity.TEMP:
            leader, second = (provider.credit for provider in pair)
            ahead.note(feed_notes.weather_blended(leader, second, choice.weight))

    def _delivery(
        self, ahead: BlendedForecast, provider: ForecastProvider, cell: ForecastCell
    ) -> Delivery | None:
        """Returns the provider's forecast, asked for once; None where it has none."""
        if provider.id not in ahead.deliveries:
            ahead.deliveries[provider.id] = None
            try:
                delivery = self._fetch_forecast(provider, cell)
            except FeedError as error:
                ahead.troubles.append(str(error))
                return None
            if delivery.trouble:
                ahead.troubles.append(f"{provider.credit}: {delivery.trouble}")
            ahead.deliveries[provider.id] = delivery
        return ahead.deliveries[provider.id]

    def _ask_for_the_record(self, ahead: BlendedForecast, cell: ForecastCell) -> None:
        """Asks the providers that were not needed, seldom: what they foresee is kept on record."""
        for provider in self._providers:
            if provider.id not in ahead.deliveries:
                with suppress(FeedError):
                    self._fetch_forecast(provider, cell, seldom=True)

    def _age(self, delivery: Delivery) -> timedelta:
        """Returns the age of the model run, however new the answer is."""
        return self._clock.now() - delivery.value.issued(delivery.fetched_at)

    def _fill_from_earlier_runs(
        self, ahead: BlendedForecast, provider: ForecastProvider, cell: ForecastCell
    ) -> None:
        """Fills unknown hours from the newest run of a provider that had a value for them."""
        if ahead.complete:
            return
        oldest = (self._clock.now() - FORGET_AFTER).timestamp()
        n, since = len(ahead.temp), None
        for what, values in (("temp", ahead.temp), ("ghi", ahead.ghi)):
            kept = self._archive.get(_run_name(provider, cell, what), HOUR_S, ahead.first, n)
            made = self._archive.get(
                _run_name(provider, cell, f"{what}.issued"), HOUR_S, ahead.first, n
            )
            used = np.isnan(values) & np.isfinite(kept) & (made >= oldest)
            values[used] = kept[used]
            if used.any():
                begin = utc_time(ahead.first + int(np.flatnonzero(used)[0]) * HOUR_S)
                since = begin if since is None else min(since, begin)
        if since is None:
            return
        ahead.notes.append(feed_notes.weather_earlier_run(provider.credit, since))
        if provider.credit not in ahead.sources:
            ahead.sources.append(provider.credit)

    def _usual_weather(
        self, cell: ForecastCell, what: str, first: int, values: Floats, past: int
    ) -> datetime | None:
        """Fills the hours beyond all forecasts with the mean of the same hours of the last days.
        Returns when they begin, None where none had to be or could be filled."""
        known = np.flatnonzero(np.isfinite(values))
        begin = max(past, int(known[-1]) + 1 if len(known) else 0)
        if begin >= len(values):
            return None
        hours = 24 * USUAL_DAYS
        before = self._archive.get(
            _kept_name(cell, what), HOUR_S, first + (begin - hours) * HOUR_S, hours
        )
        own = values[max(0, begin - hours) : begin]
        if len(own):
            before[-len(own) :] = np.where(np.isfinite(own), own, before[-len(own) :])
        days = before.reshape(USUAL_DAYS, 24)
        count = np.isfinite(days).sum(axis=0)
        mean = np.where(
            count >= LEAST_USUAL_DAYS, np.nansum(days, axis=0) / np.maximum(count, 1), np.nan
        )
        values[begin:] = np.resize(mean, len(values) - begin)
        return utc_time(first + begin * HOUR_S) if np.isfinite(values[begin:]).any() else None

    def _fill_from(
        self,
        ahead: BlendedForecast,
        what: WeatherQuantity,
        provider: ForecastProvider,
        delivery: Delivery,
        leader: ForecastProvider,
    ) -> None:
        """Fills unknown hours from a forecast, and notes what a reader has to know about it."""
        values, told = ahead.of(what), delivery.value.on_hours(ahead.first, len(ahead.temp))[what]
        new = np.isnan(values) & np.isfinite(told)
        if not new.any():
            return
        if self._age(delivery) > STALE_AFTER:
            ahead.note(feed_notes.weather_stale(self._age(delivery), ahead.troubles))
        if provider is not leader or np.isfinite(values).any():
            ahead.note(_place(ahead, what, provider, new))
        values[new] = told[new]
        if provider.estimates_irradiance and what is WeatherQuantity.GHI:
            ahead.note(feed_notes.sun_estimated(provider.credit))
        ahead.credit(provider, delivery)

    def check(self, latitude: float, longitude: float) -> Iterator[DatasetCheck]:
        """Asks each provider of forecasts and observations once; returns what each said."""
        cell = cell_of(latitude, longitude)
        for provider in self._providers:
            dataset = _dataset(provider, cell)
            known = self._fetcher.check(dataset, provider.url(cell))
            yield forecast_check(dataset.name, known, self._clock.now())
        yield from self._observed.check(cell.latitude, cell.longitude)

    def _fetch_forecast(
        self, provider: ForecastProvider, cell: ForecastCell, *, seldom: bool = False
    ) -> Delivery:
        dataset = _dataset(provider, cell)
        url, now = provider.url(cell), self._clock.now()
        least = provider.least_interval
        newest_run = (now - _RUN_DELAY - _EPOCH) % provider.run_interval
        refresh = _RECORD_REFRESH if seldom else max(newest_run, least)
        delivery = self._fetcher.fetch(dataset, url, refresh=refresh)
        if not seldom and now - delivery.fetched_at > newest_run:
            delivery = self._fetcher.fetch(dataset, url, refresh=max(_OVERDUE_REFRESH, least))
        self._keep(provider, cell, delivery)
        return delivery

    def _keep(self, provider: ForecastProvider, cell: ForecastCell, delivery: Delivery) -> None:
        """Archives a provider's forecast: the newest by hour, and by lead time for its score."""
        if self._kept.get(f"{provider.id}_{cell.name}") == delivery.fetched_at:
            return
        hours = delivery.value.seconds
        made = delivery.value.issued(delivery.fetched_at).timestamp()
        lead_h = (hours - int(delivery.fetched_at.timestamp())) / HOUR_S
        for what, values in zip(WeatherQuantity, delivery.value.quantities, strict=True):
            there = np.isfinite(values)
            known = Samples(hours[there], values[there])
            self._archive.put(_run_name(provider, cell, what), HOUR_S, known)
            stamps = Samples(hours[there], np.full(int(there.sum()), made))
            self._archive.put(_run_name(provider, cell, f"{what}.issued"), HOUR_S, stamps)
            self._skill.keep(provider.id, cell, what, known, lead_h[there])
        self._kept[f"{provider.id}_{cell.name}"] = delivery.fetched_at

    def _keep_served(self, cell: ForecastCell, ahead: BlendedForecast) -> None:
        """Archives what is served: the newest by hour, and temperatures by lead time."""
        now = int(self._clock.now().timestamp())
        came = (each.fetched_at for each in ahead.deliveries.values() if each is not None)
        state = (now // HOUR_S, len(ahead.temp), *came)
        if self._served.get(cell.name) == state:
            return
        hours = ahead.first + HOUR_S * np.arange(len(ahead.temp), dtype=np.int64)
        for what in WeatherQuantity:
            served = Samples(hours, ahead.of(what))
            self._archive.put(_kept_name(cell, what), HOUR_S, served)
        for lead in LEADS_H:
            far = hours - now >= lead * HOUR_S
            samples = Samples(hours[far], ahead.temp[far])
            self._archive.put(_kept_name(cell, f"temp.lead{lead}"), HOUR_S, samples)
        self._served[cell.name] = state


def _place(
    ahead: BlendedForecast, what: WeatherQuantity, provider: ForecastProvider, new: Flags
) -> Fact:
    """Returns the note of hours ``new`` that another provider than the leader foresees."""
    if not ahead.sources or ahead.sources == [provider.credit]:
        return feed_notes.weather_fallback(provider.credit, ahead.troubles)
    at = np.flatnonzero(new)
    since = utc_time(ahead.first + int(at[0]) * HOUR_S)
    if not np.isfinite(ahead.of(what)[at[-1] :]).any():
        return feed_notes.weather_tail(provider.credit, since)
    until = utc_time(ahead.first + int(at[-1] + 1) * HOUR_S)
    return feed_notes.weather_gap(provider.credit, since, until)


def _leads(choice: Choice, leader: ForecastProvider, usual: ForecastProvider) -> Fact:
    return feed_notes.weather_leads(
        leader.credit, choice.rmse[leader.id], usual.credit, choice.rmse[usual.id]
    )


def _dataset(provider: ForecastProvider, cell: ForecastCell) -> Dataset[HourlyForecast]:
    return Dataset(
        key=f"{provider.id}_{cell.name}",
        name=f"{provider.credit} at {cell.latitude:.2f}, {cell.longitude:.2f}",
        quota=provider.id,
        read=partial(_read, provider, cell),
    )


def _read(provider: ForecastProvider, cell: ForecastCell, body: bytes) -> HourlyForecast:
    return provider.read(body, cell)


def _kept_name(cell: ForecastCell, what: str) -> str:
    return f"forecast_{cell.name}.{what}"


def _run_name(provider: ForecastProvider, cell: ForecastCell, what: str) -> str:
    return f"run_{provider.id}_{cell.name}.{what}"
