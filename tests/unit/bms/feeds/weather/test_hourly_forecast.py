"""Forecasts on whole hours."""

from __future__ import annotations

import numpy as np

from bms.feeds.client.payload import Samples
from bms.feeds.weather.hourly_forecast import HourlyForecast


def test_a_forecast_knows_nothing_outside_of_itself() -> None:
    forecast = HourlyForecast(
        first=0, temp_out_c=np.array([1.0, 2.0]), ghi_wm2=np.array([3.0, 4.0])
    )
    temp, ghi = forecast.on_hours(-3600, 4).values()
    np.testing.assert_array_equal(temp, [np.nan, 1.0, 2.0, np.nan])
    np.testing.assert_array_equal(ghi, [np.nan, 3.0, 4.0, np.nan])
    assert len(Samples(forecast.seconds, forecast.temp_out_c)) == 2
