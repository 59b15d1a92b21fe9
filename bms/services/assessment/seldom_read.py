"""Meters that are read by the month or more seldom: their use from one reading to the next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bms.metering.interval import interval_lengths
from bms.metering.step_edges import MeterPeriod, from_micros, to_micros
from bms.model.assets.address import SupplierAddress
from bms.model.assets.equipment import Meter
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.readings.series import Floats, Micros
from bms.ports.storage.readings import ReadingStore
from bms.services.consumption import MONTH, SELDOM, good_readings, point_use

SECOND_US = 1_000_000
FEWEST = 6
"""Readings [1] by which a meter is known to be read by the month."""
MARGIN = timedelta(days=100)
LEAST_US = 20 * 86_400 * SECOND_US
"""Usual time between two readings of such a meter, at least [us]."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadUse:
    """Use from one reading to the next: ``edges_s`` UTC epoch [s], shape (n + 1,), and ``kwh``,
    shape (n,), NaN where it is not known."""

    edges_s: NDArray[np.int64]
    kwh: Floats


def seldom_read_use(
    site: Site, meter: Meter, readings: ReadingStore, start: datetime, end: datetime
) -> ReadUse | None:
    """The use between the readings of a meter of energy that is read by the month or more seldom,
    its multiplier applied; None for any other meter.

    Estimated amounts and the first one after them that was read are one: it makes up for them. An
    estimated reading of a register is passed over, which comes to the same.
    """
    point = site.meter_point(meter.id, Role.METER_ENERGY)
    if point is None:
        return None
    if not _seldom(point, readings, start, end):
        return None
    times, _ = good_readings(point, readings, MeterPeriod(start, end, MONTH))
    if len(times) < FEWEST or float(np.median(np.diff(times))) < LEAST_US:
        return None
    if isinstance(point.address, SupplierAddress) and point.address.interval:
        return _amounts(point, meter, readings, from_micros(times[0]), end)
    inside = (times >= to_micros(start) - LEAST_US) & (times <= to_micros(end) + LEAST_US)
    edges = times[inside]
    if len(edges) < FEWEST:
        return None
    use = _between(site, point, readings, edges)
    return ReadUse(edges // SECOND_US, use)


def _seldom(point: Point, readings: ReadingStore, start: datetime, end: datetime) -> bool:
    """Whether the first readings are as far apart as those of such a meter; a few are looked at."""
    first = readings.readings(point.id, start - MARGIN, end, FEWEST)
    return len(first) == FEWEST and (first[-1].time - first[0].time) / FEWEST > SELDOM


def _between(site: Site, point: Point, readings: ReadingStore, edges: Micros) -> Floats:
    """Use between the readings of a register at ``edges`` [us]."""
    first, last = from_micros(int(edges[0])), from_micros(int(edges[-1]))
    return point_use(site, point, readings, first, last, MONTH, edges=edges).use.values


def _amounts(
    point: Point, meter: Meter, readings: ReadingStore, start: datetime, end: datetime
) -> ReadUse:
    """Amounts with their estimates, each run of which is one with the amount that follows it."""
    known = [
        reading
        for reading in readings.readings(point.id, start - MARGIN, end + MARGIN)
        if reading.value is not None and reading.quality.has_value
    ]
    times = np.array([to_micros(reading.time) for reading in known], dtype=np.int64)
    lengths = interval_lengths(times, LEAST_US)
    edges, kwh = [int(times[0])], list[float]()
    pending = 0.0
    for at, reading in enumerate(known):
        if int(times[at]) - edges[-1] > LEAST_US and pending == 0.0:
            edges.append(int(times[at]))
            kwh.append(float("nan"))
        pending += float(reading.value or 0.0)
        if reading.quality.is_guess and at + 1 < len(known):
            continue
        edges.append(int(times[at] + lengths[at]))
        kwh.append(pending * meter.multiplier)
        pending = 0.0
    return ReadUse(np.array(edges, dtype=np.int64) // SECOND_US, np.array(kwh))
