"""Local days of 23, 24 and 25 hours, and intervals that are stamped with their end."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from bms.metering.step_edges import MICROSECOND, checked_edges, from_micros, to_micros
from bms.model.readings.metering import Consumption
from bms.model.readings.series import Micros, Series

DAY = timedelta(days=1)


def local_day_edges(first: date, last: date, timezone: str) -> Micros:
    """Local midnights [us after 1970 UTC] from ``first`` to the end of ``last``, both included.

    Shape (days + 1,). Raises ValueError when ``last`` is before ``first``, and
    ``zoneinfo.ZoneInfoNotFoundError`` for an unknown time zone.
    """
    if last < first:
        raise ValueError(f"the days end before they begin: {first} to {last}")
    zone = ZoneInfo(timezone)
    days = (first + timedelta(days=i) for i in range((last - first).days + 2))
    midnights = (datetime.combine(day, time(), tzinfo=zone).astimezone(UTC) for day in days)
    return np.array([to_micros(midnight) for midnight in midnights], dtype=np.int64)


def local_month_edges(first: date, last: date, timezone: str) -> Micros:
    """Local midnights [us after 1970 UTC] of the first days of the months from that of ``first`` to
    the end of that of ``last``. Shape (months + 1,). Raises as ``local_day_edges`` does."""
    if last < first:
        raise ValueError(f"the months end before they begin: {first} to {last}")
    zone = ZoneInfo(timezone)
    count = 12 * (last.year - first.year) + last.month - first.month + 2
    months = [divmod(12 * first.year + first.month - 1 + i, 12) for i in range(count)]
    edges = (datetime(year, month + 1, 1, tzinfo=zone).astimezone(UTC) for year, month in months)
    return np.array([to_micros(edge) for edge in edges], dtype=np.int64)


def to_days(consumption: Consumption, edges: Micros) -> Consumption:
    """Use per local day from finer steps; ``edges`` as from ``local_day_edges``.

    A day is NaN where one of its steps is, or where the steps do not fill it; its events say why.
    ``register_use`` and ``interval_use`` over the same edges know more: a day whose register is
    known at both midnights is exact, whatever is missing inside. Raises ValueError when the steps
    are those of another call with edges, or ``edges`` do not ascend.
    """
    if consumption.edges is not None:
        raise ValueError("only steps of one length can be summed to days")
    edges = checked_edges(edges)
    use = consumption.use
    length = use.step // MICROSECOND
    start = to_micros(use.start)
    first, last = (edges[:-1] - start) // length, (edges[1:] - start) // length
    fits = ((edges - start) % length == 0)[:-1] & ((edges - start) % length == 0)[1:]
    fits &= (first >= 0) & (last <= len(use))
    sums = np.concatenate(([0.0], np.cumsum(np.nan_to_num(use.values))))
    missing = np.concatenate(([0], np.cumsum(np.isnan(use.values))))
    days = np.full(len(first), np.nan)
    low, high = first[fits], last[fits]
    days[fits] = np.where(missing[high] == missing[low], sums[high] - sums[low], np.nan)
    known = bool(len(days)) and bool(np.isfinite(days).all())
    return Consumption(
        use=Series(from_micros(int(edges[0])), DAY, days),
        unit=consumption.unit,
        total=float(days.sum()) if known else None,
        events=consumption.events,
        edges=edges,
    )


def hour_starting(times: Micros, interval_s: int) -> Micros:
    """The starts of intervals of ``interval_s`` [s] from their ends, both [us after 1970 UTC]: the
    hour that a supplier calls 01:00 may be the one that began at midnight."""
    return times - np.int64(interval_s) * 1_000_000
