"""From what is wished to what may be written: limits, ramp, resolution, safe range. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bms.model.assets.write_rule import WriteRule


@dataclass(frozen=True, slots=True)
class Fitted:
    """The value to write, and the limit that moved it away from the wish, if one did."""

    value: float
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why nothing may be written."""

    reason: str


def fit(wish: float, rule: WriteRule, standing: float | None) -> Fitted | Unfit:
    """The value nearest to ``wish`` that ``rule`` allows, all in the unit of the point.

    ``standing`` is the effective value now, from which the ramp limit counts.
    """
    if not math.isfinite(wish):
        return Unfit(f"{wish} is not a value")
    if rule.hold_safe is None and not rule.ends_by_itself:
        return Unfit(
            "the point has neither a hold_safe range nor a watchdog: if this computer and its "
            "guard were lost, nobody would give it back. Declare one in the site file"
        )
    if rule.max_change is not None and standing is None:
        return Unfit("the point has a ramp limit and its present value is not known")
    low, high = _reach(rule, standing)
    value = _on_step(min(max(wish, low), high), rule)
    if not _stands_safely(value, rule):
        return Unfit(
            f"{value:g} lies outside hold_safe {rule.hold_safe}, and the device has no watchdog"
        )
    if low <= wish <= high:
        return Fitted(value)
    return Fitted(value, f"asked for {wish:g}, the limits now are {low:g}..{high:g}")


def _reach(rule: WriteRule, standing: float | None) -> tuple[float, float]:
    """Where the value may lie: the limits, narrowed by the ramp as far as they allow."""
    low, high = rule.minimum, rule.maximum
    if rule.max_change is None or standing is None:
        return low, high
    return (
        min(max(low, standing - rule.max_change), high),
        max(min(high, standing + rule.max_change), low),
    )


def _on_step(value: float, rule: WriteRule) -> float:
    """The nearest multiple of the resolution that lies within the limits."""
    step = rule.resolution
    if step <= 0:
        return value
    steps = round(value / step)
    if steps * step > rule.maximum + step * 1e-6:
        steps = math.floor(rule.maximum / step + 1e-6)
    if steps * step < rule.minimum - step * 1e-6:
        steps = math.ceil(rule.minimum / step - 1e-6)
    return round(steps * step, 9)


def _stands_safely(value: float, rule: WriteRule) -> bool:
    if rule.ends_by_itself or rule.hold_safe is None:
        return True
    low, high = rule.hold_safe
    return low <= value <= high
