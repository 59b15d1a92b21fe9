"""Clamps a requested value to the limits of its point, and compares it with the read-back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from bms.model.assets.write_rule import ReleaseKind, WriteRule
from bms.model.control.command import Accepted, Clamped, Command, Receipt
from bms.model.control.reasons import ReceiptReason, RefusalReason
from bms.model.fact import Fact, fact
from drivers.fieldbus.receipts import Unwritable

SWITCHES_WITHIN = timedelta(minutes=5)
"""How early or late a device follows its timetable."""


@dataclass(frozen=True, slots=True)
class LimitedValue:
    """The value to write; ``limit`` is the one that clamped it, None when none did."""

    value: float
    limit: Fact | None


def clamp(rule: WriteRule, requested: float) -> LimitedValue:
    """The requested value within the limits of the point, rounded to its resolution.

    Raises ``Unwritable`` when it is not a finite number.
    """
    if not math.isfinite(requested):
        raise Unwritable(fact(RefusalReason.NOT_A_NUMBER))
    if requested > rule.maximum:
        return LimitedValue(rule.maximum, fact(ReceiptReason.AT_MAXIMUM, limit=rule.maximum))
    if requested < rule.minimum:
        return LimitedValue(rule.minimum, fact(ReceiptReason.AT_MINIMUM, limit=rule.minimum))
    return LimitedValue(_rounded(rule, requested), None)


def _rounded(rule: WriteRule, value: float) -> float:
    if rule.resolution <= 0:
        return value
    steps = round(value / rule.resolution)
    # 12 digits drop the tail of 215 * 0.1; rounding must not leave the limits either.
    nearest = float(f"{steps * rule.resolution:.12g}")
    return min(max(nearest, rule.minimum), rule.maximum)


def matches(rule: WriteRule, written: float, read_back: float | None) -> bool:
    """Whether the read-back equals what was written, within the tolerance of the point."""
    return read_back is not None and abs(read_back - written) <= rule.tolerance + 1e-9


def write_receipt(command: Command, clamped: LimitedValue, read_back: float) -> Receipt:
    """The receipt of a write whose read-back matches: ``Accepted`` or ``Clamped``."""
    if clamped.limit is None:
        return Accepted(command, read_back)
    return Clamped(command, clamped.value, read_back, clamped.limit)


def release_value(rule: WriteRule, at: datetime, zone: tzinfo) -> float:
    """The value that a release of kind ``timetable`` or ``constant`` writes at the time ``at``.

    A timetable is read in ``zone``. Raises ValueError for the other kinds of release.
    """
    release = rule.release
    if release.kind is ReleaseKind.TIMETABLE and release.timetable is not None:
        return release.timetable.value_at(at.astimezone(zone))
    if release.kind is ReleaseKind.CONSTANT and release.value is not None:
        return release.value
    raise ValueError(f"the way back {release.kind} does not say what to write")


def home_values(
    rule: WriteRule, at: datetime, zone: tzinfo, drift_s: float | None = None
) -> tuple[float, ...]:
    """The values that own control may have in a register at the time ``at``; none where they are
    not declared.

    A timetable is read in ``zone`` at the device's clock, which is ``drift_s`` [s] ahead, and on
    closed days, too: whether a day is closed is not known here.
    """
    release = rule.release
    if release.kind is ReleaseKind.CONSTANT and release.value is not None:
        return (release.value,)
    timetable = release.timetable
    if release.kind is not ReleaseKind.TIMETABLE or timetable is None:
        return ()
    shown = at + timedelta(seconds=drift_s or 0.0)
    moments = (shown - SWITCHES_WITHIN, shown, shown + SWITCHES_WITHIN)
    found = [timetable.value_at(moment.astimezone(zone)) for moment in moments]
    if timetable.closed_value is not None:
        found.append(timetable.closed_value)
    return tuple(dict.fromkeys(found))
