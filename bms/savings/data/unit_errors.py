"""Errors of amounts per interval: values a thousand times too large or too small, and repeated
values of a source that is stuck.

A wrong unit in single hours stands out from the day peaks of the weeks around it; one that lasts
shows as a jump of the day peaks that no weather makes. Thresholds are set by real meters. Registers
are judged where they are read (``bms.metering.register``): a change of their unit shows in their
level, and a standstill in increments of zero, neither of which an amount has.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from bms.model.readings.runs_and_peaks import HEADROOM, Mask, block_peaks, run_edges, runs
from bms.model.readings.series import Floats

HIGH = 0.9
"""Share of the days around whose peaks are usual; the highest tenth may hold errors."""
REST = 4.0
"""In weeks of rest, when every peak is small, so many times the usual peak of all days."""
AROUND_DAYS = 15
"""What is usual is taken from so many days before and after [days]."""
JUMP = 100.0
"""Day peaks that rise or fall by this factor for a week have changed their unit."""
JUMP_DAYS = 7
STUCK_H = 48
"""A value other than zero that stands for less [h] may be chance."""
NATURAL = 2.0
"""A flat line is at least this many times the fourth longest, which is the meter's own habit."""
CHANCE = 1e-3
"""Probability that a meter of this resolution repeats itself that long by chance, at most."""


def unit_errors(values: Floats, per_day: int) -> Mask:
    """Values that are off by about a factor of 1000. ``values`` [kWh per step], NaN is a gap.

    First what stands out from the usual peak, which many errors cannot move; then lasting errors;
    then, with those out of the way, what stands out from all but the highest peaks of its season.
    """
    out = np.zeros(len(values), dtype=bool)

    def remaining() -> Floats:
        return block_peaks(np.where(out, np.nan, values), per_day)

    def spread(per: NDArray[Any]) -> NDArray[Any]:
        hours: NDArray[Any] = np.repeat(per, per_day)
        return hours[: len(values)]

    def above(ceiling: Floats) -> bool:
        """Puts aside what exceeds the ``ceiling`` of its day; whether anything does."""
        if not (peaks > ceiling).any():
            return False
        np.logical_or(out, values > spread(ceiling), out=out)
        return True

    peaks = block_peaks(values, per_day)
    if not (peaks > 0).any():
        return out
    if above(HEADROOM * np.maximum(_around(peaks, 0.5), _whole(peaks))):
        peaks = remaining()
    others = _days_of_other_unit(peaks)
    if others.any():
        out |= spread(others) & np.isfinite(values)
        peaks = remaining()
    if (peaks > 0).any():
        above(np.maximum(HEADROOM * _around(peaks, HIGH), REST * _whole(peaks)))
    return out


def repeated_values(values: Floats, per_day: int) -> Mask:
    """Stretches of one value, not zero, that last longer than the register's resolution makes
    them: for a meter that repeats its last value with frequency p, n values hold a run of
    ln(n/ε)/−ln(p) by chance with probability ε, and two days are the least."""
    out = np.zeros(len(values), dtype=bool)
    same = np.concatenate(([False], values[1:] == values[:-1])) & (values > 0)
    found = run_edges(same)
    if not len(found):
        return out
    lengths = found[:, 1] - found[:, 0]
    least = _least_flat(lengths, int((values > 0).sum()), per_day)
    for start, end in found[lengths + 1 >= least]:
        out[start - 1 : end] = True
    return out


def _least_flat(lengths: NDArray[np.int64], n: int, per_day: int) -> float:
    floor = STUCK_H * per_day / 24
    # Long stretches do not speak about chance; those below two days do. A register whose days are
    # one value each (daily values spread over hours) is all chance.
    ordinary = lengths[lengths + 1 < floor] if (lengths + 1 < floor).any() else lengths
    natural = float(np.sort(lengths)[-min(len(lengths), 4)])
    repeats = float(ordinary.sum()) / n
    chance = np.log(n / CHANCE) / -np.log(min(max(repeats, 1e-6), 0.9999))
    habit = NATURAL * natural if len(lengths) >= 4 else 0.0
    return max(floor, float(chance), habit)


def _whole(peaks: Floats) -> float:
    """The usual day peak of all days that have one."""
    return float(np.median(peaks[peaks > 0]))


def _around(peaks: Floats, share: float) -> Floats:
    """The day peak that ``share`` of the days around a day do not exceed."""
    reach = min(AROUND_DAYS, (len(peaks) - 1) // 2)
    mirrored = (peaks[reach:0:-1], peaks, peaks[-2 : -2 - reach : -1])
    windows = sliding_window_view(np.concatenate(mirrored), 2 * reach + 1)
    place = round(share * 2 * reach)
    return np.asarray(np.partition(windows, place, axis=1)[:, place], dtype=np.float64)


def _days_of_other_unit(peaks: Floats) -> Mask:
    """Days of the wrong unit: the rarer side of jumps by more than ``JUMP``."""
    out = np.zeros(len(peaks), dtype=bool)
    if len(peaks) < 2 * JUMP_DAYS:
        return out
    middle = JUMP_DAYS // 2
    medians = np.partition(sliding_window_view(peaks, JUMP_DAYS), middle, axis=1)[:, middle]
    before, after = medians[:-JUMP_DAYS], medians[JUMP_DAYS:]
    known = (before > 0) & (after > 0)
    tiny = np.finfo(np.float64).tiny
    grown = np.log(np.maximum(after, tiny)) - np.log(np.maximum(before, tiny))
    up, down = known & (grown > np.log(JUMP)), known & (grown < -np.log(JUMP))
    if not (up.any() or down.any()):
        return out
    high = _levels(np.abs(grown), up, down, len(peaks))
    rare = high if high.sum() <= len(peaks) / 2 else ~high
    return rare & (peaks > 0)


def _levels(size: Floats, up: Mask, down: Mask, n: int) -> Mask:
    """Which of ``n`` days lie on the high side of the jumps."""
    edges = sorted(
        (start + int(np.argmax(size[start:end])) + JUMP_DAYS, sign)
        for mask, sign in ((up, True), (down, False))
        for start, end in runs(mask)
    )
    high = np.zeros(n, dtype=bool)
    level, at = not edges[0][1], 0
    for day, rises in edges:
        high[at:day] = level
        level, at = rises, day
    high[at:] = level
    return high
