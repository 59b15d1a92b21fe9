"""Observations of DMI's stations (metObs): the nearest one that measures a parameter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import numpy as np

from bms.errors import FeedError
from bms.feeds.client.backfill import HistoryBackfill, HistorySource
from bms.feeds.client.cached_fetch import Dataset, DatasetFetcher
from bms.feeds.client.check import CheckVerdict, DatasetCheck, Extent, dataset_check
from bms.feeds.client.payload import Samples, utc_time
from bms.feeds.client.series_archive import SeriesArchive
from bms.feeds.weather import dmi
from bms.feeds.weather.dmi import OBSERVED_RADIATION, OBSERVED_TEMPERATURE, Station
from bms.feeds.weather.hourly_forecast import HOUR_S
from bms.model.readings.series import Floats
from bms.ports.clock import Clock

MAX_DISTANCE_KM = 60.0
"""Stations further away are not used [km]."""

_LOOK_AGAIN = timedelta(days=30)
_MAX_BACKFILL = timedelta(days=3660)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ObservedHours:
    """Hourly means [degC] and [W/m2], shapes (n,); NaN without observations, the source is empty
    then."""

    temp_out_c: Floats
    ghi_wm2: Floats
    temp_source: str
    ghi_source: str
    troubles: tuple[str, ...]


class StationObservations:
    """Hourly observations, archived so that each hour is fetched once."""

    def __init__(
        self, fetcher: DatasetFetcher, archive: SeriesArchive, clock: Clock, base: str
    ) -> None:
        self._fetcher = fetcher
        self._archive = archive
        self._clock = clock
        self._past = HistoryBackfill(fetcher, archive, clock)
        self._base = base

    def weather(self, latitude: float, longitude: float, first: int, n: int) -> ObservedHours:
        """Returns ``n`` hours from epoch second ``first``; errors are in ``troubles``."""
        troubles: list[str] = []
        temp, temp_source = self._of(OBSERVED_TEMPERATURE, latitude, longitude, first, n, troubles)
        ghi, ghi_source = self._of(OBSERVED_RADIATION, latitude, longitude, first, n, troubles)
        return ObservedHours(
            temp_out_c=temp,
            ghi_wm2=ghi,
            temp_source=temp_source,
            ghi_source=ghi_source,
            troubles=tuple(troubles),
        )

    def check(self, latitude: float, longitude: float) -> Iterator[DatasetCheck]:
        """Asks for the nearest stations of each quantity; returns what came of it."""
        for parameter in (OBSERVED_TEMPERATURE, OBSERVED_RADIATION):
            dataset, now = _stations(parameter, latitude, longitude), self._clock.now()
            known = self._fetcher.check(dataset, self._stations_url(parameter, latitude, longitude))
            stations = known.value or ()
            near = sum(station.distance_km <= MAX_DISTANCE_KM for station in stations)
            nothing = CheckVerdict.NOTHING if known.value is None else CheckVerdict.NO_STATION
            yield dataset_check(dataset.name, known, Extent(n=near), now, nothing=nothing)

    def _stations_url(self, parameter: str, latitude: float, longitude: float) -> str:
        now = self._clock.now()
        return dmi.stations_url(
            self._base, parameter, latitude, longitude, _text(now - 4 * _HOUR), _text(now)
        )

    def _of(
        self,
        parameter: str,
        latitude: float,
        longitude: float,
        first: int,
        n: int,
        troubles: list[str],
    ) -> tuple[Floats, str]:
        nothing = np.full(n, np.nan)
        if n == 0:
            return nothing, ""
        try:
            station = self._station(parameter, latitude, longitude)
        except FeedError as error:
            troubles.append(str(error))
            return nothing, ""
        topic = self._topic(parameter, station)
        trouble = self._past.fill(topic, utc_time(first), utc_time(first + n * HOUR_S))
        troubles += [trouble] if trouble else []
        values = self._archive.get(topic.name, HOUR_S, first, n)
        source = f"{dmi.CREDIT} station {station.id}, {station.distance_km:.0f} km away"
        return values, source if np.isfinite(values).any() else ""

    def _station(self, parameter: str, latitude: float, longitude: float) -> Station:
        """Returns the nearest station. Raises ``FeedError`` beyond ``MAX_DISTANCE_KM``."""
        dataset = _stations(parameter, latitude, longitude)
        url = self._stations_url(parameter, latitude, longitude)
        stations = self._fetcher.fetch(dataset, url, refresh=_LOOK_AGAIN).value
        if not stations or stations[0].distance_km > MAX_DISTANCE_KM:
            raise FeedError(f"no DMI station within {MAX_DISTANCE_KM:g} km observes {parameter}")
        return stations[0]

    def _topic(self, parameter: str, station: Station) -> HistorySource[Samples]:
        name = f"observed_{station.id}_{parameter}"
        return HistorySource(
            name=name,
            dataset=Dataset(
                key=f"dmi_{name}",
                name=f"DMI station {station.id}",
                quota="dmi_metobs",
                read=partial(dmi.read_observations, parameter=parameter),
            ),
            # DMI stamps an hourly mean with its end, and both ends of the range are inclusive
            url=lambda since, until: dmi.observations_url(
                self._base, station.id, parameter, _text(since + _HOUR), _text(until)
            ),
            store=lambda samples: self._archive.put(name, HOUR_S, samples),
            max_span=_MAX_BACKFILL,
        )


def _stations(parameter: str, latitude: float, longitude: float) -> Dataset[tuple[Station, ...]]:
    return Dataset(
        key=f"dmi_stations_{parameter}_{latitude:.2f}_{longitude:.2f}",
        name=f"DMI stations of {parameter}",
        quota="dmi_metobs",
        read=partial(dmi.read_stations, latitude=latitude, longitude=longitude),
    )


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
