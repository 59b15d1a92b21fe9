"""From what is wished to what may be written: limits, ramp, resolution, safe range. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from bms.model.assets.write_rule import WriteRule
from bms.model.control.reasons import ReceiptReason, RefusalReason
from bms.model.fact import Fact, fact


@dataclass(frozen=True, slots=True)
class ClampedValue:
    """The value to write, and the limit that moved it away from the wish, if one did."""

    value: float
    limit: Fact | None = None


RAMP_STEP = timedelta(minutes=15)
"""A write moves a point by what its ramp allows in this time at most: plans have steps as long."""


def clamp(
    wish: float, rule: WriteRule, standing: float | None, still: timedelta | None = None
) -> ClampedValue | Fact:
    """The value nearest to ``wish`` that ``rule`` allows, all in the unit of the point; or the
    ``RefusalReason`` why there is none.

    ``standing`` is the effective value now, from which the ramp counts, ``still`` for how long we
    have left it there (None: longer than ``RAMP_STEP``, or nobody knows).
    """
    if not math.isfinite(wish):
        return fact(RefusalReason.NOT_A_NUMBER)
    if rule.max_change is not None and standing is None:
        return fact(RefusalReason.RAMP_FROM_UNKNOWN)
    low, high = _limits_now(rule, standing, still)
    value = _on_step(min(max(wish, low), high), rule, low, high)
    if not rule.ends_by_itself and not _holds_safely(value, rule):
        safe_low, safe_high = rule.hold_safe or (None, None)
        return fact(RefusalReason.OUTSIDE_HOLD_SAFE, value=value, low=safe_low, high=safe_high)
    if low <= wish <= high:
        return ClampedValue(value)
    return ClampedValue(value, fact(ReceiptReason.LIMITS_NOW, wish=wish, low=low, high=high))


def allows(rule: WriteRule, value: float) -> bool:
    """Whether a value of ours may go on standing: the limits may be narrower than those by which it
    was written."""
    inside = rule.minimum - 1e-9 <= value <= rule.maximum + 1e-9
    return inside and (rule.ends_by_itself or _holds_safely(value, rule))


def _limits_now(
    rule: WriteRule, standing: float | None, still: timedelta | None
) -> tuple[float, float]:
    """Where the value may lie: the limits, narrowed by the ramp as far as they allow."""
    low, high = rule.minimum, rule.maximum
    if rule.max_change is None or standing is None:
        return low, high
    span = RAMP_STEP if still is None else min(max(still, timedelta(0)), RAMP_STEP)
    change = rule.max_change * (span / timedelta(hours=1))
    return (
        min(max(low, standing - change), high),
        max(min(high, standing + change), low),
    )


def _on_step(value: float, rule: WriteRule, low: float, high: float) -> float:
    """The nearest multiple of the resolution between ``low`` and ``high``; where there is none, the
    next one below, within the limits of the point."""
    step = rule.resolution
    if step <= 0:
        return value
    steps = round(value / step)
    if steps * step < low - step * 1e-6:
        steps = math.ceil(low / step - 1e-6)
    if steps * step > high + step * 1e-6:
        steps = math.floor(high / step + 1e-6)
    if steps * step < rule.minimum - step * 1e-6:
        steps = math.ceil(rule.minimum / step - 1e-6)
    return round(steps * step, 9)


def _holds_safely(value: float, rule: WriteRule) -> bool:
    """Whether a value may stand for days when nobody is left to give it back."""
    if rule.hold_safe is None:
        return False
    low, high = rule.hold_safe
    return low <= value <= high
