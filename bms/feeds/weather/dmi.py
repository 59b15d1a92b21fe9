"""Danish Meteorological Institute: the HARMONIE forecast (EDR) and observations (metObs).

Open data, CC BY 4.0, no key. https://opendataapi.dmi.dk
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, hypot, isfinite, radians
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np

from bms.errors import FeedError
from bms.feeds.client.payload import Samples, number, parsed, samples, second, taking_apart
from bms.feeds.weather.forecast import (
    BRIGHTEST_WM2,
    COLDEST_C,
    HOUR_S,
    WARMEST_C,
    Outlook,
    a_forecast,
    mean_of_ends,
    on_hours,
    whole_hours,
)
from bms.model.readings.series import Floats

BASE = "https://opendataapi.dmi.dk"
CREDIT = "DMI (CC BY 4.0)"
TEMPERATURE, RADIATION = "temperature-2m", "global-radiation-flux"
OBSERVED_TEMPERATURE, OBSERVED_RADIATION = "temp_mean_past1h", "radia_glob_past1h"

MOST_OBSERVATIONS = 300_000
"""Most observations that one request may ask for."""

_KELVIN = 273.15
_MOST_JOULE_M2 = 1e9
_ROUNDING_WM2 = 1.0
"""A sum that falls by less than this was rounded on its way; a larger fall is a new run."""
_KM_PER_DEG = 111.2
_FORECAST, _OBSERVED = "DMI HARMONIE", "DMI metObs"


def forecast_url(base: str, latitude: float, longitude: float) -> str:
    """The whole newest run at a position, so that no sum of radiation begins in the middle."""
    query = {"coords": f"POINT({longitude:g} {latitude:g})", "crs": "crs84"}
    names = f"{TEMPERATURE},{RADIATION}"
    return (
        f"{base}/v1/forecastedr/collections/harmonie_dini_sf/position?"
        f"{urlencode(query, quote_via=quote)}&parameter-name={names}"
    )


def read_forecast(body: bytes) -> Outlook:
    """A position forecast, as CoverageJSON or as GeoJSON. Raises ``FeedError``.

    Radiation comes as a sum [J/m2] since the start of the model run. Only two sums of the same run
    an hour apart give the mean of the hour between them: where the sum falls there is another run,
    and that hour is not known.
    """
    answer = parsed(body, _FORECAST)
    with taking_apart(_FORECAST):
        features = answer.get("features")
        kelvin, joule = _of_features(features) if features is not None else _of_coverage(answer)
        first, n = whole_hours(kelvin, joule)
        temp = mean_of_ends(on_hours(kelvin, first, n) - _KELVIN)
        outlook = Outlook(
            first=first, temp_out_c=temp, ghi_wm2=_means_of_sums(on_hours(joule, first, n))
        )
    return a_forecast(outlook, _FORECAST)


def _means_of_sums(joule: Floats) -> Floats:
    """[J/m2] at whole hours → mean [W/m2] of the hour that begins there. Shape (n,)."""
    means = np.full(len(joule), np.nan)
    watt = np.diff(joule) / HOUR_S
    means[:-1] = np.where((watt < 0) & (watt > -_ROUNDING_WM2), 0.0, watt)
    with np.errstate(invalid="ignore"):
        return np.where((means >= 0) & (means <= BRIGHTEST_WM2), means, np.nan)


def _of_coverage(answer: dict[str, Any]) -> tuple[Samples, Samples]:
    moments = [second(text) for text in answer["domain"]["axes"]["t"]["values"]]
    return (
        _range(answer, TEMPERATURE, moments, COLDEST_C + _KELVIN, WARMEST_C + _KELVIN),
        _range(answer, RADIATION, moments, -_MOST_JOULE_M2, _MOST_JOULE_M2),
    )


def _range(
    answer: dict[str, Any], name: str, moments: list[int], low: float, high: float
) -> Samples:
    if name not in answer["ranges"]:
        return samples({})
    values = answer["ranges"][name]["values"]
    if len(values) != len(moments):
        raise ValueError(f"{name} has {len(values)} values at {len(moments)} moments")
    return samples(
        {at: number(value, low, high) for at, value in zip(moments, values, strict=True)}
    )


def _of_features(features: list[dict[str, Any]]) -> tuple[Samples, Samples]:
    rows = [(second(row["properties"]["step"]), row["properties"]) for row in features]
    kelvin = {
        at: number(row.get(TEMPERATURE), COLDEST_C + _KELVIN, WARMEST_C + _KELVIN)
        for at, row in rows
    }
    joule = {at: number(row.get(RADIATION), -_MOST_JOULE_M2, _MOST_JOULE_M2) for at, row in rows}
    return samples(kelvin), samples(joule)


@dataclass(frozen=True, slots=True)
class Station:
    """A weather station and its distance [km]."""

    id: str
    distance_km: float


def stations_url(
    base: str, parameter: str, latitude: float, longitude: float, start: str, end: str
) -> str:
    """Who observes a parameter around a position: all observations there of a few hours."""
    box = (longitude - 1.0, latitude - 0.6, longitude + 1.0, latitude + 0.6)
    query = {
        "bbox": ",".join(f"{degree:.2f}" for degree in box),
        "parameterId": parameter,
        "datetime": f"{start}/{end}",
        "limit": "10000",
    }
    return f"{base}/v2/metObs/collections/observation/items?{urlencode(query)}"


def observations_url(base: str, station: str, parameter: str, start: str, end: str) -> str:
    """Hourly observations of a station."""
    query = {
        "stationId": station,
        "parameterId": parameter,
        "datetime": f"{start}/{end}",
        "limit": str(MOST_OBSERVATIONS),
    }
    return f"{base}/v2/metObs/collections/observation/items?{urlencode(query)}"


def read_stations(body: bytes, latitude: float, longitude: float) -> tuple[Station, ...]:
    """Every station in an answer, the nearest first. Raises ``FeedError``."""
    with taking_apart(_OBSERVED):
        found: dict[str, float] = {}
        for row in _rows(body):
            east, north = (number(value, -180, 180) for value in row["geometry"]["coordinates"][:2])
            away = _KM_PER_DEG * hypot(
                north - latitude, (east - longitude) * cos(radians(latitude))
            )
            name = row["properties"]["stationId"]
            if isinstance(name, str) and name.isalnum() and isfinite(away):
                found[name] = min(away, found.get(name, away))
        ordered = sorted(found.items(), key=lambda item: (item[1], item[0]))
        return tuple(Station(name, away) for name, away in ordered)


def read_observations(body: bytes, parameter: str) -> Samples:
    """Hourly means, stamped with the start of their hour: DMI stamps the end.

    Raises ``FeedError``, also for an answer that is not whole.
    """
    low, high = (
        (COLDEST_C, WARMEST_C) if parameter == OBSERVED_TEMPERATURE else (-5.0, BRIGHTEST_WM2)
    )
    with taking_apart(_OBSERVED):
        found = {}
        for row in _rows(body):
            said = row["properties"]
            if said["parameterId"] == parameter:
                found[second(said["observed"]) - HOUR_S] = number(said["value"], low, high)
        kept = samples(found)
    if parameter == OBSERVED_RADIATION:  # a dark pyranometer shows a little less than nothing
        return Samples(kept.seconds, np.maximum(kept.values, 0.0))
    return kept


def _rows(body: bytes) -> Iterator[dict[str, Any]]:
    answer = parsed(body, _OBSERVED)
    rows = answer["features"]
    said = answer.get("numberReturned", len(rows))
    if said != len(rows) or any(link.get("rel") == "next" for link in answer.get("links", ())):
        raise FeedError(f"{_OBSERVED}: only a part of the observations came ({len(rows)})")
    yield from rows
