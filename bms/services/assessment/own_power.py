"""Panels of the sun: what a building used where it made a part of it itself.

A meter of import shows less since panels are there. Where meters tell what they gave and what went
out, the use is import less export and with production. Where they do not, the use is not known, and
nothing can be said of a saving.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from bms.model.assets.equipment import Meter, MeterDirection
from bms.model.assets.site import Site
from bms.model.epoch import EPOCH
from bms.model.readings.series import Floats, Series
from bms.model.readings.units import Commodity
from bms.ports.storage.readings import ReadingStore
from bms.savings.events.sun_panels import SunPanels
from bms.services.consumption import HOUR, consumption, measured_point

FEWEST_DAYS = 3
"""Days [d] with export that show panels: a meter is tried out on one."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PowerBalance:
    """Electricity of a building by step [kWh]; NaN where it is not known.

    ``net`` is import less export; ``own_use`` what the building used: import less export and with
    production, None where production is not measured. ``production`` is None without its meter.
    """

    imported: Series
    exported: Series
    net: Series
    production: Series | None
    own_use: Series | None


def beside(site: Site, meter: Meter) -> tuple[Meter, ...]:
    """The meters of export and production that count beside ``meter`` of import or net."""
    grid = [m for m in site.meters if m.commodity is Commodity.ELECTRICITY and m.billed]
    only = grid[0].id if len(grid) == 1 else None
    return tuple(
        each
        for each in site.meters
        if not each.direction.is_use and (each.behind or only) == meter.id
    )


def power_balance(
    site: Site,
    meter: Meter,
    readings: ReadingStore,
    start: datetime,
    end: datetime,
    step: timedelta = HOUR,
) -> PowerBalance:
    """Import, export, production, net and own use beside a meter of import or net.

    Raises as ``bms.services.consumption.consumption`` does.
    """
    at_grid = consumption(site, meter, readings, start, end, step).use

    def summed(direction: MeterDirection) -> Floats | None:
        found = [
            _since_first(site, each, readings, at_grid)
            for each in beside(site, meter)
            if each.direction is direction
        ]
        return np.sum(found, axis=0) if found else None

    def series(values: Floats) -> Series:
        return Series(at_grid.start, at_grid.step, values)

    nothing = np.zeros(len(at_grid))
    out, made = summed(MeterDirection.EXPORT), summed(MeterDirection.PRODUCTION)
    if meter.direction is MeterDirection.NET:
        taken, out = np.maximum(at_grid.values, 0.0), np.maximum(-at_grid.values, 0.0)
    else:
        taken = at_grid.values
    net = taken - (nothing if out is None else out)
    known = made is not None and out is not None
    return PowerBalance(
        imported=at_grid if out is None else series(taken),
        exported=series(nothing if out is None else out),
        net=series(net),
        production=None if made is None else series(made),
        own_use=series(net + made) if known and made is not None else None,
    )


def with_own_power(use: Series, site: Site, meter: Meter, readings: ReadingStore) -> Series:
    """The ``use`` of a meter of import or net with what the building made itself, where meters tell
    it; otherwise as it is."""
    if not _told(meter, beside(site, meter)):
        return use
    balance = power_balance(site, meter, readings, use.start, use.end, use.step)
    return use if balance.own_use is None else balance.own_use


def panels_of(
    site: Site, meter: Meter, readings: ReadingStore, start: datetime, end: datetime
) -> SunPanels | None:
    """The panels that meters of export or production tell of, whose part in the use they do not
    tell; None without such meters, and where all of it is known."""
    around = beside(site, meter)
    if _told(meter, around):
        return None
    days: set[int] = set()
    zone = ZoneInfo(site.timezone)
    for each in around:
        point = measured_point(site, each)
        if point is None:
            continue
        use = consumption(site, each, readings, start, end, HOUR).use
        at = np.flatnonzero(use.values > 0)
        days |= {(use.start + int(i) * use.step).astimezone(zone).date().toordinal() for i in at}
    if len(days) < FEWEST_DAYS:
        return None
    return SunPanels(datetime.fromordinal(min(days)).date(), exported=True)


def _told(meter: Meter, around: Sequence[Meter]) -> bool:
    """Whether production and export are both measured."""
    kinds = {each.direction for each in around}
    if meter.direction is MeterDirection.NET:
        return MeterDirection.PRODUCTION in kinds
    return {MeterDirection.PRODUCTION, MeterDirection.EXPORT} <= kinds


def _since_first(site: Site, meter: Meter, readings: ReadingStore, grid: Series) -> Floats:
    """Amounts of a meter on the steps of ``grid`` [kWh], none before its first reading: there was
    nothing to measure."""
    values = consumption(site, meter, readings, grid.start, grid.end, grid.step).use.values.copy()
    point = measured_point(site, meter)
    first = [] if point is None else readings.readings(point.id, EPOCH, grid.end, 1)
    begun = first[0].time if first else grid.end
    values[: max(int(np.ceil((begun - grid.start) / grid.step)), 0)] = 0.0
    return values
