"""Reports of a made-up table, and reading the files that they become."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from typing import Any

from bms.model.fact import fact
from bms.model.reporting.columns import Record, table_of
from bms.model.reporting.request import FileForm, ReportFormat
from bms.model.reporting.table import Bar, BarChart, LocalName, Report
from bms.model.reporting.words import Chart, MethodFact, ReportFact, Sheet
from bms.reports.forms.write import write

COLUMNS = (
    *("building", "building_name", "meter_number", "commodity", "billed", "n", "saving_kwh"),
    *("coverage", "month", "last_reading", "reasons", "flags"),
)
RECORD: Record = {
    "building": "hall",
    "building_name": LocalName("Hallen på Åen", "The hall"),
    "meter_number": "0571313174",
    "commodity": "heat",
    "billed": True,
    "n": 1340,
    "saving_kwh": -1234.5678901,
    "coverage": 0.98765432,
    "month": date(2026, 10, 1),
    "last_reading": datetime(2026, 10, 24, 22, 30, tzinfo=UTC),
    "reasons": (fact(ReportFact.SAVING_UNKNOWN),),
    "flags": "gap:2 clock_unseen",
}


def a_report(*records: Record) -> Report:
    """A report with a table of ``records``, and an empty one after it."""
    tables = (
        table_of(Sheet.SAVINGS, COLUMNS, list(records), printed=COLUMNS[1:7]),
        table_of(Sheet.MONTHS, ("month", "saving_kwh"), [], printed=("month", "saving_kwh")),
        table_of(Sheet.DAYS, ("day",), [{"day": date(2026, 10, 1)}], apart=True),
    )
    bars = (Bar(label=date(2026, 9, 1), value=None), Bar(label=date(2026, 10, 1), value=-5.0))
    return Report(
        kind="savings",
        first=date(2026, 10, 1),
        end=date(2026, 11, 1),
        scope=None,
        made_at=datetime(2026, 11, 2, 7, tzinfo=UTC),
        timezone="Europe/Copenhagen",
        buildings=2,
        summary=(fact(ReportFact.WORTH, dkk=1000.0, co2=12.5),),
        tables=tables,
        method=(fact(MethodFact.SAVINGS),),
        charts=(BarChart(code=Chart.MONTHS, unit="kWh", bars=bars),),
    )


def written(report: Report, form: str, language: str = "da", **options: Any) -> bytes:
    """The file of a report."""
    out = io.BytesIO()
    write(report, FileForm(format=ReportFormat(form), language=language, **options), out)
    return out.getvalue()


def read_csv(data: bytes) -> list[dict[str, str]]:
    """The rows of a CSV, whatever parts its cells."""
    text = data.decode("utf-8-sig")
    delimiter = ";" if ";" in text.splitlines()[0] else ","
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def read_json(data: bytes, table: int = 0) -> list[dict[str, Any]]:
    """The rows of a table of a report as JSON."""
    rows: list[dict[str, Any]] = json.loads(data)["tables"][table]["rows"]
    return rows


def read_xlsx(data: bytes, sheet: int = 0) -> list[dict[str, Any]]:
    """The rows of a sheet."""
    from openpyxl import load_workbook

    rows = list(load_workbook(io.BytesIO(data)).worksheets[sheet].iter_rows(values_only=True))
    return [dict(zip(map(str, rows[0]), row, strict=True)) for row in rows[1:]]


def read_parquet(data: bytes) -> list[dict[str, Any]]:
    """The rows of a Parquet file."""
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(data)).to_pylist()
    return rows


def pdf_text(data: bytes) -> str:
    """All that can be read in a PDF."""
    from pypdf import PdfReader

    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)
