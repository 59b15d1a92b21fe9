"""Tables to keep."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Path, Request
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from api.deps import MADE_ID
from api.ports import ApiPorts
from bms.errors import NotPermitted
from bms.model.control.audit import Action
from bms.model.reporting.export import Export, ExportState
from bms.model.reporting.request import FileForm, ReportFormat
from bms.services.assessment.savings_cache import SiteAssessment
from bms.services.reporting.build import savings_alone
from bms.services.reporting.exports import MOST_KEPT, MOST_UNFINISHED, Exports

AGAIN_S = "5"
"""When to look again whether an export is done [s]."""


def exports_of(request: Request) -> Exports:
    """The exports of the application."""
    exports: Exports = request.app.state.exports
    return exports


ExportsDep = Annotated[Exports, Depends(exports_of)]
ExportId = Annotated[str, Path(pattern=MADE_ID, examples=["3f9c2a7be01d44c0a1b2c3d4"])]


def csv_answer(
    ports: ApiPorts,
    rows: Sequence[SiteAssessment],
    name: str,
    *,
    by: str,
    language: str | None = None,
) -> Response:
    """Savings as a file to keep: with codes for programs, or in a language for a spreadsheet. That
    ``by`` took it stands in the audit of the city."""
    told = f"{len(rows)} buildings"
    ports.control.ledgers.note(
        Action.EXPORT, f"{name}.csv", at=ports.clock.now(), actor=by, site=None, reason=told
    )
    form = FileForm(format=ReportFormat.CSV, language=language or "en", plain=language is None)
    out = io.BytesIO()
    ports.reporter.write(savings_alone(ports.sites, rows, ports.clock.now()), form, out)
    return Response(
        out.getvalue(),
        media_type=ReportFormat.CSV.media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def check_room(exports: Exports, owner: str) -> None:
    """Raises ``HTTPException`` 429 where too much is made or kept for ``owner``."""
    if not exports.has_room(owner):
        told = f"{MOST_UNFINISHED} exports are being made for you, or {MOST_KEPT} are kept"
        raise HTTPException(429, told, {"Retry-After": AGAIN_S})


def check_seen(export: Export, visible: frozenset[str] | None) -> None:
    """Raises ``NotPermitted`` for a file with a building that whoever asks no longer sees; None is
    all of them."""
    within = export.request.only
    if visible is not None and (within is None or not within <= visible):
        raise NotPermitted("this file is about buildings that you no longer see; ask for a new one")


def file_answer(
    request: Request, ports: ApiPorts, exports: Exports, export: Export, *, by: str
) -> Response:
    """The finished file, whole or in part. That ``by`` took it stands in the audit of the city."""
    if export.state is not ExportState.DONE:
        raise HTTPException(
            409,
            export.error or f"the export is {export.state}; ask again in a moment",
            {} if export.finished else {"Retry-After": AGAIN_S},
        )
    tag = f'"{export.digest}"'
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": tag})
    path = exports.file(export)
    if exports.first_taken(export, by):
        ports.control.ledgers.note(
            Action.EXPORT,
            export.file_name,
            at=ports.clock.now(),
            actor=by,
            site=export.request.site,
            reason=f"export {export.id}",
        )
    return FileResponse(
        path,
        media_type=export.form.format.media_type,
        filename=export.file_name,
        # compressed on the way its parts would no longer fit together
        headers={"ETag": tag, "Content-Encoding": "identity"},
    )
