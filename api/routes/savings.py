"""What was saved at a site, as JSON and as a table, and the trials that prove it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.deps import (
    CacheDep,
    Cursor,
    Limit,
    Period,
    PortsDep,
    Reader,
    SiteDep,
    SiteId,
    only_sites,
    page_of,
)
from api.reports.downloads import csv_answer
from api.schemas.savings import SavingsAnswer
from api.schemas.trials import TrialList, TrialPage
from bms.services.trials.gone_sites import gone_sites, site_with_trials
from bms.services.trials.proof import PROVEN
from bms.services.trials.report import site_trials

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
def trials(ports: PortsDep, key: Reader, site_id: SiteId) -> TrialList:
    """Every switchback trial of a site, also of one that is no longer in the files: its sealed
    design, who ended it and why, how much of it was our control, and what it shows at its planned
    end."""
    site = site_with_trials(ports.trials.trials, ports.sites, site_id)
    return TrialList.of(site_trials(ports.trials, site, gone=site_id not in ports.sites))


@router.get("/trials")
def trials_of_every_site(
    ports: PortsDep, key: Reader, limit: Limit = 100, cursor: Cursor = None
) -> TrialPage:
    """The switchback trials of every site that had one, also of those that are no longer in the
    files: a building of another name keeps what it had."""
    trials, sites = ports.trials.trials, dict(ports.sites)
    gone = gone_sites(trials, sites) if only_sites(ports, key) is None else []
    names = {*trials.trial_sites(), *ports.trials.evidence.chains_of(PROVEN)}
    rows = [*(sites[name] for name in sorted(names & sites.keys())), *gone]
    chosen, after = page_of(rows, lambda site: site.id, limit, cursor)
    made = [site_trials(ports.trials, site, gone=site in gone) for site in chosen]
    return TrialPage(sites=[TrialList.of(each) for each in made], next=after)
