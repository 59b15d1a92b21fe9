"""Decoded values of any protocol, and the readings of points that they become."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from datetime import datetime

from bms.model.assets.point import Point
from bms.model.readings.measurement import Quality, Reading


@dataclass(frozen=True, slots=True)
class Decoded:
    """A value in the unit of the point, or None with the quality that says why."""

    value: float | None
    quality: Quality = Quality.GOOD
    detail: str | None = None

    @property
    def doubt(self) -> str | None:
        """Why nothing may be decided on it; None where it is good."""
        if self.quality is Quality.GOOD:
            return None
        return ": ".join(part for part in (self.quality.value, self.detail) if part)


def shortest_decimal(number: float) -> float:
    """The shortest decimal of a single-precision number: 19.3, not 19.299999237."""
    if not math.isfinite(number):
        return number
    short = float(f"{number:.7g}")
    try:
        same = struct.pack(">f", short) == struct.pack(">f", number)
    except OverflowError:
        same = False
    return short if same else number


def reading(point: Point, decoded: Decoded, at: datetime, received: datetime) -> Reading:
    """The reading of a point at the time ``at``. Its plausible range is not looked at here:
    ``bms.services.collect.plausibility`` does that for every source."""
    return Reading(point.id, at, decoded.value, decoded.quality, received, decoded.detail)
