"""For how long a point that switches has stood as it is, by what it was seen to show."""

from __future__ import annotations

from datetime import datetime, timedelta

from bms.model.assets.point import Point
from bms.ports.storage.readings import ReadingStore

LONGEST_GAP = timedelta(hours=1)
"""What was not looked at for longer may have switched twice."""


def least_time(point: Point, on: bool) -> timedelta:
    """The least time that a point stays on, or off; zero where it has none."""
    if point.write is None:
        return timedelta(0)
    return timedelta(minutes=point.write.minimum_on if on else point.write.minimum_off)


def stood_since(
    point: Point, on: bool, readings: ReadingStore, now: datetime, ago: timedelta
) -> datetime | None:
    """The earliest moment of the last ``ago`` since when every look at the point showed it on, or
    off; None where the last look showed something else, or there was none.

    A moment is that of a reading: the point may have switched up to a reading earlier. Raises
    ``StoreUnavailable``.
    """
    since: datetime | None = None
    later = now
    looks = readings.readings(point.id, now - ago - LONGEST_GAP, now + timedelta(seconds=1))
    for reading in reversed(looks):
        value = reading.good_value
        if later - reading.time > LONGEST_GAP:
            break
        if value is None:
            continue
        if (value >= 0.5) is not on:
            break
        since = later = reading.time
    return since
