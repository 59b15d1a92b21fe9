"""Open-Meteo (data CC BY 4.0), https://open-meteo.com; off by default.

The hosted service is free for non-commercial use only, which each municipality has to judge.
"""

from __future__ import annotations

from urllib.parse import urlencode

import numpy as np

from bms.feeds.client.payload import epoch_second, json_object, number_within, parsing, samples_of
from bms.feeds.weather.hourly_forecast import (
    MAX_GHI_WM2,
    MAX_TEMP_C,
    MIN_TEMP_C,
    HourlyForecast,
    at_whole_hours,
    hour_range,
    hourly_means,
    with_temperature,
)

BASE = "https://api.open-meteo.com"
CREDIT = "Open-Meteo (CC BY 4.0)"
TEMPERATURE, RADIATION = "temperature_2m", "shortwave_radiation"

_NAME = "Open-Meteo"
_UNITS = {TEMPERATURE: "°C", RADIATION: "W/m²"}


def forecast_url(base: str, latitude: float, longitude: float) -> str:
    """Returns the address of hourly data in UTC, five days ahead and two back."""
    query = {
        "latitude": f"{latitude:.4f}",
        "longitude": f"{longitude:.4f}",
        "hourly": f"{TEMPERATURE},{RADIATION}",
        "timezone": "GMT",
        "forecast_days": "5",
        "past_days": "2",
    }
    return f"{base}/v1/forecast?{urlencode(query)}"


def read_forecast(body: bytes) -> HourlyForecast:
    """Returns hourly means; radiation is published as the mean of the preceding hour.

    Raises ``FeedError``.
    """
    answer = json_object(body, _NAME)
    with parsing(_NAME):
        if answer.get("utc_offset_seconds") != 0:
            raise ValueError("the times are not in UTC")
        for name, unit in _UNITS.items():
            if answer["hourly_units"][name] != unit:
                raise ValueError(f"{name} is not in {unit}")
        hourly = answer["hourly"]
        moments = [epoch_second(text) for text in hourly["time"]]
        temp, ghi = (
            samples_of(
                {
                    at: number_within(value, low, high)
                    for at, value in zip(moments, hourly[name], strict=True)
                }
            )
            for name, low, high in (
                (TEMPERATURE, MIN_TEMP_C, MAX_TEMP_C),
                (RADIATION, 0.0, MAX_GHI_WM2),
            )
        )
        first, n = hour_range(temp, ghi)
        sun = np.append(at_whole_hours(ghi, first, n)[1:], np.nan)
        forecast = HourlyForecast(
            first=first, temp_out_c=hourly_means(at_whole_hours(temp, first, n)), ghi_wm2=sun
        )
    return with_temperature(forecast, _NAME)
