"""The simulated sky against published positions and its own table."""

import gzip
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from drivers.simulator.buildings.weather import (
    FACADES_DEG,
    LATITUDE_DEG,
    Outdoors,
    WeatherTable,
    diffuse_fraction,
    sun_position,
    wind_speed,
)

DAY_S = 86400


def minutes_of(day: datetime) -> np.ndarray:
    return day.timestamp() + 60.0 * np.arange(1440)


def test_sun_stands_where_the_nrel_report_says():
    # NREL/TP-560-34302, appendix A.5: zenith 50.11162 deg, azimuth 194.34024 deg.
    moment = datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC).timestamp()
    elevation, azimuth = sun_position(np.array([moment]), 39.742476, -105.1786)
    assert 90.0 - elevation[0] == pytest.approx(50.11162, abs=0.03)
    assert azimuth[0] == pytest.approx(194.34024, abs=0.03)


@pytest.mark.parametrize(
    ("day", "declination"),
    [
        (datetime(2018, 3, 20, tzinfo=UTC), 0.0),
        (datetime(2018, 6, 21, tzinfo=UTC), 23.44),
        (datetime(2018, 12, 21, tzinfo=UTC), -23.44),
    ],
)
def test_noon_elevation_is_what_latitude_and_declination_give(day, declination):
    elevation, azimuth = sun_position(minutes_of(day))
    noon = int(np.argmax(elevation))
    assert elevation[noon] == pytest.approx(90.0 - LATITUDE_DEG + declination, abs=0.1)
    assert azimuth[noon] == pytest.approx(180.0, abs=0.5)


def test_equinox_sun_rises_in_the_east_and_sets_in_the_west():
    elevation, azimuth = sun_position(minutes_of(datetime(2018, 3, 20, tzinfo=UTC)))
    up = np.flatnonzero(elevation > 0.0)
    assert azimuth[up[0]] == pytest.approx(90.0, abs=1.0)
    assert azimuth[up[-1]] == pytest.approx(270.0, abs=1.0)
    assert len(up) == pytest.approx(720, abs=5)


def test_diffuse_share_follows_erbs():
    # Limits of the published piecewise curve, and its joints at 0.22 and 0.80.
    share = diffuse_fraction(np.array([0.0, 0.2199, 0.2201, 0.7999, 0.8001, 1.0]))
    assert share[[0, 5]] == pytest.approx([1.0, 0.165])
    assert abs(share[1] - share[2]) < 0.002
    assert abs(share[3] - share[4]) < 0.002


def table(hours: int, temp: float = 5.0, ghi: float = 0.0) -> WeatherTable:
    start = datetime(2018, 6, 1, tzinfo=UTC)
    return WeatherTable(start, np.full(hours, temp), np.full(hours, ghi))


def test_irradiance_within_an_hour_keeps_the_hours_mean():
    start = datetime(2018, 6, 1, tzinfo=UTC)
    ghi = np.zeros(48)
    ghi[5:20] = [20, 80, 200, 350, 500, 600, 650, 640, 300, 450, 350, 220, 120, 60, 15]
    outdoors = Outdoors(WeatherTable(start, np.full(48, 15.0), ghi))
    sky = outdoors.day(start.timestamp(), 288, 300)
    assert sky.ghi_wm2.reshape(24, 12).mean(axis=1) == pytest.approx(ghi[:24], abs=1e-9)
    assert (np.diff(sky.ghi_wm2.reshape(24, 12)[6]) > 0.0).all()


def test_clear_winter_noon_shines_on_the_south_not_on_the_north():
    start = datetime(2018, 12, 21, tzinfo=UTC)
    ghi = np.zeros(48)
    ghi[9:15] = [60, 150, 210, 210, 150, 60]
    sky = Outdoors(WeatherTable(start, np.full(48, 2.0), ghi)).day(start.timestamp(), 288, 300)
    noon = sky.facade_wm2[144]
    by_facade = dict(zip(FACADES_DEG.tolist(), noon.tolist(), strict=True))
    assert by_facade[180.0] > 2.0 * sky.ghi_wm2[144]
    assert by_facade[0.0] < 0.5 * sky.ghi_wm2[144]
    assert by_facade[90.0] == pytest.approx(by_facade[270.0], rel=0.3)


def test_overcast_sky_gives_every_facade_about_half():
    sky = Outdoors(table(48, ghi=60.0)).day(table(48).start.timestamp(), 288, 300)
    noon = sky.facade_wm2[144] / sky.ghi_wm2[144]
    assert noon == pytest.approx(np.full(8, 0.6), abs=0.04)


def test_temperature_is_linear_between_the_stamps():
    start = datetime(2018, 1, 1, tzinfo=UTC)
    outdoors = Outdoors(WeatherTable(start, np.arange(48.0), np.zeros(48)))
    sky = outdoors.day(start.timestamp(), 288, 300)
    assert sky.temp_c[6] == pytest.approx(0.5 + 2.5 / 60)
    assert sky.temp_3h_c[12 * 10] == pytest.approx(9.0 + 2.5 / 60)


def test_wind_is_the_same_whoever_asks():
    times = datetime(2018, 1, 1, tzinfo=UTC).timestamp() + 3600.0 * np.arange(8760)
    wind = wind_speed(times)
    assert wind.mean() == pytest.approx(4.5, abs=0.5)
    assert wind.min() > 0.5
    assert wind[500:510] == pytest.approx(wind_speed(times[500:510]), abs=0.0)


def write(path, rows):
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("timestamp_utc,temp_air_c,rel_humidity_pct,ghi_wm2\n")
        file.writelines(f"{stamp},{temp},80,{ghi}\n" for stamp, temp, ghi in rows)


def test_irradiance_moves_to_the_start_of_its_hour(tmp_path):
    path = tmp_path / "weather.csv.gz"
    stamps = ["2018-01-01 00:00:00", "2018-01-01 01:00:00", "2018-01-01 02:00:00"]
    write(path, zip(stamps, [1.0, 2.0, 3.0], [0.0, 10.0, 20.0], strict=True))
    weather = WeatherTable.from_csv_gz(path)
    assert weather.start == datetime(2018, 1, 1, tzinfo=UTC)
    assert weather.end - weather.start == timedelta(hours=2)
    assert weather.temp_c.tolist() == [1.0, 2.0]
    assert weather.ghi_wm2.tolist() == [10.0, 20.0]
    assert WeatherTable.from_csv_gz(path, shift_ghi=False).ghi_wm2.tolist() == [0.0, 10.0, 20.0]


@pytest.mark.parametrize(
    ("second", "temp"), [("2018-01-01 02:00:00", 2.0), ("2018-01-01 01:00:00", "")]
)
def test_weather_with_gaps_is_refused(tmp_path, second, temp):
    path = tmp_path / "weather.csv.gz"
    write(path, [("2018-01-01 00:00:00", 1.0, 0.0), (second, temp, 0.0)])
    with pytest.raises(ValueError, match=r"consecutive|gaps"):
        WeatherTable.from_csv_gz(path, shift_ghi=False)
