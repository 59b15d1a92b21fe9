"""The switchback trials of a site."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import PortsDep, Reader, SiteDep
from api.schemas.trials import TrialList, TrialReportAnswer
from bms.services.trials.report import trial_reports

router = APIRouter(prefix="/sites", tags=["sites"])


@router.get("/{site_id}/trials")
def trials(ports: PortsDep, key: Reader, site: SiteDep) -> TrialList:
    """Every switchback trial of a site: its sealed design, who ended it and why, how much of it was
    our control, and what it shows at its planned end."""
    reports = trial_reports(ports.trials, site)
    return TrialList(site=site.id, trials=[TrialReportAnswer.of(each) for each in reports])
