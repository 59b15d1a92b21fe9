"""What was saved at a site, as JSON and as a table, and the trials that prove it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.deps import CacheDep, Period, PortsDep, Reader, SiteDep
from api.reports.downloads import csv_answer
from api.schemas.savings import SavingsAnswer
from api.schemas.trials import TrialList, TrialReportAnswer
from bms.services.trials.report import trial_reports

router = APIRouter(tags=["savings"])
CSV_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {}}, "description": "one row per meter and building"}
}
Danish = Annotated[
    bool, Query(description="in Danish, as a Danish Excel opens it: semicolons, decimal commas")
]


@router.get("/sites/{site_id}/savings")
def site_savings(
    key: Reader, site: SiteDep, cache: CacheDep, baseline: Period = None, reporting: Period = None
) -> SavingsAnswer:
    """The saving of a site and each of its meters, with interval, method and verdict.

    Default: all whole days since our first write against the year before it.
    """
    return SavingsAnswer.of(cache.site(site, baseline, reporting), site.timezone)


@router.get("/sites/{site_id}/savings.csv", response_class=Response, responses=CSV_ANSWER)
def site_savings_csv(
    ports: PortsDep,
    key: Reader,
    site: SiteDep,
    cache: CacheDep,
    baseline: Period = None,
    reporting: Period = None,
    decimal_comma: Danish = False,
) -> Response:
    """The same as a table."""
    assessed, language = cache.site(site, baseline, reporting), "da" if decimal_comma else None
    return csv_answer(ports, [assessed], f"savings-{site.id}", by=key.name, language=language)


@router.get("/sites/{site_id}/trials")
def trials(ports: PortsDep, key: Reader, site: SiteDep) -> TrialList:
    """Every switchback trial of a site: its sealed design, who ended it and why, how much of it was
    our control, and what it shows at its planned end."""
    reports = trial_reports(ports.trials, site)
    return TrialList(site=site.id, trials=[TrialReportAnswer.of(each) for each in reports])
