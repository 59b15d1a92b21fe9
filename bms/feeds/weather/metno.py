"""MET Norway, Locationforecast 2.0 (CC BY 4.0); irradiance is estimated from its cloud cover.

https://api.met.no; its terms of use require a User-Agent with a contact, at most four decimals in a
position, and the use of ``Expires`` and ``If-Modified-Since``.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import numpy as np

from bms.feeds.client.payload import (
    EpochSeconds,
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
    MAX_TEMP_C,
    MIN_TEMP_C,
    HourlyForecast,
    hour_range,
    hourly_means,
    sine_of_elevation,
    with_temperature,
)
from bms.model.readings.series import Floats


def ghi_from_cloud_cover(
    seconds: EpochSeconds, latitude: float, longitude: float, cloud: Floats
) -> Floats:
    """Returns global horizontal irradiance [W/m2] for a cloud cover ``cloud`` [0..1]. Shape (n,).

    An estimate: ``(910 sin h - 30) (1 - 0.75 cloud^3.4)``, Kasten and Czeplak (1980),
    doi:10.1016/0038-092X(80)90391-6. NaN where the cloud cover is not known, 0 at night.
    """
    clear = np.maximum(0.0, 910.0 * sine_of_elevation(seconds, latitude, longitude) - 30.0)
    under: Floats = clear * (1.0 - 0.75 * cloud**3.4)
    return np.where(clear == 0.0, 0.0, under)


BASE = "https://api.met.no"
CREDIT = "MET Norway (CC BY 4.0)"
MAX_INTERPOLATION_S = 6 * HOUR_S
"""Longest gap that is interpolated [s]: further ahead there is a value every six hours."""

_NAME = "MET Norway"


def forecast_url(base: str, latitude: float, longitude: float) -> str:
    query = urlencode({"lat": f"{latitude:.4f}", "lon": f"{longitude:.4f}"})
    return f"{base}/weatherapi/locationforecast/2.0/compact?{query}"


def read_forecast(body: bytes, latitude: float, longitude: float) -> HourlyForecast:
    """Returns temperature and estimated irradiance. Raises ``FeedError``."""
    answer = json_object(body, _NAME)
    with parsing(_NAME):
        said = answer["properties"]
        rows = [(epoch_second(row["time"]), _details(row)) for row in said["timeseries"]]
        temp = samples_of(
            {
                at: number_within(row.get("air_temperature"), MIN_TEMP_C, MAX_TEMP_C)
                for at, row in rows
            }
        )
        cloud = samples_of(
            {at: number_within(row.get("cloud_area_fraction"), 0, 100) / 100 for at, row in rows}
        )
        first, n = hour_range(temp)
        clouds = hourly_means(_interpolated(cloud, first, n))
        middles = first + HOUR_S // 2 + HOUR_S * np.arange(n, dtype=np.int64)
        forecast = HourlyForecast(
            first=first,
            temp_out_c=hourly_means(_interpolated(temp, first, n)),
            ghi_wm2=ghi_from_cloud_cover(middles, latitude, longitude, clouds),
            issued_at=utc_time(epoch_second(said["meta"]["updated_at"])),
        )
    return with_temperature(forecast, _NAME)


def _details(row: dict[str, Any]) -> dict[str, Any]:
    details: dict[str, Any] = row["data"]["instant"]["details"]
    return details


def _interpolated(known: Samples, first: int, n: int) -> Floats:
    """Returns values at whole hours, linearly interpolated over gaps of 6 h at most. Shape (n,)."""
    there = np.isfinite(known.values)
    seconds, values = known.seconds[there], known.values[there]
    hours = first + HOUR_S * np.arange(n, dtype=np.int64)
    if not len(seconds):
        return np.full(n, np.nan)
    after = np.searchsorted(seconds, hours)
    before = np.searchsorted(seconds, hours, side="right") - 1
    inside = (before >= 0) & (after < len(seconds))
    width = seconds[np.minimum(after, len(seconds) - 1)] - seconds[np.maximum(before, 0)]
    line = np.interp(hours, seconds, values)
    return np.where(inside & (width <= MAX_INTERPOLATION_S), line, np.nan)
