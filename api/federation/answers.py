"""What upstreams tell, and how old it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Self

from pydantic import Field

from api.schemas.base import Answer
from api.schemas.savings import SavingSumAnswer
from bms.model.savings.upstream import ToldSaving, UpstreamLook
from bms.savings.portfolio.federation import (
    FederatedUse,
    federated_sum,
    federated_use,
    told_twice,
)

ALL = "federation"


class FederatedSiteAnswer(Answer):
    """A building of an upstream."""

    upstream: str
    site: str
    savings: SavingSumAnswer


class UpstreamAnswer(Answer):
    """An upstream as it was seen last."""

    name: str
    url: str
    silent: bool = Field(description="it does not answer; its numbers are the last that it told")
    silent_since: datetime | None
    error: str | None
    read_at: datetime | None = Field(description="when its numbers were read; null: never")
    age_s: float | None = Field(description="how old its numbers are")
    buildings: int | None
    same_as: str | None = Field(
        description="the upstream that tells the same to the last digit: this one is not counted"
    )
    portfolio: SavingSumAnswer | None

    @classmethod
    def of(cls, look: UpstreamLook, now: datetime, same_as: str | None = None) -> Self:
        """Returns how an upstream stands at ``now``."""
        numbers = look.numbers
        return cls(
            name=look.name,
            url=look.url,
            silent=look.silent_since is not None,
            silent_since=look.silent_since,
            error=look.error,
            read_at=None if numbers is None else numbers.at,
            age_s=look.age_s(now),
            buildings=None if numbers is None else len(numbers.sites),
            same_as=same_as,
            portfolio=None
            if numbers is None
            else SavingSumAnswer.model_validate(numbers.portfolio),
        )


class FederatedSavingsAnswer(Answer):
    """``portfolio`` is the sum of all upstreams that have ever told numbers, on every page."""

    portfolio: SavingSumAnswer
    upstreams: list[UpstreamAnswer]
    sites: list[FederatedSiteAnswer]
    next: str | None


class UseAnswer(Answer):
    """A commodity of all buildings of a backend in a year, in ``unit``; null: not known."""

    commodity: str
    unit: str
    buildings: int
    area_m2: float
    use: float | None
    co2_kg: float | None


class FederatedUseAnswer(UseAnswer):
    """The same of several backends; `upstreams` is how many tell it."""

    year: int
    upstreams: int


class UseYearAnswer(Answer):
    year: int
    until: date
    totals: tuple[UseAnswer, ...]


class UpstreamYearAnswer(Answer):
    """What an upstream told last; null where it never told any consumption."""

    name: str
    silent: bool
    same_as: str | None
    age_s: float | None
    consumption: UseYearAnswer | None


class FederatedConsumptionAnswer(Answer):
    """``totals`` by year and commodity: after New Year each upstream counts in the year that it
    tells."""

    totals: tuple[FederatedUseAnswer, ...]
    upstreams: list[UpstreamYearAnswer]


def upstreams_of(looks: Sequence[UpstreamLook], now: datetime) -> list[UpstreamAnswer]:
    """How each upstream stands."""
    twice = told_twice(looks)
    return [UpstreamAnswer.of(look, now, twice.get(look.url)) for look in looks]


def consumption_of(looks: Sequence[UpstreamLook], now: datetime) -> FederatedConsumptionAnswer:
    """The consumption of all upstreams, and of each."""
    twice = told_twice(looks)
    rows = [
        UpstreamYearAnswer(
            name=look.name,
            silent=look.silent_since is not None,
            same_as=twice.get(look.url),
            age_s=look.age_s(now),
            consumption=None
            if look.numbers is None or look.numbers.consumption is None
            else UseYearAnswer.model_validate(look.numbers.consumption),
        )
        for look in looks
    ]
    totals = tuple(FederatedUseAnswer.model_validate(row) for row in use_of(looks))
    return FederatedConsumptionAnswer(totals=totals, upstreams=rows)


def counted(looks: Sequence[UpstreamLook]) -> list[UpstreamLook]:
    """The upstreams without those that are an earlier one again."""
    twice = told_twice(looks)
    return [look for look in looks if look.url not in twice]


def use_of(looks: Sequence[UpstreamLook]) -> tuple[FederatedUse, ...]:
    """The consumption of all upstreams by year and commodity."""
    told = (look.numbers.consumption for look in counted(looks) if look.numbers)
    return federated_use(year for year in told if year is not None)


def total_of(looks: Sequence[UpstreamLook]) -> ToldSaving:
    """The sum over the last numbers of all upstreams."""
    return federated_sum(ALL, [each.numbers.portfolio for each in counted(looks) if each.numbers])


def sites_of(looks: Sequence[UpstreamLook]) -> list[FederatedSiteAnswer]:
    """The buildings of all upstreams, in the order of these."""
    return [
        FederatedSiteAnswer(
            upstream=look.name, site=site.id, savings=SavingSumAnswer.model_validate(site)
        )
        for look in counted(looks)
        if look.numbers is not None
        for site in look.numbers.sites
    ]
