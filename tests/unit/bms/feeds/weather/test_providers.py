"""Forecasts and observations as their providers send them → hours in our units."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bms.errors import FeedError
from bms.feeds.client.payload import Samples
from bms.feeds.weather import dmi, metno, open_meteo
from bms.feeds.weather.forecast import Outlook
from bms.feeds.weather.metno import irradiance_under_clouds, sine_of_elevation
from tests.rigs.feeds.answers import dmi_forecast, metno_forecast
from tests.rigs.feeds.server import payload

HOUR = timedelta(hours=1)
EIGHT = datetime(2026, 8, 28, 8, tzinfo=UTC)


def coverage(kelvin: list[object], joule: list[object], start: datetime = EIGHT) -> Outlook:
    times = [(start + HOUR * i).isoformat() for i in range(len(kelvin))]
    return dmi.read_forecast(
        json.dumps(
            {
                "domain": {"axes": {"t": {"values": times}}},
                "ranges": {
                    dmi.TEMPERATURE: {"values": kelvin},
                    dmi.RADIATION: {"values": joule},
                },
            }
        ).encode()
    )


class TestDmiForecast:
    def test_the_recorded_coverage(self) -> None:
        # 293.15, 295.15 and 296.05 K at 08, 09 and 10; 1.512, 3.240 and 5.112 MJ/m2 since the run
        seen = dmi.read_forecast(payload("dmi_edr_position_harmonie_dini_sf_coveragejson"))
        assert seen.first == EIGHT.timestamp()
        np.testing.assert_allclose(seen.temp_out_c, [21.0, 22.45, np.nan])
        np.testing.assert_allclose(seen.ghi_wm2, [480.0, 520.0, np.nan])

    def test_the_recorded_features_say_the_same(self) -> None:
        seen = dmi.read_forecast(payload("dmi_edr_position_geojson"))
        assert seen.first == EIGHT.timestamp()
        np.testing.assert_allclose(seen.temp_out_c, [21.0, np.nan])
        np.testing.assert_allclose(seen.ghi_wm2, [480.0, np.nan])

    def test_a_sum_that_falls_is_another_run_and_that_hour_is_not_known(self) -> None:
        seen = coverage([280.0] * 5, [7.2e6, 9.0e6, 3.6e5, 7.2e5, 1.08e6])
        np.testing.assert_allclose(seen.ghi_wm2, [500.0, np.nan, 100.0, 100.0, np.nan])

    def test_a_sum_that_rounding_makes_fall_is_a_dark_hour(self) -> None:
        seen = coverage([280.0] * 3, [1_000_000.0, 999_000.0, 999_000.0])
        np.testing.assert_allclose(seen.ghi_wm2, [0.0, 0.0, np.nan])

    def test_a_sum_that_jumps_by_more_than_the_sun_has_is_not_known(self) -> None:
        seen = coverage([280.0] * 3, [0.0, 3.6e6 * 5, 3.6e6 * 5 + 3.6e5])
        np.testing.assert_allclose(seen.ghi_wm2, [np.nan, 100.0, np.nan])

    def test_what_is_no_temperature_is_not_known(self) -> None:
        seen = coverage([280.0, 280.0, None, 20.0, "280", True, 280.0, 280.0], [0.0] * 8)
        known = np.isfinite(seen.temp_out_c)
        assert known.tolist() == [True, *[False] * 5, True, False]

    def test_a_missing_hour_spoils_only_its_neighbours(self) -> None:
        body = json.loads(dmi_forecast(EIGHT, 6))
        del body["domain"]["axes"]["t"]["values"][3]
        for part in body["ranges"].values():
            del part["values"][3]
        seen = dmi.read_forecast(json.dumps(body).encode())
        assert np.isfinite(seen.ghi_wm2).tolist() == [1, 1, 0, 0, 1, 1, 0]

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda body: body.pop("domain"),
            lambda body: body["ranges"].pop(dmi.TEMPERATURE),
            lambda body: body["ranges"][dmi.TEMPERATURE]["values"].pop(),
            lambda body: body["domain"]["axes"]["t"].update(values=["soon"] * 7),
            lambda body: body["domain"]["axes"]["t"].update(values=[]),
            lambda body: body.update(ranges=[1, 2]),
            lambda body: body["ranges"][dmi.TEMPERATURE].update(values=[None] * 7),
            lambda body: body["domain"]["axes"]["t"]["values"].__setitem__(0, "1980-01-01"),
        ],
    )
    def test_another_shape_is_refused_by_name(self, spoil) -> None:
        body = json.loads(dmi_forecast(EIGHT, 6))
        spoil(body)
        with pytest.raises(FeedError, match=r"DMI HARMONIE|forecast"):
            dmi.read_forecast(json.dumps(body).encode())

    def test_the_whole_run_is_asked_for_at_a_point_in_the_right_order(self) -> None:
        url = dmi.forecast_url(dmi.BASE, 56.16, 10.2)
        assert "coords=POINT%2810.2%2056.16%29" in url
        assert "parameter-name=temperature-2m,global-radiation-flux" in url
        assert "datetime" not in url


class TestDmiObservations:
    def test_the_recorded_observation_belongs_to_the_hour_before_its_stamp(self) -> None:
        body = payload("dmi_metobs_observation").replace(b"temp_dry", b"temp_mean_past1h")
        seen = dmi.read_observations(body, dmi.OBSERVED_TEMPERATURE)
        assert seen.seconds.tolist() == [datetime(2024, 1, 15, 11, tzinfo=UTC).timestamp()]
        assert seen.values.tolist() == [15.5]

    def test_stations_come_by_distance(self) -> None:
        body = payload("dmi_metobs_observation")
        (station,) = dmi.read_stations(body, 56.16, 10.2)
        assert station.id == "06070"
        assert station.distance_km == pytest.approx(30.5, abs=0.5)

    def test_a_station_whose_name_is_a_path_is_none(self) -> None:
        body = payload("dmi_metobs_observation").replace(b'"06070"', b'"../../home"')
        assert dmi.read_stations(body, 56.16, 10.2) == ()

    @pytest.mark.parametrize(
        ("old", "new"),
        [(b'"numberReturned":1', b'"numberReturned":2'), (b'"rel":"self"', b'"rel":"next"')],
    )
    def test_a_part_of_the_observations_is_refused(self, old: bytes, new: bytes) -> None:
        body = payload("dmi_metobs_observation")
        assert old in body
        with pytest.raises(FeedError, match="only a part"):
            dmi.read_observations(body.replace(old, new), "temp_dry")

    def test_a_dark_pyranometer_shows_no_less_than_nothing(self) -> None:
        body = payload("dmi_metobs_observation").replace(b"temp_dry", b"radia_glob_past1h")
        dark = body.replace(b"15.5", b"-2.0")
        assert dmi.read_observations(dark, dmi.OBSERVED_RADIATION).values.tolist() == [0.0]


class TestMetNorway:
    def test_the_recorded_answer(self) -> None:
        seen = metno.read_forecast(payload("metno_locationforecast_compact"), 56.16, 10.2)
        eleven = datetime(2026, 8, 23, 11, tzinfo=UTC)
        assert seen.first == eleven.timestamp()
        assert seen.issued_at == datetime(2026, 8, 23, 10, 15, tzinfo=UTC)
        np.testing.assert_allclose(seen.temp_out_c, [22.65, np.nan])
        cloud = (0.375 + 0.5) / 2
        middle = np.array([eleven.timestamp() + 1800])
        expected = irradiance_under_clouds(middle, 56.16, 10.2, np.array([cloud]))
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
        clear = irradiance_under_clouds(noon, 56.16, 10.2, np.array([0.0]))[0]
        assert clear == pytest.approx(910 * np.sin(np.radians(90 - 56.16 + 23.44)) - 30, abs=2)
        overcast = irradiance_under_clouds(noon, 56.16, 10.2, np.array([1.0]))[0]
        assert overcast == pytest.approx(clear / 4)
        night = noon + 12 * 3600
        assert irradiance_under_clouds(night, 56.16, 10.2, np.array([np.nan]))[0] == 0.0


def test_an_outlook_knows_nothing_outside_of_itself() -> None:
    outlook = Outlook(first=0, temp_out_c=np.array([1.0, 2.0]), ghi_wm2=np.array([3.0, 4.0]))
    temp, ghi = outlook.on(-3600, 4)
    np.testing.assert_array_equal(temp, [np.nan, 1.0, 2.0, np.nan])
    np.testing.assert_array_equal(ghi, [np.nan, 3.0, 4.0, np.nan])
    assert len(Samples(outlook.seconds, outlook.temp_out_c)) == 2
