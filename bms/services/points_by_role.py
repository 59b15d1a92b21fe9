"""The points of a site by what they do, and what a plan may do with them."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.planning.problem import Lever
from bms.model.readings.series import Floats
from bms.ports.storage.readings import Fold, ReadingStore

STEP = timedelta(minutes=15)


def point_of(
    site: Site, role: Role, *, zone: str | None = None, ventilation: str | None = None
) -> Point | None:
    """The point of a zone, of an air-handling unit or of the plant with this role, or None."""
    for point in site.points_by_role(role):
        if point.zone == zone and point.ventilation == ventilation:
            return point
    return None


def lever_of(point: Point | None) -> Lever | None:
    """The lever that a plan may move; None where the point is not there or not writable.

    Its limits are within what may stand for days where nothing but us ends a write: beyond that
    range no write would be made.
    """
    if point is None or point.write is None:
        return None
    low, high = point.write.minimum, point.write.maximum
    if point.write.hold_safe is not None and not point.write.ends_by_itself:
        low, high = max(low, point.write.hold_safe[0]), min(high, point.write.hold_safe[1])
    return Lever(
        point=point.id,
        role=point.role,
        unit=point.unit,
        minimum=low,
        maximum=high,
        resolution=point.write.resolution,
        max_change=point.write.max_change,
        minimum_on=point.write.minimum_on,
        minimum_off=point.write.minimum_off,
    )


def means(readings: ReadingStore, point: Point | None, start: datetime, n: int) -> Floats:
    """Means of a point over ``n`` quarter-hours from ``start`` [unit of the point]; NaN where
    nothing is known. Shape (n,). Raises ``StoreUnavailable``."""
    if point is None:
        return np.full(n, np.nan)
    return readings.series(point.id, start, start + STEP * n, STEP, Fold.MEAN).values


def value_now(readings: ReadingStore, point: Point | None, now: datetime) -> float | None:
    """The good value that is no older than the point's ``max_age``. Raises
    ``StoreUnavailable``."""
    reading = None if point is None else readings.latest([point.id]).get(point.id)
    value = None if reading is None else reading.good_value
    if point is None or reading is None or value is None:
        return None
    if not now - point.max_age <= reading.time <= now:
        return None
    return round(value, 4)
