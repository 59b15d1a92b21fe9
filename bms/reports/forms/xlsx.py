"""A report as a workbook: a sheet a question, typed cells, and how the numbers were made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import IO, Any

from bms.model.reporting.request import FileForm
from bms.model.reporting.table import CellKind, Column, Report, ReportTable
from bms.reports.forms.cells import ReportCells, Value, harmless

MOST_ROWS = 1_000_000
"""Rows of a sheet below its heading; a workbook has room for 1 048 576."""
LONGEST_TEXT = 32_000
"""Characters of a cell; a workbook has room for 32 767."""
SHEET_NAME = 31
DATE, TIME = "yyyy-mm-dd", "yyyy-mm-dd hh:mm"
FORMATS = {
    CellKind.NUMBER: "#,##0.0##",
    CellKind.SHARE: "0.0%",
    CellKind.COUNT: "#,##0",
    CellKind.DAY: DATE,
    CellKind.MOMENT: TIME,
}
WIDTHS = {CellKind.FACTS: 60, CellKind.MOMENT: 17, CellKind.NAME: 28, CellKind.TEXT: 18}
METHOD_WIDTH = 110


def write_xlsx(report: Report, form: FileForm, out: IO[bytes]) -> None:
    """Write every table that is not apart, or the one of the form, row by row.

    Headings stay while one scrolls. Cells are numbers, dates and texts of the language; no text is
    a formula. A table with more rows than a sheet has room for goes on in another one.
    """
    import xlsxwriter

    words = ReportCells.of(report, form.language)
    book = xlsxwriter.Workbook(
        out, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"title": words.title(report), "subject": words.about(report)})
    try:
        for table in report.chosen(form.sheet):
            _Sheets(book, table, words).write()
        _write_method(book, report, words)
    finally:
        book.close()


class _Sheets:
    """The sheet of a table, and those in which it goes on."""

    def __init__(self, book: Any, table: ReportTable, words: ReportCells) -> None:
        self._book, self._table, self._words = book, table, words
        self._head = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        self._formats = {
            kind: book.add_format({"num_format": pattern}) for kind, pattern in FORMATS.items()
        }

    def write(self) -> None:
        """Write the rows."""
        sheet, at = self._new(1), 0
        for row in self._table.rows:
            if at == MOST_ROWS:
                sheet, at = self._new(self._count + 1), 0
            at += 1
            for i, (column, cell) in enumerate(zip(self._table.columns, row, strict=True)):
                self._write(sheet, at, i, column, self._words.value(column, cell))

    def _new(self, count: int) -> Any:
        self._count = count
        name = sheet_name(self._words.sheet(self._table), count)
        sheet = self._book.add_worksheet(name)
        for i, column in enumerate(self._table.columns):
            sheet.set_column(i, i, WIDTHS.get(column.kind, 13))
        sheet.freeze_panes(1, 0)
        for i, column in enumerate(self._table.columns):
            sheet.write_string(0, i, self._words.heading(column), self._head)
        return sheet

    def _write(self, sheet: Any, at: int, i: int, column: Column, value: Value) -> None:
        look = self._formats.get(column.kind)
        if value is None:
            return
        if isinstance(value, bool):
            sheet.write_boolean(at, i, value)
        elif isinstance(value, int | float):
            sheet.write_number(at, i, value, look)
        elif isinstance(value, datetime | date):
            sheet.write_datetime(at, i, value, look)
        else:
            sheet.write_string(at, i, harmless(value)[:LONGEST_TEXT])


def sheet_name(title: str, count: int) -> str:
    """A name that a workbook takes: at most 31 characters, none of ``[]:*?/\\``."""
    after = "" if count == 1 else f" ({count})"
    plain = "".join("-" if letter in "[]:*?/\\" else letter for letter in title)
    return plain[: SHEET_NAME - len(after)] + after


def _write_method(book: Any, report: Report, words: ReportCells) -> None:
    sheet = book.add_worksheet(sheet_name(words.word("method_sheet"), 1))
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    bold = book.add_format({"bold": True})
    sheet.set_column(0, 0, METHOD_WIDTH)
    for at, (line, heads) in enumerate(_method_lines(report, words)):
        sheet.write_string(at, 0, harmless(line), bold if heads else wrapped)


def _method_lines(report: Report, words: ReportCells) -> Iterator[tuple[str, bool]]:
    yield words.title(report), True
    yield words.about(report), False
    yield words.word("made_at", at=report.made_at), False
    for each in report.summary:
        yield words.sentences((each,)), False
    yield words.word("method_sheet"), True
    for each in report.method:
        yield words.sentences((each,)), False
