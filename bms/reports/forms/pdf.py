"""A report on paper: a tagged PDF (PDF/UA-1, ISO 14289-1) set by Typst."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import IO, Any

from bms.model.reporting.request import FileForm
from bms.model.reporting.table import CellKind, Report, ReportTable, Row
from bms.reports.forms.bar_chart import bar_chart, chart_in_words
from bms.reports.forms.cells import ReportCells

LAYOUT = Path(__file__).parent / "report.typ"
LEAST_SIGNS, MOST_SIGNS = 4, 24
RIGHT = (CellKind.NUMBER, CellKind.SHARE, CellKind.COUNT)


def write_pdf(report: Report, form: FileForm, out: IO[bytes]) -> None:
    """Write the report with its summary, charts, printed tables and method in the language.

    Nothing is fetched: the layout and its fonts come with the product and the typesetter.
    """
    import typst

    words = ReportCells.of(report, form.language)
    made = typst.compile(
        LAYOUT.read_bytes(),
        format="pdf",
        pdf_standards="ua-1",
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(_content(report, form, words), ensure_ascii=False)},
        timestamp=int(report.made_at.timestamp()),
    )
    out.write(made)


def _content(report: Report, form: FileForm, words: ReportCells) -> dict[str, Any]:
    """Everything that the layout puts on the pages, as texts."""
    return {
        "language": form.language,
        "title": words.title(report),
        "about": words.about(report),
        "made": words.word("made_at", at=report.made_at),
        "page": words.word("page"),
        "author": words.word("author"),
        "summary": [words.sentences((each,)) for each in report.summary],
        "charts": [
            {
                "title": f"{words.word(f'chart_{chart.code}')} [{chart.unit}]",
                "alt": chart_in_words(chart, words),
                "svg": bar_chart(chart, words),
            }
            for chart in report.charts
        ],
        "tables": [_table(table, words) for table in report.chosen(form.sheet) if table.printed],
        "method_title": words.word("method_sheet"),
        "method": [words.sentences((each,)) for each in report.method],
    }


def _table(table: ReportTable, words: ReportCells) -> dict[str, Any]:
    places = [i for i, code in enumerate(table.codes) if code in table.printed]
    columns = [table.columns[i] for i in places]
    rows, more = _first(table)
    heads = [words.heading(column) for column in columns]
    shown = [[words.shown(table.columns[i], row[i]) for i in places] for row in rows]
    return {
        "title": words.sheet(table),
        "heads": heads,
        "right": [column.kind in RIGHT for column in columns],
        "widths": _widths(heads, shown),
        "rows": shown,
        "note": words.word("more_rows", count=more) if more else "",
        "none": "" if rows else words.word("no_rows"),
    }


def _first(table: ReportTable) -> tuple[list[Row], int]:
    """The rows that are printed, and how many there are beyond them."""
    if table.most_printed is None:
        return list(table.rows), 0
    rows = iter(table.rows)
    return list(islice(rows, table.most_printed)), sum(1 for _ in rows)


def _widths(heads: list[str], rows: list[list[str]]) -> list[int]:
    """Parts of the line for each column: the length of its longest cell, up to a limit, and of the
    longest word of its heading."""
    return [
        max(
            *(len(word) for word in head.split()),
            min(MOST_SIGNS, max((len(row[i]) for row in rows), default=0)),
            LEAST_SIGNS,
        )
        for i, head in enumerate(heads)
    ]
