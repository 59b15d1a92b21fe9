"""Open-Meteo (data CC BY 4.0), only where it is switched on.

The hosted service is free for non-commercial use; whether a municipality is that, it decides
itself. https://open-meteo.com
"""

from __future__ import annotations

from urllib.parse import urlencode

import numpy as np

from bms.feeds.client.payload import number, parsed, samples, second, taking_apart
from bms.feeds.weather.forecast import (
    BRIGHTEST_WM2,
    COLDEST_C,
    WARMEST_C,
    Outlook,
    a_forecast,
    mean_of_ends,
    on_hours,
    whole_hours,
)

BASE = "https://api.open-meteo.com"
CREDIT = "Open-Meteo (CC BY 4.0)"
TEMPERATURE, RADIATION = "temperature_2m", "shortwave_radiation"

_NAME = "Open-Meteo"
_UNITS = {TEMPERATURE: "°C", RADIATION: "W/m²"}


def forecast_url(base: str, latitude: float, longitude: float) -> str:
    """Five days ahead and two back, in UTC."""
    query = {
        "latitude": f"{latitude:.4f}",
        "longitude": f"{longitude:.4f}",
        "hourly": f"{TEMPERATURE},{RADIATION}",
        "timezone": "GMT",
        "forecast_days": "5",
        "past_days": "2",
    }
    return f"{base}/v1/forecast?{urlencode(query)}"


def read_forecast(body: bytes) -> Outlook:
    """Temperature of moments, radiation as the mean of the hour before. Raises ``FeedError``."""
    answer = parsed(body, _NAME)
    with taking_apart(_NAME):
        if answer.get("utc_offset_seconds") != 0:
            raise ValueError("the times are not in UTC")
        for name, unit in _UNITS.items():
            if answer["hourly_units"][name] != unit:
                raise ValueError(f"{name} is not in {unit}")
        hourly = answer["hourly"]
        moments = [second(text) for text in hourly["time"]]
        temp, ghi = (
            samples(
                {
                    at: number(value, low, high)
                    for at, value in zip(moments, hourly[name], strict=True)
                }
            )
            for name, low, high in (
                (TEMPERATURE, COLDEST_C, WARMEST_C),
                (RADIATION, 0.0, BRIGHTEST_WM2),
            )
        )
        first, n = whole_hours(temp, ghi)
        sun = np.append(on_hours(ghi, first, n)[1:], np.nan)
        outlook = Outlook(
            first=first, temp_out_c=mean_of_ends(on_hours(temp, first, n)), ghi_wm2=sun
        )
    return a_forecast(outlook, _NAME)
