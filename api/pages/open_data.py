"""Open data: a page for citizens, a catalogue for machines, and the files, for everybody."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from api.access.rules import anybody
from api.deps import PortsDep
from api.pages.language import PageTranslator
from api.pages.render import render, translator_of
from api.ports import ApiPorts
from api.reports.downloads import ExportsDep
from bms.model.reporting.export import Export, ExportState
from bms.model.reporting.request import FileForm, ReportFormat, ReportKind, ReportRequest
from bms.reports.dcat import OpenCatalogue, OpenDataset, OpenFile, catalogue
from bms.services.periods import local_date
from bms.services.reporting.exports import Exports
from bms.services.reporting.open_data import METHOD, is_open, open_years, wholly_open
from bms.services.reporting.scope import DAY

router = APIRouter(prefix="/open-data", include_in_schema=False, dependencies=[Depends(anybody)])

EVERYBODY = "open data"
LINKED = "application/ld+json"
FORMS = (ReportFormat.CSV, ReportFormat.PARQUET)
PATIENCE_S = 20.0
"""How long a request waits for a file that nobody has asked for yet."""
AGAIN_S = "30"
WAITING = threading.BoundedSemaphore(4)
"""Requests that wait so; others are told to come again: anybody may ask, and each has a thread."""
LICENCE_NAME = "CC BY 4.0"
ANYWHERE = {"Access-Control-Allow-Origin": "*"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDataView:
    """What a citizen sees: sentences about the city, the files, and how they were made."""

    told: tuple[str, ...] | None
    years: tuple[int, ...]
    shown: int
    left_out: int
    method: tuple[str, ...]
    publisher: str
    forms: tuple[str, ...]
    licence: str


@router.get("")
def open_data(request: Request, ports: PortsDep, exports: ExportsDep) -> Response:
    """For people a page, for machines the catalogue."""
    wanted = request.headers.get("accept", "")
    if "text/html" not in wanted and ("json" in wanted):
        return linked(request, ports, exports)
    t = translator_of(request)
    page = _view(ports, exports, t)
    answer = render(request, "open_data.html", {"t": t, "page": page})
    answer.headers["Vary"] = "Accept, Accept-Language, Cookie"
    return answer


@router.get("/catalog.jsonld")
def linked(request: Request, ports: PortsDep, exports: ExportsDep) -> Response:
    """The catalogue by DCAT-AP 3."""
    base = f"{str(request.base_url).rstrip('/')}/open-data"
    now = ports.clock.now()
    found = OpenCatalogue(
        url=base,
        publisher=ports.settings.publisher,
        contact=ports.settings.contact,
        modified=now,
        datasets=[_dataset(base, year, now, ports, exports) for year in open_years(_today(ports))],
        method=METHOD,
    )
    body = json.dumps(catalogue(found), ensure_ascii=False, indent=1)
    return Response(body, media_type=LINKED, headers={**ANYWHERE, "Vary": "Accept"})


@router.get("/energy-{year}.{ending}")
def open_file(
    request: Request,
    ports: PortsDep,
    exports: ExportsDep,
    year: Annotated[int, Path(ge=1990, le=2199)],
    ending: str,
) -> Response:
    """The days of the open buildings in a year, as CSV or Parquet."""
    if ending not in FORMS or year not in open_years(_today(ports)):
        raise HTTPException(404, "there is no such file; /open-data lists those there are")
    export = _finished(_asked(exports, ports, year, ReportFormat(ending)), exports)
    tag = f'"{export.digest}"'
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": tag, **ANYWHERE})
    return FileResponse(
        exports.file(export),
        media_type=export.form.format.media_type,
        filename=f"energy-{year}.{ending}",
        headers={"ETag": tag, "Content-Encoding": "identity", **ANYWHERE},
    )


def _asked(exports: Exports, ports: ApiPorts, year: int, form: ReportFormat) -> Export:
    """The file of a year: made anew every day, that of a year that is over every month, and where
    other buildings are published."""
    today = _today(ports)
    stamp = f"{today}" if year == today.year else f"{today:%Y-%m}"
    shown = " ".join(sorted(wholly_open(ports.sites)))
    return exports.submit(
        ReportRequest(kind=ReportKind.OPEN_DATA, period=str(year)),
        FileForm(format=form, language="da", plain=form is ReportFormat.CSV),
        owner=EVERYBODY,
        repeat=f"{year} {form} {stamp} {shown}",
    )


def _finished(export: Export, exports: Exports) -> Export:
    _wait(exports, PATIENCE_S)
    known = exports.find(export.id, EVERYBODY)
    if known.state is ExportState.DONE:
        return known
    raise HTTPException(
        503,
        known.error or "the file is being made; ask again in a moment",
        {"Retry-After": AGAIN_S},
    )


def _wait(exports: Exports, patience_s: float) -> None:
    """Wait until nothing is being made, where few wait already."""
    if WAITING.acquire(blocking=False):
        try:
            exports.settle(patience_s)
        finally:
            WAITING.release()


def _dataset(base: str, year: int, now: datetime, ports: ApiPorts, exports: Exports) -> OpenDataset:
    last = min(date(year, 12, 31), _today(ports) - DAY)
    return OpenDataset(
        url=f"{base}/dataset/energy-{year}",
        year=year,
        first=date(year, 1, 1),
        last=max(last, date(year, 1, 1)),
        modified=now.replace(hour=0, minute=0, second=0, microsecond=0),
        files=tuple(OpenFile(url=f"{base}/energy-{year}.{form}", format=form) for form in FORMS),
    )


def _view(ports: ApiPorts, exports: Exports, t: PageTranslator) -> OpenDataView:
    shown = sum(map(is_open, ports.sites.values()))
    return OpenDataView(
        told=_told(ports, exports, t),
        years=open_years(_today(ports)),
        shown=shown,
        left_out=len(ports.sites) - shown,
        method=tuple(map(t.describe, METHOD)),
        publisher=ports.settings.publisher,
        forms=FORMS,
        licence=LICENCE_NAME,
    )


def _told(ports: ApiPorts, exports: Exports, t: PageTranslator) -> tuple[str, ...] | None:
    """What the council is told of the published buildings, kept for a day; None while it is being
    made, nothing where none is published."""
    shown = wholly_open(ports.sites)
    if not shown:
        return ()
    export = exports.submit(
        ReportRequest(kind=ReportKind.COUNCIL, only=shown),
        FileForm(format=ReportFormat.JSON, language=t.language),
        owner=EVERYBODY,
        repeat=f"council {t.language} {_today(ports)} {' '.join(sorted(shown))}",
    )
    _wait(exports, PATIENCE_S / 4)
    known = exports.find(export.id, EVERYBODY)
    if known.state is not ExportState.DONE:
        return None
    found: dict[str, Any] = json.loads(exports.file(known).read_bytes())
    return tuple(each["text"] for each in found["summary"])


def _today(ports: ApiPorts) -> date:
    return local_date(ports.clock.now(), ports.settings.timezone)
