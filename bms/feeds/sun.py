"""Where the sun stands, and how much of it clouds let through, for forecasts without radiation."""

from __future__ import annotations

import numpy as np

from bms.feeds.client.payload import Seconds
from bms.model.readings.series import Floats

_DAY_S = 86_400.0
_J2000_S = 946_728_000.0
"""2000-01-01 12:00 UTC in seconds since 1970 [s]."""


def sine_of_elevation(seconds: Seconds, latitude: float, longitude: float) -> Floats:
    """Sine of the sun's elevation, without refraction. Shape (n,), -1 to 1.

    Low-precision formulas of the Astronomical Almanac, good to 0.01 deg until 2050: Michalsky
    (1988), doi:10.1016/0038-092X(88)90045-X.
    """
    days = (seconds - _J2000_S) / _DAY_S
    anomaly = np.radians(357.528 + 0.9856003 * days)
    ecliptic = np.radians(
        280.460 + 0.9856474 * days + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly)
    )
    tilt = np.radians(23.439 - 4e-7 * days)
    right_ascension = np.arctan2(np.cos(tilt) * np.sin(ecliptic), np.cos(ecliptic))
    declination = np.arcsin(np.sin(tilt) * np.sin(ecliptic))
    sidereal_h = 6.697375 + 0.0657098242 * days + seconds % _DAY_S / 3600.0
    hour_angle = np.radians(15.0 * sidereal_h + longitude) - right_ascension
    lat = np.radians(latitude)
    up = np.sin(lat) * np.sin(declination) + np.cos(lat) * np.cos(declination) * np.cos(hour_angle)
    return np.asarray(up, dtype=np.float64)


def irradiance_under_clouds(
    seconds: Seconds, latitude: float, longitude: float, cloud: Floats
) -> Floats:
    """Global horizontal irradiance [W/m2] at moments with a share ``cloud`` (0..1) of the sky.

    An estimate: ``(910 sin h - 30) (1 - 0.75 cloud^3.4)``, Kasten and Czeplak (1980),
    doi:10.1016/0038-092X(80)90391-6. NaN where the cloud cover is not known, 0 at night.
    """
    clear = np.maximum(0.0, 910.0 * sine_of_elevation(seconds, latitude, longitude) - 30.0)
    under: Floats = clear * (1.0 - 0.75 * cloud**3.4)
    return np.where(clear == 0.0, 0.0, under)
