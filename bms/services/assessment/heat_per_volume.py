"""Energy over the volume that flowed through a meter of district heating: what its two columns say
of each other."""

from __future__ import annotations

from bms.metering.bills import BilledUse, per_m3_of_bills
from bms.metering.cooling import kwh_per_m3
from bms.metering.step_edges import from_micros
from bms.model.assets.equipment import HeatSourceKind, Meter
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Span
from bms.ports.storage.readings import ReadingStore
from bms.services.assessment.seldom_read import seldom_read_at
from bms.services.consumption import point_use

MICRO = 1_000_000


def use_per_m3(
    site: Site, meter: Meter, readings: ReadingStore, use: Series, span: Span
) -> float | None:
    """Energy of the hourly ``use`` [kWh] over the volume of the same hours of ``span`` [kWh/m3];
    None for a meter without both, and of any other heat."""
    point = _volume(site, meter)
    part = use_between(use, span)
    if point is None or not len(part):
        return None
    volume = point_use(site, point, readings, part.start, part.end, part.step, spread=True).use
    return kwh_per_m3(part.values, volume.values)


def use_between(use: Series, span: Span) -> Series:
    """The steps of ``use`` that begin in ``span``."""
    first, end = (
        min(max(-((use.start - moment) // use.step), 0), len(use))
        for moment in (span.start, span.end)
    )
    return Series(use.start + first * use.step, use.step, use.values[first:end])


def billed_per_m3(
    site: Site, meter: Meter, readings: ReadingStore, billed: BilledUse
) -> tuple[float | None, ...]:
    """Energy of the bills over the volume of the same bills [kWh/m3], as ``use_per_m3``."""
    point = _volume(site, meter)
    if point is None or len(billed.edges_s) < 2:
        return ()
    ends = [from_micros(int(second) * MICRO) for second in billed.edges_s[[0, -1]]]
    volume = seldom_read_at(site, meter, point, readings, ends[0], ends[1])
    return () if volume is None else (per_m3_of_bills(billed, volume),)


def _volume(site: Site, meter: Meter) -> Point | None:
    district = site.heat_source.kind is HeatSourceKind.DISTRICT_HEATING
    if meter.commodity is not Commodity.HEAT or not district:
        return None
    if site.meter_point(meter.id, Role.METER_ENERGY) is None:
        return None
    return site.meter_point(meter.id, Role.METER_VOLUME)
