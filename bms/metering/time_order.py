"""Readings in order of time, each moment once, without what a register cannot show, or shows by
rounding."""

from __future__ import annotations

import numpy as np

from bms.metering.flaw import Flaw, FlawCode, flaws_where
from bms.model.readings.runs_and_peaks import Mask
from bms.model.readings.series import Floats, Micros

MOST_DIGITS = 1e15
"""More digits than any register has, and as many as a float keeps."""


def sorted_readings(times: Micros, values: Floats) -> tuple[Micros, Floats, list[Flaw]]:
    """Known values by ascending time, one per moment.

    Readings that come twice count once. Two different values for one moment are both set aside:
    nothing shows which is right. Raises ValueError when the shapes differ.
    """
    if times.shape != values.shape or times.ndim != 1:
        raise ValueError(f"{times.shape} times do not go with {values.shape} values")
    known = np.isfinite(values)
    if not known.all():
        times, values = times[known], values[known]
    gaps = np.diff(times)
    if np.all(gaps > 0):
        return times, values, []
    flaws = _out_of_order(times, gaps)
    order = np.lexsort((values, times))
    return _once(times[order], values[order], flaws)


def _out_of_order(times: Micros, gaps: Micros) -> list[Flaw]:
    if np.all(gaps >= 0):
        return []
    behind = times < np.maximum.accumulate(times)
    span = times[behind]
    return [
        Flaw(
            FlawCode.OUT_OF_ORDER,
            int(span.min()),
            int(span.max()),
            count=int(behind.sum()),
            whole=True,
        )
    ]


def _once(times: Micros, values: Floats, flaws: list[Flaw]) -> tuple[Micros, Floats, list[Flaw]]:
    again = np.concatenate(([False], np.diff(times) == 0))
    if not again.any():
        return times, values, flaws
    same = again & np.concatenate(([False], values[1:] == values[:-1]))
    disputed = np.isin(times, times[again & ~same])
    twice = times[same]
    if len(twice):
        first, last = int(twice[0]), int(twice[-1])
        flaws.append(Flaw(FlawCode.DUPLICATE, first, last, count=len(twice), whole=True))
    moments = np.unique(times[disputed])
    all_moments = np.unique(times)
    flaws += flaws_where(FlawCode.TWO_VALUES, all_moments, np.isin(all_moments, moments))
    keep = ~again & ~disputed
    return times[keep], values[keep], flaws


def within_register_range(
    times: Micros, values: Floats, rollover_at: float | None
) -> tuple[Micros, Floats, list[Flaw]]:
    """Returns the readings without what a register cannot show: less than nothing, or more than
    where it rolls over (15 digits where that is not known)."""
    if not len(values):
        return times, values, []
    negative = values < 0
    beyond: Mask = values > (MOST_DIGITS if rollover_at is None else rollover_at)
    if not (negative.any() or beyond.any()):
        return times, values, []
    flaws = flaws_where(FlawCode.NEGATIVE_REGISTER, times, negative)
    flaws += flaws_where(FlawCode.BEYOND_REGISTER, times, beyond)
    keep = ~(negative | beyond)
    return times[keep], values[keep], flaws


def held(times: Micros, values: Floats, most: float) -> tuple[Floats, list[Flaw]]:
    """Returns the register where it stood still in place of stepping back by ``most`` at most,
    until it has caught up, and what was held."""
    falls = np.flatnonzero(np.diff(values) < 0)
    if not len(falls) or most <= 0.0:
        return values, []
    level, found = values.copy(), np.zeros(len(values), dtype=np.bool_)
    for at in falls.tolist():
        here = at + 1
        while here < len(level) and level[at] - most <= level[here] < level[at]:
            level[here], found[here] = level[at], True
            here += 1
    moments = times[found]
    if not len(moments):
        return values, []
    first, last, bound = int(moments[0]), int(moments[-1]), float((level - values).max())
    count = int(found.sum())
    return level, [Flaw(FlawCode.STEPPED_BACK, first, last, count=count, whole=True, bound=bound)]


def typos(values: Floats) -> Mask:
    """Which readings of a register lie above or below both their neighbours, which count on."""
    found: Mask = np.zeros(len(values), dtype=np.bool_)
    before, here, after = values[:-2], values[1:-1], values[2:]
    found[1:-1] = (before <= after) & ((here > after) | (here < before))
    return found
