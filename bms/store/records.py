"""What stores keep besides the nouns: earlier versions of readings, and what people decided."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bms.model.control.command import Receipt, ReleaseReceipt
from bms.model.readings.reading import Quality, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A reading that was replaced. ``earlier`` is what stood, ``later`` what stands instead."""

    earlier: Reading
    later: Reading


class Action(StrEnum):
    """What a person did."""

    SET_MODE = "set_mode"
    ADD_OVERRIDE = "add_override"
    REMOVE_OVERRIDE = "remove_override"
    START_TRIAL = "start_trial"
    END_TRIAL = "end_trial"
    ADD_BOOKING = "add_booking"
    REMOVE_BOOKING = "remove_booking"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the audit: who did what to which site, when and why. Never changed."""

    at: datetime
    actor: str
    action: Action
    site: str
    subject: str
    reason: str


def sound(reading: Reading) -> Reading:
    """The reading, with a value that is no number (NaN, infinite) turned into a missing one."""
    if reading.value is None or math.isfinite(reading.value):
        return reading
    return replace(
        reading,
        value=None,
        quality=Quality.ABSENT,
        detail=reading.detail or f"the source gave {reading.value}, which is no number",
    )


def says_the_same(one: Reading, other: Reading) -> bool:
    """Whether two readings of one point and time agree; when they were received is no matter."""
    return one.value == other.value and one.quality == other.quality


def site_of(receipt: Receipt | ReleaseReceipt) -> str:
    """The site of a receipt: point ids are ``site/point``."""
    point = receipt.command.point if hasattr(receipt, "command") else receipt.point
    return point.partition("/")[0]
