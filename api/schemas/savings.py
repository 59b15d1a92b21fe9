"""Answers about savings, with their intervals, verdicts and reasons."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from api.schemas.base import Answer, FactAnswer
from bms.model.readings.units import Commodity
from bms.model.savings.event import EventKind
from bms.model.savings.savings import (
    MonthSavings,
    NormalisedSavings,
    Span,
    Unadjusted,
    Verdict,
)
from bms.services.assessment.monthly_savings import YearToDate, year_to_date
from bms.services.assessment.savings_book import Told


class ProposalAnswer(Answer):
    """How an adjustment would quantify an event (``bms.model.savings.event``)."""

    kind: EventKind
    start: datetime
    end: datetime
    kwh: float
    kwh_se: float
    share: float
    words: FactAnswer


class FindingAnswer(Answer):
    """Something in a meter's data that an auditor asks about."""

    code: str
    start: datetime
    end: datetime
    lasted_h: float
    excluded: bool
    words: FactAnswer
    proposal: ProposalAnswer | None


class MeterSavingsAnswer(Answer):
    """Avoided energy use of one meter; its numbers mean what ``bms.model.savings.savings`` says."""

    meter_id: str
    commodity: Commodity
    baseline: Span
    reporting: Span
    model: str | None
    n: int
    coverage: float
    cv_rmse: float | None
    nmbe: float | None
    r2: float | None
    rho: float | None
    baseline_kwh: float | None
    adjusted_baseline_kwh: float | None
    measured_kwh: float | None
    saving_kwh: float | None
    saving_low_kwh: float | None
    saving_high_kwh: float | None
    confidence: float
    verdict: Verdict
    reasons: tuple[FactAnswer, ...]
    flags: tuple[str, ...]
    drift: float | None
    findings: tuple[FindingAnswer, ...]
    coefficients: Mapping[str, float] | None
    n_eff: float | None
    degree_days: tuple[float, float] | None
    degree_day_saving_kwh: float | None
    hourly_cv_rmse: float | None
    hourly_saving_kwh: float | None
    hourly_months_cv_rmse: float | None
    hourly_months_saving_kwh: float | None
    guf_share: float | None
    baseline_id: str | None
    baseline_settings: Mapping[str, str] | None
    months: tuple[MonthSavings, ...]
    normalised: NormalisedSavings | None
    cost_dkk: float | None
    co2_kg: float | None
    primary_energy_kwh: float | None
    unadjusted: Unadjusted | None


class SiteSavingsAnswer(Answer):
    """The saving of a building or portfolio: the sum over its billed meters."""

    id: str
    meters: tuple[MeterSavingsAnswer, ...]
    adjusted_baseline_kwh: float | None
    measured_kwh: float | None
    saving_kwh: float | None
    saving_low_kwh: float | None
    saving_high_kwh: float | None
    confidence: float
    verdict: Verdict
    reasons: tuple[FactAnswer, ...]
    cost_dkk: float | None
    co2_kg: float | None
    primary_energy_kwh: float | None
    months: tuple[MonthSavings, ...]
    unadjusted: Unadjusted | None


class SavingsAnswer(Answer):
    """The saving of a site with the periods that it is told for."""

    site: str
    baseline: Span
    reporting: Span
    control_start: datetime | None
    savings: SiteSavingsAnswer
    year_to_date: YearToDate | None

    @classmethod
    def of(cls, told: Told) -> Self:
        return cls(
            site=told.savings.id,
            baseline=told.periods.baseline,
            reporting=told.periods.reporting,
            control_start=told.periods.control_start,
            savings=SiteSavingsAnswer.model_validate(told.savings),
            year_to_date=year_to_date(told.savings),
        )


class PortfolioAnswer(Answer):
    """``portfolio`` is the sum of all sites, on every page."""

    portfolio: SiteSavingsAnswer
    year_to_date: YearToDate | None
    sites: list[SavingsAnswer]
    next: str | None
