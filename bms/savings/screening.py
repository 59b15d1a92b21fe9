"""What cannot be a measurement is missing: meters that read nothing, negative or absurd values.

Nothing is filled in. Every value that is put aside leaves a flag.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from bms.model.series import Floats, Series
from bms.model.units import Commodity

LARGEST_KWH = 1e7
"""No municipal meter uses that much in one step [kWh]."""
COLDEST_C, HOTTEST_C = -60.0, 60.0
RARE_ZEROS = 0.02
"""Share of zeros below which an electricity meter is taken never to stand still (CalTRACK: an
electricity zero is missing); above it the resolution of the register makes zeros."""
STANDSTILL = timedelta(hours=12)
"""An electricity meter of a building in service does not rest that long."""
COLD_REST = timedelta(hours=72)
COLD_C = 8.0
"""No heated building rests for ``COLD_REST`` while it is colder than this outside [degC]."""

Mask = NDArray[np.bool_]


def screen_use(use: Series, temp: Series, commodity: Commodity) -> tuple[Series, tuple[str, ...]]:
    """``use`` with impossible values as NaN, and flags ``negative``, ``implausible``, ``zeros``."""
    values = use.values
    known = np.isfinite(values)
    bad = {
        "negative": known & (values < 0),
        "implausible": known & (values > LARGEST_KWH),
        "zeros": _missing_zeros(use, temp, commodity),
    }
    dirty = np.logical_or.reduce(list(bad.values()))
    clean = np.where(known & ~dirty, values, np.nan)
    flags = tuple(name for name, mask in bad.items() if mask.any())
    return Series(use.start, use.step, clean), flags


def screen_temp(temp: Series) -> Series:
    """``temp`` [degC] with impossible values as NaN."""
    values = temp.values
    good = np.isfinite(values) & (values >= COLDEST_C) & (values <= HOTTEST_C)
    return Series(temp.start, temp.step, np.where(good, values, np.nan))


def _missing_zeros(use: Series, temp: Series, commodity: Commodity) -> Mask:
    zero: Mask = np.equal(use.values, 0.0)
    if not zero.any():
        return zero
    if commodity is Commodity.ELECTRICITY:
        rare = zero.sum() < RARE_ZEROS * np.isfinite(use.values).sum()
        return zero if rare else _in_long_runs(zero, STANDSTILL // use.step)
    if commodity is Commodity.WATER:
        return np.zeros_like(zero)
    return _cold_rests(zero, use, temp)


def _cold_rests(zero: Mask, use: Series, temp: Series) -> Mask:
    out = np.zeros_like(zero)
    outdoor = _on_grid(temp, use)
    for start, end in _runs(zero):
        known = outdoor[start:end][np.isfinite(outdoor[start:end])]
        if end - start >= COLD_REST // use.step and known.size and known.mean() < COLD_C:
            out[start:end] = True
    return out


def _on_grid(temp: Series, use: Series) -> Floats:
    """The temperature that holds at the start of every step of ``use`` [degC]."""
    offset = (use.start - temp.start) / temp.step
    index = np.floor(offset + np.arange(len(use)) * (use.step / temp.step) + 1e-9).astype(np.int64)
    inside = (index >= 0) & (index < len(temp))
    out = np.full(len(use), np.nan)
    out[inside] = temp.values[index[inside]]
    return out


def _in_long_runs(mask: Mask, least: int) -> Mask:
    out = np.zeros_like(mask)
    for start, end in _runs(mask):
        if end - start >= least:
            out[start:end] = True
    return out


def _runs(mask: Mask) -> list[tuple[int, int]]:
    """(start, end) of every stretch of true values, end exclusive."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
