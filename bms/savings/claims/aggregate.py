"""Sums of savings: the meters of a building, the buildings of a municipality.

Noise of the models is taken as independent and adds in quadrature. Drift does not: the meters of
one building serve the same people and hours, and the buildings of one municipality share weather
and calendar. So each pair of parts adds twice the covariance of its drifts; a large portfolio's
interval shrinks down to the common mode and no further.

A sum passes the same gates as a meter: its fit, its size against its own interval, and the data
of its parts. Negative savings are parts of the sum like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from bms.model.fact import MessageCode
from bms.model.readings.series import Floats
from bms.model.savings.avoided_use import MonthSavings, Savings, SiteSavings
from bms.model.savings.objection import Objection, ObjectionKind, Verdict, objection
from bms.savings.claims.gates import fit_objections, size_objections
from bms.savings.models.uncertainty import CONFIDENCE, DEFAULT_DRIFT, Z90

WITHIN_BUILDING = 0.5
"""Correlation of the drifts of two meters of one building. 0.2 to 0.3 was measured between
electricity and gas in 7 buildings; 0.5 is on the safe side of what so few can show."""
COMMON_DRIFT = 0.02
"""Drift that all buildings share in a period (standard deviation, a share of use): the median
placebo error of 27 untreated meters was 3 % in the fortnights of one winter, 0.5 % over a year."""
COMMON_MONTH = 0.03
"""As ``COMMON_DRIFT``, of a single month: the median error of the fortnights of one winter."""
LEAST_KWH = 1e-9
"""Below this no share is told of [kWh]."""
THIN_SHARE = 0.1
"""Share of the energy that may rest on thin data before the sum does [1]."""


class SumCode(MessageCode):
    """What limits a sum of savings."""

    NOTHING_ASSESSED = "nothing_assessed"
    PARTS_MISSING = "parts_missing"
    PARTS_THIN = "parts_thin"
    PARTS_NOT_CLAIMABLE = "parts_not_claimable"


@dataclass(frozen=True, slots=True)
class _Part:
    """A summand: a meter or a building. Energy [kWh], ``middle`` of the interval of its
    saving [kWh] and variance [kWh²]."""

    name: str
    adjusted: float
    measured: float
    saving: float
    middle: float
    variance: float
    drift: float
    verdict: Verdict
    thin: bool
    months: tuple[MonthSavings, ...]
    common: float | None = None
    """Drift that it shares with all others, a share of use; None: its own, that of its months."""

    def drift_of(self, own: float) -> float:
        return own if self.common is None else self.common


@dataclass(frozen=True, slots=True)
class _Value:
    """What a saving is worth; None where not known."""

    cost_dkk: float | None
    co2_kg: float | None
    primary_kwh: float | None


def combine_meters(
    id: str,  # noqa: A002 - the field's own name
    parts: Sequence[Savings],
    *,
    prices: Mapping[str, float] | None = None,
    factors: Mapping[str, float] | None = None,
    primary: Mapping[str, float] | None = None,
) -> SiteSavings:
    """The saving of one building from its billed meters.

    ``prices`` [DKK/kWh], ``factors`` [kg CO2/kWh] and ``primary`` energy factors [kWh/kWh] by
    meter id value the saving at the mean of the period, of each meter and of the sum; a missing one
    leaves that value unknown. Meters that could not be assessed are left out of the sum and named,
    and the sum is then at most indicative.
    """
    parts = [_priced(meter, prices or {}, factors or {}, primary or {}) for meter in parts]
    known = [part for meter in parts if (part := _meter(meter)) is not None]
    return _sum(
        id,
        tuple(parts),
        known,
        missing=[m.meter_id for m in parts if m.saving_kwh is None],
        correlation=WITHIN_BUILDING,
        value=_Value(
            *(_valued(known, each or {}) for each in (prices, factors, primary)),
        ),
    )


def combine_buildings(id: str, buildings: Sequence[SiteSavings]) -> SiteSavings:  # noqa: A002
    """The saving of many buildings, with the common mode of their drifts."""
    known = [part for building in buildings if (part := _building(building)) is not None]
    priced = [b for b in buildings if b.saving_kwh is not None]
    return _sum(
        id,
        tuple(meter for b in buildings for meter in b.meters),
        known,
        missing=[b.id for b in buildings if b.saving_kwh is None],
        correlation=1.0,
        value=_Value(
            _total([b.cost_dkk for b in priced]),
            _total([b.co2_kg for b in priced]),
            _total([b.primary_energy_kwh for b in priced]),
        ),
    )


def _meter(s: Savings) -> _Part | None:
    if s.saving_kwh is None or s.adjusted_baseline_kwh is None:
        return None
    middle, half = _middle_and_half(s)
    return _Part(
        name=s.meter_id,
        adjusted=s.adjusted_baseline_kwh,
        measured=s.adjusted_baseline_kwh - s.saving_kwh,
        saving=s.saving_kwh,
        middle=middle,
        variance=(half / Z90) ** 2,
        drift=(DEFAULT_DRIFT if s.drift is None else s.drift) * s.adjusted_baseline_kwh,
        verdict=s.verdict,
        thin=_thin(s.reasons),
        months=s.months,
    )


def _building(s: SiteSavings) -> _Part | None:
    if s.saving_kwh is None or s.adjusted_baseline_kwh is None:
        return None
    middle, half = _middle_and_half(s)
    return _Part(
        name=s.id,
        adjusted=s.adjusted_baseline_kwh,
        measured=s.adjusted_baseline_kwh - s.saving_kwh,
        saving=s.saving_kwh,
        middle=middle,
        variance=(half / Z90) ** 2,
        drift=COMMON_DRIFT * s.adjusted_baseline_kwh,
        verdict=s.verdict,
        thin=_thin(s.reasons),
        months=s.months,
        common=COMMON_DRIFT,
    )


def _middle_and_half(s: Savings | SiteSavings) -> tuple[float, float]:
    """Middle and half-width of the 90 % interval of a saving that is known [kWh]."""
    low, high = s.saving_low_kwh or 0.0, s.saving_high_kwh or 0.0
    return (low + high) / 2.0, (high - low) / 2.0


def _thin(reasons: Sequence[Objection]) -> bool:
    """Whether a saving rests on too few data to be proven."""
    return any(objection.kind is ObjectionKind.DATA for objection in reasons)


def _sum(
    name: str,
    meters: tuple[Savings, ...],
    parts: Sequence[_Part],
    *,
    missing: Sequence[str],
    correlation: float,
    value: _Value,
) -> SiteSavings:
    if not parts:
        return _nothing(name, meters)
    drift = np.array([p.drift for p in parts])
    half = _together([Z90 * p.variance**0.5 for p in parts], drift, correlation)
    months = _months(parts, correlation)
    if len(months) == 1:  # a report of a month says what its row among others does
        half = (months[0].saving_high_kwh - months[0].saving_low_kwh) / 2.0
    saving, middle = sum(p.saving for p in parts), sum(p.middle for p in parts)
    found = [
        *_named(parts, missing),
        *fit_objections(_cv_rmse(meters), None),
        *size_objections(saving, middle - half, middle + half),
    ]
    return SiteSavings(
        id=name,
        meters=meters,
        adjusted_baseline_kwh=sum(p.adjusted for p in parts),
        measured_kwh=sum(p.measured for p in parts),
        saving_kwh=saving,
        saving_low_kwh=middle - half,
        saving_high_kwh=middle + half,
        confidence=CONFIDENCE,
        reasons=tuple(found),
        cost_dkk=value.cost_dkk,
        co2_kg=value.co2_kg,
        primary_energy_kwh=value.primary_kwh,
        months=months,
    )


def _nothing(name: str, meters: tuple[Savings, ...]) -> SiteSavings:
    """No part could be assessed; the parts' own reasons say why."""
    nothing = objection(SumCode.NOTHING_ASSESSED, ObjectionKind.DATA, Verdict.NOT_CLAIMABLE)
    return SiteSavings(
        id=name,
        meters=meters,
        adjusted_baseline_kwh=None,
        measured_kwh=None,
        saving_kwh=None,
        saving_low_kwh=None,
        saving_high_kwh=None,
        confidence=CONFIDENCE,
        reasons=(nothing, *dict.fromkeys(each for m in meters for each in m.reasons)),
    )


def _named(parts: Sequence[_Part], missing: Sequence[str]) -> list[Objection]:
    """Parts that limit the sum (missing, thin) or that stand in it without a claim of their own."""
    found = []
    if missing:
        found.append(_about(SumCode.PARTS_MISSING, missing))
    thin = [p for p in parts if p.thin]
    if sum(p.adjusted for p in thin) > THIN_SHARE * sum(p.adjusted for p in parts):
        found.append(_about(SumCode.PARTS_THIN, [p.name for p in thin]))
    alone = tuple(p.name for p in parts if p.verdict is Verdict.NOT_CLAIMABLE)
    if alone and len(parts) > 1:
        code = SumCode.PARTS_NOT_CLAIMABLE
        found.append(objection(code, ObjectionKind.PARTS, Verdict.VERIFIED, names=alone))
    return found


def _about(code: SumCode, names: Sequence[str]) -> Objection:
    return objection(code, ObjectionKind.DATA, Verdict.INDICATIVE, names=tuple(names))


def _cv_rmse(meters: Sequence[Savings]) -> float | None:
    """Daily error of the sum, a share of its use: the parts' errors in quadrature."""
    known = [m for m in meters if m.saving_kwh is not None and m.cv_rmse is not None]
    energy = sum(m.adjusted_baseline_kwh or 0.0 for m in known)
    if energy <= 0:
        return None
    squares = [((m.cv_rmse or 0.0) * (m.adjusted_baseline_kwh or 0.0)) ** 2 for m in known]
    return float(np.sqrt(sum(squares))) / energy


def _priced(
    meter: Savings,
    prices: Mapping[str, float],
    factors: Mapping[str, float],
    primary: Mapping[str, float],
) -> Savings:
    """``meter`` with what its saving is worth, where a price or factor is given."""
    saving, name = meter.saving_kwh, meter.meter_id
    if saving is None:
        return meter
    return replace(
        meter,
        cost_dkk=saving * prices[name] if name in prices else meter.cost_dkk,
        co2_kg=saving * factors[name] if name in factors else meter.co2_kg,
        primary_energy_kwh=saving * primary[name] if name in primary else meter.primary_energy_kwh,
    )


def _months(parts: Sequence[_Part], correlation: float) -> tuple[MonthSavings, ...]:
    """Returns the sums by month of parts that all have months; none where one has not."""
    if not all(part.months for part in parts):
        return ()
    rows: dict[date, list[tuple[_Part, MonthSavings]]] = {}
    for part in parts:
        for row in part.months:
            rows.setdefault(row.month, []).append((part, row))
    return tuple(_month(month, rows[month], correlation) for month in sorted(rows))


def _month(
    month: date, rows: Sequence[tuple[_Part, MonthSavings]], correlation: float
) -> MonthSavings:
    saving = sum(row.saving_kwh for _, row in rows)
    to_date = sum(row.to_date_kwh for _, row in rows)
    middle = sum((row.saving_low_kwh + row.saving_high_kwh) / 2.0 for _, row in rows)
    middle_to_date = sum((row.to_date_low_kwh + row.to_date_high_kwh) / 2.0 for _, row in rows)
    drifts = np.array([part.drift_of(row.drift) for part, row in rows])
    to_date_drifts = np.array([part.drift_of(row.to_date_drift) for part, row in rows])
    adjusted = np.array([row.adjusted_baseline_kwh for _, row in rows])
    so_far = np.array([_so_far(part, row) for part, row in rows])
    half = _together(
        [(row.saving_high_kwh - row.saving_low_kwh) / 2.0 for _, row in rows],
        np.maximum(drifts, COMMON_MONTH) * adjusted,
        correlation,
    )
    to_date_half = _together(
        [(row.to_date_high_kwh - row.to_date_low_kwh) / 2.0 for _, row in rows],
        to_date_drifts * so_far,
        correlation,
    )
    return MonthSavings(
        month=month,
        days=max(row.days for _, row in rows),
        adjusted_baseline_kwh=float(adjusted.sum()),
        measured_kwh=sum(row.measured_kwh for _, row in rows),
        saving_kwh=saving,
        saving_low_kwh=middle - half,
        saving_high_kwh=middle + half,
        to_date_kwh=to_date,
        to_date_low_kwh=middle_to_date - to_date_half,
        to_date_high_kwh=middle_to_date + to_date_half,
        drift=_shared(drifts * adjusted, correlation) / max(float(adjusted.sum()), LEAST_KWH),
        to_date_drift=_shared(to_date_drifts * so_far, correlation)
        / max(float(so_far.sum()), LEAST_KWH),
    )


def _so_far(part: _Part, row: MonthSavings) -> float:
    """Adjusted baseline of a part from 1 January to the end of the month of ``row`` [kWh]."""
    year = [m for m in part.months if m.month.year == row.month.year and m.month <= row.month]
    return sum(m.adjusted_baseline_kwh for m in year)


def _together(widths: Sequence[float], drifts: Floats, correlation: float) -> float:
    """Half-width of a sum of parts whose drifts [kWh] correlate."""
    own = float((np.array(widths) ** 2).sum())
    shared = correlation * (float(drifts.sum()) ** 2 - float((drifts**2).sum()))
    return float(np.sqrt(own + Z90**2 * shared))


def _shared(drifts: Floats, correlation: float) -> float:
    """Standard deviation of a sum of drifts [kWh] that correlate."""
    own = float((drifts**2).sum())
    return float(np.sqrt(own + correlation * (float(drifts.sum()) ** 2 - own)))


def _valued(parts: Sequence[_Part], values: Mapping[str, float]) -> float | None:
    return _total([p.saving * values[p.name] if p.name in values else None for p in parts])


def _total(values: Sequence[float | None]) -> float | None:
    """The sum; None where one is not known, or there is none."""
    known = [value for value in values if value is not None]
    return sum(known) if values and len(known) == len(values) else None
