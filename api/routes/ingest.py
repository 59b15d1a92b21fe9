"""Readings that come to us: pushed by controllers, suppliers and other systems."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.deps import PortsDep, Pusher
from api.ports import ApiPorts
from api.problems import problem
from api.schemas.readings import MOST_PUSHED, IngestAnswer, PushBody, PushedRow, RefusedRow
from bms.errors import ConfigError, FeedError
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.formats import reader
from bms.feeds.suppliers.numbers_and_units import parse_number, unit_scale
from bms.model.access.actor import Actor
from bms.model.readings.measurement import Ingested
from bms.model.readings.metering import Quantity
from bms.model.readings.units import Unit
from bms.services.collect.file_ingest import ingest_file
from bms.services.collect.push import Pushed, RejectedRow, push_readings
from bms.services.collect.supplier_points import SupplierBook
from bms.services.off_loop import off_loop

router = APIRouter(prefix="/ingest", tags=["readings"])

MOST_BYTES = 4_000_000
MOST_NAMED = 1000
"""Refused rows [1] that are named in an answer; the others are counted."""
PUSHED_CSV = CsvMapping(interval_s=0)
"""Columns as ever; whether they hold amounts or registers the site file says."""
GZIP = b"\x1f\x8b"


def _whole(model: type[BaseModel]) -> Any:
    """The JSON Schema of a model without references: a body that we read by ourselves is not
    among the components of the OpenAPI document."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def filled(node: Any) -> Any:
        if isinstance(node, list):
            return [filled(each) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return filled(parts[node["$ref"].rpartition("/")[2]])
        return {key: filled(each) for key, each in node.items()}

    return filled(schema)


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": _whole(PushBody),
                "example": {
                    "readings": [
                        {"meter": "6841234", "time": "2026-11-30T10:00:00+01:00", "value": 481.2}
                    ]
                },
            },
            "text/csv": {
                "schema": {"type": "string"},
                "example": "meter_id,timestamp_utc,kwh\n6841234,2026-11-30T09:00:00Z,12.4\n",
            },
        },
    }
}


@router.post(
    "",
    response_model=IngestAnswer,
    openapi_extra=_BODY,
    responses={
        202: {"model": IngestAnswer, "description": "kept on disk until the database is back"},
        413: {"description": "too large; send it in parts"},
        415: {"description": "neither application/json nor text/csv"},
        422: {"description": "not one row could be used"},
    },
)
async def ingest(request: Request, ports: PortsDep, key: Pusher) -> Response:
    """Store readings; sent twice they are stored once, and another value is a correction.

    JSON: at most 10 000 `readings` of a `point` or a `meter`. CSV (`text/csv`): the columns
    `meter_id,timestamp_utc,kwh`. After 200 or 202 what was not refused outlives a power cut.
    A row that cannot be used is named with its place and spares the others.
    """
    body = await _body(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/csv":
        answer = await off_loop(_csv, body, ports, key)
    elif kind in ("application/json", ""):
        answer = await off_loop(_json, body, ports, key)
    else:
        raise HTTPException(415, f"{kind} is not taken; send application/json or text/csv")
    if answer.refused_rows and not (
        answer.new or answer.known or answer.corrected or answer.waiting
    ):
        return problem(
            request,
            422,
            "not one row can be used" + "".join(f": {row.message}" for row in answer.refused[:1]),
            errors=[row.model_dump(exclude_none=True) for row in answer.refused],
        )
    return JSONResponse(answer.model_dump(), status_code=202 if answer.waiting else 200)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(
                413, f"a push may have at most {MOST_BYTES} bytes; send it in parts"
            )
    if body.startswith(GZIP):
        raise HTTPException(415, "the body is compressed; send it plain")
    return bytes(body)


def _csv(body: bytes, ports: ApiPorts, key: Actor) -> IngestAnswer:
    book = SupplierBook.of(ports.sites.values(), key.may_push)
    try:
        report = ingest_file(
            body,
            "body",
            reader("csv", PUSHED_CSV),
            book=book,
            readings=ports.planning.readings,
            now=ports.clock.now(),
            as_declared=True,
        )
    except FeedError as error:
        raise ConfigError(str(error)) from error
    refused = [RefusedRow(line=m.line, message=m.message) for m in report.refused]
    return _answer(report.stored, refused, report.refused_rows + sum(report.unasked.values()))


def _json(body: bytes, ports: ApiPorts, key: Actor) -> IngestAnswer:
    rows, refused = _rows(body)
    report = push_readings(
        rows,
        sites=ports.sites.values(),
        may=key.may_push,
        readings=ports.planning.readings,
        now=ports.clock.now(),
        convert=_converted,
    )
    everything = sorted((*refused, *report.refused), key=lambda row: row.index)
    named = [RefusedRow(index=row.index, message=row.message) for row in everything]
    return _answer(report.stored, named, len(named))


def _answer(stored: Ingested, refused: list[RefusedRow], count: int) -> IngestAnswer:
    return IngestAnswer(
        new=stored.new,
        known=stored.known,
        corrected=stored.corrected,
        waiting=stored.waiting,
        expired=stored.expired,
        refused_rows=count,
        refused=refused[:MOST_NAMED],
    )


def _rows(body: bytes) -> tuple[list[Pushed], list[RejectedRow]]:
    """The rows of a JSON body, and those that are none. Raises HTTPException, ConfigError."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the body is not JSON: {error}") from error
    rows = content.get("readings") if isinstance(content, dict) else None
    if not isinstance(rows, list) or len(content) != 1:
        raise ConfigError(
            'the body has to be {"readings": [{"point" or "meter", "time", "value"}]}'
        )
    if len(rows) > MOST_PUSHED:
        raise HTTPException(413, f"{len(rows)} readings are more than {MOST_PUSHED}; send parts")
    good: list[Pushed] = []
    refused: list[RejectedRow] = []
    for index, row in enumerate(rows):
        try:
            good.append(_pushed(index, row))
        except ValidationError as error:
            refused.append(RejectedRow(index, _described(error)))
    return good, refused


def _pushed(index: int, row: Any) -> Pushed:
    given = PushedRow.model_validate(row)
    return Pushed(index=index, **dict(given))


def _described(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in each['loc']) or 'row'}: {each['msg']}"
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    )


def _converted(quantity: Quantity, unit: str, value: float) -> tuple[float, Unit] | None:
    scale = unit_scale(quantity, unit)
    return None if scale is None else (parse_number(repr(value), scale), scale.unit)
