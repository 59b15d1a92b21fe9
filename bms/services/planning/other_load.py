"""What the rest of a building will draw behind the meter that heat is billed by.

Only a heat pump shares its meter with others. What they draw is what the meter shows beyond heat
pump and fans; the hours ahead are expected to be like the median of the same local hours of the
last four weeks, working days and other days apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import isnan
from zoneinfo import ZoneInfo

import numpy as np

from bms.errors import NotFound
from bms.model.assets.equipment import HeatSourceKind
from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.planning.problem import Numbers
from bms.model.readings.series import Floats
from bms.model.readings.units import Commodity
from bms.ports.storage.readings import Fold, ReadingStore
from bms.services.consumption import HOUR, consumption
from bms.services.periods import local_date
from bms.services.planning.ventilation_task import ventilated_past
from bms.services.points_by_role import STEP, point_of

LOOK_BACK = timedelta(days=28)
LEAST_DAYS = 3
SATURDAY = 5

Kind = tuple[bool, int]
"""Whether it is a working day of the building, and the local hour."""


def other_load(
    site: Site, start: datetime, n: int, *, now: datetime, readings: ReadingStore
) -> Numbers:
    """The load [kW] of each of ``n`` quarter-hours from ``start``; None where fewer than
    :data:`LEAST_DAYS` like days are known; empty where nothing shares the meter or can be told.

    Raises ``StoreUnavailable``.
    """
    if site.heat_source.kind is not HeatSourceKind.HEAT_PUMP:
        return ()
    end = now.replace(minute=0, second=0, microsecond=0)
    try:
        seen = seen_load(site, readings, end - LOOK_BACK, end)
    except NotFound:  # a meter that nobody reads
        return ()
    usual = usual_load(site, seen, end - LOOK_BACK)
    ahead = (like_load(site, usual, start + STEP * k) for k in range(n))
    return tuple(None if isnan(load) else round(load, 3) for load in ahead)


def like_load(site: Site, usual: Mapping[Kind, float], moment: datetime) -> float:
    """The usual load [kW] of a moment's hour, NaN where it is not known."""
    return usual.get(_day_kind(site, moment), float("nan"))


def seen_load(site: Site, readings: ReadingStore, start: datetime, end: datetime) -> Floats:
    """Hourly means of the main meters less heat pump and fans [kW], NaN where one is not known.

    Raises ``NotFound`` where they cannot be told apart, ``StoreUnavailable``.
    """
    if site.heat_source.kind is not HeatSourceKind.HEAT_PUMP:
        raise NotFound(f"{site.id} has no heat pump that shares a meter")
    electricity = [m for m in site.meters if m.billed and m.commodity is Commodity.ELECTRICITY]
    heat = [m for m in site.meters if m.commodity is Commodity.HEAT]
    if not electricity or not heat:
        raise NotFound(f"{site.id} has no meters of electricity and heat")
    used = [
        consumption(site, meter, readings, start, end, HOUR).use.values for meter in electricity
    ]
    given = consumption(site, heat[0], readings, start, end, HOUR).use.values
    rest = (
        np.sum(used, axis=0)
        - given / _cop(site, readings, start, end)
        - _fans(site, readings, start, len(given))
    )
    return np.asarray(np.maximum(0.0, rest))


def _cop(site: Site, readings: ReadingStore, start: datetime, end: datetime) -> Floats:
    point = point_of(site, Role.OUTDOOR_TEMP)
    if point is None or not site.heat_source.cop:
        raise NotFound(f"{site.id} does not tell its heat pump's COP")
    outdoors = readings.series(point.id, start, end, HOUR, Fold.MEAN).values
    at, cop = np.array(sorted(site.heat_source.cop)).T
    return np.asarray(np.interp(outdoors, at, cop))


def _fans(site: Site, readings: ReadingStore, start: datetime, hours: int) -> Floats:
    """Power of the fans [kW], in proportion to the flow: at part flow they take less than that,
    and the rest is told too small rather than too large."""
    total = np.zeros(hours)
    for unit in site.ventilation:
        moved = ventilated_past(site, unit, readings, start, 4 * hours).reshape(hours, 4)
        total = total + unit.fan_kw * moved.mean(axis=1)
    return total


def usual_load(site: Site, seen: Floats, start: datetime) -> dict[Kind, float]:
    """Returns the usual load [kW] by kind of hour from hours that begin at ``start``."""
    found: dict[Kind, list[float]] = {}
    for k in np.flatnonzero(np.isfinite(seen)):
        found.setdefault(_day_kind(site, start + HOUR * int(k)), []).append(float(seen[k]))
    return {
        kind: float(np.median(loads)) for kind, loads in found.items() if len(loads) >= LEAST_DAYS
    }


def _day_kind(site: Site, moment: datetime) -> Kind:
    day = local_date(moment, site.timezone)
    works = day.weekday() < SATURDAY and not site.closed(day)
    return works, moment.astimezone(ZoneInfo(site.timezone)).hour
