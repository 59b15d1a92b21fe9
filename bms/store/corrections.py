"""The earlier versions of readings, and when a reading is another one than what stood."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from bms.model.readings.measurement import Quality, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A reading that was replaced. ``earlier`` is what stood, ``later`` what stands instead."""

    earlier: Reading
    later: Reading


def sanitise(reading: Reading) -> Reading:
    """The reading, with a value that is no number (NaN, infinite) turned into a missing one."""
    if reading.value is None or math.isfinite(reading.value):
        return reading
    return replace(
        reading,
        value=None,
        quality=Quality.ABSENT,
        detail=reading.detail or f"the source gave {reading.value}, which is no number",
    )


def same_content(one: Reading, other: Reading) -> bool:
    """Whether two readings of one point and time agree; when they were received is no matter."""
    return one.value == other.value and one.quality == other.quality
