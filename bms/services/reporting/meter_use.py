"""What every meter used on every local day of a period, beside the year before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from bms.errors import NotFound
from bms.model.assets.equipment import Meter
from bms.model.assets.site import Site
from bms.model.readings.series import Floats
from bms.ports.storage.readings import ReadingStore
from bms.services.consumption import AnyMeter, all_meters, days
from bms.services.reporting.scope import Scope

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MeterUse:
    """Use of a meter in ``unit`` on the local days from ``first``, shape (days,), NaN where it is
    not known. ``total`` is that of all of them, ``before`` that of the same days a year earlier,
    None where they are not known."""

    site: Site
    meter: AnyMeter
    unit: str
    first: date
    days: Floats
    total: float | None
    before: float | None

    @property
    def coverage(self) -> float:
        """Share of the days whose use is known, 0..1."""
        return float(np.isfinite(self.days).mean()) if len(self.days) else 0.0

    @property
    def change(self) -> float | None:
        """Change since the year before, a share of it."""
        if self.total is None or not self.before:
            return None
        return self.total / self.before - 1.0

    @property
    def name(self) -> str:
        """The id of the meter, ``site/meter``."""
        return f"{self.site.id}/{self.meter.id}"

    @property
    def billed(self) -> bool:
        """Whether it counts in the use of the building."""
        return isinstance(self.meter, Meter) and self.meter.billed

    def by_day(self) -> Iterator[tuple[date, float | None]]:
        """Each day with its use."""
        for i, value in enumerate(self.days):
            yield self.first + i * ONE_DAY, float(value) if np.isfinite(value) else None

    def months(self) -> dict[date, tuple[float | None, float]]:
        """By the first day of each month: the use of its days in the period, None where one of
        them is not known, and the share of them that is."""
        found: dict[date, list[float | None]] = {}
        for day, value in self.by_day():
            found.setdefault(day.replace(day=1), []).append(value)
        return {
            month: (
                None if None in values else sum(v for v in values if v is not None),
                sum(v is not None for v in values) / len(values),
            )
            for month, values in found.items()
        }


def uses_of(scope: Scope, *, compared: bool = True) -> Iterator[MeterUse]:
    """Every meter of the scope that counts; ``compared`` with the year before."""
    for i, site in enumerate(scope.sites):
        yield from site_uses(scope, site, compared=compared)
        scope.progress((i + 1) / len(scope.sites))


def site_uses(scope: Scope, site: Site, *, compared: bool = True) -> Iterator[MeterUse]:
    """Every meter of a building that counts."""
    if not scope.first < scope.until:
        return
    last = scope.until - ONE_DAY
    for meter in all_meters(site):
        readings = scope.cache.ports.readings
        try:
            use = days(site, meter.id, readings, scope.first, last)
        except NotFound:  # a meter without a point that counts
            continue
        yield MeterUse(
            site=site,
            meter=meter,
            unit=use.unit.value,
            first=scope.first,
            days=use.use.values,
            total=_total(use.use.values, use.total),
            before=_before(site, meter, readings, scope.first, last) if compared else None,
        )


def _before(
    site: Site, meter: AnyMeter, readings: ReadingStore, first: date, last: date
) -> float | None:
    use = days(site, meter.id, readings, a_year_before(first), a_year_before(last))
    return _total(use.use.values, use.total)


def _total(values: Floats, total: float | None) -> float | None:
    """The sum of the days; where one is not known, what passed the meter between the ends."""
    return float(values.sum()) if np.isfinite(values).all() else total


def a_year_before(day: date) -> date:
    """The same day of the year before; 28 February for 29 February."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)
