"""Clamps a requested value to the limits of its point."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bms.model.assets.write_rule import WriteRule
from bms.model.control.reasons import ReceiptReason, RefusalReason
from bms.model.fact import Fact, fact
from drivers.fieldbus.receipts import Unwritable


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
