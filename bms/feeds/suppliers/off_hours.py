"""Meters that are read at other moments than those of the hours: their use by the hour.

Counters at odd minutes, clocks that drift and readings now and then: what was used between two of
them is shared by time where they are near enough (``bms.metering``), by the same rule where a file
is stored and where it is assessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from bms.metering.interval import interval_use, nominal_lengths
from bms.metering.register.use_per_step import register_use
from bms.metering.register.usual_rate import MeterRating
from bms.metering.step_edges import HOUR_US, MeterPeriod, from_micros
from bms.model.outside_text import printable
from bms.model.readings.series import Floats, Series
from bms.model.readings.units import Unit

Ints = NDArray[np.int64]

HOUR_S, SELDOM_S = 3600, 7 * 86400
MICRO = 1_000_000
ON_HOURS = 1 / 20
"""Share of readings on full hours, at least: of those of every five minutes it is a twelfth."""
ON_GRID, FEWEST = 0.9, 20
"""Share of readings on their grid that makes the others strays; of fewer, all off it are."""
MOST_NAMED = 5
"""Meters [1] that a warning names."""


def unclear_length(number: str) -> str:
    """Why amounts are refused, with the way out."""
    return (
        f"{number}: how long the interval is does not show from the meter's other rows; declare"
        " interval_s in the mapping: the length of the intervals [s], or register where the values"
        " are readings of a counter"
    )


def off_hours(numbers: Sequence[str], codes: Ints, stamps: Ints) -> list[str]:
    """Returns the meters, ``numbers[code]`` of each stamp [epoch s], that are hardly read on full
    hours, but for those that are read by the week or more seldom."""
    on = np.bincount(codes, stamps % HOUR_S == 0, minlength=len(numbers))
    count = np.bincount(codes, minlength=len(numbers))
    found = np.flatnonzero((on < ON_HOURS * count) & (count > 1))
    return [numbers[code] for code in found.tolist() if _often(stamps[codes == code])]


def _often(stamps: Ints) -> bool:
    return bool((stamps.max() - stamps.min()) / len(stamps) < SELDOM_S)


def told_of(numbers: Sequence[str]) -> Iterator[str]:
    """Says which meters are read at other moments, and what was done."""
    if not numbers:
        return
    more = len(numbers) - MOST_NAMED
    named = ", ".join(numbers[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    yield printable(
        f"{named}: not read on full hours; what was used between two readings that are near enough"
        " is shared by time between the hours and days around them"
    )


def off_grid(seconds: Ints, step: int) -> bool:
    """Whether the readings at rising ``seconds`` [epoch s] lie on no grid of ``step`` [s]: too many
    off it, or pauses of another length."""
    if len(seconds) < FEWEST:
        return False
    gaps = np.diff(seconds)
    if step > HOUR_S:
        return bool((gaps % HOUR_S == 0).mean() < ON_GRID or seconds[0] % HOUR_S)
    usual = int(np.median(gaps))
    return bool((seconds % step == 0).mean() < ON_GRID or HOUR_S < usual < 20 * HOUR_S)


def use_by_hour(seconds: Ints, values: Floats, *, register: bool) -> Series | None:
    """Returns the use by the hour [kWh] of readings at rising ``seconds`` [epoch s]: the counts of
    a register, or amounts by the start of their interval, which of an hour with amounts below zero
    are what was exported; None where it does not show how long the intervals are."""
    times = seconds * MICRO
    length = None if register else usual_length(times)
    if not register and length is None:
        return None
    start = int(times[0]) // HOUR_US * HOUR_US
    end = -(-(int(times[-1]) + (length or 0) * MICRO) // HOUR_US) * HOUR_US
    period = MeterPeriod(
        from_micros(start),
        from_micros(max(end, start + HOUR_US)),
        timedelta(seconds=HOUR_S),
        spread=True,
        exported=True,
    )
    rating = MeterRating(Unit.KWH)
    if length is None:
        return register_use(times, values, period=period, rating=rating).use
    return interval_use(times, values, interval_s=length, period=period, rating=rating).use


def usual_length(times: Ints) -> int | None:
    """Returns the length [s] of most intervals that start at rising ``times`` [us], within what
    clocks drift; None where most have none."""
    found = nominal_lengths(np.diff(times))
    lengths, counts = np.unique(found[found > 0], return_counts=True)
    if not len(lengths) or counts.max() <= 0.5 * len(found):
        return None
    return int(lengths[np.argmax(counts)]) // MICRO
