"""What a meter used: registers, amounts per interval and virtual meters, all the same way.

Every use of energy in the product is asked for here, so that a rollover, a reset, an exchange or a
wild reading is treated alike in a saving, a plan and an answer.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np

from bms.errors import NotFound
from bms.metering.interval import interval_use
from bms.metering.local_days import local_day_edges, local_month_edges
from bms.metering.register.use_per_step import register_use
from bms.metering.register.usual_rate import MeterRating
from bms.metering.step_edges import MeterPeriod
from bms.metering.virtual import virtual_use
from bms.model.assets.address import SupplierAddress
from bms.model.assets.equipment import Meter, MeterDirection, VirtualMeter
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.readings.metering import Consumption, Quantity
from bms.model.readings.series import Floats, Micros
from bms.ports.storage.readings import ReadingStore

AnyMeter = Meter | VirtualMeter

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MONTH = timedelta(days=30)
"""Nominal step of months."""
SELDOM = timedelta(hours=36)
"""Readings that are farther apart are those of a person, or of bills."""
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AROUND = timedelta(days=3)
"""How far before and after a period readings are looked at: what happened to a register at its
edges (a reset, a wild reading) shows only beside what it said before and after."""
AROUND_SELDOM = timedelta(days=800)
"""The same for meters that are read more seldom than daily, by the year at most."""
MEASURED = (Role.METER_ENERGY, Role.METER_VOLUME)
"""What a meter measures: its energy, else its volume."""
COUNTED = (
    *(Quantity.ENERGY, Quantity.EXPORT, Quantity.VOLUME),
    *(Quantity.FLOW_ENERGY, Quantity.RETURN_ENERGY),
)
"""Quantities of a supplier that are counted, as registers or per interval."""

SIGNED = (MeterDirection.EXPORT, MeterDirection.NET)
"""Of a sum with one of these more may leave the building than enters."""


def all_meters(site: Site) -> tuple[AnyMeter, ...]:
    """Returns the meters of a site, and after them the virtual ones."""
    return (*site.meters, *site.virtual_meters)


def meter_named(site: Site, meter_id: str) -> AnyMeter:
    """The meter or virtual meter of a site. Raises ``NotFound`` with those there are."""
    for meter in all_meters(site):
        if meter.id == meter_id:
            return meter
    known = ", ".join(meter.id for meter in all_meters(site)) or "none"
    raise NotFound(f"no meter {meter_id!r} in {site.id}; there are: {known}")


def measured_point(site: Site, meter: Meter) -> Point | None:
    """The point with what a meter measures: its energy, else its volume."""
    found = (site.meter_point(meter.id, role) for role in MEASURED)
    return next((point for point in found if point is not None), None)


def consumption(
    site: Site,
    meter: str | AnyMeter,
    readings: ReadingStore,
    start: datetime,
    end: datetime,
    step: timedelta,
    *,
    spread: bool = False,
    exported: bool = False,
) -> Consumption:
    """Use of a meter (or the one of this id) from ``start`` to ``end`` per ``step``, its multiplier
    applied; ``spread``: that of one that is read about daily by time on shorter steps, so that its
    days can be summed; ``exported``: what a meter of import shows below zero stays, in place of the
    use of its step.

    What cannot be known is NaN and lies in an event that says why. Raises ``NotFound`` for a meter
    that is not there, or has no point that counts.
    """
    chosen = meter_named(site, meter) if isinstance(meter, str) else meter
    return _use(site, chosen, readings, MeterPeriod(start, end, step, None, spread, exported))


def counts(point: Point) -> bool:
    """Whether a point counts: a register, or amounts per interval."""
    address = point.address
    delivered = isinstance(address, SupplierAddress) and address.quantity in COUNTED
    return delivered or point.role in MEASURED


def point_use(
    site: Site,
    point: Point,
    readings: ReadingStore,
    start: datetime,
    end: datetime,
    step: timedelta,
    *,
    edges: Micros | None = None,
    spread: bool = False,
) -> Consumption:
    """Use per ``step``, or between ``edges`` [us], at a point that counts, the one of its meter or
    another of the same meter (the volume of a heat meter), for which multiplier, exchanges and
    maximum are not meant; ``spread`` as in ``consumption``."""
    period = MeterPeriod(start, end, step, edges, spread)
    meter = next((each for each in site.meters if each.id == point.meter), None)
    if meter is not None and measured_point(site, meter) != point:
        meter = None
    return _counted(point, meter, readings, period)


def days(site: Site, meter_id: str, readings: ReadingStore, first: date, last: date) -> Consumption:
    """Use of a meter on the local days from ``first`` to ``last``, both included.

    A day begins and ends at its own midnights, so that it may have 23 or 25 hours; ``edges`` of
    the answer says so. Raises as ``consumption`` does.
    """
    edges = local_day_edges(first, last, site.timezone)
    period = MeterPeriod(_moment(edges[0]), _moment(edges[-1]), DAY, edges)
    return _use(site, meter_named(site, meter_id), readings, period)


def months(
    site: Site, meter_id: str, readings: ReadingStore, first: date, last: date
) -> Consumption:
    """Use of a meter in the local months from that of ``first`` to that of ``last``; a register
    that is read by the month counts from the readings nearest to their edges, within three days.
    Raises as ``consumption`` does."""
    edges = local_month_edges(first, last, site.timezone)
    period = MeterPeriod(_moment(edges[0]), _moment(edges[-1]), MONTH, edges)
    return _use(site, meter_named(site, meter_id), readings, period)


def counted_until(site: Site, meter_id: str, last: datetime) -> datetime:
    """Up to when a meter's use is known by a reading of ``last``: a register until that moment, an
    amount until the end of its interval."""
    for point in counted_points(site, meter_named(site, meter_id)):
        if isinstance(point.address, SupplierAddress) and point.address.interval:
            return last + timedelta(seconds=point.interval_s)
    return last


def counted_points(site: Site, meter: AnyMeter) -> list[Point]:
    """What a meter is counted from: one point, for a virtual meter those of its parts."""
    names = [name for name, _ in meter.terms] if isinstance(meter, VirtualMeter) else [meter.id]
    found = (measured_point(site, part) for part in site.meters if part.id in names)
    return [point for point in found if point is not None]


def moments(use: Consumption) -> list[datetime]:
    """The edges of the steps, one more than there are steps."""
    if use.edges is not None:
        return [_moment(edge) for edge in use.edges]
    return [*use.use.times(), use.use.end]


def _moment(edge: np.int64) -> datetime:
    return EPOCH + int(edge) * MICROSECOND


def _use(site: Site, meter: AnyMeter, readings: ReadingStore, period: MeterPeriod) -> Consumption:
    if isinstance(meter, Meter):
        return _measured(site, meter, readings, period)
    parts = {name: _use(site, meter_named(site, name), readings, period) for name, _ in meter.terms}
    signed = any(part.direction in SIGNED for part in site.meters if part.id in parts)
    return virtual_use(parts, meter.terms, signed=signed)


def _measured(site: Site, meter: Meter, readings: ReadingStore, period: MeterPeriod) -> Consumption:
    point = measured_point(site, meter)
    if point is None:
        raise NotFound(f"meter {meter.id!r} of {site.id} has no point that counts energy or volume")
    return _counted(point, meter, readings, period)


def good_readings(
    point: Point, readings: ReadingStore, period: MeterPeriod
) -> tuple[Micros, Floats]:
    """The good readings of a period and around it: farther around where they are few."""
    times, values = readings.good(point.id, period.start - AROUND, period.end + AROUND)
    usual = (period.end - period.start + 2 * AROUND) / max(len(times), 1)
    if usual <= SELDOM:
        return times, values
    return readings.good(point.id, period.start - AROUND_SELDOM, period.end + AROUND_SELDOM)


def _counted(
    point: Point, meter: Meter | None, readings: ReadingStore, period: MeterPeriod
) -> Consumption:
    """Use at a point that counts; ``meter`` where it is what that meter measures."""
    times, values = good_readings(point, readings, period)
    rated = None if meter is None or point.role is not Role.METER_ENERGY else meter.max_kw
    rating = MeterRating(point.unit, 1.0 if meter is None else meter.multiplier, rated)
    address = point.address
    if isinstance(address, SupplierAddress) and address.interval:
        return interval_use(
            times,
            values,
            interval_s=point.interval_s,
            period=period,
            rating=rating,
            signed=meter is not None and meter.direction is MeterDirection.NET,
        )
    return register_use(
        times,
        values,
        period=period,
        rating=rating,
        maximum=None if meter is None else meter.register_max,
        exchanges=() if meter is None else meter.exchanges,
    )
