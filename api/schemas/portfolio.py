"""Answers about all buildings: their ranking and their cooling."""

from __future__ import annotations

from datetime import date
from typing import Self

from pydantic import Field

from api.schemas.base import Answer, FactAnswer, FreshnessAnswer
from bms.model.fact import fact
from bms.model.planning.cooling_fee import CoolingRule
from bms.model.planning.heat_charges import VAT
from bms.savings.portfolio.cooling_year_end import CoolingMonth, YearEndForecast
from bms.savings.portfolio.ranking import METRICS, Group, Metric, PeerComparison
from bms.services.assessment.cooling_fees import MeterCooling


class RankingRow(Answer):
    """A building among its peers; ``value``, ``median`` and ``distance`` are in ``unit``."""

    site: str
    use: str
    area_m2: float
    value: float | None
    group: Group | None = Field(description="whom it is compared with")
    rank: int | None = Field(description="1 is the best of `of` buildings")
    of: int
    quartile: int | None = Field(description="1 is the best; null in a group under 5 buildings")
    median: float | None = Field(description="of the other buildings of the group")
    distance: float | None = Field(description="value minus median")
    at_median_kwh: float | None = Field(
        description="per year, what it would use less at the median; a comparison, no proof"
    )
    at_median_dkk: float | None
    notes: tuple[FactAnswer, ...]

    @classmethod
    def of_standing(cls, row: PeerComparison) -> Self:
        return cls.model_validate(row)


class RankingAnswer(Answer):
    """Buildings by a key figure of their last 365 whole days, the worst first."""

    metric: Metric
    unit: str
    lowest_is_best: bool
    words: FactAnswer
    freshness: FreshnessAnswer
    buildings: list[RankingRow]
    next: str | None

    @classmethod
    def of(
        cls,
        metric: Metric,
        rows: list[PeerComparison],
        freshness: FreshnessAnswer,
        after: str | None,
    ) -> Self:
        definition = METRICS[metric]
        return cls(
            metric=metric,
            unit=definition.unit,
            lowest_is_best=definition.lowest_is_best,
            words=FactAnswer.of(fact(metric)),
            freshness=freshness,
            buildings=[RankingRow.of_standing(row) for row in rows],
            next=after,
        )


class CoolingRuleAnswer(Answer):
    """Settled by the mean cooling of a calendar year; prices in DKK for each K and MWh."""

    below_k: float
    malus_dkk_per_k_mwh: float
    malus_with_vat_dkk_per_k_mwh: float
    above_k: float | None
    bonus_dkk_per_k_mwh: float
    source: str

    @classmethod
    def of(cls, rule: CoolingRule) -> Self:
        return cls(
            below_k=rule.below_k,
            malus_dkk_per_k_mwh=rule.malus_dkk_per_k_mwh,
            malus_with_vat_dkk_per_k_mwh=rule.malus_dkk_per_k_mwh * VAT,
            above_k=rule.above_k,
            bonus_dkk_per_k_mwh=rule.bonus_dkk_per_k_mwh,
            source=rule.source,
        )


class MonthCoolingAnswer(Answer):
    month: date
    cooling_k: float | None
    volume_m3: float
    energy_mwh: float | None
    coverage: float

    @classmethod
    def of(cls, row: CoolingMonth) -> Self:
        return cls(
            month=row.first,
            cooling_k=row.cooling_k,
            volume_m3=row.volume_m3,
            energy_mwh=row.energy_mwh,
            coverage=row.coverage,
        )


class YearsEndAnswer(Answer):
    """The year as it will have been, with 90 % intervals; fees without VAT."""

    cooling_k: float
    cooling_low_k: float
    cooling_high_k: float
    energy_mwh: float
    fee_dkk: float
    fee_low_dkk: float
    fee_high_dkk: float
    fee_with_vat_dkk: float

    @classmethod
    def of(cls, row: YearEndForecast) -> Self:
        return cls(
            cooling_k=row.cooling_k,
            cooling_low_k=row.cooling_low_k,
            cooling_high_k=row.cooling_high_k,
            energy_mwh=row.energy_mwh,
            fee_dkk=row.fee_dkk,
            fee_low_dkk=row.fee_low_dkk,
            fee_high_dkk=row.fee_high_dkk,
            fee_with_vat_dkk=row.fee_dkk * VAT,
        )


class MeterCoolingRow(Answer):
    """How a heat meter cools this year; fees in DKK without VAT, negative where it earns a bonus.

    ``cooling_k``, ``volume_m3`` and ``energy_mwh`` are of the year until before ``until``.
    """

    id: str
    site: str
    year: int
    until: date
    cooling_k: float | None
    volume_m3: float | None
    energy_mwh: float | None
    fee_dkk: float | None = Field(description="by the cooling and heat so far")
    fee_with_vat_dkk: float | None
    forecast: YearsEndAnswer | None = Field(description="by last year's same months")
    rule: CoolingRuleAnswer | None
    months: list[MonthCoolingAnswer]
    notes: tuple[FactAnswer, ...]

    @classmethod
    def of(cls, row: MeterCooling) -> Self:
        year = row.to_date
        return cls(
            id=row.meter,
            site=row.site,
            year=row.year,
            until=row.until,
            cooling_k=None if year is None else year.cooling_k,
            volume_m3=None if year is None else year.volume_m3,
            energy_mwh=None if year is None else year.energy_mwh,
            fee_dkk=row.fee_dkk,
            fee_with_vat_dkk=None if row.fee_dkk is None else row.fee_dkk * VAT,
            forecast=None if row.forecast is None else YearsEndAnswer.of(row.forecast),
            rule=None if row.rule is None else CoolingRuleAnswer.of(row.rule),
            months=[MonthCoolingAnswer.of(month) for month in row.months],
            notes=row.notes,
        )


class CoolingPage(Answer):
    """Every district heating meter with a volume, the largest fee at stake first."""

    freshness: FreshnessAnswer
    meters: list[MeterCoolingRow]
    next: str | None
