"""How fast a meter counts, learned from the meter itself where nobody told.

The reference is the median of its day peaks, which slips and spikes on fewer than half of the
days cannot move. A higher rate counts as use when three readings in a row bear it out and no rate
of its day is above 100 times the reference: the filling of a pool lasts for hours, a wrong reading
does not, and a factor of a thousand is a slip of units. Ten times the highest such rate is the
bound: the highest peak of 27 clean meters of two years was 3.1 times the median day peak.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bms.metering.moments import HOUR_US, Mask, Micros, hours
from bms.model.series import Floats
from bms.model.units import Unit

Indices = NDArray[np.intp]

HEADROOM = 10.0
"""A rate above this many times the highest usual one is no use."""
OTHER_UNIT = 100.0
"""Beyond this many times the median day peak, even a lasting rate is a slip of units."""
FEWEST = 8
"""Fewer rates than this tell nothing about a meter."""
A_DAY = 24
"""So many rates of a register tell its pace without the others."""
FAR = 24 * HOUR_US
"""Farther than this from a fall [us], an increment has nothing to do with it."""

LARGEST = {Unit.KWH: 10_000.0, Unit.M3: 10_000.0}
"""Use per hour that no municipal building has, whatever its meter says: 10 MW, 10 000 m3/h."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Rates as the register counts, per hour: the highest usual one, and the bound that nothing
    may pass. Infinite where they are unknown."""

    usual: float
    bound: float


@dataclass(frozen=True, slots=True)
class Rating:
    """What is told about a meter: ``max_per_hour`` is its rated maximum [``unit`` per hour], after
    the ``multiplier`` that turns its register into use."""

    unit: Unit
    multiplier: float
    max_per_hour: float | None

    def pace(self, usual: float) -> Pace:
        """The pace of a meter with this highest usual rate, as its register counts per hour."""
        if self.max_per_hour is not None:
            bound = self.max_per_hour / self.multiplier
            return Pace(min(usual, bound), bound)
        largest = LARGEST.get(self.unit, math.inf) / self.multiplier
        return Pace(usual, min(HEADROOM * usual, largest))


def learned(times: Micros, values: Floats) -> float:
    """The highest usual rate of a register, per hour; infinite when there is too little of it.

    Rates are those between the first readings of the hours, so that a meter that is read every
    minute and moves in steps is seen like any other. Those near a fall say little: they may be the
    way into a wrong reading, or out of it. Where a day away from every fall is not left, those
    right beside one are left out, and where falls are everywhere, none.
    """
    hour = times // HOUR_US
    at = np.flatnonzero(np.concatenate(([True], hour[1:] > hour[:-1])))[: len(times)]
    if len(at) <= FEWEST:
        return math.inf
    grown, span = np.diff(values[at]), np.diff(times[at])
    rates = np.maximum(grown, 0.0) / hours(span)
    for clean in (_far_from_falls(times, values, at), _not_beside_falls(values, at)):
        if np.count_nonzero(clean & (grown > 0)) >= A_DAY:
            rates = np.where(clean, rates, 0.0)
            break
    return highest_usual(rates, float(np.median(span)))


def _far_from_falls(times: Micros, values: Floats, at: Indices) -> Mask:
    falls = times[np.flatnonzero(np.diff(values) < 0)]
    first = np.searchsorted(falls, times[at[:-1]] - FAR)
    far: Mask = np.searchsorted(falls, times[at[1:]] + FAR, side="right") == first
    return far


def _not_beside_falls(values: Floats, at: Indices) -> Mask:
    falls = np.concatenate(([0], np.cumsum(np.diff(values) < 0)))
    before, after = np.maximum(at[:-1] - 1, 0), np.minimum(at[1:] + 1, len(falls) - 1)
    away: Mask = falls[after] == falls[before]
    return away


def highest_usual(rates: Floats, span_us: float) -> float:
    """The highest rate that counts as usual. ``rates`` per hour, each over about ``span_us`` [us];
    infinite when fewer than eight are there or none is above zero. A day is a block of rates, or
    an eighth of them where there are fewer than eight days."""
    if len(rates) < FEWEST:
        return math.inf
    block = max(1, min(round(24 * HOUR_US / span_us), len(rates) // FEWEST))
    peaks = _peaks(rates, block)
    if not (peaks > 0).any():
        return math.inf
    above = np.sort(peaks[peaks > 0])
    reference = float(above[(len(above) - 1) // 2])
    trusted = np.repeat(_trusted(peaks, reference), block)[: len(rates)]
    rates = np.where(trusted, rates, 0.0)
    lasting = np.minimum(np.minimum(rates[:-2], rates[1:-1]), rates[2:])
    return max(reference, float(lasting.max()))


def _peaks(rates: Floats, block: int) -> Floats:
    """The highest rate of each ``block`` of rates."""
    padded = np.zeros(-(-len(rates) // block) * block)
    padded[: len(rates)] = rates
    peaks: Floats = padded.reshape(-1, block).max(axis=1)
    return peaks


def _trusted(peaks: Floats, reference: float) -> Mask:
    """Blocks without a rate of another unit in them or beside them: its nights would look like
    days of the right one."""
    wild = np.pad(peaks > OTHER_UNIT * reference, 1)
    trusted: Mask = ~(wild[:-2] | wild[1:-1] | wild[2:])
    return trusted


def resolution(values: Floats) -> float:
    """The smallest step that a register was seen to make; 0 when it never moved."""
    grown = np.diff(values)
    return float(grown.min(where=grown > 0, initial=math.inf)) if (grown > 0).any() else 0.0
