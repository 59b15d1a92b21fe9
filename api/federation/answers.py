"""What upstreams tell, and how old it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from pydantic import Field

from api.schemas.base import Answer
from api.schemas.savings import SavingSumAnswer
from bms.model.savings.upstream import ToldSaving, UpstreamLook
from bms.savings.portfolio.federation import federated_sum

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
    portfolio: SavingSumAnswer | None

    @classmethod
    def of(cls, look: UpstreamLook, now: datetime) -> Self:
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


def total_of(looks: Sequence[UpstreamLook]) -> ToldSaving:
    """The sum over the last numbers of all upstreams."""
    return federated_sum(ALL, [each.numbers.portfolio for each in looks if each.numbers])


def sites_of(looks: Sequence[UpstreamLook]) -> list[FederatedSiteAnswer]:
    """The buildings of all upstreams, in the order of these."""
    return [
        FederatedSiteAnswer(
            upstream=look.name, site=site.id, savings=SavingSumAnswer.model_validate(site)
        )
        for look in looks
        if look.numbers is not None
        for site in look.numbers.sites
    ]
