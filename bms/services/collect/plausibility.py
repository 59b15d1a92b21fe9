"""Whether a value lies in the range that its point declares: the one check for all sources."""

from __future__ import annotations

from bms.model.assets.point import Point
from bms.model.readings.measurement import Quality, Reading


def plausible(point: Point, reading: Reading) -> Reading:
    """The reading; without its value, and ``OUT_OF_RANGE``, where that is outside ``low..high``.

    A limit that the point does not declare bounds nothing; a value at a limit is plausible.
    """
    value = reading.value
    if value is None:
        return reading
    too_low = point.low is not None and value < point.low
    too_high = point.high is not None and value > point.high
    if not (too_low or too_high):
        return reading
    detail = f"{value} {point.unit} lies outside {point.low}..{point.high}"
    return Reading(
        reading.point, reading.time, None, Quality.OUT_OF_RANGE, reading.received, detail
    )
