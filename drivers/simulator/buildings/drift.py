"""The drift of buildings' use of energy from year to year.

Untreated public buildings use some 5 % more or less than their weather-adjusted year before. Here
two random paths per building carry that: one multiplies every unwanted air change (infiltration,
opened windows, leaking dampers), the other all electricity but that of a heat pump: what is plugged
in and left on, lamps exchanged, filters that clog. Care and use move both, so they share a part.

Each path is the exponential of an Ornstein-Uhlenbeck process with a time constant of 120 days,
known at monthly knots and linear between them. All worlds of a building share its paths. Two weeks
against the year before then differ by 0.91 standard deviations of the path.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

KNOT_DAYS = 30.0
TIME_CONSTANT_DAYS = 120.0
FIRST_DAY = 17167.0
"""Days since 1970 of the first knot, 2017-01-01."""
KNOTS = 240

LEAK_SD = 0.19
"""Standard deviation of the logarithm of the air leakage factor."""
ELECTRICITY_SD = 0.055
"""Standard deviation of the logarithm of the factor on electricity without the heat pump."""
SHARED = 0.7
"""Correlation of the two paths of a building."""


@dataclass(frozen=True, slots=True)
class Drift:
    """The two factors of one building at monthly knots. Shapes (KNOTS,), mean near 1."""

    leak: FloatArray
    electricity: FloatArray

    @classmethod
    def of(cls, seed: int) -> Drift:
        """The paths that belong to a building's seed."""
        rng = np.random.default_rng([seed, 3])
        shared, *alone = (_process(rng) for _ in range(3))
        leak, electricity = (SHARED**0.5 * shared + (1.0 - SHARED) ** 0.5 * own for own in alone)
        return cls(_factor(leak, LEAK_SD), _factor(electricity, ELECTRICITY_SD))

    def at(self, day: float) -> tuple[float, float]:
        """Factors (air leakage, electricity) at a day counted from 1970."""
        place = (day - FIRST_DAY) / KNOT_DAYS
        knots = np.arange(KNOTS)
        leak = float(np.interp(place, knots, self.leak))
        return leak, float(np.interp(place, knots, self.electricity))


def _process(rng: np.random.Generator) -> FloatArray:
    """Ornstein-Uhlenbeck process of unit variance at the knots."""
    keep = np.exp(-KNOT_DAYS / TIME_CONSTANT_DAYS)
    shocks = rng.standard_normal(KNOTS)
    level = np.empty(KNOTS)
    level[0] = shocks[0]
    for i in range(1, KNOTS):
        level[i] = keep * level[i - 1] + np.sqrt(1.0 - keep**2) * shocks[i]
    return level


def _factor(level: FloatArray, sd: float) -> FloatArray:
    return np.asarray(np.exp(sd * level - 0.5 * sd**2))
