"""Use of a site's billed meters by local day, whichever way each of them is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from bms.errors import NotFound
from bms.metering.bills import BilledUse
from bms.metering.local_days import local_day_edges, to_days
from bms.metering.step_edges import from_micros
from bms.model.assets.equipment import Meter
from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.readings.metering import Consumption
from bms.model.readings.series import Floats
from bms.model.readings.units import Commodity, Unit
from bms.ports.storage.readings import ReadingStore
from bms.services.assessment.own_power import beside
from bms.services.assessment.seldom_read import seldom_read_use
from bms.services.assessment.site_savings import meter_use
from bms.services.consumption import days

MICROS = 1e6


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MeterDaysOfUse:
    """Use of a meter by local day in ``unit``, shape (n,); NaN where it is not known."""

    meter: str
    unit: Unit
    use: Floats


def counted_meters(site: Site, commodity: Commodity) -> tuple[Meter, ...]:
    """The billed meters whose sum is the site's use of a commodity."""
    return tuple(
        meter
        for meter in site.meters
        if meter.billed and meter.commodity is commodity and meter.direction.is_use
    )


def commodities_of(site: Site) -> tuple[Commodity, ...]:
    """What a site's consumption is told of."""
    kinds = dict.fromkeys(meter.commodity for meter in site.meters)
    return tuple(kind for kind in kinds if counted_meters(site, kind))


def unit_of_commodity(site: Site, commodity: Commodity) -> Unit:
    """The unit of a site's use of a commodity: energy, unless all of its meters tell
    volumes."""
    units = {unit_of(site, meter) for meter in counted_meters(site, commodity)}
    return Unit.M3 if units == {Unit.M3} else Unit.KWH


def unit_of(site: Site, meter: Meter) -> Unit:
    """The unit that a meter's use is told in: m3 of water, and of gas without a calorific value."""
    by_volume = site.meter_point(meter.id, Role.METER_ENERGY) is None
    return Unit.M3 if by_volume and not meter.calorific_value else Unit.KWH


def daily_use(
    site: Site, meter: Meter, readings: ReadingStore, first: date, last: date
) -> MeterDaysOfUse:
    """Use on the local days from ``first`` to ``last``, both included.

    A register that is known at both midnights of a day is exact for it. What a meter that is read
    by the month used falls on the days between two readings alike. Gas by volume is energy by the
    calorific value of the day; electricity is that of the building where meters tell what its
    panels gave.
    """
    edges = local_day_edges(first, last, site.timezone)
    start, end = from_micros(int(edges[0])), from_micros(int(edges[-1]))
    unit = unit_of(site, meter)
    seldom = seldom_read_use(site, meter, readings, start, end)
    if seldom is not None:
        use = _spread(seldom, edges / MICROS)
    elif beside(site, meter):
        hourly = meter_use(site, meter, readings, start, end)
        assert hourly is not None, "meters of electricity count energy"
        whole = Consumption(use=hourly, unit=unit, total=None, events=())
        use = to_days(whole, edges).use.values
    else:
        use = _counted(site, meter, readings, first, last)
    return MeterDaysOfUse(meter=meter.id, unit=unit, use=use)


def _counted(site: Site, meter: Meter, readings: ReadingStore, first: date, last: date) -> Floats:
    try:
        use = days(site, meter.id, readings, first, last).use.values
    except NotFound:
        return np.full((last - first).days + 1, np.nan)
    by_volume = site.meter_point(meter.id, Role.METER_ENERGY) is None
    return use * _calorific(meter, first, len(use)) if by_volume else use


def _calorific(meter: Meter, first: date, n: int) -> Floats:
    """What a m3 holds on each of ``n`` days [kWh/m3]: 1 where none was given, NaN before the first
    value."""
    if not meter.calorific_value:
        return np.ones(n)
    begins = [(day - first) / timedelta(days=1) for day, _ in meter.calorific_value]
    at = np.searchsorted(begins, np.arange(n), side="right") - 1
    return np.array([*(value for _, value in meter.calorific_value), np.nan])[at]


def _spread(read: BilledUse, edges_s: Floats) -> Floats:
    """Use between readings on the days between ``edges_s`` [s], alike on each moment; NaN where a
    part of the day lies outside of what is known."""
    known = np.isfinite(read.kwh)
    through = np.concatenate(([0.0], np.cumsum(np.where(known, read.kwh, 0.0))))
    missing = np.concatenate(([0.0], np.cumsum(~known)))
    at = read.edges_s.astype(np.float64)
    use = np.diff(np.interp(edges_s, at, through))
    unknown = np.diff(np.interp(edges_s, at, missing)) > 0
    outside = (edges_s[:-1] < at[0]) | (edges_s[1:] > at[-1])
    return np.where(unknown | outside, np.nan, use)
