"""Consumption of a year, and how well the meters of the city were read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Assessor, CacheDep, Cursor, Limit, Period, PortsDep, Reader, SiteDep, page_of
from api.ports import ApiPorts
from api.routes.sites import page
from api.schemas.accounts import (
    ConsumptionYearPage,
    GoalAnswer,
    GoalBody,
    GoalsAnswer,
    GroupYearAnswer,
    MeterStateAnswer,
    MeterStatePage,
    MissingDataAnswer,
    MissingDataPage,
    SiteYearAnswer,
    SiteYearTold,
)
from api.schemas.base import FreshnessAnswer
from bms.model.assets.site import Site
from bms.model.savings.kept_answer import AnswerKind
from bms.services.accounts.city_year import consumption_of_site, portfolio_consumption
from bms.services.accounts.goals import GoalRequest, set_goal, standing_goals
from bms.services.accounts.meter_states import portfolio_missing_data, portfolio_quality
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.periods import local_date, parse_span

router = APIRouter(tags=["consumption"])

Year = Annotated[int | None, Query(ge=1990, le=2199, description="default: this year so far")]
Group = Annotated[
    str | None, Query(max_length=64, description="buildings of this use only, e.g. school")
]


@router.get("/portfolio/consumption")
def consumption_of_portfolio(
    ports: PortsDep,
    key: Reader,
    cache: CacheDep,
    year: Year = None,
    group: Group = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> ConsumptionYearPage:
    """What all buildings used in a year: measured, in normal weather, beside last year, budget and
    target, with CO2 and primary energy; together, by use and one by one."""
    found = portfolio_consumption(cache, year, _chosen(ports, group))
    rows, after = page(found.sites, lambda row: row.site, limit, cursor)
    return ConsumptionYearPage(
        year=found.year,
        until=found.until,
        together=GroupYearAnswer.model_validate(found.together),
        groups=tuple(GroupYearAnswer.model_validate(row) for row in found.groups),
        freshness=_freshness(ports, cache, AnswerKind.CONSUMPTION, asked_year(ports, year)),
        sites=[SiteYearAnswer.model_validate(row) for row in rows],
        next=after,
    )


@router.get("/sites/{site_id}/consumption")
def consumption_of_a_site(
    key: Reader, site: SiteDep, cache: CacheDep, year: Year = None
) -> SiteYearTold:
    """What one building used in a year, by commodity, month and meter."""
    told = consumption_of_site(cache, site, year)
    row = dict(SiteYearAnswer.model_validate(told.answer))
    return SiteYearTold(**row, made_at=told.made_at, newer_under_way=told.newer_under_way)


@router.get("/sites/{site_id}/goals")
def goals_of_a_site(
    ports: PortsDep,
    key: Reader,
    site: SiteDep,
    year: Annotated[int | None, Query(ge=1990, le=2199, description="default: every year")] = None,
) -> GoalsAnswer:
    """Budgets and targets in force, and all that people have set."""
    kept = [
        row for row in ports.assessment.ledgers.goals([site.id]) if year in (None, row.goal.year)
    ]
    standing = (row for row in standing_goals(site, kept) if year in (None, row.goal.year))
    return GoalsAnswer(
        site=site.id,
        in_force=[GoalAnswer.of(row.goal, row.kept) for row in standing],
        history=[GoalAnswer.of(row.goal, row) for row in reversed(kept)],
    )


@router.post("/sites/{site_id}/goals", status_code=201)
def set_goal_of_a_site(ports: PortsDep, key: Assessor, site: SiteDep, body: GoalBody) -> GoalAnswer:
    """Set budget and target of a commodity in a calendar year; they stand until others are set."""
    asked = GoalRequest(goal=body.goal, author=key.name, reason=body.reason)
    made = set_goal(ports.assessment.ledgers, site, asked, ports.clock.now())
    return GoalAnswer.of(made.goal, made)


@router.get("/portfolio/missing-data")
def missing_data_of_portfolio(
    ports: PortsDep,
    key: Reader,
    cache: CacheDep,
    period: Period = None,
    group: Group = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> MissingDataPage:
    """Hours of which the use of a billed meter is not known, the longest run first; of the last 30
    days, or of `period`."""
    rows = portfolio_missing_data(cache, *_days(ports, period), _chosen(ports, group))
    chosen, after = page_of(rows, lambda row: f"{row.meter} {row.start:%Y%m%d%H%M}", limit, cursor)
    return MissingDataPage(
        freshness=_freshness(ports, cache, AnswerKind.METER_STATES, period),
        missing=[MissingDataAnswer.model_validate(row) for row in chosen],
        next=after,
    )


@router.get("/portfolio/quality")
def quality_of_portfolio(
    ports: PortsDep,
    key: Reader,
    cache: CacheDep,
    period: Period = None,
    group: Group = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> MeterStatePage:
    """How well every meter was read in the last 30 days, or in `period`; the worst first."""
    rows = portfolio_quality(cache, *_days(ports, period), _chosen(ports, group))
    chosen, after = page_of(rows, lambda row: row.meter, limit, cursor)
    return MeterStatePage(
        freshness=_freshness(ports, cache, AnswerKind.METER_STATES, period),
        meters=[MeterStateAnswer.model_validate(row) for row in chosen],
        next=after,
    )


def asked_year(ports: ApiPorts, year: int | None) -> int | None:
    """The year that is asked for; None for the present one, whose answers are kept up to date."""
    present = local_date(ports.clock.now(), ports.settings.timezone).year
    return None if year == present else year


def _chosen(ports: ApiPorts, group: str | None) -> Sequence[Site]:
    return [site for site in ports.sites.values() if group in (None, site.use)]


def _freshness(
    ports: ApiPorts, cache: SavingsCache, kind: AnswerKind, question: int | str | None
) -> FreshnessAnswer:
    text = "" if question is None else str(question)
    return FreshnessAnswer.of(cache.freshness(kind, text), len(ports.sites))


def _days(ports: ApiPorts, period: str | None) -> tuple[date | None, date | None]:
    """The first day of a period and the one before which it ends."""
    if period is None:
        return None, None
    timezone = ports.settings.timezone
    span = parse_span(period, timezone)
    return local_date(span.start, timezone), local_date(span.end, timezone)
