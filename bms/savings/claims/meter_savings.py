"""The saving of one meter: baseline, counterfactual, interval and verdict (IPMVP Option C)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache

import numpy as np

from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.model.savings.finding import Finding
from bms.model.savings.objection import Objection, Verdict, verdict_of
from bms.model.savings.savings import (
    MonthSavings,
    NormalisedSavings,
    Savings,
    Span,
)
from bms.savings.claims.gates import (
    fit,
    open_events,
    periods,
    size,
    sufficiency,
    weather,
    without_model,
)
from bms.savings.claims.monthly import Expected, month_by_month
from bms.savings.claims.normalised import normalised
from bms.savings.data.clock_shift import clock_shift
from bms.savings.data.daily import Days, daily
from bms.savings.data.findings import codes, gaps, shifted
from bms.savings.data.screening import Zeros, screen_temp, screen_use
from bms.savings.data.season import apart, same_season
from bms.savings.events.detection import changes_of_use, events
from bms.savings.models.baseline import Baseline, Closed, fit_baseline, never
from bms.savings.models.baseline_identity import baseline_id, settings_of
from bms.savings.models.degree_days import corrected_saving, degree_days, guf_share
from bms.savings.models.hourly import MONTHLY, SINGLE, second_opinion
from bms.savings.models.normal_year import NormalYear
from bms.savings.models.uncertainty import (
    CONFIDENCE,
    DEFAULT_DRIFT,
    drift_kwh,
    drift_over,
    effective_n,
    model_half_width,
    season_drift,
    total_half_width,
)

RANGE_MARGIN = 0.1
"""How far beyond the baseline's temperatures the model may be used, a share of their range."""
_HEATING = (Commodity.HEAT, Commodity.GAS)
MONTH = timedelta(days=365.25 / 12)


@dataclass(frozen=True, slots=True)
class _Adjusted:
    """Counterfactual and measured use of the reporting days, with the 90 % half-width [kWh]."""

    adjusted_kwh: float
    measured_kwh: float
    half_width_kwh: float
    outside_days: int
    months: tuple[MonthSavings, ...]


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked of a meter, and the days that can answer."""

    meter_id: str
    commodity: Commodity
    baseline: Span
    reporting: Span
    before: Days
    after: Days
    coverage: float
    drift: float
    timezone: str
    findings: tuple[Finding, ...]
    closed: Closed
    guf: float
    normal: NormalYear | None

    @property
    def cooling(self) -> bool:
        return self.commodity is Commodity.ELECTRICITY


def assess_meter(
    use: Series,
    temp: Series,
    *,
    meter_id: str,
    commodity: Commodity,
    baseline: Span,
    reporting: Span,
    timezone: str,
    closed: Closed | None = None,
    drift: float | None = None,
    zeros: Zeros = Zeros.AUTO,
    hourly: bool = False,
    sun: Series | None = None,
    normal: NormalYear | None = None,
    building_use: str | None = None,
) -> Savings:
    """Avoided energy use of a meter over ``reporting``, against its own ``baseline`` period.

    ``use`` [kWh per step] and ``temp`` [degC] have steps of an hour or less and need not share a
    grid; NaN is a gap. ``closed`` tells local days on which the building is shut: they count as
    weekend where the data ask for it. ``drift`` is the standard deviation of the building's own
    change from one year to the next (a share of its use; default 5 %). ``zeros`` says what a zero
    means; ``hourly`` adds the second opinion of the hourly model, ``sun`` [W/m2] a regressor that
    the model may take up, ``normal`` the saving in a normal year; ``building_use`` (as a site
    names it) chooses the GUF of the degree-day correction. Only whole local days with 90 % of their
    hours count, and what was not measured is neither in the measured use nor in the adjusted
    baseline.

    Always an answer: what cannot be said is None, with a reason. Raises
    ``zoneinfo.ZoneInfoNotFoundError`` for an unknown ``timezone``. Method and sources:
    docs/savings.md.
    """
    clean_use, found = screen_use(use, temp, commodity, zeros)
    findings = (
        *found,
        *gaps(clean_use, baseline),
        *gaps(clean_use, reporting),
        *_clock(clean_use, baseline, reporting, timezone),
        *_used(clean_use, commodity, baseline, reporting, timezone),
    )
    clean_temp = _screened(temp)
    before = daily(clean_use, clean_temp, baseline, timezone, sun)
    after = daily(clean_use, clean_temp, reporting, timezone, sun)
    if before.sun_wm2 is None or after.sun_wm2 is None:
        before, after, sun = replace(before, sun_wm2=None), replace(after, sun_wm2=None), None
    question = _Question(
        meter_id=meter_id,
        commodity=commodity,
        baseline=baseline,
        reporting=reporting,
        before=before.only_valid(),
        after=after.only_valid(),
        coverage=after.coverage,
        drift=DEFAULT_DRIFT if drift is None else drift,
        timezone=timezone,
        findings=findings,
        closed=closed or never,
        guf=guf_share(building_use),
        normal=normal,
    )
    refusals = _refusals(question)
    if refusals:
        return _refused(question, refusals)
    settings = settings_of(
        baseline=baseline, timezone=timezone, commodity=commodity, zeros=zeros, closed=closed
    )
    answer = replace(
        _answered(question),
        baseline_id=baseline_id(use, temp, baseline, settings, sun),
        baseline_settings=settings,
    )
    return _with_hours(answer, clean_use, clean_temp, timezone) if hourly else answer


@lru_cache(maxsize=4)
def _screened(temp: Series) -> Series:
    """As ``screen_temp``; the meters of a city share their weather."""
    return screen_temp(temp)


def _with_hours(answer: Savings, use: Series, temp: Series, timezone: str) -> Savings:
    views = second_opinion(
        use, temp, answer.baseline, answer.reporting, timezone, (SINGLE, MONTHLY)
    )
    for view in views:
        if view.model == SINGLE:
            answer = replace(answer, hourly_cv_rmse=view.cv_rmse, hourly_saving_kwh=view.saving_kwh)
        else:
            answer = replace(
                answer,
                hourly_months_cv_rmse=view.cv_rmse,
                hourly_months_saving_kwh=view.saving_kwh,
            )
    return answer


def _used(
    use: Series, commodity: Commodity, baseline: Span, reporting: Span, timezone: str
) -> tuple[Finding, ...]:
    """The daily rhythm of heat follows its weather; that of electricity its people."""
    if commodity is not Commodity.ELECTRICITY:
        return ()
    return changes_of_use(use, baseline=baseline, reporting=reporting, timezone=timezone)


def _clock(use: Series, baseline: Span, reporting: Span, timezone: str) -> tuple[Finding, ...]:
    hours = clock_shift(use, baseline, reporting, timezone)
    return () if hours is None else (shifted(reporting, hours),)


def _refusals(q: _Question) -> list[Objection]:
    """Why nothing can be computed; empty when it can."""
    found = periods(q.baseline, q.reporting)
    if found:
        return found
    found = sufficiency(len(q.before), len(q.after), q.coverage)
    return found if verdict_of(found) is Verdict.NOT_CLAIMABLE else []


def _refused(q: _Question, found: list[Objection]) -> Savings:
    return replace(
        without_model(
            meter_id=q.meter_id,
            commodity=q.commodity,
            baseline=q.baseline,
            reporting=q.reporting,
            before_kwh=q.before.kwh,
            after_kwh=q.after.kwh,
            coverage=q.coverage,
        ),
        reasons=tuple(found),
        flags=codes(q.findings),
        findings=q.findings,
    )


def _answered(q: _Question) -> Savings:
    season = same_season(q.before, q.after.dates)
    model = fit_baseline(season, cooling=q.cooling, closed=q.closed)
    drift = drift_over(q.drift, apart(season, q.after.dates))
    result = _adjust(model, q, drift)
    shown = events(
        model,
        season,
        q.after,
        baseline=q.baseline,
        reporting=q.reporting,
        steady=q.commodity is Commodity.ELECTRICITY,
        timezone=q.timezone,
    )
    q = replace(q, findings=(*q.findings, *shown))
    saving, half = result.adjusted_kwh - result.measured_kwh, result.half_width_kwh
    found = [
        *sufficiency(len(q.before), len(q.after), q.coverage),
        *fit(model.cv_rmse, model.nmbe),
        *weather(result.outside_days),
        *open_events(q.findings),
        *size(saving, half),
    ]
    heating = q.commodity in _HEATING
    return Savings(
        meter_id=q.meter_id,
        commodity=q.commodity,
        baseline=q.baseline,
        reporting=q.reporting,
        model=model.name,
        n=model.n,
        coverage=q.coverage,
        cv_rmse=model.cv_rmse,
        nmbe=model.nmbe,
        r2=model.r2,
        rho=model.rho,
        baseline_kwh=float(q.before.kwh.sum()),
        adjusted_baseline_kwh=result.adjusted_kwh,
        measured_kwh=result.measured_kwh,
        saving_kwh=saving,
        saving_low_kwh=saving - half,
        saving_high_kwh=saving + half,
        confidence=CONFIDENCE,
        reasons=tuple(found),
        flags=codes(q.findings),
        findings=q.findings,
        drift=drift,
        coefficients=model.coefficients,
        n_eff=effective_n(model.n, model.rho),
        degree_days=(degree_days(q.before.temp_c), degree_days(q.after.temp_c)),
        degree_day_saving_kwh=corrected_saving(q.before, q.after, q.guf) if heating else None,
        guf_share=q.guf if heating else None,
        months=result.months,
        normalised=_normal(model, q, drift),
    )


def _normal(model: Baseline, q: _Question, drift: float) -> NormalisedSavings | None:
    if q.normal is None:
        return None
    return normalised(model, q.after, q.normal, cooling=q.cooling, closed=q.closed, drift=drift)


def _adjust(model: Baseline, q: _Question, drift: float) -> _Adjusted:
    days = q.after
    months_per_day = (q.reporting.end - q.reporting.start) / MONTH / len(days)

    def width(adjusted: float, ordinary: float, m: int) -> float:
        noise = model_half_width(
            sse=model.sse,
            n=model.n,
            parameters=model.parameters,
            rho=model.rho,
            mean=model.mean,
            predicted=adjusted,
            m=m,
            months=months_per_day * m,
        )
        return total_half_width(noise, drift_kwh(drift, adjusted, ordinary))

    expected = Expected(
        days, model.expect(days) * days.hours / 24.0, ordinary=float(q.before.rate.mean())
    )
    adjusted = float(expected.kwh.sum())
    ordinary = expected.ordinary * float(days.hours.sum()) / 24.0
    margin = RANGE_MARGIN * (model.warmest_c - model.coldest_c)
    strange = (days.temp_c < model.coldest_c - margin) | (days.temp_c > model.warmest_c + margin)
    return _Adjusted(
        adjusted_kwh=adjusted,
        measured_kwh=float(days.kwh.sum()),
        half_width_kwh=width(adjusted, ordinary, len(days)),
        outside_days=int(np.count_nonzero(strange)),
        months=month_by_month(expected, width, season_drift(q.commodity)),
    )
