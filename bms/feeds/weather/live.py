"""The weather at a position: observed by DMI, forecast by DMI, and by others where DMI fails.

Positions are rounded to cells of about 2 km, so that all buildings of a neighbourhood share one
request for each model run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import numpy as np

from bms.errors import FeedError
from bms.feeds.client import notes as feed_words
from bms.feeds.client.datasets import Courier, Dataset, Delivery
from bms.feeds.client.notes import TIMEZONE, told, why_nothing
from bms.feeds.client.payload import Samples, moment_of
from bms.feeds.client.series_archive import Record
from bms.feeds.weather.forecast import HOUR_S, Outlook
from bms.feeds.weather.observations import ObservedWeather
from bms.feeds.weather.providers import Cell, Provider, cell_of
from bms.model.planning.feed import FeedSeries, WeatherSeries
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats, Series, grid_length
from bms.model.words import Words
from bms.ports.clock import Clock

HOUR = timedelta(hours=1)
STALE = timedelta(hours=6)
LEADS_H = (0, 6, 12, 24, 48)
"""Forecasts are remembered by how many hours ahead [h] they were made, at least."""

_RUN_DELAY = timedelta(hours=2, minutes=30)
"""DMI starts a run every three hours; it is there so much later, and then asked for."""
_RUN_LATE = timedelta(minutes=30)
_EPOCH = moment_of(0)


@dataclass(slots=True)
class Ahead:
    """A forecast as it is put together: hours from ``first`` [s], and what has to be said."""

    first: int
    temp: Floats
    ghi: Floats
    issued_at: datetime | None = None
    sources: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    notes: list[Words] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether nothing is missing at the end."""
        return bool(np.isfinite(self.temp[-1:]).all() and np.isfinite(self.ghi[-1:]).all())


class LiveWeather:
    """The ``weather`` of a feed."""

    def __init__(
        self,
        courier: Courier,
        record: Record,
        clock: Clock,
        chosen: Sequence[Provider],
        observed: ObservedWeather,
    ) -> None:
        self._courier = courier
        self._record = record
        self._clock = clock
        self._providers = chosen
        self._observed = observed
        self._kept: dict[str, datetime] = {}

    def weather(
        self, latitude: float, longitude: float, *, start: datetime, end: datetime
    ) -> WeatherSeries:
        """Whole hours that cover ``start`` to ``end``: observed until now, then forecast.

        An hour that no station observed is as the last forecast before it had it. Raises
        ``FeedError`` where no temperature is known.
        """
        cell = cell_of(latitude, longitude)
        first = int(start.timestamp()) // HOUR_S * HOUR_S
        n = grid_length(moment_of(first), end, HOUR)
        past = min(n, max(0, int(self._clock.now().timestamp() - first) // HOUR_S))
        ahead = self._forecast(cell, first + past * HOUR_S, n - past)
        before = self._observed.weather(cell.latitude, cell.longitude, first, past)
        temp, temp_source = self._behind(cell, "temp", first, before.temp_out_c, before.temp_source)
        ghi, ghi_source = self._behind(cell, "ghi", first, before.ghi_wm2, before.ghi_source)
        temp, ghi = np.append(temp, ahead.temp), np.append(ghi, ahead.ghi)
        if not np.isfinite(temp).any():
            raise FeedError(
                f"no weather at {latitude}, {longitude} from {start} to {end}: "
                f"{why_nothing([*ahead.troubles, *before.troubles])}"
            )
        sources = ahead.sources

        def series(values: Floats, unit: str, source: str, notes: Sequence[Words]) -> FeedSeries:
            return FeedSeries(
                series=Series(moment_of(first), HOUR, values),
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
        """Temperatures [degC] of past hours as they were forecast, by lead time [h] at least."""
        cell = cell_of(latitude, longitude)
        first = int(start.timestamp()) // HOUR_S * HOUR_S
        n = grid_length(moment_of(first), end, HOUR)
        return {
            lead: Series(
                moment_of(first),
                HOUR,
                self._record.get(_kept_name(cell, f"temp.lead{lead}"), HOUR_S, first, n),
            )
            for lead in LEADS_H
        }

    def _behind(
        self, cell: Cell, what: str, first: int, observed: Floats, source: str
    ) -> tuple[Floats, str]:
        """Observed values, with the last forecast of the hours that nobody observed."""
        foreseen = self._record.get(_kept_name(cell, what), HOUR_S, first, len(observed))
        used = np.isnan(observed) & np.isfinite(foreseen)
        if not used.any():
            return observed, source
        told_by = [source] if source else []
        return np.where(used, foreseen, observed), ", ".join([*told_by, "earlier forecasts"])

    def _forecast(self, cell: Cell, first: int, n: int) -> Ahead:
        ahead = Ahead(first=first, temp=np.full(n, np.nan), ghi=np.full(n, np.nan))
        if n <= 0:
            return ahead
        stale: list[tuple[Provider, Delivery[Outlook]]] = []
        for provider in self._providers:
            if ahead.sources and ahead.whole:
                break
            try:
                delivery = self._bring(provider, cell)
            except FeedError as error:
                ahead.troubles.append(str(error))
                continue
            if delivery.trouble:
                ahead.troubles.append(f"{provider.credit}: {delivery.trouble}")
            if self._clock.now() - delivery.fetched_at > STALE:
                stale.append((provider, delivery))
            else:
                self._take(ahead, provider, delivery)
        for provider, delivery in sorted(stale, key=lambda one: one[1].fetched_at, reverse=True):
            if not (ahead.sources and ahead.whole):
                self._take(ahead, provider, delivery)
        return ahead

    def _take(self, ahead: Ahead, provider: Provider, delivery: Delivery[Outlook]) -> None:
        """Fill what is missing from a forecast, and say what has to be said."""
        temp, ghi = delivery.value.on(ahead.first, len(ahead.temp))
        new_temp = np.isnan(ahead.temp) & np.isfinite(temp)
        new_ghi = np.isnan(ahead.ghi) & np.isfinite(ghi)
        if not (new_temp.any() or new_ghi.any()):
            return
        ahead.temp[new_temp], ahead.ghi[new_ghi] = temp[new_temp], ghi[new_ghi]
        ahead.notes += self._notes(ahead, provider, delivery, new_temp)
        if provider.estimates_sun and new_ghi.any():
            ahead.notes.append(feed_words.sun_estimated(provider.credit))
        if not ahead.sources:
            ahead.issued_at = delivery.fetched_at
        ahead.sources.append(provider.credit)

    def _notes(
        self, ahead: Ahead, provider: Provider, delivery: Delivery[Outlook], new: Flags
    ) -> list[Words]:
        age = self._clock.now() - delivery.fetched_at
        why = told(ahead.troubles)
        notes = [feed_words.weather_stale(age, why)] if age > STALE else []
        if not ahead.sources and provider is not self._providers[0]:
            notes.append(feed_words.weather_fallback(provider.credit, why))
        elif ahead.sources and new.any():
            since = moment_of(ahead.first + int(np.flatnonzero(new)[0]) * HOUR_S)
            notes.append(feed_words.weather_tail(provider.credit, since, TIMEZONE))
        return notes

    def _bring(self, provider: Provider, cell: Cell) -> Delivery[Outlook]:
        dataset = Dataset(
            key=f"{provider.id}_{cell.name}",
            name=f"{provider.credit} at {cell.latitude:.2f}, {cell.longitude:.2f}",
            gate=provider.id,
            read=partial(_read, provider, cell),
        )
        url, now = provider.url(cell), self._clock.now()
        newest_run = (now - _RUN_DELAY - _EPOCH) % provider.every
        delivery = self._courier.bring(dataset, url, refresh=newest_run)
        if now - delivery.fetched_at > newest_run:
            delivery = self._courier.bring(dataset, url, refresh=_RUN_LATE)
        self._keep(provider, cell, delivery)
        return delivery

    def _keep(self, provider: Provider, cell: Cell, delivery: Delivery[Outlook]) -> None:
        """Remember a forecast for the hours that nobody will observe, and by its lead time."""
        if self._kept.get(f"{provider.id}_{cell.name}") == delivery.fetched_at:
            return
        outlook = delivery.value
        hours = outlook.seconds
        lead_h = (hours - int(delivery.fetched_at.timestamp())) / HOUR_S
        for what, values in (("temp", outlook.temp_out_c), ("ghi", outlook.ghi_wm2)):
            self._record.put(_kept_name(cell, what), HOUR_S, Samples(hours, values))
        for lead in LEADS_H:
            far = lead_h >= lead
            self._record.put(
                _kept_name(cell, f"temp.lead{lead}"),
                HOUR_S,
                Samples(hours[far], outlook.temp_out_c[far]),
            )
        self._kept[f"{provider.id}_{cell.name}"] = delivery.fetched_at


def _read(provider: Provider, cell: Cell, body: bytes) -> Outlook:
    return provider.read(body, cell)


def _kept_name(cell: Cell, what: str) -> str:
    return f"forecast_{cell.name}.{what}"
