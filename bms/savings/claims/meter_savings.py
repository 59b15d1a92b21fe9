"""The saving of one meter: baseline, counterfactual, interval and verdict (IPMVP Option C)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache

import numpy as np

from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import (
    FrozenBaseline,
    MonthSavings,
    NormalisedSavings,
    Savings,
    Span,
)
from bms.model.savings.finding import MeterFinding
from bms.model.savings.objection import Objection, Verdict, verdict_of
from bms.savings.claims.assessment import USUAL, AssessmentPeriods, AssessmentSettings
from bms.savings.claims.gates import (
    SEASON_DAYS,
    event_objections,
    fit_objections,
    panel_objections,
    period_objections,
    size_objections,
    sufficiency_objections,
    volume_objections,
    weather_objections,
    without_model,
)
from bms.savings.claims.monthly import (
    AdjustedBaseline,
    ReportedPart,
    all_of,
    month_by_month,
    with_season,
)
from bms.savings.claims.normalised import normalised
from bms.savings.data.clock_shift import clock_shift
from bms.savings.data.daily import DailyUse, daily, whole_days
from bms.savings.data.findings import clock_finding, codes, gaps
from bms.savings.data.screening import screen_temp, screen_use
from bms.savings.data.season import mean_days_apart, same_season
from bms.savings.events.event_findings import detect_events, detect_use_changes
from bms.savings.events.sun_panels import SunPanels, panels_in
from bms.savings.models.baseline import Baseline, Closed, fit_baseline, never_closed
from bms.savings.models.baseline_identity import baseline_id, settings_of
from bms.savings.models.degree_days import corrected_saving, degree_days, guf_share
from bms.savings.models.hourly import MONTHLY, SINGLE, second_opinion
from bms.savings.models.restlessness import (
    MOST_MOVED,
    Restlessness,
    change,
    restlessness,
)
from bms.savings.models.uncertainty import (
    CONFIDENCE,
    drift_kwh,
    drift_over,
    effective_n,
    model_half_width,
    season_drift,
    total_half_width,
)
from bms.savings.models.wandering import LEAST_YEAR, STILL

LEAST_KWH = 1e-9
RANGE_MARGIN = 0.1
"""How far beyond the baseline's temperatures the model may be used, a share of their range."""
_HEATING = (Commodity.HEAT, Commodity.GAS)
_HOUR = timedelta(hours=1)
MONTH_DAYS = 365.25 / 12
FIRST_YEAR = timedelta(days=365)
"""What is proven of a project in this time stays proven while its interval lies above zero."""
HISTORY_YEAR, MOST_HISTORY = timedelta(days=365), 8
"""Length of a year before the baseline period, and how many of them are looked at."""


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Adjusted baseline and measured use of the reporting days, with the 90 % interval [kWh]."""

    adjusted_kwh: float
    measured_kwh: float
    low_kwh: float
    high_kwh: float
    drift: float
    outside_days: int
    months: tuple[MonthSavings, ...]


@dataclass(frozen=True, slots=True)
class _PreparedDays:
    """A meter's valid days of both periods, and what was found in its data."""

    meter_id: str
    commodity: Commodity
    periods: AssessmentPeriods
    settings: AssessmentSettings
    before: DailyUse
    after: DailyUse
    whole: DailyUse
    """The valid days of the project, of which ``after`` is a part."""
    coverage: float
    findings: tuple[MeterFinding, ...]
    panels: SunPanels | None
    history: tuple[DailyUse, ...]
    """The valid days of the years before the baseline period, the latest first."""

    @property
    def cooling(self) -> bool:
        return self.commodity is Commodity.ELECTRICITY

    @property
    def closed(self) -> Closed:
        return self.settings.closed or never_closed


def assess_meter(
    use: Series,
    temp: Series,
    *,
    meter_id: str,
    commodity: Commodity,
    periods: AssessmentPeriods,
    settings: AssessmentSettings = USUAL,
    sun: Series | None = None,
) -> Savings:
    """Returns the avoided energy use of a meter over the reporting period, against its own baseline
    period (IPMVP Option C).

    ``use`` [kWh per step] and ``temp`` [degC] have steps of an hour or less and need not share a
    grid; NaN is a gap. ``sun`` [W/m2] is a regressor that the model may take up. Only whole local
    days with 90 % of their hours count, and what was not measured is neither in the measured use
    nor in the adjusted baseline.

    Always an answer: what is not known is None, with a reason. Raises
    ``zoneinfo.ZoneInfoNotFoundError`` for an unknown time zone. Method and sources:
    docs/savings.md.
    """
    clean_temp = _screened(temp)
    clean, screened = screen_use(use, clean_temp, commodity, settings.zeros)
    before, whole = _days(clean, clean_temp, periods, sun)
    after = _within(whole, periods)
    prepared = _PreparedDays(
        meter_id=meter_id,
        commodity=commodity,
        periods=periods,
        settings=settings,
        before=before.only_valid(),
        after=after.only_valid(),
        whole=whole.only_valid(),
        coverage=after.coverage,
        findings=(*screened, *_found(clean, commodity, periods)),
        panels=_panels(use, clean_temp, sun, commodity, periods, settings),
        history=_history(clean, clean_temp, periods) if settings.drift is None else (),
    )
    refusals = _refusals(prepared)
    if refusals:
        return _refused(prepared, refusals)
    with_sun = None if before.sun_wm2 is None else sun
    answer = _named(_assessed(prepared), use, temp, with_sun, prepared)
    return _with_hours(answer, clean, clean_temp, periods.timezone) if settings.hourly else answer


def baseline_alone(
    use: Series,
    temp: Series,
    *,
    meter_id: str,
    commodity: Commodity,
    period: Span,
    timezone: str,
    settings: AssessmentSettings = USUAL,
) -> FrozenBaseline | None:
    """Returns the baseline of a meter before there is anything to compare it with; None with fewer
    days than a claim needs."""
    clean_temp = _screened(temp)
    clean, _ = screen_use(use, clean_temp, commodity, settings.zeros)
    days = daily(clean, clean_temp, period, timezone).only_valid()
    if len(days) < SEASON_DAYS:
        return None
    cooling = commodity is Commodity.ELECTRICITY
    model = fit_baseline(days, cooling=cooling, closed=settings.closed or never_closed)
    named = settings_of(
        baseline=period,
        timezone=timezone,
        commodity=commodity,
        zeros=settings.zeros,
        closed=settings.closed,
    )
    return FrozenBaseline(
        id=baseline_id(use, temp, period, named),
        meter_id=meter_id,
        period=period,
        settings=named,
        model=model.name,
        coefficients=model.coefficients,
        n=model.n,
        cv_rmse=model.cv_rmse,
        baseline_kwh=float(days.kwh.sum()),
    )


def _panels(
    use: Series,
    temp: Series,
    sun: Series | None,
    commodity: Commodity,
    periods: AssessmentPeriods,
    settings: AssessmentSettings,
) -> SunPanels | None:
    """Panels of the sun that are known, or that the use shows."""
    if settings.panels is not None or commodity is not Commodity.ELECTRICITY:
        return settings.panels
    return panels_in(
        use,
        temp,
        sun if settings.irradiance is None else settings.irradiance,
        baseline=periods.baseline,
        reporting=periods.whole,
        timezone=periods.timezone,
    )


def _days(
    use: Series, temp: Series, periods: AssessmentPeriods, sun: Series | None
) -> tuple[DailyUse, DailyUse]:
    """The days of the baseline and of the project, with the sun only where both know it."""
    before, after = (
        daily(use, temp, span, periods.timezone, sun) for span in (periods.baseline, periods.whole)
    )
    if before.sun_wm2 is None or after.sun_wm2 is None:
        return replace(before, sun_wm2=None), replace(after, sun_wm2=None)
    return before, after


def _within(whole: DailyUse, periods: AssessmentPeriods) -> DailyUse:
    """The days of the project that are in the reporting period."""
    if periods.project is None:
        return whole
    shown = set(whole_days(periods.reporting, periods.timezone))
    return whole.where(np.array([day in shown for day in whole.dates], dtype=bool))


def _found(
    use: Series, commodity: Commodity, periods: AssessmentPeriods
) -> tuple[MeterFinding, ...]:
    """Gaps, a shifted clock or one that cannot be seen, and changed hours of use."""
    baseline, reporting, timezone = periods.baseline, periods.reporting, periods.timezone
    clock = clock_shift(use, baseline, reporting, timezone)
    found = [*gaps(use, baseline), *gaps(use, reporting)]
    # The rhythm of heat follows weather and plant; an hour is nothing to a meter that counts days.
    unseen = commodity in _HEATING or (use.step <= _HOUR and not clock.seen)
    if clock.hours is not None or unseen:
        found.append(clock_finding(reporting, clock.hours))
    # The daily rhythm of heat follows its weather; that of electricity its people.
    if commodity is Commodity.ELECTRICITY:
        found += detect_use_changes(use, baseline=baseline, reporting=reporting, timezone=timezone)
    return tuple(found)


def _named(
    answer: Savings, use: Series, temp: Series, sun: Series | None, prepared: _PreparedDays
) -> Savings:
    """The answer with the name of its baseline."""
    periods, settings = prepared.periods, prepared.settings
    named = settings_of(
        baseline=periods.baseline,
        timezone=periods.timezone,
        commodity=prepared.commodity,
        zeros=settings.zeros,
        closed=settings.closed,
    )
    return replace(
        answer,
        baseline_id=baseline_id(use, temp, periods.baseline, named, sun),
        baseline_settings=named,
    )


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


def _refusals(q: _PreparedDays) -> list[Objection]:
    """Why nothing can be computed; empty when it can."""
    found = period_objections(q.periods) or panel_objections(q.panels, q.periods)
    if found:
        return found
    found = [
        *volume_objections(q.settings.kwh_per_m3),
        *sufficiency_objections(len(q.before), len(q.after), q.coverage),
    ]
    return found if verdict_of(found) is Verdict.NOT_CLAIMABLE else []


def _refused(q: _PreparedDays, found: list[Objection]) -> Savings:
    return replace(
        without_model(
            meter_id=q.meter_id,
            commodity=q.commodity,
            periods=q.periods,
            before_kwh=q.before.kwh,
            after_kwh=q.after.kwh,
            coverage=q.coverage,
        ),
        reasons=tuple(found),
        flags=codes(q.findings),
        findings=q.findings,
    )


def _assessed(q: _PreparedDays) -> Savings:
    season = same_season(q.before, q.whole.dates)
    model = _fit(q, season)
    year = model if season is q.before else _fit(q, q.before)
    result = _compare(model, q, season, _restless(year, q))
    drift = result.drift
    detected = detect_events(
        model,
        season,
        q.after,
        baseline=q.periods.baseline,
        reporting=q.periods.reporting,
        steady=q.commodity is Commodity.ELECTRICITY,
        timezone=q.periods.timezone,
    )
    data, q = q, replace(q, findings=(*q.findings, *detected))
    saving = result.adjusted_kwh - result.measured_kwh
    reasons, first_year = _objections(q, model, result), False
    if verdict_of(reasons) is Verdict.INDICATIVE and result.low_kwh > 0.0:
        first_year = _first_year_proven(data)
        reasons = _objections(q, model, result, first_year=True) if first_year else reasons
    guf = guf_share(q.settings.building_use) if q.commodity in _HEATING else None
    return Savings(
        meter_id=q.meter_id,
        commodity=q.commodity,
        baseline=q.periods.baseline,
        reporting=q.periods.reporting,
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
        saving_low_kwh=result.low_kwh,
        saving_high_kwh=result.high_kwh,
        confidence=CONFIDENCE,
        reasons=reasons,
        flags=codes(q.findings),
        findings=q.findings,
        drift=drift,
        coefficients=model.coefficients,
        n_eff=effective_n(model.n, model.rho),
        degree_days=(degree_days(q.before.temp_c), degree_days(q.after.temp_c)),
        degree_day_saving_kwh=None if guf is None else corrected_saving(q.before, q.after, guf),
        guf_share=guf,
        months=result.months,
        normalised=_normal(model, q, drift),
        proven_in_first_year=first_year,
    )


def _first_year_proven(q: _PreparedDays) -> bool:
    """Whether the saving of a project that is told from its beginning, and is longer than a year,
    was verified after its first one."""
    begin = q.periods.whole.start
    end = begin + FIRST_YEAR
    if q.periods.reporting.start > begin or q.periods.reporting.end <= end:
        return False
    periods = replace(q.periods, reporting=Span(start=begin, end=end), project=None)
    shown = whole_days(periods.reporting, periods.timezone)
    days = q.whole.where(np.array([day <= shown[-1] for day in q.whole.dates], dtype=bool))
    year = replace(
        q,
        periods=periods,
        settings=replace(q.settings, normal=None),
        after=days,
        whole=days,
        coverage=len(days) / len(shown),
        findings=tuple(found for found in q.findings if found.start < end),
    )
    return not _refusals(year) and _assessed(year).verdict is Verdict.VERIFIED


def _objections(
    q: _PreparedDays, model: Baseline, result: _Comparison, *, first_year: bool = False
) -> tuple[Objection, ...]:
    """What stands against the saving of a meter, of which the ``first_year`` may be proven."""
    saving = result.adjusted_kwh - result.measured_kwh
    return (
        *volume_objections(q.settings.kwh_per_m3),
        *sufficiency_objections(len(q.before), len(q.after), q.coverage),
        *fit_objections(model.cv_rmse, model.nmbe),
        *weather_objections(result.outside_days, len(q.after)),
        *event_objections(
            q.findings,
            q.periods.reporting,
            result.adjusted_kwh / max(float(q.before.kwh.sum()), LEAST_KWH),
            result.low_kwh,
            result.high_kwh,
            first_year=first_year,
        ),
        *size_objections(saving, result.low_kwh, result.high_kwh, first_year=first_year),
    )


def _fit(q: _PreparedDays, days: DailyUse) -> Baseline:
    return fit_baseline(days, cooling=q.cooling, closed=q.closed)


def _history(use: Series, temp: Series, periods: AssessmentPeriods) -> tuple[DailyUse, ...]:
    """The valid days of up to eight years before the baseline period, the latest first; it ends
    with the first year that is thin."""
    found: list[DailyUse] = []
    end = periods.baseline.start
    while len(found) < MOST_HISTORY and use.start < end:
        span = Span(start=end - HISTORY_YEAR, end=end)
        days = daily(use, temp, span, periods.timezone).only_valid()
        if len(days) < LEAST_YEAR:
            break
        found.append(days)
        end = span.start
    return tuple(found)


def _restless(year: Baseline, q: _PreparedDays) -> Restlessness:
    """How restless the building is, by its baseline ``year`` and the years before."""
    if q.settings.drift is not None:
        return Restlessness(q.settings.drift)
    changes: list[float] = []
    for earlier, later in zip(q.history, (q.before, *q.history), strict=False):
        found = change(_fit(q, earlier), earlier, replace(later, sun_wm2=None))
        changes += [] if found is None else [found]
    return restlessness(year, q.before, q.whole, changes)


def _normal(model: Baseline, q: _PreparedDays, drift: float) -> NormalisedSavings | None:
    normal = q.settings.normal
    if normal is None:
        return None
    return normalised(model, q.after, normal, cooling=q.cooling, closed=q.closed, drift=drift)


def _compare(
    model: Baseline, q: _PreparedDays, season: DailyUse, restless: Restlessness
) -> _Comparison:
    days = q.after
    gap = max((q.whole.dates[0] - q.before.dates[-1]).days - 1, 0)

    by_itself = restless.expected_from(season.dates)
    away, fit = mean_days_apart(season), model.statistics

    def drift_to(part: ReportedPart) -> float:
        apart = away(part.first, part.last)
        return drift_over(restless.drift, apart, apart if restless.walk is STILL else gap)

    def width(part: ReportedPart) -> float:
        months = ((part.last - part.first).days + 1) / MONTH_DAYS
        noise = model_half_width(fit, predicted=part.adjusted, m=part.days, months=months)
        return total_half_width(noise, drift_kwh(drift_to(part), part.adjusted, part.ordinary))

    half = with_season(width, season_drift(q.commodity), len(q.whole))

    def interval(part: ReportedPart) -> tuple[float, float]:
        wide = half(part)
        moved = by_itself(part.first, part.last) * part.adjusted
        middle = part.saving - min(max(moved, -MOST_MOVED * wide), MOST_MOVED * wide)
        return middle - wide, middle + wide

    expected = AdjustedBaseline(
        days, model.expect(days) * days.hours / 24.0, ordinary=float(q.before.rate.mean())
    )
    total = all_of(expected)
    low, high = interval(total)
    return _Comparison(
        adjusted_kwh=total.adjusted,
        measured_kwh=total.measured,
        low_kwh=low,
        high_kwh=high,
        drift=drift_to(total),
        outside_days=_outside(model, days),
        months=month_by_month(expected, interval, drift_to),
    )


def _outside(model: Baseline, days: DailyUse) -> int:
    """Days that are colder or warmer than the model has seen."""
    margin = RANGE_MARGIN * (model.warmest_c - model.coldest_c)
    outside = (days.temp_c < model.coldest_c - margin) | (days.temp_c > model.warmest_c + margin)
    return int(np.count_nonzero(outside))
