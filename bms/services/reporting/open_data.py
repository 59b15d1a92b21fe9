"""Open data: what every building used each day, without those where few people could be read.

What is published is the sum of the billed meters of a building over a local day. Rooms, occupancy
and CO2 are never in it (law 10), nor is a meter whose point is personal. A building is left out
where a day of it could tell of few people: homes, small ones, and those with few people in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from bms.model.assets.equipment import Meter
from bms.model.assets.point import Privacy
from bms.model.assets.site import Site
from bms.model.fact import Fact, fact
from bms.model.readings.units import Commodity
from bms.model.reporting.columns import Record, table_of
from bms.model.reporting.table import ReportTable
from bms.model.reporting.words import MethodFact, ReportFact, Sheet
from bms.services.accounts.daily_use import counted_meters, daily_use
from bms.services.consumption import measured_point
from bms.services.reporting.scope import DAY, Scope, name_of

COLUMNS = (
    *("building", "building_name", "use_of_building", "area_m2", "day", "commodity", "use"),
    "unit",
)
LEAST_AREA_M2 = 500.0
"""Smaller buildings are used by few people."""
LEAST_PEOPLE = 15.0
"""People who are in at once [1], where the site file says so."""
HOMES = frozenset({"health", "care_home", "dwelling", "institution"})
"""Uses of buildings that people live in, or may."""
METHOD = (
    fact(MethodFact.USE),
    fact(MethodFact.SUPPRESSION, area=LEAST_AREA_M2, people=LEAST_PEOPLE),
    fact(MethodFact.PROVENANCE),
    fact(MethodFact.LICENCE),
)


def is_open(site: Site) -> bool:
    """Whether the days of a building tell of no few people."""
    people = [zone.people for zone in site.zones]
    known = [each for each in people if each is not None]
    few = bool(known) and len(known) == len(people) and sum(known) < LEAST_PEOPLE
    return site.use not in HOMES and site.area_m2 >= LEAST_AREA_M2 and not few


def open_meters(site: Site, commodity: Commodity) -> tuple[Meter, ...]:
    """The meters whose sum is published; none where one of them is personal, because the sum would
    not be that of the building."""
    meters = counted_meters(site, commodity)
    for meter in meters:
        point = measured_point(site, meter)
        if point is None or point.privacy is Privacy.PERSONAL:
            return ()
    return meters


def wholly_open(sites: Mapping[str, Site]) -> frozenset[str]:
    """The buildings of which everything is published. The number of the city is of these: from one
    of more buildings the others could be reckoned by taking the files off."""
    return frozenset(
        name
        for name, site in sites.items()
        if is_open(site)
        and all(open_meters(site, each) == counted_meters(site, each) for each in Commodity)
    )


def open_tables(scope: Scope) -> tuple[tuple[ReportTable, ...], tuple[Fact, ...]]:
    """The days of the open buildings, and how many there are."""
    chosen = tuple(site for site in scope.sites if is_open(site))
    table = table_of(Sheet.OPEN_DAYS, COLUMNS, DaysOfBuildings(scope, chosen))
    left_out = len(scope.sites) - len(chosen)
    return (table,), (fact(ReportFact.OPEN, shown=len(chosen), left_out=left_out),)


@dataclass(frozen=True, slots=True)
class DaysOfBuildings:
    """A record for each building, commodity and day that is over, a building at a time."""

    scope: Scope
    sites: tuple[Site, ...]

    def __iter__(self) -> Iterator[Record]:
        for i, site in enumerate(self.sites):
            if self.scope.first < self.scope.until:
                for commodity in Commodity:
                    yield from self._of(site, commodity)
            self.scope.progress((i + 1) / len(self.sites))

    def _of(self, site: Site, commodity: Commodity) -> Iterator[Record]:
        meters = open_meters(site, commodity)
        first, last = self.scope.first, self.scope.until - DAY
        found = [
            daily_use(site, meter, self.scope.cache.ports.readings, first, last) for meter in meters
        ]
        units = {each.unit for each in found}
        if len(units) != 1:
            return
        about: Record = {
            "building": site.id,
            "building_name": name_of(site),
            "use_of_building": site.use,
            "area_m2": site.area_m2,
            "commodity": commodity.value,
            "unit": units.pop().value,
        }
        use = np.sum([each.use for each in found], axis=0)
        known = np.flatnonzero(np.isfinite(use))
        for i in known.tolist():
            yield {**about, "day": first + i * DAY, "use": float(use[i])}


def open_years(today: date, count: int = 3) -> tuple[int, ...]:
    """The calendar years that are published, the present one first."""
    return tuple(today.year - back for back in range(count))
