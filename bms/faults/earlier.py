"""What a subject's own earlier days were like: their median, usual deviation and high values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bms.model.planning.grid import Flags, Ints
from bms.model.readings.series import Floats

HIGH = 0.95
MAD_TO_DEVIATION = 1.4826
"""Standard deviation over median absolute deviation of a normal distribution."""


@dataclass(frozen=True, slots=True, eq=False)
class EarlierDays:
    """Of each day: ``median``, ``deviation`` (1.48 MAD) and ``high`` (95th percentile) of the days
    before it; NaN where too few are known. Shape (days,), in the unit of the values."""

    median: Floats
    deviation: Floats
    high: Floats


def earlier(
    values: Floats, *, history: int, guard: int, fewest: int, every: int = 7
) -> EarlierDays:
    """The ``history`` days that end ``guard`` days before each day, looked at anew every
    ``every`` days, so that a fault that began lately is not yet usual."""
    starts = np.arange(guard + fewest, len(values), every)
    before = np.concatenate([np.full(history, np.nan), values])
    rows = before[(starts - guard)[:, None] + np.arange(history)]
    rows = np.where(np.isfinite(rows), rows, np.nan)
    told = _of_rows(rows, fewest)
    block = (np.arange(len(values)) - guard - fewest) // every
    return EarlierDays(*(np.where(block >= 0, _at(each, block), np.nan) for each in told))


def earlier_alike(
    values: Floats, like: Floats, within: float, *, kind: Flags, guard: int, fewest: int
) -> EarlierDays:
    """Of each known day, the days up to ``guard`` days before it whose ``like`` is within so much
    of its own and which are of the same kind."""
    known = np.flatnonzero(np.isfinite(values) & np.isfinite(like))
    near = np.abs(like[known][:, None] - like[known]) <= within
    past = known[:, None] - known >= guard
    alike = near & past & (kind[known][:, None] == kind[known])
    told = _of_rows(np.where(alike, values[known], np.nan), fewest)
    spread = [np.full(len(values), np.nan) for _ in told]
    for each, of_known in zip(spread, told, strict=True):
        each[known] = of_known
    return EarlierDays(*spread)


def _of_rows(rows: Floats, fewest: int) -> tuple[Floats, Floats, Floats]:
    """Median, deviation and high values of the known values of each row."""
    count = np.isfinite(rows).sum(axis=1)
    enough = count >= fewest
    ordered = np.sort(rows, axis=1)
    median = _quantile(ordered, count, enough, 0.5)
    off = np.sort(np.abs(rows - median[:, None]), axis=1)
    deviation = MAD_TO_DEVIATION * _quantile(off, count, enough, 0.5)
    return median, deviation, _quantile(ordered, count, enough, HIGH)


def _at(values: Floats, block: Ints) -> Floats:
    return values[np.maximum(block, 0)] if len(values) else np.full(len(block), np.nan)


def _quantile(ordered: Floats, count: Ints, enough: Flags, share: float) -> Floats:
    """A quantile of the known values of each row, which are its first; NaN in rows with too few."""
    place = share * np.maximum(count - 1, 0)
    low = place.astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    row = np.arange(len(ordered))
    under, over = ordered[row, low], ordered[row, high]
    return np.where(enough, under + (place - low) * (over - under), np.nan)


def middle(known: Floats) -> float:
    """The median of values that are all known, at least one."""
    ordered = np.sort(known)
    half = len(ordered) // 2
    return float(ordered[half] if len(ordered) % 2 else 0.5 * (ordered[half - 1] + ordered[half]))
