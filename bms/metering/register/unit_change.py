"""Stretches of a register that were read in another unit: Wh, kWh, MWh, GJ."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bms.metering.flaw import Flaw, FlawCode, flaws_where
from bms.metering.step_edges import hours
from bms.model.readings.runs_and_peaks import HEADROOM, Mask
from bms.model.readings.series import Floats, Micros

FACTORS = (1000.0, 1e6, 3.6, 1000.0 / 3.6)
"""Between Wh, kWh and MWh, and between each of them and MJ and GJ."""
HIGH = 2.0
"""A single hour may be so many times the highest usual one."""
OFTEN = 0.05
"""Share of neighbours in different units from which on the usual rate says nothing."""
DIGITS = 0.02
"""The digits have to decide: what may have been used meanwhile, as a share of the register."""


def in_other_unit(
    times: Micros, values: Floats, usual: float, resolution: float, apart: Mask
) -> Mask:
    """Readings in another unit than most of their register.

    Where a reading is the one before times 1000, 3.6 or the like, to within what the meter can
    have counted meanwhile (``usual`` per hour) and its smallest step ``resolution``, the unit
    changed. Between pairs of readings that are ``apart``, shape (m - 1,), another meter may have
    come; there a change of unit counts only with its way back. The unit that most readings have is
    the meter's own.
    """
    jumps = _borne_out(_changes(times, values, usual, resolution), apart)
    if not jumps:
        return np.zeros(len(values), dtype=np.bool_)
    change = np.zeros(len(values))
    for at, factor in jumps:
        change[at] = math.log(factor)
    level: NDArray[np.int64] = np.round(np.cumsum(change) * 1e3).astype(np.int64)
    levels, count = np.unique(level, return_counts=True)
    off: Mask = level != levels[np.argmax(count)]
    return off


def unit_change_flaws(times: Micros, off: Mask) -> list[Flaw]:
    """Returns one flaw for each stretch of readings in another unit."""
    return flaws_where(FlawCode.UNIT_SLIP, times, off)


def _changes(
    times: Micros, values: Floats, usual: float, resolution: float
) -> list[tuple[int, float]]:
    """(index, factor) of each reading at which the register is another by far; the factor is 0
    where no change of unit explains it."""
    if len(values) < 2 or not math.isfinite(usual):
        return []
    before, after = values[:-1], values[1:]
    wild = (after > 3.0 * before) | (after < before / 3.0)
    if wild.mean() > OFTEN:
        usual = min(usual, _calm_rate(np.diff(values)[~wild], np.diff(times)[~wild]))
    meanwhile = HIGH * usual * hours(np.diff(times)) + resolution
    return [
        (i + 1, _factor(before[i], after[i], meanwhile[i], resolution))
        for i in np.flatnonzero(wild).tolist()
    ]


def _calm_rate(grown: Floats, span: Micros) -> float:
    """What a register may count per hour by its rises that are no change of unit: where these are
    many, they are what its usual rate was learned from."""
    rates = grown[grown > 0] / hours(span[grown > 0])
    return HEADROOM * float(np.median(rates)) if len(rates) else math.inf


def _borne_out(changes: list[tuple[int, float]], apart: Mask) -> list[tuple[int, float]]:
    """The changes of unit that do not stand alone.

    One factor may be chance; a factor and its way back are not. Between two changes that no unit
    explains, only those that come back count; before the first and after the last, where the way
    back may not have been read, a thousand counts as well, but no odd factor.
    """
    ends = [i for i, (_, factor) in enumerate(changes) if not factor]
    starts = [0, *(i + 1 for i in ends)]
    found: list[tuple[int, float]] = []
    for first, end in zip(starts, [*ends, len(changes)], strict=True):
        group = changes[first:end]
        back = _back(group)
        found += group[:back]
        rest = group[back:]
        open_ended = first == 0 or end == len(changes)
        if open_ended and all(_is_thousand(f) and not apart[at - 1] for at, f in rest):
            found += rest
    return found


def _back(group: list[tuple[int, float]]) -> int:
    """How many of the first changes lead back to the unit before them."""
    level, back = 1.0, 0
    for i, (_, factor) in enumerate(group):
        level *= factor
        if math.isclose(level, 1.0, rel_tol=1e-6):
            back = i + 1
    return back


def _is_thousand(factor: float) -> bool:
    power = math.log10(factor) / 3.0
    return math.isclose(power, round(power), abs_tol=1e-9)


def _factor(before: float, after: float, meanwhile: float, resolution: float) -> float:
    for factor in (*FACTORS, *(1.0 / f for f in FACTORS)):
        exact = factor * before
        for slack in (factor * meanwhile, meanwhile):  # counted in the other unit or in this one
            low, high = exact - resolution, exact + slack + resolution
            if low <= after <= high and high - low <= 2 * DIGITS * exact:
                return factor
    return 0.0
