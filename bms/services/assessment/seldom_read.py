"""Meters that are read by the week, the month or more seldom: their use from one reading to the
next."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from bms.metering.bills import BilledUse, billed_amounts, in_months, read_seldom
from bms.metering.step_edges import MeterPeriod, from_micros, to_micros
from bms.metering.time_order import typos
from bms.model.assets.address import SupplierAddress
from bms.model.assets.equipment import Meter
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.readings.series import Floats, Micros
from bms.ports.storage.readings import ReadingStore
from bms.services.consumption import AROUND_SELDOM, MONTH, SELDOM, good_readings, point_use

SECOND_US = 1_000_000
FEWEST = 3
"""Readings [1] by which a meter is known to be read so seldom."""
REACH_US = 20 * 86_400 * SECOND_US
"""How far beyond a period the bills at its edges may reach [us], at least."""


def seldom_read_use(
    site: Site, meter: Meter, readings: ReadingStore, start: datetime, end: datetime
) -> BilledUse | None:
    """The use between the readings of a meter of energy that is read more seldom than daily, its
    multiplier applied; None for any other meter.

    Estimated amounts and the first one after them that was read are one: it makes up for them. An
    estimated reading of a register is passed over, which comes to the same, and so is a typo.
    """
    point = site.meter_point(meter.id, Role.METER_ENERGY)
    return None if point is None else seldom_read_at(site, meter, point, readings, start, end)


def seldom_read_at(
    site: Site, meter: Meter, point: Point, readings: ReadingStore, start: datetime, end: datetime
) -> BilledUse | None:
    """As ``seldom_read_use``, at the ``point`` that counts what the meter measures."""
    if not _seldom(point, readings, start, end):
        return None
    times, values = good_readings(point, readings, MeterPeriod(start, end, MONTH))
    if len(times) < FEWEST or not read_seldom(times):
        return None
    if isinstance(point.address, SupplierAddress) and point.address.interval:
        return _amounts(point, meter, readings, from_micros(times[0]), end)
    times = times[~typos(values)]
    reach = max(REACH_US, int(np.diff(times).max()))
    edges = times[(times >= to_micros(start) - reach) & (times <= to_micros(end) + reach)]
    if len(edges) < FEWEST:
        return None
    return in_months(BilledUse(edges // SECOND_US, _between(site, point, readings, edges)))


def _seldom(point: Point, readings: ReadingStore, start: datetime, end: datetime) -> bool:
    """Whether the first readings are as far apart as those of such a meter; a few are looked at."""
    first = readings.readings(point.id, start - AROUND_SELDOM, end, 2 * FEWEST)
    return len(first) >= FEWEST and (first[-1].time - first[0].time) / len(first) > SELDOM / 2


def _between(site: Site, point: Point, readings: ReadingStore, edges: Micros) -> Floats:
    """Use between the readings of a register at ``edges`` [us]."""
    first, last = from_micros(int(edges[0])), from_micros(int(edges[-1]))
    return point_use(site, point, readings, first, last, MONTH, edges=edges).use.values


def _amounts(
    point: Point, meter: Meter, readings: ReadingStore, start: datetime, end: datetime
) -> BilledUse:
    """Bills of amounts, those that were estimated with the amount that follows them."""
    known = [
        reading
        for reading in readings.readings(point.id, start - AROUND_SELDOM, end + AROUND_SELDOM)
        if reading.value is not None and reading.quality.has_value
    ]
    times = np.array([to_micros(reading.time) for reading in known], dtype=np.int64)
    amounts = np.array([float(reading.value or 0.0) for reading in known])
    guessed = np.array([reading.quality.is_guess for reading in known], dtype=np.bool_)
    return billed_amounts(times, amounts * meter.multiplier, guessed)
