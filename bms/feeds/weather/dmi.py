"""Danish Meteorological Institute: the HARMONIE forecast (EDR) and observations (metObs).

Open data, CC BY 4.0, no key. https://opendataapi.dmi.dk
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, hypot, isfinite, radians
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np

from bms.errors import FeedError
from bms.feeds.client.payload import (
    Samples,
    epoch_second,
    json_object,
    number_within,
    parsing,
    samples_of,
    utc_time,
)
from bms.feeds.weather.hourly_forecast import (
    HOUR_S,
    MAX_GHI_WM2,
    MAX_TEMP_C,
    MIN_TEMP_C,
    HourlyForecast,
    at_whole_hours,
    hour_range,
    hourly_means,
    with_temperature,
)
from bms.model.readings.series import Floats

BASE = "https://opendataapi.dmi.dk"
CREDIT = "DMI (CC BY 4.0)"
TEMPERATURE, RADIATION = "temperature-2m", "global-radiation-flux"
OBSERVED_TEMPERATURE, OBSERVED_RADIATION = "temp_mean_past1h", "radia_glob_past1h"

MAX_OBSERVATIONS = 300_000
"""Largest ``limit`` of a request."""

_KELVIN = 273.15
_MAX_JOULE_M2 = 1e9
_POWER_UNITS = ("w/m2", "wm-2", "watt/m2")
_ENERGY_UNITS = ("j/m2", "jm-2", "joule/m2")
_ROUNDING_WM2 = 1.0
"""A decrease below this is rounding [W/m2]; a larger one is the start of another model run."""
_KM_PER_DEG = 111.2
_FORECAST, _OBSERVED = "DMI HARMONIE", "DMI metObs"


def forecast_url(base: str, latitude: float, longitude: float) -> str:
    """Returns the address of the whole newest run at a position: accumulated radiation needs its
    start."""
    query = {"coords": f"POINT({longitude:g} {latitude:g})", "crs": "crs84"}
    names = f"{TEMPERATURE},{RADIATION}"
    return (
        f"{base}/v1/forecastedr/collections/harmonie_dini_sf/position?"
        f"{urlencode(query, quote_via=quote)}&parameter-name={names}"
    )


def read_forecast(body: bytes) -> HourlyForecast:
    """Returns a position forecast from CoverageJSON or GeoJSON. Raises ``FeedError``.

    Its first moment is when the run begins, which is told as ``issued_at``. Where the answer
    labels the radiation as W/m2 it is taken as such.
    Radiation is accumulated [J/m2] since the start of the model run. The difference over an hour
    of one run gives that hour's mean [W/m2]; where the accumulation decreases another run begins,
    and the hour is NaN.
    """
    answer = json_object(body, _FORECAST)
    with parsing(_FORECAST):
        features = answer.get("features")
        watt = features is None and _is_power(answer)
        means = _hourly_means_of_power if watt else _hourly_means_of_accumulation
        kelvin, joule = _of_features(features) if features is not None else _of_coverage(answer)
        first, n = hour_range(kelvin, joule)
        temp = hourly_means(at_whole_hours(kelvin, first, n) - _KELVIN)
        forecast = HourlyForecast(
            first=first,
            temp_out_c=temp,
            ghi_wm2=means(at_whole_hours(joule, first, n)),
            issued_at=utc_time(first),
        )
    return with_temperature(forecast, _FORECAST)


def _is_power(answer: dict[str, Any]) -> bool:
    """Whether the radiation is labelled as W/m2. Raises ``FeedError`` for a unit that is not
    known."""
    said = (answer.get("parameters") or {}).get(RADIATION) or {}
    symbol = (said.get("unit") or {}).get("symbol")
    text = symbol.get("value") if isinstance(symbol, dict) else symbol
    if text is None:
        return False
    unit = re.sub(r"[\s*^.]", "", str(text)).replace("²", "2").casefold()
    if unit in _POWER_UNITS:
        return True
    if unit in _ENERGY_UNITS:
        return False
    raise FeedError(f"{_FORECAST}: radiation in {str(text)[:20]!r} cannot be read")


def _hourly_means_of_power(watt: Floats) -> Floats:
    """Returns the mean [W/m2] of each hour from values at its ends. Shape (n,)."""
    means = hourly_means(watt)
    with np.errstate(invalid="ignore"):
        return np.where((means >= 0) & (means <= MAX_GHI_WM2), means, np.nan)


def _hourly_means_of_accumulation(joule: Floats) -> Floats:
    """Returns the mean [W/m2] of the hour that begins at each accumulation [J/m2]. Shape (n,)."""
    means = np.full(len(joule), np.nan)
    watt = np.diff(joule) / HOUR_S
    means[:-1] = np.where((watt < 0) & (watt > -_ROUNDING_WM2), 0.0, watt)
    with np.errstate(invalid="ignore"):
        return np.where((means >= 0) & (means <= MAX_GHI_WM2), means, np.nan)


def _of_coverage(answer: dict[str, Any]) -> tuple[Samples, Samples]:
    moments = [epoch_second(text) for text in answer["domain"]["axes"]["t"]["values"]]
    return (
        _range(answer, TEMPERATURE, moments, MIN_TEMP_C + _KELVIN, MAX_TEMP_C + _KELVIN),
        _range(answer, RADIATION, moments, -_MAX_JOULE_M2, _MAX_JOULE_M2),
    )


def _range(
    answer: dict[str, Any], name: str, moments: list[int], low: float, high: float
) -> Samples:
    if name not in answer["ranges"]:
        return samples_of({})
    values = answer["ranges"][name]["values"]
    if len(values) != len(moments):
        raise ValueError(f"{name} has {len(values)} values at {len(moments)} moments")
    return samples_of(
        {at: number_within(value, low, high) for at, value in zip(moments, values, strict=True)}
    )


def _of_features(features: list[dict[str, Any]]) -> tuple[Samples, Samples]:
    rows = [(epoch_second(row["properties"]["step"]), row["properties"]) for row in features]
    kelvin = {
        at: number_within(row.get(TEMPERATURE), MIN_TEMP_C + _KELVIN, MAX_TEMP_C + _KELVIN)
        for at, row in rows
    }
    joule = {
        at: number_within(row.get(RADIATION), -_MAX_JOULE_M2, _MAX_JOULE_M2) for at, row in rows
    }
    return samples_of(kelvin), samples_of(joule)


@dataclass(frozen=True, slots=True)
class Station:
    """A weather station and its distance [km]."""

    id: str
    distance_km: float


def stations_url(
    base: str, parameter: str, latitude: float, longitude: float, start: str, end: str
) -> str:
    """Returns the address of a few hours of observations of a parameter around a position."""
    box = (longitude - 1.0, latitude - 0.6, longitude + 1.0, latitude + 0.6)
    query = {
        "bbox": ",".join(f"{degree:.2f}" for degree in box),
        "parameterId": parameter,
        "datetime": f"{start}/{end}",
        "limit": "10000",
    }
    return f"{base}/v2/metObs/collections/observation/items?{urlencode(query)}"


def observations_url(base: str, station: str, parameter: str, start: str, end: str) -> str:
    """Returns the address of hourly observations of a station."""
    query = {
        "stationId": station,
        "parameterId": parameter,
        "datetime": f"{start}/{end}",
        "limit": str(MAX_OBSERVATIONS),
    }
    return f"{base}/v2/metObs/collections/observation/items?{urlencode(query)}"


def read_stations(body: bytes, latitude: float, longitude: float) -> tuple[Station, ...]:
    """Returns the stations of a response, the nearest first. Raises ``FeedError``."""
    with parsing(_OBSERVED):
        found: dict[str, float] = {}
        for row in _rows(body):
            east, north = (
                number_within(value, -180, 180) for value in row["geometry"]["coordinates"][:2]
            )
            away = _KM_PER_DEG * hypot(
                north - latitude, (east - longitude) * cos(radians(latitude))
            )
            name = row["properties"]["stationId"]
            if isinstance(name, str) and name.isalnum() and isfinite(away):
                found[name] = min(away, found.get(name, away))
        ordered = sorted(found.items(), key=lambda item: (item[1], item[0]))
        return tuple(Station(name, away) for name, away in ordered)


def read_observations(body: bytes, parameter: str) -> Samples:
    """Returns hourly means by the start of their hour (DMI stamps the end) [degC] or [W/m2].

    Raises ``FeedError``, also for a response that is only a page of the observations.
    """
    low, high = (
        (MIN_TEMP_C, MAX_TEMP_C) if parameter == OBSERVED_TEMPERATURE else (-5.0, MAX_GHI_WM2)
    )
    with parsing(_OBSERVED):
        found = {}
        for row in _rows(body):
            said = row["properties"]
            if said["parameterId"] == parameter:
                found[epoch_second(said["observed"]) - HOUR_S] = number_within(
                    said["value"], low, high
                )
        kept = samples_of(found)
    if parameter == OBSERVED_RADIATION:  # thermal offset of a pyranometer at night
        return Samples(kept.seconds, np.maximum(kept.values, 0.0))
    return kept


def _rows(body: bytes) -> Iterator[dict[str, Any]]:
    answer = json_object(body, _OBSERVED)
    rows = answer["features"]
    said = answer.get("numberReturned", len(rows))
    if said != len(rows) or any(link.get("rel") == "next" for link in answer.get("links", ())):
        raise FeedError(f"{_OBSERVED}: only a part of the observations came ({len(rows)})")
    yield from rows
