"""Open-Meteo's forecast → hours in our units."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from bms.errors import FeedError
from bms.feeds.weather import open_meteo
from tests.rigs.feeds.server import payload


class TestOpenMeteo:
    def test_the_recorded_answer(self) -> None:
        # radiation is of the hour before its stamp: 700 W/m2 at 12:00 is the hour from 11:00
        seen = open_meteo.read_forecast(payload("openmeteo_forecast_hourly"))
        assert seen.first == datetime(2026, 5, 8, 11, tzinfo=UTC).timestamp()
        np.testing.assert_allclose(seen.temp_out_c, [15.15, 16.2, np.nan])
        np.testing.assert_allclose(seen.ghi_wm2, [700.0, 720.0, np.nan])

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('"utc_offset_seconds":0', '"utc_offset_seconds":3600'),
            ('"temperature_2m":"°C"', '"temperature_2m":"°F"'),
            ('"shortwave_radiation":"W/m²"', '"shortwave_radiation":"MJ/m²"'),
            ("[14.5,15.8,16.6]", "[14.5,15.8]"),
        ],
    )
    def test_another_zone_unit_or_length_is_refused(self, old: str, new: str) -> None:
        text = payload("openmeteo_forecast_hourly").decode()
        assert old in text
        with pytest.raises(FeedError, match="Open-Meteo"):
            open_meteo.read_forecast(text.replace(old, new).encode())
