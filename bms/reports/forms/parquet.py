"""One table as Parquet, typed, with units in its schema."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

from bms.errors import ConfigError
from bms.model.reporting.request import FileForm
from bms.model.reporting.table import CellKind, Column, Report, ReportTable, Row
from bms.reports.forms.cells import ReportCells

ROWS_AT_ONCE = 20_000


def write_parquet(report: Report, form: FileForm, out: IO[bytes]) -> None:
    """Write the table of the form, the main one without a choice; sentences are in the language.

    Raises ``ConfigError`` where pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ConfigError(
            "Parquet needs pyarrow; install it with pip install 'bms[archive]', "
            "or choose csv, json or xlsx"
        ) from None
    table, words = report.table(form.sheet), ReportCells.of(report, form.language)
    schema = pa.schema([_field(pa, column, report.timezone, words) for column in table.columns])
    schema = schema.with_metadata(_about(report, table, words))
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for rows in _batches(table):
            columns = [
                pa.array([words.coded(row[i]) for row in rows], type=field.type)
                for i, field in enumerate(schema)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _batches(table: ReportTable) -> Iterator[list[Row]]:
    rows = iter(table.rows)
    while batch := list(islice(rows, ROWS_AT_ONCE)):
        yield batch


def _field(pa: Any, column: Column, timezone: str, words: ReportCells) -> Any:
    types = {
        CellKind.NUMBER: pa.float64(),
        CellKind.SHARE: pa.float64(),
        CellKind.COUNT: pa.int64(),
        CellKind.YES_NO: pa.bool_(),
        CellKind.DAY: pa.date32(),
        CellKind.MOMENT: pa.timestamp("us", tz=timezone),
    }
    about = {"title": words.heading(column), "unit": column.unit}
    return pa.field(column.code, types.get(column.kind, pa.string()), metadata=about)


def _about(report: Report, table: ReportTable, words: ReportCells) -> dict[str, str]:
    return {
        "title": f"{words.title(report)}: {words.sheet(table)}",
        "period": f"{report.first}/{report.end}",
        "method": words.sentences(report.method),
    }
