"""A report as JSON, written row by row."""

from __future__ import annotations

import json
from datetime import date
from typing import IO, Any

from bms.model.fact import Fact
from bms.model.reporting.request import FileForm
from bms.model.reporting.table import Cell, Report, ReportTable
from bms.reports.forms.cells import ReportCells


def write_json(report: Report, form: FileForm, out: IO[bytes]) -> None:
    """Write every table that is not apart, or the one of the form, with what heads and explains
    the report. Cells are codes; statements have their code and the sentence in the language."""
    words = ReportCells.of(report, form.language)
    head = {
        "kind": report.kind,
        "title": words.title(report),
        "language": form.language,
        "scope": report.scope,
        "buildings": report.buildings,
        "period": {"first": report.first.isoformat(), "end": report.end.isoformat()},
        "made_at": words.coded(report.made_at).isoformat(),  # type: ignore[union-attr]
        "timezone": report.timezone,
        "summary": [_told(each, words) for each in report.summary],
        "method": [_told(each, words) for each in report.method],
    }
    out.write(_bytes(head)[:-1] + b', "tables": [')
    for i, table in enumerate(report.chosen(form.sheet)):
        out.write(b", " if i else b"")
        _write_table(table, words, out)
    out.write(b"]}\n")


def _write_table(table: ReportTable, words: ReportCells, out: IO[bytes]) -> None:
    columns = [
        {
            "name": column.code,
            "title": words.heading(column),
            "type": column.kind.value,
            "unit": column.unit or None,
        }
        for column in table.columns
    ]
    head = {"name": table.code, "title": words.sheet(table), "columns": columns}
    out.write(_bytes(head)[:-1] + b', "rows": [')
    for i, row in enumerate(table.rows):
        named = {code: _cell(cell, words) for code, cell in zip(table.codes, row, strict=True)}
        out.write((b",\n" if i else b"\n") + _bytes(named))
    out.write(b"]}")


def _cell(cell: Cell, words: ReportCells) -> Any:
    if isinstance(cell, tuple):
        return [_told(each, words) for each in cell]
    value = words.coded(cell)
    return value.isoformat() if isinstance(value, date) else value


def _told(fact: Fact, words: ReportCells) -> dict[str, str]:
    return {"code": fact.code, "text": words.sentences((fact,))}


def _bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
