"""The saving of a meter that is read by the month: CalTRACK's billing method, our interval.

What only days can show is missing here: no step, no weekend, no hourly model. A bill that cannot
be used is left out and shows in the coverage. The interval is that of ASHRAE Guideline 14 for
monthly models (bills count as independent), with the drift of the building like everywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from bms.model.readings.series import Floats, Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Savings, Span
from bms.model.savings.finding import FindingCode
from bms.model.savings.objection import Objection, ObjectionKind, Verdict, objection, verdict_of
from bms.savings.claims.assessment import USUAL, AssessmentPeriods, AssessmentSettings
from bms.savings.claims.gates import (
    GateCode,
    fit_objections,
    period_objections,
    size_objections,
    sufficiency_objections,
    volume_objections,
    weather_objections,
    without_model,
)
from bms.savings.data.daily import daily
from bms.savings.data.screening import LARGEST_KWH, Zeros, screen_temp
from bms.savings.models.billing import (
    DAY_S,
    LEAST_BILLS,
    LONGEST_BIMONTHLY_DAYS,
    BillingModel,
    Bills,
    UsableBills,
    bills_in,
    fit_bills,
)
from bms.savings.models.degree_days import guf_share
from bms.savings.models.uncertainty import (
    DEFAULT_DRIFT,
    drift_kwh,
    drift_over,
    model_half_width,
    sun_baltazar_monthly,
    total_half_width,
)

OTHER_UNIT = 100.0
"""A bill of more than so many times the median bill is an error of units, not use."""
RANGE_MARGIN = 0.1
"""How far beyond the baseline's temperatures the model may be used, a share of their range."""
MONTH_DAYS = 365.25 / 12


@dataclass(frozen=True, slots=True)
class _CleanBills:
    """Bills with what cannot be a measurement as NaN: ``Bills``."""

    edges_s: np.ndarray[tuple[int], np.dtype[np.int64]]
    kwh: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _PreparedBills:
    """A meter's usable bills of both periods."""

    meter_id: str
    commodity: Commodity
    periods: AssessmentPeriods
    settings: AssessmentSettings
    before: UsableBills
    after: UsableBills
    coverage: float
    across: tuple[int, float, float]
    """Bills across an edge of a period, which belong to none: how many, their energy [kWh], and the
    share of the reporting period that they take, 0..1."""
    usual_days: float
    """Usual length of all bills [days]."""
    flags: tuple[FindingCode, ...]


def assess_bills(
    bills: Bills,
    temp: Series,
    *,
    meter_id: str,
    commodity: Commodity,
    periods: AssessmentPeriods,
    settings: AssessmentSettings = USUAL,
) -> Savings:
    """Returns the avoided energy use of a meter over the reporting period, from its bills [kWh].

    ``temp`` [degC] has steps of a day or less. ``n`` of the answer counts bills; a month of the
    period that no usable bill covers lowers the ``coverage``. Always an answer: what is not known
    is None, with a reason. Raises ``zoneinfo.ZoneInfoNotFoundError`` for an unknown time zone.
    """
    timezone = periods.timezone
    dates, temp_c = days_of(temp, timezone)
    cleaned, flags = _screened(bills, commodity, settings.zeros)
    before, after = (
        bills_in(cleaned, span, timezone, dates, temp_c)
        for span in (periods.baseline, periods.reporting)
    )
    prepared = _PreparedBills(
        meter_id=meter_id,
        commodity=commodity,
        periods=periods,
        settings=settings,
        before=before,
        after=after,
        coverage=min(float(after.days.sum()) / _length(periods.reporting, timezone), 1.0),
        across=_across(cleaned, periods),
        usual_days=float(np.median(np.diff(bills.edges_s))) / DAY_S if len(bills.kwh) else 0.0,
        flags=flags,
    )
    refusals = _refusals(prepared)
    return _refused(prepared, refusals) if refusals else _assessed(prepared)


@lru_cache(maxsize=4)
def days_of(temp: Series, timezone: str) -> tuple[tuple[date, ...], Floats]:
    """Local days of the weather and their mean temperature [degC], NaN where it is not known."""
    whole = Span(start=temp.start, end=max(temp.end, temp.start))
    clean = screen_temp(temp)
    days = daily(clean, clean, whole, timezone)
    mean = np.where(days.valid, days.temp_c, np.nan)
    mean.flags.writeable = False
    return days.dates, mean


def _screened(
    bills: Bills, commodity: Commodity, zeros: Zeros
) -> tuple[_CleanBills, tuple[FindingCode, ...]]:
    kwh = np.array(bills.kwh, dtype=np.float64)
    electric = commodity is Commodity.ELECTRICITY and zeros is not Zeros.REAL
    usual = kwh[np.isfinite(kwh) & (kwh > 0)]
    limit = min(OTHER_UNIT * float(np.median(usual)) if len(usual) else np.inf, 720 * LARGEST_KWH)
    with np.errstate(invalid="ignore"):
        wrong = {
            FindingCode.NEGATIVE: kwh < 0,
            FindingCode.UNIT_ERROR: kwh > limit,
            FindingCode.ZEROS: (kwh == 0) & (electric or zeros is Zeros.MISSING),
        }
    for mask in wrong.values():
        kwh[mask] = np.nan
    kwh[~np.isfinite(kwh)] = np.nan
    flags = tuple(code for code, mask in wrong.items() if mask.any())
    return _CleanBills(bills.edges_s, kwh), flags


def _length(span: Span, timezone: str) -> float:
    """Local days of a period, at least one [days]."""
    zone = ZoneInfo(timezone)
    first, last = (moment.astimezone(zone) for moment in (span.start, span.end))
    return max(round((last - first) / timedelta(days=1)), 1)


def _refusals(q: _PreparedBills) -> list[Objection]:
    found = period_objections(q.periods) or _too_long(q)
    if found:
        return found
    found = _sufficiency(q)
    return found if verdict_of(found) is Verdict.NOT_CLAIMABLE else []


def _too_long(q: _PreparedBills) -> list[Objection]:
    """The objection to bills of a quarter and more, none of which a model can use."""
    if q.usual_days <= LONGEST_BIMONTHLY_DAYS or len(q.before):
        return []
    return [
        objection(
            GateCode.BILLS_TOO_LONG,
            ObjectionKind.DATA,
            Verdict.NOT_CLAIMABLE,
            days=q.usual_days,
            most=LONGEST_BIMONTHLY_DAYS,
        )
    ]


def _across(bills: Bills, periods: AssessmentPeriods) -> tuple[int, float, float]:
    """The bills of known use that lie across an edge of a period by more than half a day: how many,
    their energy [kWh], and the share of the reporting period that is in them."""
    starts, ends = bills.edges_s[:-1], bills.edges_s[1:]
    found = np.zeros(len(starts), dtype=np.bool_)
    for span in (periods.baseline, periods.reporting):
        for edge in (span.start.timestamp(), span.end.timestamp()):
            found |= (starts < edge - DAY_S / 2) & (ends > edge + DAY_S / 2)
    found &= np.isfinite(bills.kwh)
    first, last = (m.timestamp() for m in (periods.reporting.start, periods.reporting.end))
    inside = np.minimum(ends, last) - np.maximum(starts, first)
    share = float(np.maximum(inside, 0.0)[found].sum() / max(last - first, 1.0))
    return int(found.sum()), float(bills.kwh[found].sum()), share


def _across_objections(q: _PreparedBills) -> list[Objection]:
    """Says what is left out by bills across the edges of the periods; the coverage, which they
    lower, limits the claim."""
    count, kwh, share = q.across
    if not count:
        return []
    verified = Verdict.VERIFIED
    code = GateCode.BILLS_ACROSS
    return [objection(code, ObjectionKind.DATA, verified, count=count, kwh=kwh, share=share)]


def _sufficiency(q: _PreparedBills) -> list[Objection]:
    found = [
        *volume_objections(q.settings.kwh_per_m3),
        *sufficiency_objections(int(q.before.days.sum()), int(q.after.days.sum()), q.coverage),
        *_across_objections(q),
    ]
    n = len(q.before)
    if 0 < n < LEAST_BILLS:
        refused = Verdict.NOT_CLAIMABLE
        code = GateCode.TOO_FEW_BILLS
        found.append(objection(code, ObjectionKind.DATA, refused, count=n, needed=LEAST_BILLS))
    return found


def _empty(q: _PreparedBills) -> Savings:
    """Everything that is known before a model is."""
    return replace(
        without_model(
            meter_id=q.meter_id,
            commodity=q.commodity,
            periods=q.periods,
            before_kwh=q.before.kwh,
            after_kwh=q.after.kwh,
            coverage=q.coverage,
        ),
        flags=q.flags,
    )


def _refused(q: _PreparedBills, found: list[Objection]) -> Savings:
    return replace(_empty(q), reasons=tuple(found))


def _assessed(q: _PreparedBills) -> Savings:
    model = fit_bills(q.before, cooling=q.commodity is Commodity.ELECTRICITY)
    adjusted, measured = float(model.expect(q.after).sum()), float(q.after.kwh.sum())
    yearly = DEFAULT_DRIFT if q.settings.drift is None else q.settings.drift
    drift = drift_over(yearly, _apart(q), unseen_days=_apart(q))
    half = _half_width(model, q, adjusted, drift)
    saving = adjusted - measured
    use = float(q.before.kwh.sum())
    nmbe = (use - float(model.expect(q.before).sum())) / use if use > 0 else None
    found = [
        *_sufficiency(q),
        *fit_objections(model.cv_rmse, nmbe),
        *weather_objections(_outside_days(model, q.after), len(q.after)),
        *size_objections(saving, saving - half, saving + half),
    ]
    heating = q.commodity in (Commodity.HEAT, Commodity.GAS)
    guf = guf_share(q.settings.building_use) if heating else None
    return replace(
        _empty(q),
        model=model.name,
        cv_rmse=model.cv_rmse,
        nmbe=nmbe,
        r2=model.r2,
        rho=model.rho,
        adjusted_baseline_kwh=adjusted,
        measured_kwh=measured,
        saving_kwh=saving,
        saving_low_kwh=saving - half,
        saving_high_kwh=saving + half,
        reasons=tuple(found),
        drift=drift,
        coefficients=model.point.coefficients,
        n_eff=float(model.n),
        degree_days=(float(q.before.degree_days.sum()), float(q.after.degree_days.sum())),
        degree_day_saving_kwh=None if guf is None else _by_degree_days(q, guf),
        guf_share=guf,
    )


def _half_width(model: BillingModel, q: _PreparedBills, adjusted: float, drift: float) -> float:
    noise = model_half_width(
        model.statistics,
        predicted=adjusted,
        m=len(q.after),
        months=float(q.after.days.sum()) / MONTH_DAYS,
        correction=sun_baltazar_monthly,
    )
    ordinary = model.mean * float(q.after.days.sum())
    return total_half_width(noise, drift_kwh(drift, adjusted, ordinary))


def _apart(q: _PreparedBills) -> float:
    """Mean distance in time between the bills of both periods [days]."""

    def middles(bills: UsableBills) -> Floats:
        return np.array([day.toordinal() for day in bills.starts]) + bills.days / 2.0

    return float(np.abs(middles(q.before) - middles(q.after).mean()).mean())


def _outside_days(model: BillingModel, after: UsableBills) -> int:
    """Bills with a day colder or warmer than the model has seen."""
    margin = RANGE_MARGIN * (model.warmest_c - model.coldest_c)
    cold = after.coldest_c < model.coldest_c - margin
    return int(np.count_nonzero(cold | (after.warmest_c > model.warmest_c + margin)))


def _by_degree_days(q: _PreparedBills, guf: float) -> float | None:
    """As ``corrected_saving``, of bills [kWh]."""
    earlier, later = float(q.before.degree_days.sum()), float(q.after.degree_days.sum())
    if earlier <= 0:
        return None
    use = float(q.before.kwh.sum())
    level = guf * use * float(q.after.days.sum() / q.before.days.sum())
    return float(level + (1.0 - guf) * use * later / earlier - q.after.kwh.sum())
