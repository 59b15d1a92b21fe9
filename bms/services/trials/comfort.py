"""Discomfort of a site day by day: kelvin-hours outside of the comfort band while people are in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from bms.model.assets.point import Role
from bms.model.assets.site import Site, Zone
from bms.model.planning.grid import Ints, local_grid, occupied
from bms.model.readings.series import Floats, grid_length
from bms.ports.storage.readings import ReadingStore
from bms.savings.data.daily import FULL_DAY
from bms.services.periods import midnight

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
QUARTERS = 4
"""Of an hour [1]: rooms are known by the hour however old they are, their use by the quarter."""


@dataclass(frozen=True, slots=True, eq=False)
class _Stretch:
    """Whole local days; ``day`` is the number of the day of every quarter, from 0."""

    start: datetime
    end: datetime
    day: Ints
    days: int


def discomfort(site: Site, readings: ReadingStore, first: date, days: int) -> Floats | None:
    """Over all zones [K h/day], shape (days,); NaN on days of which less than 90 % was watched.
    None where no room has a sensor."""
    watched = [zone for zone in site.zones if _sensor(site, zone) is not None]
    if not watched:
        return None
    stretch = _stretch(site, first, days)
    total = np.zeros(days)
    for zone in watched:
        total += _of_zone(site, zone, readings, stretch)
    return total


def _sensor(site: Site, zone: Zone) -> str | None:
    points = site.points_by_role(Role.ZONE_TEMP)
    return next((point.id for point in points if point.zone == zone.id), None)


def _stretch(site: Site, first: date, days: int) -> _Stretch:
    start, end = (midnight(first + n * DAY, site.timezone) for n in (0, days))
    n = grid_length(start, end, QUARTER)
    day = local_grid(site.timezone, start, int(QUARTER.total_seconds()), n).day
    return _Stretch(start, end, day - day[:1], days)


def _of_zone(site: Site, zone: Zone, readings: ReadingStore, stretch: _Stretch) -> Floats:
    sensor = _sensor(site, zone)
    assert sensor is not None
    hourly = readings.series(sensor, stretch.start, stretch.end, HOUR).values
    temp = np.repeat(hourly, QUARTERS)
    n = len(stretch.day)
    used = np.array(
        occupied(zone, site, stretch.start, int(QUARTER.total_seconds()), n), dtype=bool
    )
    off = np.maximum(zone.comfort.low_c - temp, 0.0) + np.maximum(temp - zone.comfort.high_c, 0.0)
    known = np.isfinite(temp)

    def per_day(weights: Floats) -> Floats:
        return np.bincount(stretch.day, weights, minlength=stretch.days).astype(np.float64)

    in_use, seen = per_day(used.astype(float)), per_day((used & known).astype(float))
    whole, watched = per_day(np.ones(n)), per_day(known.astype(float))
    enough = np.where(in_use > 0, seen >= FULL_DAY * in_use, watched >= FULL_DAY * whole)
    total = per_day(np.where(used & known, off, 0.0)) / QUARTERS
    return np.where(enough, total, np.nan)
