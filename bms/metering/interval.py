"""Use per step from amounts per interval: what a supplier's hourly values are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bms.metering.flaw import Mark, explain, runs, stretch_marks
from bms.metering.register.usual_rate import Rating, highest_usual
from bms.metering.step_edges import HOUR_US, Mask, checked_edges, from_micros, step_edges
from bms.metering.time_order import in_order
from bms.metering.wording import told
from bms.model.readings.metering import Consumption, Flaw
from bms.model.readings.series import Floats, Micros, Series
from bms.model.readings.units import Unit

SECOND_US = 1_000_000
KILO = 1000.0
SIZE = 2.0
"""An amount that is, divided by 1000, up to this many times the usual rate has slipped."""


def interval_use(
    times: Micros,
    values: Floats,
    *,
    interval_s: int,
    start: datetime,
    end: datetime,
    step: timedelta,
    edges: Micros | None = None,
    unit: Unit,
    multiplier: float = 1.0,
    max_per_hour: float | None = None,
) -> Consumption:
    """Use per step of a meter that tells the use of every interval.

    ``times`` [us after 1970 UTC], shape (m,), are the starts of intervals of ``interval_s`` [s]
    (``hour_starting`` turns ends into starts), ``values`` their amounts [``unit`` before the
    multiplier]. A step's use is the sum of the intervals that fill it exactly, and NaN where one is
    missing, negative or larger than the meter can count: intervals are never divided. ``edges``,
    ``max_per_hour`` and what is raised: as ``register_use``.
    """
    if not multiplier > 0 or interval_s <= 0:
        raise ValueError(
            f"a multiplier ({multiplier}) and an interval ({interval_s} s) are positive"
        )
    grid = step_edges(start, end, step) if edges is None else checked_edges(edges)
    ends = int(grid[0]), int(grid[-1])
    length = interval_s * SECOND_US
    times, values, marks = in_order(times, values)
    marks = [_until_end(mark, length) for mark in marks]
    sound = _screened(times, values, length, Rating(unit, multiplier, max_per_hour))
    use = _summed(times[sound.keep], values[sound.keep], length, grid)
    spans = _spans(use, grid)
    if np.any(np.diff(grid) < length):
        marks.append(Mark(Flaw.GAP, "too_coarse", *ends))
    known = bool(len(use)) and bool(np.isfinite(use).all())
    return Consumption(
        use=Series(from_micros(ends[0]), step, use * multiplier),
        unit=unit,
        total=float(use.sum() * multiplier) if known else None,
        events=told(explain(spans, marks + sound.marks), unit, multiplier, *ends),
        edges=None if edges is None else grid,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Sound:
    keep: Mask
    marks: list[Mark]


def _screened(times: Micros, values: Floats, length: int, rating: Rating) -> _Sound:
    """Which amounts can be measurements, and a mark for every stretch of those that cannot."""
    hours = length / HOUR_US
    pace = rating.pace(highest_usual(np.maximum(values, 0.0) / hours, float(length)))
    negative, absurd = values < 0, values / hours > pace.bound
    slip = absurd & (values / hours / KILO <= SIZE * min(pace.usual, pace.bound))
    slip |= _among(slip, values > 0, max(1, round(24 / hours))) & ~negative
    absurd &= ~slip
    overlap = np.zeros(len(times), dtype=np.bool_)
    close = np.diff(times) < length
    overlap[1:] |= close
    overlap[:-1] |= close
    kinds = (
        (Flaw.NEGATIVE, "negative", negative),
        (Flaw.UNIT_SLIP, "slipped_amount", slip),
        (Flaw.SPIKE, "absurd_amount", absurd),
        (Flaw.DUPLICATE, "overlap", overlap),
    )
    marks = [
        _until_end(mark, length)
        for flaw, code, mask in kinds
        for mark in stretch_marks(flaw, code, times, mask)
    ]
    return _Sound(~(negative | slip | absurd | overlap), marks)


def _among(slip: Mask, used: Mask, per_day: int) -> Mask:
    """The amounts of the day around which most have slipped: the small ones among them too."""
    if not slip.any():
        return slip
    day = np.ones(min(per_day, len(slip)))
    most: Mask = np.convolve(slip, day, "same") > np.convolve(used, day, "same") / 2
    return most & used & (np.convolve(slip, day, "same") > 1)


def _until_end(mark: Mark, length: int) -> Mark:
    """The mark up to the end of its last interval, not the start."""
    return Mark(mark.flaw, mark.code, mark.start, mark.end + length, None, mark.count, mark.whole)


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
