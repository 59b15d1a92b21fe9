"""How well a meter is read, asked by the interval in which it is read.

A meter that is read by the day has no hours of its own, and one that is read by the week, the month
or the quarter no days: what is missing is asked between its readings.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from bms.metering.bills import BilledUse
from bms.metering.quality import ENOUGH, MeterQuality, SeldomRead, assess_quality
from bms.metering.step_edges import MeterPeriod, from_micros
from bms.model.assets.equipment import Meter
from bms.model.assets.site import Site
from bms.model.readings.metering import Consumption
from bms.ports.storage.readings import ReadingStore
from bms.services.assessment.seldom_read import seldom_read_at
from bms.services.consumption import (
    HOUR,
    MONTH,
    consumption,
    counted_points,
    good_readings,
    measured_point,
    meter_named,
)


def meter_quality(
    site: Site,
    meter_id: str,
    readings: ReadingStore,
    start: datetime,
    end: datetime,
    step: timedelta = HOUR,
) -> tuple[Consumption, MeterQuality]:
    """What a meter used per ``step``, that of one that is read by the day spread over it, and how
    good its readings are by the interval in which they come. Raises as ``consumption`` does."""
    use = consumption(site, meter_id, readings, start, end, step)
    meter = meter_named(site, meter_id)
    found = [
        reading
        for point in counted_points(site, meter)
        for reading in readings.readings(point.id, start, end)
    ]
    if use.use.coverage >= ENOUGH:
        return use, assess_quality(use, found)
    if isinstance(meter, Meter):
        seldom = _seldom(site, meter, readings, start, end)
        if seldom is not None:
            return use, assess_quality(use, found, seldom=seldom)
    by_day = consumption(site, meter_id, readings, start, end, step, spread=True)
    told = by_day if by_day.use.coverage > use.use.coverage else use
    return told, assess_quality(told, found)


def _seldom(
    site: Site, meter: Meter, readings: ReadingStore, start: datetime, end: datetime
) -> SeldomRead | None:
    """How a meter is read that is read more seldom than daily; None for any other."""
    point = measured_point(site, meter)
    bills = None if point is None else seldom_read_at(site, meter, point, readings, start, end)
    if point is None or bills is None:
        return None
    times, _ = good_readings(point, readings, MeterPeriod(start, end, MONTH))
    times = times[times < int(end.timestamp() * 1e6)]
    if len(times) < 2:
        return None
    last = max(from_micros(int(times[-1])), _known_until(bills, end))
    pause = timedelta(microseconds=float(np.median(np.diff(times))))
    return SeldomRead(share_between(bills, start, min(last, end)), pause, last)


def _known_until(bills: BilledUse, end: datetime) -> datetime:
    edges = bills.edges_s[bills.edges_s <= end.timestamp()]
    last = int(edges[-1]) if len(edges) else 0
    return from_micros(last * 1_000_000)


def share_between(bills: BilledUse, start: datetime, end: datetime) -> float:
    """Share of the time from ``start`` to ``end`` that lies in bills of known use, 0..1; 1 of no
    time."""
    first, last = start.timestamp(), end.timestamp()
    if last <= first:
        return 1.0
    inside = np.minimum(bills.edges_s[1:], last) - np.maximum(bills.edges_s[:-1], first)
    return float(np.maximum(inside, 0.0)[np.isfinite(bills.kwh)].sum() / (last - first))
