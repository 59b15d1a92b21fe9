"""Position of the sun, and its irradiance on vertical façades.

Position by the formulas of the NOAA solar calculator (after Meeus, *Astronomical Algorithms*, 2nd
ed. 1998, ch. 25), good to 0.01 degrees between 1900 and 2100. The split of global into direct and
diffuse irradiance is that of Erbs, Klein and Duffie (1982), doi:10.1016/0038-092X(82)90302-4. Sky
and ground are taken as equally bright everywhere (isotropic; Liu and Jordan 1963,
doi:10.1016/0038-092X(63)90006-9).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np

from optimizer.model.rc_network import Floats

SOLAR_CONSTANT = 1361.0
"""Irradiance outside the atmosphere at mean distance [W/m2] (Kopp and Lean 2011,
doi:10.1029/2010GL045777)."""
GROUND_REFLECTS = 0.2
FACADES_DEG = (90.0, 180.0, 270.0)
"""The way that the façades east, south and west face, clockwise from north [deg]."""
LOWEST_SUN_DEG = 4.0
"""Below this the beam is not divided by the sine of the elevation: mean irradiance of an interval
with the sunrise in it would give a beam out of nothing."""
J2000_S = 946_728_000.0
"""2000-01-01T12:00Z as a Unix time [s]."""
CENTURY_S = 36_525.0 * 86_400.0


@dataclass(frozen=True, slots=True)
class Sun:
    """Elevation above the horizon and azimuth clockwise from north [deg], each (n,); the
    elevation is geometric, without refraction. ``distance_factor`` is (mean distance over
    distance)² (n,)."""

    elevation: Floats
    azimuth: Floats
    distance_factor: Floats


def sun_at(unix_s: Floats, latitude: float, longitude: float) -> Sun:
    """Returns the sun at Unix times (n,) [s]; latitude north and longitude east [deg]."""
    declination, equation_min, distance = _ephemeris((unix_s - J2000_S) / CENTURY_S)
    minutes = (unix_s % 86_400.0) / 60.0
    hour_angle = np.radians((minutes + equation_min + 4.0 * longitude) / 4.0 - 180.0)
    phi = np.radians(latitude)
    up = np.sin(phi) * np.sin(declination) + (
        np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    )
    east = -np.cos(declination) * np.sin(hour_angle)
    north = np.cos(phi) * np.sin(declination) - (
        np.sin(phi) * np.cos(declination) * np.cos(hour_angle)
    )
    return Sun(
        elevation=np.degrees(np.arcsin(np.clip(up, -1.0, 1.0))),
        azimuth=np.degrees(np.arctan2(east, north)) % 360.0,
        distance_factor=1.0 / distance**2,
    )


def _ephemeris(century: Floats) -> tuple[Floats, Floats, Floats]:
    """Declination [rad], equation of time [min] and distance [AU] at Julian centuries since
    J2000; the numbers are those of the NOAA calculator."""
    t = century
    mean_long = np.radians((280.46646 + t * (36000.76983 + t * 0.0003032)) % 360.0)
    anomaly = np.radians(357.52911 + t * (35999.05029 - 0.0001537 * t))
    eccentricity = 0.016708634 - t * (0.000042037 + 0.0000001267 * t)
    centre = np.radians(
        np.sin(anomaly) * (1.914602 - t * (0.004817 + 0.000014 * t))
        + np.sin(2 * anomaly) * (0.019993 - 0.000101 * t)
        + np.sin(3 * anomaly) * 0.000289
    )
    node = np.radians(125.04 - 1934.136 * t)
    apparent = mean_long + centre - np.radians(0.00569 + 0.00478 * np.sin(node))
    seconds = 21.448 - t * (46.815 + t * (0.00059 - t * 0.001813))
    obliquity = np.radians(23.0 + (26.0 + seconds / 60.0) / 60.0 + 0.00256 * np.cos(node))
    declination = np.arcsin(np.sin(obliquity) * np.sin(apparent))
    y = np.tan(obliquity / 2.0) ** 2
    equation = (
        y * np.sin(2 * mean_long)
        - 2 * eccentricity * np.sin(anomaly)
        + 4 * eccentricity * y * np.sin(anomaly) * np.cos(2 * mean_long)
        - 0.5 * y**2 * np.sin(4 * mean_long)
        - 1.25 * eccentricity**2 * np.sin(2 * anomaly)
    )
    distance = 1.000001018 * (1 - eccentricity**2) / (1 + eccentricity * np.cos(anomaly + centre))
    return declination, 4.0 * np.degrees(equation), distance


def diffuse_part(clearness: Floats) -> Floats:
    """Returns diffuse over global irradiance (n,) for a clearness index (n,) after Erbs et al.
    (1982)."""
    k = np.clip(clearness, 0.0, 1.0)
    middle = 0.9511 - 0.1604 * k + 4.388 * k**2 - 16.638 * k**3 + 12.336 * k**4
    return np.asarray(np.where(k <= 0.22, 1.0 - 0.09 * k, np.where(k <= 0.80, middle, 0.165)))


def facade_irradiance(ghi: Floats, sun: Sun) -> Floats:
    """Returns the irradiance on the façades east, south and west (3, n) in the unit of ``ghi``
    (n,).

    ``ghi`` is global horizontal irradiance [kW/m2]. NaN stays NaN; below the horizon all of it
    counts as diffuse.
    """
    sine = np.sin(np.radians(sun.elevation))
    top = SOLAR_CONSTANT / 1000.0 * sun.distance_factor * np.maximum(sine, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        clearness = np.where(top > 0.0, ghi / top, 0.0)
    diffuse = ghi * diffuse_part(clearness)
    sine_bounded = np.maximum(sine, np.sin(np.radians(LOWEST_SUN_DEG)))
    beam = np.where(sine > 0.0, (ghi - diffuse) / sine_bounded, 0.0)
    level = np.cos(np.radians(sun.elevation))
    around = 0.5 * diffuse + 0.5 * GROUND_REFLECTS * ghi
    rows = [
        beam * np.maximum(0.0, level * np.cos(np.radians(sun.azimuth - faces))) + around
        for faces in FACADES_DEG
    ]
    return np.stack(rows)


def facades(
    ghi: Floats, *, start: datetime, step_s: float, latitude: float, longitude: float
) -> Floats:
    """Irradiance on the façades east, south and west (3, n) [kW/m2] of the steps from ``start``
    on (aware), with the sun where it stands in the middle of each step; ``ghi`` (n,) [kW/m2]."""
    return facade_irradiance(ghi, _sun(start, step_s, len(ghi), latitude, longitude))


@lru_cache(maxsize=16)
def _sun(start: datetime, step_s: float, n: int, latitude: float, longitude: float) -> Sun:
    """The sun in the middle of ``n`` steps: the same for every member of an ensemble."""
    middle = start.timestamp() + step_s * (np.arange(n) + 0.5)
    return sun_at(np.asarray(middle, dtype=float), latitude, longitude)
