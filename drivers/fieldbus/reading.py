"""From a decoded value to the reading of a point."""

from __future__ import annotations

from datetime import datetime

from bms.model.assets.site import Point
from bms.model.readings.reading import Quality, Reading
from drivers.modbus.register_codec import Decoded


def reading(point: Point, decoded: Decoded, at: datetime, received: datetime) -> Reading:
    """Reading of a point; a value outside its plausible range is no value."""
    decoded = _plausible(point, decoded)
    return Reading(point.id, at, decoded.value, decoded.quality, received, decoded.detail)


def _plausible(point: Point, decoded: Decoded) -> Decoded:
    value = decoded.value
    if value is None:
        return decoded
    if (point.low is not None and value < point.low) or (
        point.high is not None and value > point.high
    ):
        return Decoded(None, Quality.OUT_OF_RANGE, f"{value:g} is not plausible")
    return decoded
