"""What poor cooling of district heating water costs: so far this year, and by its end.

Suppliers settle by the mean cooling of the calendar year, weighted by volume, times the year's
energy. The rest of a year is foreseen by the same months of the year before: their volume and heat
by how much this year's months have been above or below theirs, their cooling by how many kelvin.
How well that has held month by month gives the interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import hypot, sqrt

import numpy as np

from bms.model.planning.cooling_fee import CoolingRule
from bms.savings.models.uncertainty import Z90

FEWEST_MONTHS = 3
"""Months of both years [1] from which their own scatter is taken."""
USUAL_SHIFT_K = 2.0
USUAL_SHARE = 0.15
"""Standard deviation of a month about the same month of the year before, cooling [K] and heat
[share], until there are enough months; an assumption on the safe side, and never less than a third
of it."""
LEAST = 1.0 / 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolingMonth:
    """A month, or the part of it until or from today: ``first`` is its first day. ``volume_m3``
    [m3] and ``energy_mwh`` [MWh]; None where not known. ``coverage`` is the share of the known
    volume that ``cooling_k`` [K] speaks of, 0..1."""

    first: date
    cooling_k: float | None
    volume_m3: float
    energy_mwh: float | None
    coverage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolingTotal:
    """Volume-weighted cooling [K], volume [m3] and energy [MWh] of several months."""

    cooling_k: float
    volume_m3: float
    energy_mwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class YearEndForecast:
    """The year as it will have been, with 90 % intervals; fees [DKK] without VAT."""

    cooling_k: float
    cooling_low_k: float
    cooling_high_k: float
    energy_mwh: float
    fee_dkk: float
    fee_low_dkk: float
    fee_high_dkk: float


def total_cooling(months: Sequence[CoolingMonth]) -> CoolingTotal | None:
    """The months with a known cooling and energy as one; None where nothing flowed in any."""
    known = [row for row in months if row.cooling_k is not None and row.energy_mwh is not None]
    volume = sum(row.volume_m3 for row in known)
    if volume <= 0:
        return None
    return CoolingTotal(
        cooling_k=sum((row.cooling_k or 0.0) * row.volume_m3 for row in known) / volume,
        volume_m3=volume,
        energy_mwh=sum(row.energy_mwh or 0.0 for row in known),
    )


def year_end_forecast(
    rule: CoolingRule,
    so_far: Sequence[CoolingMonth],
    same_last_year: Sequence[CoolingMonth],
    rest_of_last_year: Sequence[CoolingMonth],
) -> YearEndForecast | None:
    """The forecast of a year: its months ``so_far``, those months of the year before (in the same
    order) and the rest of the year before. None where the year before is not known.

    The year is over where ``rest_of_last_year`` is empty: then nothing is uncertain.
    """
    now, before = total_cooling(so_far), total_cooling(same_last_year)
    if now is None:
        return None
    if not rest_of_last_year:
        return _forecast(rule, now, 0.0, 0.0)
    rest = total_cooling(rest_of_last_year)
    if before is None or rest is None or before.energy_mwh <= 0:
        return None
    scatter = _scatter(so_far, same_last_year)
    months = len(rest_of_last_year)
    share = now.energy_mwh / before.energy_mwh
    coming = CoolingTotal(
        cooling_k=rest.cooling_k + now.cooling_k - before.cooling_k,
        volume_m3=rest.volume_m3 * now.volume_m3 / before.volume_m3,
        energy_mwh=rest.energy_mwh * share,
    )
    spread = sqrt(1.0 / scatter.months + 1.0 / months)
    whole = _both(now, coming)
    weight = coming.volume_m3 / whole.volume_m3
    half_k = Z90 * scatter.shift_k * spread * weight
    half_mwh = Z90 * scatter.share * spread * coming.energy_mwh
    return _forecast(rule, whole, half_k, half_mwh)


@dataclass(frozen=True, slots=True)
class _Scatter:
    """Standard deviations of a month about the one a year before, and of how many months."""

    shift_k: float
    share: float
    months: int


def _scatter(now: Sequence[CoolingMonth], before: Sequence[CoolingMonth]) -> _Scatter:
    pairs = [
        (a.cooling_k - b.cooling_k, a.energy_mwh / b.energy_mwh)
        for a, b in zip(now, before, strict=True)
        if a.cooling_k is not None and b.cooling_k is not None and a.energy_mwh and b.energy_mwh
    ]
    if len(pairs) < FEWEST_MONTHS:
        return _Scatter(USUAL_SHIFT_K, USUAL_SHARE, max(len(pairs), 1))
    shifts, shares = np.array(pairs).T
    relative = float(shares.std(ddof=1) / shares.mean())
    return _Scatter(
        max(float(shifts.std(ddof=1)), LEAST * USUAL_SHIFT_K),
        max(relative, LEAST * USUAL_SHARE),
        len(pairs),
    )


def _both(one: CoolingTotal, other: CoolingTotal) -> CoolingTotal:
    volume = one.volume_m3 + other.volume_m3
    kelvin = one.cooling_k * one.volume_m3 + other.cooling_k * other.volume_m3
    return CoolingTotal(
        cooling_k=kelvin / volume,
        volume_m3=volume,
        energy_mwh=one.energy_mwh + other.energy_mwh,
    )


def _forecast(
    rule: CoolingRule, year: CoolingTotal, half_k: float, half_mwh: float
) -> YearEndForecast:
    """The fee has a kink where it begins, so each side of its interval is worked out by itself."""
    cooling, energy = year.cooling_k, year.energy_mwh
    fee = rule.fee_dkk(cooling, energy)
    sides = [
        hypot(
            rule.fee_dkk(cooling + sign * half_k, energy) - fee,
            _fee_of_more(rule, cooling, energy, half_mwh),
        )
        for sign in (1.0, -1.0)
    ]
    low = fee - sides[0]
    return YearEndForecast(
        cooling_k=cooling,
        cooling_low_k=cooling - half_k,
        cooling_high_k=cooling + half_k,
        energy_mwh=energy,
        fee_dkk=fee,
        fee_low_dkk=low if rule.above_k is not None else max(low, 0.0),
        fee_high_dkk=fee + sides[1],
    )


def _fee_of_more(rule: CoolingRule, cooling: float, energy: float, more: float) -> float:
    return rule.fee_dkk(cooling, energy + more) - rule.fee_dkk(cooling, energy)
