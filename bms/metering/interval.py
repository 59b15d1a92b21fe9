"""Use per step from amounts per interval, such as a supplier's hourly values."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bms.metering.events import events_within
from bms.metering.flaw import Flaw, FlawCode, cover_missing_steps, flaws_where
from bms.metering.register.usual_rate import MeterRating, highest_usual
from bms.metering.step_edges import HOUR_US, MeterPeriod, from_micros
from bms.metering.time_order import sorted_readings
from bms.model.readings.metering import Consumption
from bms.model.readings.runs_and_peaks import Mask, runs
from bms.model.readings.series import Floats, Micros, Series

SECOND_US = 1_000_000
KILO = 1000.0
SIZE = 2.0
"""An amount that is, divided by 1000, up to this many times the usual rate is in another unit."""


def interval_use(
    times: Micros, values: Floats, *, interval_s: int, period: MeterPeriod, rating: MeterRating
) -> Consumption:
    """Returns the use per step of a meter that is delivered as amounts per interval.

    ``times`` [us after 1970 UTC], shape (m,), are the starts of intervals of ``interval_s`` [s]
    (``hour_starting`` turns ends into starts), ``values`` their amounts [unit of the ``rating``
    before the multiplier]. A step's use is the sum of the intervals that fill it exactly, and NaN
    where one is missing, negative or larger than the meter can count: intervals are never divided.

    Raises ValueError as ``MeterPeriod.grid`` does, for an interval that is not positive, and for
    shapes that differ.
    """
    if interval_s <= 0:
        raise ValueError(f"an interval is positive, not {interval_s} s")
    grid = period.grid()
    ends = int(grid[0]), int(grid[-1])
    length = interval_s * SECOND_US
    times, values, flaws = sorted_readings(times, values)
    flaws = [_until_end(flaw, length) for flaw in flaws]
    screened = _screened(times, values, length, rating)
    use = _summed(times[screened.keep], values[screened.keep], length, grid)
    if np.any(np.diff(grid) < length):
        flaws.append(Flaw(FlawCode.TOO_COARSE, *ends))
    known = bool(len(use)) and bool(np.isfinite(use).all())
    explained = cover_missing_steps(_spans(use, grid), flaws + screened.flaws)
    return Consumption(
        use=Series(from_micros(ends[0]), period.step, use * rating.multiplier),
        unit=rating.unit,
        total=float(use.sum() * rating.multiplier) if known else None,
        events=events_within(explained, rating.unit, rating.multiplier, *ends),
        edges=None if period.edges is None else grid,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Screened:
    keep: Mask
    flaws: list[Flaw]


def _screened(times: Micros, values: Floats, length: int, rating: MeterRating) -> _Screened:
    """Which amounts can be measurements, and a flaw for every stretch of those that cannot."""
    hours = length / HOUR_US
    rate = rating.usual_rate(highest_usual(np.maximum(values, 0.0) / hours, float(length)))
    negative, absurd = values < 0, values / hours > rate.bound
    other_unit = absurd & (values / hours / KILO <= SIZE * min(rate.usual, rate.bound))
    other_unit |= _days_of(other_unit, values > 0, max(1, round(24 / hours))) & ~negative
    absurd &= ~other_unit
    overlap = np.zeros(len(times), dtype=np.bool_)
    close = np.diff(times) < length
    overlap[1:] |= close
    overlap[:-1] |= close
    kinds = (
        (FlawCode.NEGATIVE_AMOUNT, negative),
        (FlawCode.SLIPPED_AMOUNT, other_unit),
        (FlawCode.ABSURD_AMOUNT, absurd),
        (FlawCode.OVERLAP, overlap),
    )
    flaws = [
        _until_end(flaw, length) for code, mask in kinds for flaw in flaws_where(code, times, mask)
    ]
    return _Screened(~(negative | other_unit | absurd | overlap), flaws)


def _days_of(other_unit: Mask, used: Mask, per_day: int) -> Mask:
    """The amounts of the day around which most are in another unit: the small ones among them
    too."""
    if not other_unit.any():
        return other_unit
    day = np.ones(min(per_day, len(other_unit)))
    wrong = np.convolve(other_unit, day, "same")
    most: Mask = wrong > np.convolve(used, day, "same") / 2
    return most & used & (wrong > 1)


def _until_end(flaw: Flaw, length: int) -> Flaw:
    """The flaw up to the end of its last interval, not the start."""
    return replace(flaw, end=flaw.end + length)


def _summed(times: Micros, values: Floats, length: int, grid: Micros) -> Floats:
    """The amounts of each step, NaN where they do not fill it exactly."""
    n = max(len(grid) - 1, 0)
    at: NDArray[np.intp] = np.searchsorted(grid, times, side="right") - 1
    inside = (at >= 0) & (at < n)
    at, times, values = at[inside], times[inside], values[inside]
    within = times + length <= grid[at + 1]
    filled = np.bincount(at[within], minlength=n) * length
    use = np.full(n, np.nan)
    full = filled == np.diff(grid)
    use[full] = np.bincount(at[within], weights=values[within], minlength=n)[full]
    return use


def _spans(use: Floats, grid: Micros) -> list[tuple[int, int, float | None]]:
    return [(int(grid[first]), int(grid[end]), None) for first, end in runs(np.isnan(use))]
