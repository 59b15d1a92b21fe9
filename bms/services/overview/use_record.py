"""What was foreseen of a building's use against what its meters and rooms showed.

The load of others behind the meter is foreseen as ``bms.services.planning.other_load`` does, from
what was known at each midnight. Use is foreseen by the timetables and the bookings that were made
until then; people are taken to be in where a room's CO2 shows it, or, in a building without such
sensors, where its electricity stands well above that of its nights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from bms.errors import NotFound
from bms.model.assets.point import Role
from bms.model.assets.site import Site, Zone
from bms.model.control.booking import Booking
from bms.model.readings.series import Floats
from bms.model.readings.units import Commodity
from bms.ports.storage.decisions import DecisionStore
from bms.ports.storage.readings import Fold, ReadingStore
from bms.services.consumption import HOUR, consumption
from bms.services.occupancy import Use
from bms.services.periods import local_date, midnight
from bms.services.planning.other_load import LOOK_BACK, like_load, seen_load, usual_load
from bms.services.points_by_role import point_of

DAYS = 28
"""Days [d] that the record looks back on."""
LEADS_H = (0, 24, 48)
"""Lead times [h]: foreseen so far ahead, and less than the next."""
PEOPLE_PPM = 600.0
"""CO2 [ppm] from which people are taken to be in a room: some 180 above the air outdoors."""
NIGHT, DAY = 10, 90
"""Percentiles of a building's load between whose middle and above people are taken to be in."""
LEAST_H = 24


class Foreseen(StrEnum):
    """What was foreseen."""

    LOAD = "load"
    OCCUPANCY = "occupancy"


@dataclass(frozen=True, slots=True, kw_only=True)
class UseScore:
    """``bias`` is foreseen minus seen and ``rmse`` the root of the mean squared error: of the load
    in kW, of use as a share of the time (1 in use, 0 not). ``zone`` None: the whole building."""

    what: Foreseen
    zone: str | None
    lead_h: int
    n: int
    bias: float
    rmse: float


def use_scores(
    site: Site, *, now: datetime, readings: ReadingStore, decisions: DecisionStore
) -> tuple[UseScore, ...]:
    """The record of the last :data:`DAYS` days, by lead time; empty where nothing can be compared.

    Raises ``StoreUnavailable``.
    """
    last = midnight(local_date(now, site.timezone), site.timezone)
    hours = DAYS * 24
    start = last - DAYS * 24 * HOUR
    bookings = tuple(decisions.bookings(site.id, start, last))
    return (
        *_load_scores(site, readings, start, hours),
        *_occupancy_scores(site, readings, bookings, start, hours),
    )


def _load_scores(
    site: Site, readings: ReadingStore, start: datetime, hours: int
) -> Iterator[UseScore]:
    try:
        seen = seen_load(site, readings, start - LOOK_BACK, start + hours * HOUR)
    except NotFound:
        return
    before = LOOK_BACK // HOUR
    for lead in LEADS_H:
        foreseen = np.full(hours, np.nan)
        for first in range(0, hours, 24):
            known = first + before - lead
            past = seen[max(0, known - before) : max(0, known)]
            usual = usual_load(site, past, start + (first - lead) * HOUR - len(past) * HOUR)
            foreseen[first : first + 24] = [
                like_load(site, usual, start + k * HOUR) for k in range(first, first + 24)
            ]
        yield from _score(Foreseen.LOAD, None, lead, foreseen - seen[before:])


def _occupancy_scores(
    site: Site,
    readings: ReadingStore,
    bookings: tuple[Booking, ...],
    start: datetime,
    hours: int,
) -> Iterator[UseScore]:
    seen = {zone: _people_by_co2(site, zone, readings, start, hours) for zone in site.zones}
    seen = {zone: row for zone, row in seen.items() if np.isfinite(row).sum() >= LEAST_H}
    for lead in LEADS_H:
        foreseen = {zone: _in_use(site, zone, bookings, start, hours, lead) for zone in site.zones}
        for zone, row in seen.items():
            yield from _score(Foreseen.OCCUPANCY, zone.id, lead, foreseen[zone] - row)
        if not seen and site.zones:
            whole = np.max(list(foreseen.values()), axis=0)
            error = whole - _people_by_power(site, readings, start, hours)
            yield from _score(Foreseen.OCCUPANCY, None, lead, error)


def _in_use(
    site: Site,
    zone: Zone,
    bookings: tuple[Booking, ...],
    start: datetime,
    hours: int,
    lead: int,
) -> Floats:
    """The share of each hour in use, as it was known ``lead`` [h] before its day began."""
    rows: list[bool] = []
    for first in range(0, hours, 24):
        day = start + first * HOUR
        known = tuple(each for each in bookings if each.made_at <= day - lead * HOUR)
        rows += Use(site, known).in_use(zone, day, 900, 96)
    quarters = np.array(rows, dtype=np.float64).reshape(hours, 4)
    return np.asarray(quarters.mean(axis=1))


def _people_by_co2(
    site: Site, zone: Zone, readings: ReadingStore, start: datetime, hours: int
) -> Floats:
    """1 where people are in, 0 where not, NaN where nobody knows. Shape (hours,)."""
    point = point_of(site, Role.ZONE_CO2, zone=zone.id)
    if point is None:
        return np.full(hours, np.nan)
    ppm = readings.series(point.id, start, start + hours * HOUR, HOUR, Fold.MEAN).values
    return np.where(np.isfinite(ppm), (ppm >= PEOPLE_PPM).astype(np.float64), np.nan)


def _people_by_power(site: Site, readings: ReadingStore, start: datetime, hours: int) -> Floats:
    """The same of the building, by the electricity of its main meters."""
    nothing = np.full(hours, np.nan)
    meters = [m for m in site.meters if m.billed and m.commodity is Commodity.ELECTRICITY]
    if not meters:
        return nothing
    end = start + timedelta(hours=hours)
    try:
        used = np.sum(
            [consumption(site, each, readings, start, end, HOUR).use.values for each in meters],
            axis=0,
        )
    except NotFound:  # a meter that nobody reads
        return nothing
    known = used[np.isfinite(used)]
    if len(known) < LEAST_H or np.ptp(known) == 0.0:
        return nothing
    middle = np.percentile(known, (NIGHT, DAY)).mean()
    return np.where(np.isfinite(used), (used >= middle).astype(np.float64), np.nan)


def _score(what: Foreseen, zone: str | None, lead: int, error: Floats) -> Iterator[UseScore]:
    known = error[np.isfinite(error)]
    if len(known) >= LEAST_H:
        yield UseScore(
            what=what,
            zone=zone,
            lead_h=lead,
            n=len(known),
            bias=float(known.mean()),
            rmse=float(np.sqrt(np.mean(known**2))),
        )
