"""What cannot be a measurement is missing: meters that stand still, change their unit or read
nothing.

Nothing is filled in or corrected. Every value that is put aside leaves a finding.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

import numpy as np

from bms.model.readings.runs_and_peaks import Mask, run_edges
from bms.model.readings.series import Floats, Series
from bms.model.readings.units import Commodity
from bms.model.savings.finding import FindingCode, MeterFinding
from bms.savings.data.findings import finding
from bms.savings.data.unit_errors import repeated_values, unit_errors

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
MILD_C, ALIKE_K, USUAL_SHARE = 11.0, 2.0, 0.5
"""Up to ``MILD_C`` [degC] it does not rest either, if it otherwise uses more than this share of its
mean at the same temperature, within ``ALIKE_K`` [K]."""


class Zeros(StrEnum):
    """What a zero means: a gap, a measurement, or whichever the commodity and the run suggest."""

    AUTO = "auto"
    MISSING = "missing"
    REAL = "real"


def screen_use(
    use: Series, temp: Series, commodity: Commodity, zeros: Zeros = Zeros.AUTO
) -> tuple[Series, tuple[MeterFinding, ...]]:
    """``use`` with everything that is no measurement as NaN, and what was found.

    Findings: ``negative``, ``implausible``, ``x1000``, ``stuck`` and ``zeros``.
    """
    values = np.array(use.values)
    found: list[MeterFinding] = []

    def put_aside(mask: Mask, code: FindingCode) -> None:
        if mask.any():
            values[mask] = np.nan
            found.append(finding(code, use, mask))

    known = np.isfinite(values)
    values[~known] = np.nan
    put_aside(values < 0, FindingCode.NEGATIVE)
    put_aside(values > LARGEST_KWH, FindingCode.IMPLAUSIBLE)
    put_aside(unit_errors(values, _per_day(use)), FindingCode.UNIT_ERROR)
    put_aside(repeated_values(values, _per_day(use)), FindingCode.STUCK)
    rests = _missing_zeros(Series(use.start, use.step, values.copy()), temp, commodity, zeros)
    put_aside(rests, FindingCode.ZEROS)
    return Series(use.start, use.step, values), tuple(found)


def _per_day(use: Series) -> int:
    return max(round(timedelta(days=1) / use.step), 1)


def screen_temp(temp: Series) -> Series:
    """``temp`` [degC] with impossible values as NaN."""
    values = temp.values
    good = np.isfinite(values) & (values >= COLDEST_C) & (values <= HOTTEST_C)
    return Series(temp.start, temp.step, np.where(good, values, np.nan))


def _missing_zeros(use: Series, temp: Series, commodity: Commodity, zeros: Zeros) -> Mask:
    zero: Mask = np.equal(use.values, 0.0)
    if zeros is Zeros.MISSING or not zero.any():
        return zero
    if zeros is Zeros.REAL:
        return np.zeros_like(zero)
    if commodity is Commodity.ELECTRICITY:
        rare = zero.sum() < RARE_ZEROS * np.isfinite(use.values).sum()
        return zero if rare else _in_long_runs(zero, STANDSTILL // use.step)
    if commodity is Commodity.WATER:
        return np.zeros_like(zero)
    return _cold_rests(zero, use, temp)


def _cold_rests(zero: Mask, use: Series, temp: Series) -> Mask:
    out = np.zeros_like(zero)
    long = _long_runs(zero, -(-COLD_REST // use.step))
    outdoor = on_grid(temp, use) if long else np.zeros(0)
    for start, end in long:
        known = outdoor[start:end][np.isfinite(outdoor[start:end])]
        if known.size and _is_dead(float(known.mean()), slice(start, end), use.values, outdoor):
            out[start:end] = True
    return out


def _is_dead(outside: float, rest: slice, values: Floats, outdoor: Floats) -> bool:
    """Whether a heat meter that rests while it is ``outside`` [degC] should have shown use."""
    if outside < COLD_C:
        return True
    if outside > MILD_C:
        return False
    others = np.abs(outdoor - outside) < ALIKE_K
    others[rest] = False
    others &= np.isfinite(values)
    return bool(others.any() and values[others].mean() > USUAL_SHARE * np.nanmean(values))


def on_grid(temp: Series, use: Series) -> Floats:
    """The temperature that holds at the start of every step of ``use`` [degC], not to be written
    to."""
    return _on_steps(temp, use.start, use.step, len(use))


@lru_cache(maxsize=8)
def _on_steps(temp: Series, start: datetime, step: timedelta, n: int) -> Floats:
    """As ``on_grid``; the meters of a city share their weather."""
    offset = (start - temp.start) / temp.step
    index = np.floor(offset + np.arange(n) * (step / temp.step) + 1e-9).astype(np.int64)
    inside = (index >= 0) & (index < len(temp))
    out = np.full(n, np.nan)
    out[inside] = temp.values[index[inside]]
    out.flags.writeable = False
    return out


def _in_long_runs(mask: Mask, least: int) -> Mask:
    out = np.zeros_like(mask)
    for start, end in _long_runs(mask, least):
        out[start:end] = True
    return out


def _long_runs(mask: Mask, least: int) -> list[list[int]]:
    edges = run_edges(mask)
    long: list[list[int]] = edges[edges[:, 1] - edges[:, 0] >= least].tolist()
    return long
