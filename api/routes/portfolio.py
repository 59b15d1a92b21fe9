"""All buildings side by side: ranked among their peers, and how they cool."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.deps import CacheDep, Cursor, Limit, PortsDep, Reader, page_of
from api.schemas.portfolio import CoolingPage, MeterCoolingRow, RankingAnswer
from bms.savings.portfolio.ranking import Metric
from bms.services.assessment.cooling_fees import portfolio_cooling
from bms.services.assessment.ranking import ranking

router = APIRouter(prefix="/portfolio", tags=["portfolio"])

Order = Annotated[Literal["worst", "best"], Query(description="who comes first")]


@router.get("/ranking")
def portfolio_ranking(
    ports: PortsDep,
    key: Reader,
    cache: CacheDep,
    metric: Metric = Metric.HEAT,
    order: Order = "worst",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> RankingAnswer:
    """Buildings among peers of the same use and about the same size, by one key figure.

    Peer comparison, no proof: what a building would use less at its peers' median is arithmetic.
    """
    rows = ranking(cache, metric, worst_first=order == "worst")
    chosen, after = page_of(rows, lambda row: row.site, limit, cursor)
    return RankingAnswer.of(metric, chosen, after)


@router.get("/cooling")
def cooling_of_portfolio(
    ports: PortsDep, key: Reader, cache: CacheDep, limit: Limit = 100, cursor: Cursor = None
) -> CoolingPage:
    """How far every district heating meter cools the water this year, weighted by volume, what
    poor cooling costs by the supplier's rule so far, and what it will have cost by the year's end.
    """
    rows = portfolio_cooling(cache)
    chosen, after = page_of(rows, lambda row: row.meter, limit, cursor)
    return CoolingPage(meters=[MeterCoolingRow.of(row) for row in chosen], next=after)
