"""From a wish to the value that may be written, and whether it stands."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, tzinfo

from bms.model.assets.write_rule import ReleaseKind, WriteRule
from bms.model.control.command import Accepted, Clamped, Command, Receipt
from bms.model.control.reasons import ReceiptReason, RefusalReason
from bms.model.fact import Fact, fact
from drivers.fieldbus.receipts import Unwritable


@dataclass(frozen=True, slots=True)
class Fitted:
    """The value to write, and the limit that moved it (None when it is the wish)."""

    value: float
    limit: Fact | None


def fit(rule: WriteRule, wish: float) -> Fitted:
    """The wish within the limits of the point, rounded to its resolution.

    Raises ``Unwritable`` when the wish is not a finite number.
    """
    if not math.isfinite(wish):
        raise Unwritable(fact(RefusalReason.NOT_A_NUMBER))
    if wish > rule.maximum:
        return Fitted(rule.maximum, fact(ReceiptReason.AT_MAXIMUM, limit=rule.maximum))
    if wish < rule.minimum:
        return Fitted(rule.minimum, fact(ReceiptReason.AT_MINIMUM, limit=rule.minimum))
    return Fitted(_rounded(rule, wish), None)


def _rounded(rule: WriteRule, value: float) -> float:
    if rule.resolution <= 0:
        return value
    steps = round(value / rule.resolution)
    # 12 digits drop the tail of 215 * 0.1; rounding must not leave the limits either.
    nearest = float(f"{steps * rule.resolution:.12g}")
    return min(max(nearest, rule.minimum), rule.maximum)


def stands(rule: WriteRule, written: float, read_back: float | None) -> bool:
    """Whether the read-back shows what was written, within the tolerance of the point."""
    return read_back is not None and abs(read_back - written) <= rule.tolerance + 1e-9


def receipt(command: Command, fitted: Fitted, read_back: float) -> Receipt:
    """Receipt of a write that stands."""
    if fitted.limit is None:
        return Accepted(command, read_back)
    return Clamped(command, fitted.value, read_back, fitted.limit)


def own_value(rule: WriteRule, at: datetime, zone: tzinfo) -> float:
    """The declared value of a ``timetable`` or ``constant`` way back at ``at``.

    A timetable is read in ``zone``. Raises ValueError for the other ways back.
    """
    release = rule.release
    if release.kind is ReleaseKind.TIMETABLE and release.timetable is not None:
        return release.timetable.value_at(at.astimezone(zone))
    if release.kind is ReleaseKind.CONSTANT and release.value is not None:
        return release.value
    raise ValueError(f"the way back {release.kind} does not say what to write")
