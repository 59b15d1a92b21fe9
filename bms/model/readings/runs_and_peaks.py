"""What meters and savings share when they judge readings: runs of steps, and peaks of days.

Registers and amounts are judged by different questions (``bms.metering`` by what the meter can have
counted, ``bms.savings.data`` by what its season makes usual), with the same functions and the same
measured headroom.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Floats

Mask = NDArray[np.bool_]

HEADROOM = 10.0
"""A rate above this many times the usual peak is no measurement: the highest peak of 27 clean
meters of two years was 3.1 times the median day peak."""


def runs(mask: Mask) -> list[tuple[int, int]]:
    """Returns (first, end) of every run of true values, end exclusive."""
    return [(first, end) for first, end in run_edges(mask).tolist()] if mask.any() else []


def run_edges(mask: Mask) -> NDArray[np.int64]:
    """Returns what ``runs`` does as an array, shape (k, 2)."""
    closed = np.zeros(len(mask) + 2, dtype=np.bool_)
    closed[1:-1] = mask
    return np.flatnonzero(closed[1:] != closed[:-1]).reshape(-1, 2)


def block_peaks(values: Floats, block: int) -> Floats:
    """Returns the largest value of each ``block`` of values, the last one being short; 0 where
    nothing is known or positive."""
    padded = np.zeros(-(-len(values) // block) * block)
    np.fmax(values, 0.0, out=padded[: len(values)])
    peaks: Floats = padded.reshape(-1, block).max(axis=1)
    return peaks
