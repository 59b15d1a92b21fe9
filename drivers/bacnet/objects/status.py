"""What the status of an object makes of its number. Pure.

Source: ANSI/ASHRAE 135, clauses 12.2.7 (Status_Flags), 12.2.9 (Reliability) and 12.2.10
(Out_Of_Service) for an analog input, and their like for the other types.
"""

from __future__ import annotations

import math

from bms.model.readings.device_units import SAME, LinearScale
from bms.model.readings.measurement import Quality
from drivers.bacnet.encoding import names
from drivers.bacnet.encoding.application_values import StatusFlags
from drivers.fieldbus.reading import Decoded

NO_FAULT = 0
"""The reliability no-fault-detected."""


def scaled(decoded: Decoded, scale: LinearScale | Decoded) -> Decoded:
    """A decoded number in the unit of the point; what stands in place of a scale says why not."""
    if decoded.value is None or scale is SAME:
        return decoded
    if isinstance(scale, Decoded):
        return scale
    value = scale.to_point(decoded.value)
    if not math.isfinite(value):
        return Decoded(None, Quality.ABSENT, "the number is too large for the unit of the point")
    return Decoded(value, decoded.quality, decoded.detail)


def judged(decoded: Decoded, flags: StatusFlags | None, reliability: int | None) -> Decoded:
    """A decoded number with the quality that its object gives it.

    A fault, or a reliability other than no-fault-detected, leaves no value. Out of service or
    overridden the object shows a number that need not be that of its sensor, output or program: it
    is kept and shown, and nothing is decided on it.
    """
    if decoded.value is None:
        return decoded
    if (flags is not None and flags.fault) or reliability not in (None, NO_FAULT):
        why = "" if reliability is None else f" (reliability {names.reliability(reliability)})"
        return Decoded(None, Quality.BAD, f"the object reports a fault{why}")
    if flags is not None and flags.out_of_service:
        text = "the object is out of service: its value is not that of its input or output"
        return Decoded(decoded.value, Quality.UNCERTAIN, text)
    if flags is not None and flags.overridden:
        text = "the value is overridden at the device"
        return Decoded(decoded.value, Quality.UNCERTAIN, text)
    return decoded
