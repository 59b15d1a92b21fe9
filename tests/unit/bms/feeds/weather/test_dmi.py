"""DMI's forecasts and observations → hours in our units."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bms.errors import FeedError
from bms.feeds.weather import dmi
from bms.feeds.weather.hourly_forecast import HourlyForecast
from tests.rigs.feeds.answers import dmi_forecast
from tests.rigs.feeds.server import payload

HOUR = timedelta(hours=1)
EIGHT = datetime(2026, 8, 28, 8, tzinfo=UTC)


def coverage(kelvin: list[object], joule: list[object], start: datetime = EIGHT) -> HourlyForecast:
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
