"""Answers about the consumption of a year, and about how well meters were read."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from pydantic import Field

from api.schemas.base import Answer, Body, FactAnswer, FreshnessAnswer, Reason
from bms.metering.quality import MeterState
from bms.model.assets.site import YearlyGoal
from bms.model.readings.units import Commodity, Unit
from bms.model.savings.goal import MOST, KeptGoal


class YearSoFarAnswer(Answer):
    """The known days of a year, in the unit of the commodity; ``change`` is a share."""

    use: float | None
    days: int = Field(description="of which the use is known")
    of: int = Field(description="days so far")
    last_year: float | None = Field(description="the days that are known in both years")
    change: float | None = Field(description="above last year, as a share, on those days")
    compared: int = Field(description="days that are known in both years")
    budget: float | None = Field(description="what of it falls on the known days")
    target: float | None = Field(description="what of it falls on the known days")
    per_m2: float | None
    corrected: float | None = Field(description="in the weather of the normal year")
    corrected_per_m2: float | None


class MonthOfUseAnswer(Answer):
    first: date
    use: float | None
    days: int
    of: int
    last_year: float | None = Field(description="the whole month a year before")
    change: float | None = Field(description="above last year, as a share, of a whole month")
    budget: float | None
    target: float | None


class MeterOfYearAnswer(Answer):
    meter: str
    use: float | None
    days: int


class CommodityYearAnswer(Answer):
    """A commodity of a building; ``budget`` and ``target`` are of the whole year."""

    commodity: Commodity
    unit: Unit
    so_far: YearSoFarAnswer
    budget: float | None
    target: float | None
    co2_kg: float | None
    primary_kwh: float | None
    months: tuple[MonthOfUseAnswer, ...]
    meters: tuple[MeterOfYearAnswer, ...]


class SiteYearAnswer(Answer):
    """The consumption of a building in a year until before ``until``."""

    site: str
    use: str
    area_m2: float
    energy_label: str | None = Field(description="as it was entered")
    year: int
    until: date
    normal_year: str | None = Field(description="what heat is corrected to")
    commodities: tuple[CommodityYearAnswer, ...]


class SiteYearTold(SiteYearAnswer):
    """The same with when it was made."""

    made_at: datetime
    newer_under_way: bool = Field(description="something newer is being made")


class MonthTotalAnswer(Answer):
    first: date
    use: float | None
    whole: bool = Field(description="every day of each building is known")
    last_year: float | None = Field(description="of the buildings that are whole in both years")
    change: float | None
    budget: float | None
    target: float | None


class CommodityTotalAnswer(Answer):
    """A commodity of several buildings (``bms.services.accounts.city_year``)."""

    commodity: Commodity
    unit: Unit
    buildings: int
    area_m2: float
    use: float | None
    last_year: float | None
    change: float | None
    budget: float | None
    use_with_budget: float | None = Field(description="of the buildings that have a budget")
    target: float | None
    use_with_target: float | None = Field(description="of the buildings that have a target")
    corrected: float | None
    corrected_buildings: int
    co2_kg: float | None
    primary_kwh: float | None
    months: tuple[MonthTotalAnswer, ...]


class GroupYearAnswer(Answer):
    """Buildings of one ``use``; null: all of them."""

    use: str | None
    buildings: int
    totals: tuple[CommodityTotalAnswer, ...]


class ConsumptionYearPage(Answer):
    """All buildings together, by use, and a page of them in the order of their ids."""

    year: int
    until: date
    together: GroupYearAnswer
    groups: tuple[GroupYearAnswer, ...]
    freshness: FreshnessAnswer
    sites: list[SiteYearAnswer]
    next: str | None


class GoalAnswer(Answer):
    """Budget and target of a calendar year, in the unit of the commodity; ``author``, ``reason``
    and ``entered_at`` are null where the site file has them."""

    year: int
    commodity: Commodity
    budget: float | None
    target: float | None
    author: str | None = None
    reason: str | None = None
    entered_at: datetime | None = None

    @classmethod
    def of(cls, goal: YearlyGoal, kept: KeptGoal | None) -> Self:
        return cls(
            year=goal.year,
            commodity=goal.commodity,
            budget=goal.budget,
            target=goal.target,
            author=None if kept is None else kept.author,
            reason=None if kept is None else kept.reason,
            entered_at=None if kept is None else kept.entered_at,
        )


class GoalsAnswer(Answer):
    """What is in force, and all that people have set, the newest first."""

    site: str
    in_force: list[GoalAnswer]
    history: list[GoalAnswer]


class GoalBody(Body):
    """A budget, a target or both; without either there is none any more."""

    year: int = Field(ge=1990, le=2199)
    commodity: Commodity
    budget: float | None = Field(None, ge=0, le=MOST)
    target: float | None = Field(None, ge=0, le=MOST)
    reason: Reason

    @property
    def goal(self) -> YearlyGoal:
        return YearlyGoal(
            year=self.year, commodity=self.commodity, budget=self.budget, target=self.target
        )


class MissingDataAnswer(Answer):
    """Hours of which the use of a meter is not known."""

    site: str
    meter: str
    commodity: Commodity
    start: datetime
    end: datetime
    hours: float
    why: FactAnswer | None


class MissingDataPage(Answer):
    """The longest run first."""

    freshness: FreshnessAnswer
    missing: list[MissingDataAnswer]
    next: str | None


class MeterStateAnswer(Answer):
    """How well a meter was read in a period."""

    meter: str
    site: str
    commodity: Commodity
    billed: bool
    start: datetime
    end: datetime
    coverage: float
    missing_hours: float
    without_value: int = Field(description="readings that came as missing")
    estimated: int = Field(description="estimated, calculated or corrected by the supplier")
    flaws: dict[str, int]
    last_reading: datetime | None
    by_the_month: bool = Field(description="read by the month or more seldom")
    state: MeterState
    verdict: FactAnswer


class MeterStatePage(Answer):
    """What a person has to look at first."""

    freshness: FreshnessAnswer
    meters: list[MeterStateAnswer]
    next: str | None
