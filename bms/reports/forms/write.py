"""A report as a file of any form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO

from bms.errors import ConfigError
from bms.messages import languages
from bms.model.reporting.request import FileForm, ReportFormat
from bms.model.reporting.table import Report
from bms.reports.forms.csv import write_csv
from bms.reports.forms.json import write_json
from bms.reports.forms.parquet import write_parquet
from bms.reports.forms.pdf import write_pdf
from bms.reports.forms.xlsx import write_xlsx

WRITERS: Mapping[ReportFormat, Callable[[Report, FileForm, IO[bytes]], None]] = {
    ReportFormat.PDF: write_pdf,
    ReportFormat.XLSX: write_xlsx,
    ReportFormat.CSV: write_csv,
    ReportFormat.JSON: write_json,
    ReportFormat.PARQUET: write_parquet,
}


def write(report: Report, form: FileForm, out: IO[bytes]) -> None:
    """Write ``report`` to ``out`` in the form that is asked for.

    Raises ``ConfigError`` for a language or sheet that is not there, and for a form whose library
    is not installed.
    """
    if form.language not in languages():
        known = ", ".join(languages())
        raise ConfigError(f"there are no reports in {form.language!r}; there are: {known}")
    known = ", ".join(table.code for table in report.tables)
    if form.sheet is not None and form.sheet not in {table.code for table in report.tables}:
        raise ConfigError(f"a report of {report.kind} has no sheet {form.sheet!r}; it has: {known}")
    WRITERS[form.format](report, form, out)
