"""A series on a regular UTC grid; gaps stay NaN."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Micros = NDArray[np.int64]
"""Moments as microseconds since 1970, UTC [us]."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """``values[i]`` belongs to the interval that starts at ``start + i * step``. Shape (n,).

    NaN is a gap. Values are made read-only.
    """

    start: datetime
    step: timedelta
    values: Floats

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise ValueError("a series starts at an aware moment (UTC)")
        if self.step <= timedelta(0):
            raise ValueError("a series has a positive step")
        self.values.flags.writeable = False

    def __len__(self) -> int:
        return len(self.values)

    @property
    def end(self) -> datetime:
        """The end of the last interval (exclusive)."""
        return self.start + self.step * len(self.values)

    def times(self) -> list[datetime]:
        """Start of every interval."""
        return [self.start + self.step * i for i in range(len(self.values))]

    @property
    def coverage(self) -> float:
        """Share of intervals with a value, 0..1."""
        return float(np.isfinite(self.values).mean()) if len(self.values) else 0.0


def grid_length(start: datetime, end: datetime, step: timedelta) -> int:
    """Number of steps from ``start`` up to, not including, ``end``."""
    return max(0, -((start - end) // step))
