"""Reports as files that are made beside the requests, and fetched when they are done."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from api.deps import PortsDep, Reader, only_sites, sees
from api.reports.answers import ExportAnswer, ExportBody
from api.reports.downloads import (
    AGAIN_S,
    ExportId,
    ExportsDep,
    check_room,
    check_seen,
    file_answer,
)
from bms.errors import ConfigError
from bms.messages import languages
from bms.model.reporting.request import ReportFormat

router = APIRouter(prefix="/exports", tags=["exports"])

FILE_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {form.media_type: {} for form in ReportFormat},
        "description": "the file",
    },
    206: {"description": "the part of the file that `Range` asked for"},
    304: {"description": "the file is still the one of `If-None-Match`"},
    409: {"description": "it is not done, or has failed"},
}


Repeat = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,128}$",
        description="asked again with the same one it is the same export",
    ),
]


@router.post("", status_code=202)
def ask_for_export(
    ports: PortsDep,
    key: Reader,
    exports: ExportsDep,
    body: ExportBody,
    answer: Response,
    idempotency_key: Repeat = None,
) -> ExportAnswer:
    """Ask for a report as a file: savings, consumption, ranking, missing data, quality, the meter
    register or the council's year, of all buildings, one or a group.

    The answer comes at once; `GET /v1/exports/{id}` says how far it is. The file is kept for a
    week, for the key that asked for it.
    """
    checked(body)
    check_room(exports, key.id)
    request = body.request(only_sites(ports, key))
    sees(key, request.site)
    export = exports.submit(request, body.form(), owner=key.id, repeat=idempotency_key)
    answer.headers["Location"] = f"/v1/exports/{export.id}"
    return ExportAnswer.of(export)


@router.get("/{export_id}")
def export_progress(
    key: Reader, exports: ExportsDep, export_id: ExportId, answer: Response
) -> ExportAnswer:
    """How far an export is, and where its file is once it is done."""
    export = exports.find(export_id, key.id)
    if not export.finished:
        answer.headers["Retry-After"] = AGAIN_S
    return ExportAnswer.of(export)


@router.get("/{export_id}/file", response_class=Response, responses=FILE_ANSWERS)
def export_file(
    request: Request, ports: PortsDep, key: Reader, exports: ExportsDep, export_id: ExportId
) -> Response:
    """The file. A download that broke off goes on with `Range`."""
    export = exports.find(export_id, key.id)
    check_seen(export, only_sites(ports, key))
    return file_answer(request, ports, exports, export, by=key.name)


def checked(body: ExportBody) -> None:
    """Raises ``ConfigError`` for a language that is not there, and for a plain form of no CSV."""
    if body.lang not in languages():
        raise ConfigError(f"lang {body.lang!r}: there are {', '.join(languages())}")
    if body.plain and body.format is not ReportFormat.CSV:
        raise ConfigError("plain is a form of csv")
