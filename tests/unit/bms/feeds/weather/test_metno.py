"""MET Norway's forecast, and the irradiance that is estimated from its clouds."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from bms.errors import FeedError
from bms.feeds.weather import metno
from bms.feeds.weather.metno import ghi_from_cloud_cover, sine_of_elevation
from tests.rigs.feeds.answers import metno_forecast
from tests.rigs.feeds.server import payload

EIGHT = datetime(2026, 8, 28, 8, tzinfo=UTC)


class TestMetNorway:
    def test_the_recorded_answer(self) -> None:
        seen = metno.read_forecast(payload("metno_locationforecast_compact"), 56.16, 10.2)
        eleven = datetime(2026, 8, 23, 11, tzinfo=UTC)
        assert seen.first == eleven.timestamp()
        assert seen.issued_at == datetime(2026, 8, 23, 10, 15, tzinfo=UTC)
        np.testing.assert_allclose(seen.temp_out_c, [22.65, np.nan])
        cloud = (0.375 + 0.5) / 2
        middle = np.array([eleven.timestamp() + 1800])
        expected = ghi_from_cloud_cover(middle, 56.16, 10.2, np.array([cloud]))
        assert seen.ghi_wm2[0] == pytest.approx(expected[0])

    def test_six_hourly_values_are_joined_by_straight_lines_and_wider_gaps_are_not(self) -> None:
        rows = json.loads(metno_forecast(EIGHT, 12, step=6))
        for row, celsius in zip(rows["properties"]["timeseries"], (0.0, 6.0, 12.0), strict=True):
            row["data"]["instant"]["details"]["air_temperature"] = celsius
        seen = metno.read_forecast(json.dumps(rows).encode(), 56.16, 10.2)
        np.testing.assert_allclose(seen.temp_out_c[:12], np.arange(12) + 0.5)
        with pytest.raises(FeedError, match="no temperature"):
            metno.read_forecast(metno_forecast(EIGHT, 14, step=7), 56.16, 10.2)

    def test_no_clouds_told_is_no_sun_known_by_day(self) -> None:
        body = metno_forecast(EIGHT, 4).replace(b"cloud_area_fraction", b"cloud_cover")
        assert np.isnan(metno.read_forecast(body, 56.16, 10.2).ghi_wm2).all()

    def test_the_position_has_four_decimals(self) -> None:
        assert "lat=56.1629&lon=10.2039" in metno.forecast_url(metno.BASE, 56.16294, 10.20393)


class TestTheSun:
    def test_the_published_example(self) -> None:
        # Reda and Andreas (2004), doi:10.1016/j.solener.2003.12.003, A.5: 39.742476 N,
        # 105.1786 W, 2003-10-17 12:30:30 -07:00: topocentric zenith 50.11162 deg
        moment = datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC)
        sine = sine_of_elevation(np.array([moment.timestamp()]), 39.742476, -105.1786)
        zenith = 90.0 - np.degrees(np.arcsin(sine[0]))
        assert zenith == pytest.approx(50.11162, abs=0.02)

    def test_a_clear_and_an_overcast_sky_of_the_published_formula(self) -> None:
        # Kasten and Czeplak (1980): 910 sin h - 30 without clouds, a quarter of it when overcast
        noon = np.array([datetime(2026, 6, 21, 11, 20, tzinfo=UTC).timestamp()])
        clear = ghi_from_cloud_cover(noon, 56.16, 10.2, np.array([0.0]))[0]
        assert clear == pytest.approx(910 * np.sin(np.radians(90 - 56.16 + 23.44)) - 30, abs=2)
        overcast = ghi_from_cloud_cover(noon, 56.16, 10.2, np.array([1.0]))[0]
        assert overcast == pytest.approx(clear / 4)
        night = noon + 12 * 3600
        assert ghi_from_cloud_cover(night, 56.16, 10.2, np.array([np.nan]))[0] == 0.0
