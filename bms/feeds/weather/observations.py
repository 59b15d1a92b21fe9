"""What DMI's stations observed: the nearest one that measures what is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import numpy as np

from bms.errors import FeedError
from bms.feeds.client.backfill import Past, Topic
from bms.feeds.client.datasets import Courier, Dataset
from bms.feeds.client.payload import Samples, moment_of
from bms.feeds.client.series_archive import Record
from bms.feeds.weather import dmi
from bms.feeds.weather.dmi import OBSERVED_RADIATION, OBSERVED_TEMPERATURE, Station
from bms.feeds.weather.forecast import HOUR_S
from bms.model.readings.series import Floats
from bms.ports.clock import Clock

FARTHEST_KM = 60.0
"""A station further away says little about a building [km]."""

_LOOK_AGAIN = timedelta(days=30)
_LONGEST_PAST = timedelta(days=3660)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Observed:
    """Hours as they were: shapes (n,), NaN where nobody observed. Sources are empty then."""

    temp_out_c: Floats
    ghi_wm2: Floats
    temp_source: str
    ghi_source: str
    troubles: tuple[str, ...]


class ObservedWeather:
    """Hourly means of the past, kept for good."""

    def __init__(self, courier: Courier, record: Record, clock: Clock, base: str) -> None:
        self._courier = courier
        self._record = record
        self._clock = clock
        self._past = Past(courier, record, clock)
        self._base = base

    def weather(self, latitude: float, longitude: float, first: int, n: int) -> Observed:
        """``n`` hours from ``first`` [s since 1970]."""
        troubles: list[str] = []
        temp, temp_source = self._of(OBSERVED_TEMPERATURE, latitude, longitude, first, n, troubles)
        ghi, ghi_source = self._of(OBSERVED_RADIATION, latitude, longitude, first, n, troubles)
        return Observed(
            temp_out_c=temp,
            ghi_wm2=ghi,
            temp_source=temp_source,
            ghi_source=ghi_source,
            troubles=tuple(troubles),
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
        trouble = self._past.fill(topic, moment_of(first), moment_of(first + n * HOUR_S))
        troubles += [trouble] if trouble else []
        values = self._record.get(topic.name, HOUR_S, first, n)
        source = f"{dmi.CREDIT} station {station.id}, {station.distance_km:.0f} km away"
        return values, source if np.isfinite(values).any() else ""

    def _station(self, parameter: str, latitude: float, longitude: float) -> Station:
        """The nearest station. Raises ``FeedError`` when none is near or known."""
        dataset = Dataset(
            key=f"dmi_stations_{parameter}_{latitude:.2f}_{longitude:.2f}",
            name=f"DMI stations of {parameter}",
            gate="dmi_metobs",
            read=partial(dmi.read_stations, latitude=latitude, longitude=longitude),
        )
        now = self._clock.now()
        url = dmi.stations_url(
            self._base, parameter, latitude, longitude, _text(now - 4 * _HOUR), _text(now)
        )
        stations = self._courier.bring(dataset, url, refresh=_LOOK_AGAIN).value
        if not stations or stations[0].distance_km > FARTHEST_KM:
            raise FeedError(f"no DMI station within {FARTHEST_KM:g} km observes {parameter}")
        return stations[0]

    def _topic(self, parameter: str, station: Station) -> Topic[Samples]:
        name = f"observed_{station.id}_{parameter}"
        return Topic(
            name=name,
            dataset=Dataset(
                key=f"dmi_{name}",
                name=f"DMI station {station.id}",
                gate="dmi_metobs",
                read=partial(dmi.read_observations, parameter=parameter),
            ),
            # the mean of an hour is stamped with its end, and both ends of the range belong to it
            url=lambda since, until: dmi.observations_url(
                self._base, station.id, parameter, _text(since + _HOUR), _text(until)
            ),
            keep=lambda samples: self._record.put(name, HOUR_S, samples),
            longest=_LONGEST_PAST,
        )


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
