"""How fast a meter counts, learned from the meter itself where its rating is not known.

The reference is the median of its day peaks, which unit errors and spikes on fewer than half of
the days cannot move. A higher rate counts as use when three readings in a row bear it out and no
rate of its day is above 100 times the reference: the filling of a pool lasts for hours, a wrong
reading does not, and a factor of a thousand is an error of units. ``HEADROOM`` times the highest
such rate is the bound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bms.metering.step_edges import HOUR_US, hours
from bms.model.readings.runs_and_peaks import HEADROOM, Mask, block_peaks
from bms.model.readings.series import Floats, Micros
from bms.model.readings.units import Unit

Indices = NDArray[np.intp]

OTHER_UNIT = 100.0
"""Beyond this many times the median day peak, even a lasting rate is in another unit."""
FEWEST = 8
"""Fewer rates than this say nothing about a meter."""
BORNE_OUT = 3
"""One or two steps may both be wrong."""
A_DAY = 24
"""So many rates away from every fall are enough to learn from."""
FAR = 24 * HOUR_US
"""Farther than this from a fall [us], an increment has nothing to do with it."""

FEW_STEPS = 3.0
"""So many of its smallest steps a register may step back by rounding."""
DECIMALS = (1.0, 0.1, 0.01, 0.001)
"""Steps of registers of which nothing else is known."""
WHOLE = 1e-3
"""So near to a whole number of steps is one."""

LARGEST = {Unit.KWH: 10_000.0, Unit.M3: 10_000.0, Unit.M3_DEG_C: 1_000_000.0}
"""Use per hour that no municipal building has, whatever its meter says: 10 MW, 10 000 m3/h."""


@dataclass(frozen=True, slots=True)
class UsualRate:
    """Rates as the register counts, per hour: the highest usual one, and the bound that nothing
    may pass. Infinite where they are unknown."""

    usual: float
    bound: float

    @property
    def known(self) -> bool:
        """Whether the usual rate is known."""
        return math.isfinite(self.usual)


@dataclass(frozen=True, slots=True)
class MeterRating:
    """The nameplate of a meter: ``multiplier`` turns its register or amounts into use [``unit``],
    and ``max_per_hour`` is its rated maximum [``unit`` per hour] after the multiplier, None where
    only the meter's own habits tell. Raises ValueError for a multiplier that is not positive."""

    unit: Unit
    multiplier: float = 1.0
    max_per_hour: float | None = None

    def __post_init__(self) -> None:
        if not self.multiplier > 0:
            raise ValueError(f"a meter's multiplier is positive, not {self.multiplier}")

    def usual_rate(self, usual: float) -> UsualRate:
        """Returns the rates of a meter whose highest usual one is ``usual``, as its register
        counts per hour."""
        if self.max_per_hour is not None:
            bound = self.max_per_hour / self.multiplier
            return UsualRate(min(usual, bound), bound)
        largest = LARGEST.get(self.unit, math.inf) / self.multiplier
        return UsualRate(usual, min(HEADROOM * usual, largest))


def learn_usual_rate(times: Micros, values: Floats) -> float:
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
    falls = np.flatnonzero(np.diff(values) < 0)
    for clean in _clean(times, falls, at) if len(falls) else ():
        if np.count_nonzero(clean & (grown > 0)) >= A_DAY:
            rates = np.where(clean, rates, 0.0)
            break
    return highest_usual(rates, float(np.median(span)))


def _clean(times: Micros, falls: Indices, at: Indices) -> Iterator[Mask]:
    """Rates far from every fall, then those with none in them or beside them."""
    moments = times[falls]
    first = np.searchsorted(moments, times[at[:-1]] - FAR)
    yield np.searchsorted(moments, times[at[1:]] + FAR, side="right") == first
    yield np.searchsorted(falls, at[1:] + 1) == np.searchsorted(falls, at[:-1] - 1)


def highest_usual(rates: Floats, span_us: float) -> float:
    """The highest rate that counts as usual. ``rates`` per hour, each over about ``span_us`` [us];
    infinite when fewer than eight are there or fewer than three above zero.

    A day is a block of rates, or an eighth of them where there are fewer than eight days.
    """
    if len(rates) < FEWEST or np.count_nonzero(rates > 0) < BORNE_OUT:
        return math.inf
    block = max(1, min(round(24 * HOUR_US / span_us), len(rates) // FEWEST))
    peaks = block_peaks(rates, block)
    above = np.sort(peaks[peaks > 0])
    reference = float(above[(len(above) - 1) // 2])
    trusted = np.repeat(_trusted(peaks, reference), block)[: len(rates)]
    rates = np.where(trusted, rates, 0.0)
    lasting = np.minimum(np.minimum(rates[:-2], rates[1:-1]), rates[2:])
    return max(reference, float(lasting.max()))


def _trusted(peaks: Floats, reference: float) -> Mask:
    """Blocks without a rate of another unit in them or beside them: its nights would look like
    days of the right one."""
    wild = np.pad(peaks > OTHER_UNIT * reference, 1)
    trusted: Mask = ~(wild[:-2] | wild[1:-1] | wild[2:])
    return trusted


def register_resolution(values: Floats) -> float:
    """The smallest step that a register was seen to make; 0 when it hardly moved."""
    grown = np.diff(values)
    moved = grown > 0
    if np.count_nonzero(moved) < BORNE_OUT:
        return 0.0
    return float(grown.min(where=moved, initial=math.inf))


def rounding_of(values: Floats, usual: float) -> float:
    """The most that a register steps back by rounding: three of its smallest steps, and no more
    than one of them, or an hour of its ``usual`` rate where that is more; 0 where it never does.

    The smallest step is the smallest of eight changes and more that all others are multiples of;
    otherwise the last decimal.
    """
    moved = np.abs(np.diff(values))
    moved = moved[moved > 0]
    if not len(moved):
        return 0.0
    step = float(moved.min())
    if len(moved) < FEWEST or not _multiples(moved, step):
        step = next((each for each in DECIMALS if _multiples(values, each)), 0.0)
    return max(step, min(FEW_STEPS * step, usual)) * (1.0 + WHOLE)


def _multiples(values: Floats, step: float) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):  # too many steps to be counted are none
        steps = values / step
        return bool((np.abs(steps - np.round(steps)) < WHOLE).all())
