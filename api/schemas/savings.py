"""Answers about savings, with their intervals, verdicts and reasons."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import Field, TypeAdapter, ValidationInfo, model_validator

from api.schemas.base import Answer, FactAnswer, FreshnessAnswer, timezone_of
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import (
    MonthSavings,
    NormalisedSavings,
    SiteSavings,
    Span,
)
from bms.model.savings.event import EventKind
from bms.model.savings.finding import FindingCode
from bms.model.savings.objection import Objection, ObjectionKind, Verdict
from bms.services.assessment.monthly_savings import YearToDate, year_to_date
from bms.services.assessment.savings_cache import MOST_SUMS, SiteAssessment


class ProposalAnswer(Answer):
    """How an adjustment would quantify an event (``bms.model.savings.event``)."""

    kind: EventKind
    start: datetime
    end: datetime
    kwh: float
    kwh_se: float
    share: float
    words: FactAnswer = Field(validation_alias="fact")


class FindingAnswer(Answer):
    """Something in a meter's data that an auditor asks about."""

    code: FindingCode
    start: datetime
    end: datetime
    lasted_h: float
    excluded: bool
    words: FactAnswer = Field(validation_alias="fact")
    proposal: ProposalAnswer | None


class ObjectionAnswer(FactAnswer):
    """Why a saving cannot be claimed without reserve; no verdict above ``ceiling`` is open."""

    kind: ObjectionKind = Field(description="what the objection is about")
    ceiling: Verdict

    @model_validator(mode="before")
    @classmethod
    def _from_fact(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, Objection):
            return value
        answer = dict(FactAnswer.of(value, timezone_of(info)))
        return {**answer, "kind": value.kind, "ceiling": value.ceiling}


class UnadjustedAnswer(Answer):
    """The saving without the non-routine adjustments that people confirmed; ``events`` are the ids
    of the entries that count."""

    adjustment_kwh: float
    adjustment_se_kwh: float
    saving_kwh: float | None
    saving_low_kwh: float | None
    saving_high_kwh: float | None
    verdict: Verdict
    reasons: tuple[ObjectionAnswer, ...]
    events: tuple[str, ...]


class MeterSavingsAnswer(Answer):
    """Avoided energy use of one meter; ``bms.model.savings.avoided_use`` says what the numbers
    mean."""

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
    reasons: tuple[ObjectionAnswer, ...]
    flags: tuple[FindingCode, ...]
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
    unadjusted: UnadjustedAnswer | None


class SavingSumAnswer(Answer):
    """The saving of a building or portfolio with its interval and verdict."""

    id: str
    adjusted_baseline_kwh: float | None
    measured_kwh: float | None
    saving_kwh: float | None
    saving_low_kwh: float | None
    saving_high_kwh: float | None
    confidence: float
    verdict: Verdict
    cost_dkk: float | None
    co2_kg: float | None


class SiteSavingsAnswer(SavingSumAnswer):
    """The saving of a building or portfolio: the sum over its billed meters."""

    meters: tuple[MeterSavingsAnswer, ...]
    reasons: tuple[ObjectionAnswer, ...]
    primary_energy_kwh: float | None
    months: tuple[MonthSavings, ...]
    unadjusted: UnadjustedAnswer | None


class SavingsAnswer(Answer):
    """The saving of a site with the periods that it is of."""

    site: str
    baseline: Span
    reporting: Span
    control_start: datetime | None
    savings: SiteSavingsAnswer
    year_to_date: YearToDate | None
    made_at: datetime | None = Field(description="null: it is being made for the first time")
    newer_under_way: bool = Field(description="something newer is being made")

    @classmethod
    def of(cls, assessed: SiteAssessment, timezone: str) -> Self:
        """Returns the answer of a site; times in its sentences are local to ``timezone``."""
        context = {"timezone": timezone}
        return cls(
            site=assessed.savings.id,
            baseline=assessed.periods.baseline,
            reporting=assessed.periods.reporting,
            control_start=assessed.periods.control_start,
            savings=SiteSavingsAnswer.model_validate(assessed.savings, context=context),
            year_to_date=year_to_date(assessed.savings),
            made_at=assessed.made_at,
            newer_under_way=assessed.newer_under_way,
        )


class PortfolioAnswer(Answer):
    """``portfolio`` is the sum of all sites, on every page."""

    portfolio: SiteSavingsAnswer
    year_to_date: YearToDate | None
    freshness: FreshnessAnswer
    sites: list[SavingsAnswer]
    next: str | None


class EncodedSavings:
    """Answers of sites, and sums of them, as JSON: put into words and encoded once for each that is
    kept.

    ``most`` of each are remembered. Thread-safe.
    """

    def __init__(self, most: int = 2000) -> None:
        self._rows = _Encoded(most)
        self._sums = _Encoded(MOST_SUMS)

    def row(self, assessed: SiteAssessment, timezone: str) -> str:
        """Returns ``SavingsAnswer.of`` as JSON."""
        key = (assessed.savings.id, repr(assessed.periods))
        told = (assessed.edition, assessed.made_at, assessed.newer_under_way, timezone)
        return self._rows.get(
            key, told, lambda: SavingsAnswer.of(assessed, timezone).model_dump_json()
        )

    def portfolio(
        self, total: SiteSavings, freshness: FreshnessAnswer, rows: Iterable[str], after: str | None
    ) -> str:
        """Returns a ``PortfolioAnswer`` as JSON."""
        whole = self._sums.get(
            id(total), total, lambda: SiteSavingsAnswer.model_validate(total).model_dump_json()
        )
        year = TypeAdapter(YearToDate | None).dump_json(year_to_date(total)).decode()
        return (
            f'{{"portfolio":{whole},"year_to_date":{year},'
            f'"freshness":{freshness.model_dump_json()},"sites":[{",".join(rows)}],'
            f'"next":{json.dumps(after)}}}'
        )


class _Encoded:
    """What was encoded last, by what it was made of."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[object, tuple[object, str]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: object, made_of: object, make: Callable[[], str]) -> str:
        """Returns what is known of ``key`` if it was made of the same, else makes it."""
        with self._lock:
            known = self._known.get(key)
        if known is not None and (known[0] is made_of or known[0] == made_of):
            return known[1]
        made = make()
        with self._lock:
            self._known[key] = (made_of, made)
            self._known.move_to_end(key)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return made
