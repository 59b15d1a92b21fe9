"""The record of what was foreseen of a building's use against what its meters and rooms showed.

Every night keeps the local day that ended, by lead time; a day that is not on record, because
nobody was there to keep it or its meters were read later, is made up from what is stored. What is
on record stays as it is, whatever is changed in timetables and readings.

The load of others behind the meter is foreseen as ``bms.services.planning.other_load`` does, from
what was known at each midnight. Use is foreseen by the timetables and the bookings that were made
until then; people are taken to be in where a room's CO2 shows it, or, in a building without such
sensors, where its electricity stands well above that of its nights.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import sqrt

import numpy as np

from bms.errors import NotFound
from bms.model.assets.point import Role
from bms.model.assets.site import Site, Zone
from bms.model.control.booking import Booking
from bms.model.planning.prediction import Foreseen, UseForecastDay
from bms.model.readings.series import Floats
from bms.model.readings.units import Commodity
from bms.ports.storage.plans import PlanStore
from bms.ports.storage.readings import Fold, ReadingStore
from bms.services.collect.retention import kept_days
from bms.services.consumption import HOUR, consumption
from bms.services.occupancy import Use
from bms.services.periods import local_date, midnight
from bms.services.planning.other_load import LOOK_BACK, like_load, seen_load, usual_load
from bms.services.planning.ports import ProblemPorts
from bms.services.points_by_role import point_of

DAYS = 28
"""Days [d] that the record looks back on."""
LEADS_H = (0, 24, 48)
"""Lead times [h]: foreseen so far ahead, and less than the next."""
PEOPLE_PPM = 600.0
"""CO2 [ppm] from which people are taken to be in a room: some 180 above the air outdoors."""
QUIET, BUSY = 10, 90
"""Percentiles of a building's load between whose middle and above people are taken to be in."""
LEAST_H = 24
LEAST_PART = 0.5
"""A day waits until this part of its hours has come in: what is on record is not completed."""
OCCUPANCY_DAYS = 90
"""Days [d] that it is on record when people were in, at most: as long as personal readings."""
DAY = timedelta(days=1)


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


def use_scores(site: Site, *, now: datetime, plans: PlanStore) -> tuple[UseScore, ...]:
    """The stored record of the last :data:`DAYS` days, by what was foreseen, zone and lead time;
    without what fewer than :data:`LEAST_H` hours could be compared of. Raises ``StoreUnavailable``.
    """
    found: dict[tuple[Foreseen, str, int], list[UseForecastDay]] = {}
    for row in plans.use_forecasts(site.id, local_date(now, site.timezone) - DAYS * DAY):
        found.setdefault((row.what, row.zone or "", row.lead_h), []).append(row)
    scores = (_score(found[key]) for key in sorted(found))
    return tuple(score for score in scores if score.n >= LEAST_H)


def _score(days: Sequence[UseForecastDay]) -> UseScore:
    n = sum(day.n for day in days)
    return UseScore(
        what=days[0].what,
        zone=days[0].zone,
        lead_h=days[0].lead_h,
        n=n,
        bias=sum(day.n * day.bias for day in days) / n,
        rmse=sqrt(sum(day.n * day.rmse**2 for day in days) / n),
    )


def forget_use_forecasts(site: Site, *, now: datetime, plans: PlanStore) -> None:
    """Delete when people were in, once the readings that told it are too old to be kept. Raises
    ``StoreUnavailable``."""
    kept = [kept_days(point) for point in site.points_by_role(Role.ZONE_CO2)]
    days = min([OCCUPANCY_DAYS, *(each for each in kept if each is not None)])
    plans.forget_occupancy(site.id, local_date(now, site.timezone) - days * DAY)


def forget_unnamed_use(now: datetime, timezone: str, plans: PlanStore) -> None:
    """The same of buildings that no site file names any more. Raises ``StoreUnavailable``."""
    plans.forget_occupancy(None, local_date(now, timezone) - OCCUPANCY_DAYS * DAY)


def record_use_forecasts(site: Site, *, now: datetime, ports: ProblemPorts) -> list[UseForecastDay]:
    """Keep the days of the last :data:`DAYS` that are over and not on record. Returns what was
    added. Raises ``StoreUnavailable``."""
    today = local_date(now, site.timezone)
    first = today - DAYS * DAY
    known = {
        (row.day, row.what, row.zone, row.lead_h)
        for row in ports.plans.use_forecasts(site.id, first)
    }
    window = _Window(site, midnight(first, site.timezone), midnight(today, site.timezone), known)
    rows = [*_load_rows(window, ports), *_occupancy_rows(window, ports)]
    ports.plans.keep_use_forecasts(rows)
    return rows


@dataclass(frozen=True, slots=True)
class _Window:
    """The local days of a site from one midnight to another, and what of them is on record."""

    site: Site
    start: datetime
    end: datetime
    known: Collection[tuple[date, Foreseen, str | None, int]]

    @property
    def hours(self) -> int:
        return (self.end - self.start) // HOUR

    def days(self) -> Iterator[tuple[date, datetime, slice]]:
        """Each day, when it begins, and its 23 to 25 hours [h] counted from ``start``."""
        zone, begin = self.site.timezone, self.start
        while begin < self.end:
            day = local_date(begin, zone)
            after = midnight(day + DAY, zone)
            yield day, begin, slice((begin - self.start) // HOUR, (after - self.start) // HOUR)
            begin = after

    def rows(
        self,
        what: Foreseen,
        zone: str | None,
        seen: Floats,
        foreseen: Callable[[datetime, int, int], Floats],
    ) -> Iterator[UseForecastDay]:
        """What is missing of each day and lead; ``foreseen`` is asked for begin, hours and lead
        [h]."""
        for day, begin, inside in self.days():
            came = seen[inside]
            for lead in LEADS_H if np.isfinite(came).mean() >= LEAST_PART else ():
                if (day, what, zone, lead) in self.known:
                    continue
                error = foreseen(begin, len(came), lead) - came
                error = error[np.isfinite(error)]
                if len(error):
                    yield UseForecastDay(
                        site=self.site.id,
                        what=what,
                        zone=zone,
                        lead_h=lead,
                        day=day,
                        n=len(error),
                        bias=float(error.mean()),
                        rmse=float(np.sqrt(np.mean(error**2))),
                    )


def _load_rows(window: _Window, ports: ProblemPorts) -> Iterator[UseForecastDay]:
    site, begin = window.site, window.start - LOOK_BACK
    try:
        seen = seen_load(site, ports.readings, begin, window.end)
    except NotFound:
        return

    def foreseen(day: datetime, hours: int, lead: int) -> Floats:
        known = (day - begin) // HOUR - lead
        first = max(0, known - LOOK_BACK // HOUR)
        usual = usual_load(site, seen[first:known], begin + first * HOUR)
        return np.array([like_load(site, usual, day + k * HOUR) for k in range(hours)])

    yield from window.rows(Foreseen.LOAD, None, seen[LOOK_BACK // HOUR :], foreseen)


def _occupancy_rows(window: _Window, ports: ProblemPorts) -> Iterator[UseForecastDay]:
    site, readings = window.site, ports.readings
    bookings = tuple(ports.decisions.bookings(site.id, window.start, window.end))

    def of_zone(zone: Zone) -> Callable[[datetime, int, int], Floats]:
        return lambda day, hours, lead: _in_use(site, zone, bookings, day, hours, lead)

    def of_any(day: datetime, hours: int, lead: int) -> Floats:
        every = [of_zone(zone)(day, hours, lead) for zone in site.zones]
        return np.asarray(np.max(every, axis=0))

    seen = {z: _people_by_co2(site, z, readings, window.start, window.hours) for z in site.zones}
    sensed = {zone: row for zone, row in seen.items() if np.isfinite(row).sum() >= LEAST_H}
    for zone, row in sensed.items():
        yield from window.rows(Foreseen.OCCUPANCY, zone.id, row, of_zone(zone))
    if site.zones and not sensed:
        people = _people_by_power(site, readings, window.start, window.hours)
        yield from window.rows(Foreseen.OCCUPANCY, None, people, of_any)


def _in_use(
    site: Site, zone: Zone, bookings: tuple[Booking, ...], day: datetime, hours: int, lead: int
) -> Floats:
    """The share of each hour in use, as it was known ``lead`` [h] before the day began."""
    known = tuple(each for each in bookings if each.made_at <= day - lead * HOUR)
    quarters = np.array(Use(site, known).in_use(zone, day, 900, 4 * hours), dtype=np.float64)
    return np.asarray(quarters.reshape(hours, 4).mean(axis=1))


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
    middle = np.percentile(known, (QUIET, BUSY)).mean()
    return np.where(np.isfinite(used), (used >= middle).astype(np.float64), np.nan)
