"""All buildings side by side: savings, ranked among their peers, and how they cool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.deps import CacheDep, Cursor, Limit, Period, PortsDep, Reader, page_of
from api.reports.downloads import csv_answer
from api.routes.accounts import asked_year
from api.routes.savings import CSV_ANSWER, Danish
from api.routes.sites import page
from api.schemas.base import FreshnessAnswer
from api.schemas.portfolio import CoolingPage, MeterCoolingRow, RankingAnswer
from api.schemas.savings import EncodedSavings, PortfolioAnswer
from bms.model.savings.kept_answer import AnswerKind
from bms.savings.portfolio.ranking import Metric
from bms.services.assessment.cooling_fees import portfolio_cooling
from bms.services.assessment.ranking import ranking
from bms.services.assessment.savings_cache import SiteAssessment
from bms.services.cooling import settled_by_cooling

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
    fresh = FreshnessAnswer.of(cache.freshness(AnswerKind.FIGURES), len(ports.sites))
    return RankingAnswer.of(metric, chosen, fresh, after)


@router.get("/cooling")
def cooling_of_portfolio(
    ports: PortsDep,
    key: Reader,
    cache: CacheDep,
    year: Annotated[int | None, Query(ge=1990, le=2199, description="this year")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> CoolingPage:
    """How far every district heating meter cools the water in a year, weighted by volume, what
    poor cooling costs by the supplier's rule so far, and what it will have cost by the year's end.
    """
    rows = portfolio_cooling(cache, year)
    chosen, after = page_of(rows, lambda row: row.meter, limit, cursor)
    settled = sum(bool(settled_by_cooling(site)) for site in ports.sites.values())
    asked = asked_year(ports, year)
    question = "" if asked is None else str(asked)
    return CoolingPage(
        freshness=FreshnessAnswer.of(cache.freshness(AnswerKind.COOLING, question), settled),
        meters=[MeterCoolingRow.of(row) for row in chosen],
        next=after,
    )


@router.get("/savings", response_model=PortfolioAnswer)
def portfolio_savings(
    request: Request,
    ports: PortsDep,
    key: Reader,
    cache: CacheDep,
    baseline: Period = None,
    reporting: Period = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """The saving of all sites together, and of each, in the order of their ids.

    ``portfolio`` is the sum of all of them on every page.
    """
    assessed = cache.sites(baseline, reporting)
    rows, after = page(assessed, lambda row: row.savings.id, limit, cursor)
    total = cache.portfolio(assessed)
    encoded: EncodedSavings = request.app.state.encoded_savings
    told = (encoded.row(row, ports.sites[row.savings.id].timezone) for row in rows)
    body = encoded.portfolio(total, _of_savings(assessed), told, after)
    return Response(body, media_type="application/json")


def _of_savings(assessed: Sequence[SiteAssessment]) -> FreshnessAnswer:
    made = [row.made_at for row in assessed if row.made_at is not None]
    return FreshnessAnswer(
        made_at=min(made, default=None),
        buildings=len(made),
        newer_under_way=sum(row.newer_under_way and row.made_at is not None for row in assessed),
        not_made_yet=len(assessed) - len(made),
    )


@router.get("/savings.csv", response_class=Response, responses=CSV_ANSWER)
def portfolio_savings_csv(
    ports: PortsDep,
    key: Reader,
    cache: CacheDep,
    baseline: Period = None,
    reporting: Period = None,
    decimal_comma: Danish = False,
) -> Response:
    """The same as a table."""
    rows, language = cache.sites(baseline, reporting), "da" if decimal_comma else None
    return csv_answer(ports, rows, "savings", by=key.name, language=language)
