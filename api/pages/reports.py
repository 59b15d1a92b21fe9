"""Reports to take away: what is wanted, how far it is, and the file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from api.deps import SITE_ID, PageReader, PortsDep, only_sites, sees
from api.pages.language import PageTranslator
from api.pages.render import render, translator_of
from api.ports import ApiPorts
from api.reports.downloads import (
    AGAIN_S,
    ExportId,
    ExportsDep,
    check_room,
    check_seen,
    file_answer,
)
from bms.model.access.actor import Actor
from bms.model.assets.site import Site
from bms.model.reporting.export import Export
from bms.model.reporting.request import FileForm, ReportFormat, ReportKind, ReportRequest
from bms.services.periods import local_date

router = APIRouter(prefix="/reports", include_in_schema=False)

MONTHS, YEARS = 12, 3
NOBODY = "dashboard"
OURS = ("same-origin", "none")
"""What browsers say of requests that come from our own pages, or from a person (Fetch Metadata)."""
Choice = tuple[str, str, bool]
"""Value, words and whether it is chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportsView:
    """What can be chosen, and the file that was asked for."""

    kinds: tuple[Choice, ...]
    sites: tuple[Choice, ...]
    periods: tuple[Choice, ...]
    formats: tuple[Choice, ...]
    export: Export | None
    share: str


@router.get("")
def reports(
    request: Request,
    ports: PortsDep,
    key: PageReader,
    kind: ReportKind = ReportKind.SAVINGS,
    site: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Choose a report."""
    t = translator_of(request)
    page = _view(ports, t, ReportRequest(kind=kind, site=site or None), None)
    return render(request, "reports.html", {"t": t, "page": page})


@router.get("/file")
def ask_for_report(
    request: Request,
    ports: PortsDep,
    key: PageReader,
    exports: ExportsDep,
    kind: ReportKind = ReportKind.SAVINGS,
    site: Annotated[str, Query(pattern=rf"{SITE_ID}|^$")] = "",
    period: Annotated[str, Query(max_length=7)] = "",
    form: Annotated[ReportFormat, Query(alias="format")] = ReportFormat.PDF,
) -> Response:
    """Have a report made, the same one as a moment ago where it was asked for already.

    A page elsewhere has none made in the name of whoever looks at it: it leads to the choice.
    """
    if request.headers.get("sec-fetch-site", "none") not in OURS:
        return RedirectResponse(f"/reports?{urlencode({'kind': kind, 'site': site})}", 303)
    owner, now = _owner(key), ports.clock.now()
    sees(key, site or None)
    only = only_sites(ports, key)
    asked = ReportRequest(kind=kind, site=site or None, period=period or None, only=only)
    wanted = FileForm(format=form, language=translator_of(request).language)
    repeat = f"page {now:%Y%m%d%H} {asked} {wanted}"
    check_room(exports, owner)
    export = exports.submit(asked, wanted, owner=owner, repeat=repeat)
    return RedirectResponse(f"/reports/{export.id}", 303)


@router.get("/{export_id}")
def report_progress(
    request: Request, ports: PortsDep, key: PageReader, exports: ExportsDep, export_id: ExportId
) -> Response:
    """How far a report is; the page looks again by itself until it is done."""
    t, export = translator_of(request), exports.find(export_id, _owner(key))
    page = _view(ports, t, export.request, export)
    answer = render(request, "reports.html", {"t": t, "page": page})
    if not export.finished:
        answer.headers["Refresh"] = AGAIN_S
    return answer


@router.get("/{export_id}/file")
def report_file(
    request: Request, ports: PortsDep, key: PageReader, exports: ExportsDep, export_id: ExportId
) -> Response:
    """The file."""
    export = exports.find(export_id, _owner(key))
    check_seen(export, only_sites(ports, key))
    return file_answer(request, ports, exports, export, by=NOBODY if key is None else key.name)


def _owner(key: Actor | None) -> str:
    return NOBODY if key is None else key.id


def _view(
    ports: ApiPorts, t: PageTranslator, asked: ReportRequest, export: Export | None
) -> ReportsView:
    chosen = ReportFormat.PDF if export is None else export.form.format
    sites = [
        (site.id, site.name_da if t.language == "da" else site.name_en) for site in _sites(ports)
    ]
    return ReportsView(
        kinds=tuple((k.value, t(f"report_{k.value}"), k is asked.kind) for k in ReportKind),
        sites=(
            ("", t("report_all"), asked.site is None),
            *((name, words, name == asked.site) for name, words in sites),
        ),
        periods=_periods(t, local_date(ports.clock.now(), ports.settings.timezone), asked.period),
        formats=tuple((f.value, t(f"report_as_{f.value}"), f is chosen) for f in ReportFormat),
        export=export,
        share=t.pattern(0.0 if export is None else export.share, "0 %"),
    )


def _sites(ports: ApiPorts) -> list[Site]:
    return sorted(ports.sites.values(), key=lambda site: site.name_da)


def _periods(t: PageTranslator, today: date, chosen: str | None) -> tuple[Choice, ...]:
    """As the pages show, the last twelve months and three years."""
    month, found = today.replace(day=1), [("", t("report_as_shown"), chosen is None)]
    for back in range(YEARS):
        year = str(today.year - back)
        found.append((year, year, chosen == year))
    for _ in range(MONTHS):
        text = f"{month:%Y-%m}"
        found.append((text, t.month(month, year=True), chosen == text))
        month = date.fromordinal(month.toordinal() - 1).replace(day=1)
    return tuple(found)
