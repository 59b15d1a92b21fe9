"""The sun's position and what it gives to façades, against numbers that others published."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from optimizer.model.facade_irradiance import (
    CENTURY_S,
    J2000_S,
    Sun,
    _ephemeris,
    diffuse_part,
    facade_irradiance,
    facades,
    sun_at,
)

ODENSE = (55.37, 10.43)


def at(moment: datetime, latitude: float, longitude: float) -> Sun:
    return sun_at(np.array([moment.timestamp()]), latitude, longitude)


class TestThePosition:
    def test_meeus_example_25a(self) -> None:
        """1992-10-13 0 h: declination -7.78507 deg, 0.99766 AU; example 28.a: +13.7 min."""
        century = (datetime(1992, 10, 13, tzinfo=UTC).timestamp() - J2000_S) / CENTURY_S
        declination, equation_min, distance = _ephemeris(np.array([century]))
        assert np.degrees(declination[0]) == pytest.approx(-7.78507, abs=1e-4)
        assert equation_min[0] == pytest.approx(13.7109, abs=0.01)
        assert distance[0] == pytest.approx(0.99766, abs=1e-5)

    def test_the_worked_example_of_reda_and_andreas(self) -> None:
        """NREL/TP-560-34302: 2003-10-17 12:30:30 UTC-7, Golden: zenith 50.11162, azimuth 194.34024.

        The zenith there has refraction in it, which is 0.0163 deg at that height.
        """
        sun = at(datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC), 39.742476, -105.1786)
        assert 90.0 - sun.elevation[0] - 0.0163 == pytest.approx(50.11162, abs=0.01)
        assert sun.azimuth[0] == pytest.approx(194.34024, abs=0.01)

    def test_solstice_noon_stands_at_latitude_and_tilt(self) -> None:
        day = datetime(2026, 6, 21, tzinfo=UTC)
        minutes = [day + timedelta(minutes=i) for i in range(1440)]
        seconds = np.array([moment.timestamp() for moment in minutes])
        sun = sun_at(seconds, *ODENSE)
        assert sun.elevation.max() == pytest.approx(90.0 - ODENSE[0] + 23.437, abs=0.02)
        assert sun.azimuth[int(sun.elevation.argmax())] == pytest.approx(180.0, abs=0.5)

    def test_it_rises_in_the_east_and_sets_in_the_west(self) -> None:
        morning = at(datetime(2026, 3, 20, 6, 0, tzinfo=UTC), *ODENSE)
        evening = at(datetime(2026, 3, 20, 16, 30, tzinfo=UTC), *ODENSE)
        assert 80 < morning.azimuth[0] < 110
        assert 250 < evening.azimuth[0] < 280


class TestTheSplit:
    @pytest.mark.parametrize(
        ("clearness", "diffuse"),
        [(0.0, 1.0), (0.1, 0.991), (0.5, 0.659), (0.7, 0.244), (0.9, 0.165)],
    )
    def test_erbs_diffuse_part(self, clearness: float, diffuse: float) -> None:
        """Erbs, Klein and Duffie (1982), equation 1."""
        assert diffuse_part(np.array([clearness]))[0] == pytest.approx(diffuse, abs=0.002)

    @pytest.mark.parametrize("limit", [0.22, 0.80])
    def test_its_pieces_meet(self, limit: float) -> None:
        below, above = diffuse_part(np.array([limit - 1e-6, limit + 1e-6]))
        assert below == pytest.approx(above, abs=0.002)

    def test_an_overcast_sky_is_the_same_on_every_wall(self) -> None:
        sun = at(datetime(2026, 3, 20, 11, tzinfo=UTC), *ODENSE)
        walls = facade_irradiance(np.array([0.02]), sun)[:, 0]
        assert walls == pytest.approx([0.012] * 3, rel=0.06)

    def test_a_low_winter_sun_gives_the_south_wall_more_than_the_ground(self) -> None:
        sun = at(datetime(2026, 1, 15, 11, 20, tzinfo=UTC), *ODENSE)
        ghi = np.array([0.25])
        east, south, west = facade_irradiance(ghi, sun)[:, 0]
        assert south > 2.0 * ghi[0]
        assert east < ghi[0] > west

    def test_the_walls_take_turns(self) -> None:
        start = datetime(2026, 4, 15, tzinfo=UTC)
        hours = np.arange(24)
        ghi = 0.6 * np.maximum(0.0, np.sin((hours - 4.5) / 14.0 * np.pi))
        walls = facades(ghi, start=start, step_s=3600, latitude=ODENSE[0], longitude=ODENSE[1])
        best = walls.argmax(axis=1)
        assert best[0] < 9 < best[1] < 13 < best[2]

    def test_no_beam_out_of_nothing_at_sunrise_and_night(self) -> None:
        start = datetime(2026, 12, 21, tzinfo=UTC)
        ghi = np.full(24, 0.02)
        walls = facades(ghi, start=start, step_s=3600, latitude=ODENSE[0], longitude=ODENSE[1])
        assert np.all(walls < 0.3)
        assert np.all(walls[:, :6] <= 0.6 * ghi[:6] + 1e-12)

    def test_what_is_not_known_stays_unknown(self) -> None:
        start = datetime(2026, 6, 1, tzinfo=UTC)
        walls = facades(
            np.array([np.nan, 0.1]), start=start, step_s=3600, latitude=56.0, longitude=10.0
        )
        assert np.isnan(walls[:, 0]).all()
        assert np.isfinite(walls[:, 1]).all()
