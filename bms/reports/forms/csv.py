"""One table as CSV: as a spreadsheet of the language opens it, or plain for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from typing import IO

from bms.model.reporting.request import FileForm
from bms.model.reporting.table import Cell, Column, Report, Row
from bms.reports.forms.cells import DAYS, ISO, ReportCells, Value, harmless

BOM = "\ufeff"
ROWS_AT_ONCE = 500


def write_csv(report: Report, form: FileForm, out: IO[bytes]) -> None:
    """Write the table of the form, the main one without a choice.

    For a spreadsheet: a byte order mark, headings and words of the language, local dates, and in a
    language of decimal commas semicolons between the cells. ``plain``: names of columns, commas,
    decimal points, codes, ISO 8601. What is not known is an empty cell.
    """
    table = report.table(form.sheet)
    words = ReportCells.of(report, form.language)
    comma = words.translator.decimal_comma and not form.plain
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";" if comma else ",", lineterminator="\r\n")
    if not form.plain:
        text.write(BOM)
    heads = table.codes if form.plain else [words.heading(column) for column in table.columns]
    writer.writerow(heads)
    for i, row in enumerate(table.rows):
        if i % ROWS_AT_ONCE == 0:
            _emptied(text, out)
        cells = _plain(row, words) if form.plain else _spread(table.columns, row, words)
        writer.writerow([_text(cell, comma) for cell in cells])
    _emptied(text, out)


def _emptied(text: io.StringIO, out: IO[bytes]) -> None:
    out.write(text.getvalue().encode())
    text.seek(0)
    text.truncate()


def _plain(row: Row, words: ReportCells) -> list[Value]:
    return [words.coded(cell) for cell in row]


def _spread(columns: Sequence[Column], row: Row, words: ReportCells) -> list[Value]:
    return [_local(column, cell, words) for column, cell in zip(columns, row, strict=True)]


def _local(column: Column, cell: Cell, words: ReportCells) -> Value:
    """Dates and answers as they are written in the language."""
    value = words.value(column, cell)
    if isinstance(value, bool):
        return words.yes_no(value)
    if isinstance(value, date):
        day = words.translator.dated(value, DAYS.get(words.language, ISO))
        return f"{day} {value:%H:%M}" if isinstance(value, datetime) else day
    return value


def _text(value: Value, comma: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        number = f"{value:.6f}".rstrip("0").rstrip(".")
        return number.replace(".", ",") if comma else number
    return harmless(value) if isinstance(value, str) else str(value)
