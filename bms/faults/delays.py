"""Confirmation: a condition counts once it has stood without a break for its delay.

A delay delays and does not smooth: one interval without the condition starts it anew.
"""

from __future__ import annotations

import numpy as np

from bms.model.planning.grid import Flags, Ints
from bms.model.readings.series import Floats


def standing(condition: Flags, breaks: Flags) -> Ints:
    """How many intervals the condition has stood by the end of each. Shape (n,)."""
    index = np.arange(len(condition))
    before = np.where(~condition, index, np.where(breaks, index - 1, -1))
    return index - np.maximum.accumulate(before)


def confirmed(condition: Flags, breaks: Flags, steps: int) -> Flags:
    """Whether the condition has stood for ``steps`` intervals at least. Shape (n,)."""
    return condition & (standing(condition, breaks) >= steps)


def since(event: Flags, breaks: Flags) -> Ints:
    """Intervals since the last event or break, 0 at it; a large number before the first."""
    index = np.arange(len(event))
    last = np.maximum.accumulate(np.where(event | breaks, index, -1))
    return np.where(last < 0, len(event) + 1, index - last)


def turns(values: Floats, breaks: Flags, size: float) -> Flags:
    """Where a signal has turned from rising to falling or back, by more than ``size``. Shape
    (n,)."""
    turned = np.zeros(len(values), dtype=np.bool_)
    high, low, rising = float("-inf"), float("inf"), 0
    for index, value in enumerate(values.tolist()):
        if breaks[index]:
            high, low, rising = float("-inf"), float("inf"), 0
        if value != value:
            continue
        high, low = max(high, value), min(low, value)
        if rising >= 0 and value < high - size:
            turned[index], rising, low = rising > 0, -1, value
        elif rising <= 0 and value > low + size:
            turned[index], rising, high = rising < 0, 1, value
    return turned


def lately(flags: Flags, steps: int) -> Ints:
    """How many of the last ``steps`` intervals are flagged, at each. Shape (n,)."""
    sums = np.concatenate([[0], np.cumsum(flags)])
    end = np.arange(1, len(flags) + 1)
    count: Ints = sums[end] - sums[np.maximum(end - steps, 0)]
    return count


def runs(flags: Flags, *, join: int = 0) -> list[tuple[int, int]]:
    """First and end (exclusive) of each run of flags; runs with at most ``join`` between are one.

    >>> runs(np.array([True, True, False, True]), join=1)
    [(0, 4)]
    """
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    found: list[tuple[int, int]] = []
    for first, end in zip(
        np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True
    ):
        if found and first - found[-1][1] <= join:
            found[-1] = (found[-1][0], end)
        else:
            found.append((first, end))
    return found
