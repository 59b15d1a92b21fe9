"""Outdoor conditions of the simulated municipality: the weather table, the sun and the wind."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

LATITUDE_DEG = 52.227
LONGITUDE_DEG = -0.465
FACADES_DEG = np.arange(0.0, 360.0, 45.0)
"""Compass directions that windows may face, clockwise from north [deg]."""

SOLAR_CONSTANT_WM2 = 1361.0
GROUND_REFLECTANCE = 0.2
WIND_SEED = 20180101
HOUR_S = 3600


@dataclass(frozen=True)
class WeatherTable:
    """Hourly weather. Shapes (n,); row ``i`` belongs to ``start + i`` hours.

    ``temp_c`` [degC] is the air temperature at the stamp, ``ghi_wm2`` [W/m2] the mean global
    horizontal irradiance of the hour that starts there.
    """

    start: datetime
    temp_c: FloatArray
    ghi_wm2: FloatArray

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.start.timestamp() % HOUR_S:
            raise ValueError("a weather table starts at a whole hour of an aware time (UTC)")
        if self.temp_c.shape != self.ghi_wm2.shape or not len(self.temp_c):
            raise ValueError("temperature and irradiance need the same number of hours")
        if not (np.isfinite(self.temp_c).all() and np.isfinite(self.ghi_wm2).all()):
            raise ValueError("the simulator needs weather without gaps")

    @property
    def end(self) -> datetime:
        """The end of the last hour (exclusive)."""
        return self.start + timedelta(hours=len(self.temp_c))

    @classmethod
    def from_csv_gz(cls, path: Path | str, shift_ghi: bool = True) -> WeatherTable:
        """Read ``timestamp_utc,temp_air_c,ghi_wm2`` (further columns are ignored).

        ``shift_ghi`` moves irradiance that is stamped at the end of its hour to the hour's start;
        the last hour then has none and is left out. Raises ValueError for gaps.
        """
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        stamps = [datetime.fromisoformat(row["timestamp_utc"]).replace(tzinfo=UTC) for row in rows]
        hour = timedelta(hours=1)
        if any(b - a != hour for a, b in pairwise(stamps)):
            raise ValueError(f"{path}: the hours are not consecutive")
        temp = np.array([float(row["temp_air_c"] or "nan") for row in rows])
        ghi = np.array([float(row["ghi_wm2"] or "nan") for row in rows])
        if shift_ghi:
            temp, ghi = temp[:-1], ghi[1:]
        return cls(stamps[0], temp, ghi)


def sun_position(
    unix_s: FloatArray, latitude_deg: float = LATITUDE_DEG, longitude_deg: float = LONGITUDE_DEG
) -> tuple[FloatArray, FloatArray]:
    """Geometric elevation and azimuth (clockwise from north) of the sun [deg], as ``unix_s``.

    Low-precision formulae of the Astronomical Almanac, good to 0.01 deg between 1950 and 2050
    (Michalsky 1988, doi:10.1016/0038-092X(88)90045-X). Without refraction.
    """
    n = np.asarray(unix_s, dtype=np.float64) / 86400.0 + 2440587.5 - 2451545.0
    anomaly = np.radians((357.528 + 0.9856003 * n) % 360.0)
    mean_longitude = (280.460 + 0.9856474 * n) % 360.0
    ecliptic = np.radians(mean_longitude + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2.0 * anomaly))
    obliquity = np.radians(23.439 - 0.0000004 * n)
    right_ascension = np.arctan2(np.cos(obliquity) * np.sin(ecliptic), np.cos(ecliptic))
    declination = np.arcsin(np.sin(obliquity) * np.sin(ecliptic))
    sidereal_deg = (280.46062 + 360.98564737 * n) % 360.0
    hour_angle = np.radians(sidereal_deg + longitude_deg) - right_ascension
    latitude = np.radians(latitude_deg)
    sin_elevation = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(
        declination
    ) * np.cos(hour_angle)
    azimuth = np.arctan2(
        -np.sin(hour_angle),
        np.tan(declination) * np.cos(latitude) - np.sin(latitude) * np.cos(hour_angle),
    )
    return np.degrees(np.arcsin(sin_elevation)), np.degrees(azimuth) % 360.0


def diffuse_fraction(clearness: FloatArray) -> FloatArray:
    """Diffuse share of global irradiance for a clearness index, 0..1.

    Erbs, Klein and Duffie 1982, doi:10.1016/0038-092X(82)90302-4.
    """
    k = np.clip(clearness, 0.0, 1.0)
    middle = 0.9511 - 0.1604 * k + 4.388 * k**2 - 16.638 * k**3 + 12.336 * k**4
    return np.where(k <= 0.22, 1.0 - 0.09 * k, np.where(k <= 0.8, middle, 0.165))


@dataclass(frozen=True)
class DaySky:
    """Outdoor conditions of one UTC day on a regular grid of n slots."""

    temp_c: FloatArray  # (n,) [degC]
    temp_3h_c: FloatArray  # (n,) mean of the last three hours [degC]
    temp_24h_c: FloatArray  # (n,) mean of the last day [degC]
    wind_ms: FloatArray  # (n,) [m/s]
    ghi_wm2: FloatArray  # (n,) [W/m2]
    facade_wm2: FloatArray  # (n, 8) on vertical planes facing FACADES_DEG [W/m2]


class Outdoors:
    """Weather between the hours of the table, and what follows from it."""

    def __init__(self, table: WeatherTable) -> None:
        self.table = table
        self._first_s = table.start.timestamp()
        self._hours_s = self._first_s + HOUR_S * np.arange(len(table.temp_c))
        self._mean_3h = _trailing_mean(table.temp_c, 3)
        self._mean_24h = _trailing_mean(table.temp_c, 24)

    def day(self, start_s: float, slots: int, slot_s: int) -> DaySky:
        """Conditions at the middle of each of ``slots`` slots from ``start_s`` (Unix time) [s].

        Hours outside the table repeat its first or last hour.
        """
        times = start_s + slot_s * (np.arange(slots, dtype=np.float64) + 0.5)
        hour = np.clip((times - self._first_s) // HOUR_S, 0, len(self.table.temp_c) - 1)
        ghi, facade = self._irradiance(times, hour.astype(np.int64))
        return DaySky(
            temp_c=np.interp(times, self._hours_s, self.table.temp_c),
            temp_3h_c=np.interp(times, self._hours_s, self._mean_3h),
            temp_24h_c=np.interp(times, self._hours_s, self._mean_24h),
            wind_ms=wind_speed(times),
            ghi_wm2=ghi,
            facade_wm2=facade,
        )

    def _irradiance(
        self, times: FloatArray, hour: NDArray[np.int64]
    ) -> tuple[FloatArray, FloatArray]:
        """Spread each hour's mean along the sun's path, split it and project it on the facades."""
        elevation, azimuth = sun_position(times)
        sine = np.maximum(np.sin(np.radians(elevation)), 0.0)
        above = SOLAR_CONSTANT_WM2 * sine
        _, inverse = np.unique(hour, return_inverse=True)
        mean_above = (np.bincount(inverse, above) / np.bincount(inverse))[inverse]
        measured = self.table.ghi_wm2[hour]
        clearness = np.clip(measured / np.maximum(mean_above, 1.0), 0.0, 1.0)
        ghi = np.where(mean_above > 1.0, measured / np.maximum(mean_above, 1.0) * above, measured)
        diffuse = ghi * diffuse_fraction(clearness)
        beam = np.where(sine > 0.05, (ghi - diffuse) / np.maximum(sine, 0.05), 0.0)
        angle = np.radians(azimuth[:, None] - FACADES_DEG[None, :])
        incidence = np.maximum(np.cos(np.radians(elevation))[:, None] * np.cos(angle), 0.0)
        flat = 0.5 * diffuse + 0.5 * GROUND_REFLECTANCE * ghi
        return ghi, beam[:, None] * incidence + flat[:, None]


def wind_speed(unix_s: FloatArray) -> FloatArray:
    """Synthetic wind [m/s]: the table has none. The same for every building and run.

    A lognormal sum of slow waves with fixed random phases, mean near 4.5 m/s, spread 1.6 m/s.
    """
    rng = np.random.default_rng(WIND_SEED)
    periods_h = np.geomspace(7.0, 150.0, 14)
    phases = rng.uniform(0.0, 2.0 * np.pi, len(periods_h))
    turns = np.asarray(unix_s)[:, None] / (periods_h * HOUR_S) * 2.0 * np.pi + phases
    wave = np.cos(turns).sum(axis=1) / np.sqrt(len(periods_h) / 2.0)
    return np.asarray(4.2 * np.exp(0.35 * wave))


def _trailing_mean(values: FloatArray, hours: int) -> FloatArray:
    padded = np.concatenate([np.full(hours - 1, values[0]), values])
    return np.convolve(padded, np.full(hours, 1.0 / hours), mode="valid")
