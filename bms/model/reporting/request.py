"""What kind of report is asked for, of what, of which time and in which form."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReportKind(StrEnum):
    """What a report tells."""

    SAVINGS = "savings"
    CONSUMPTION = "consumption"
    RANKING = "ranking"
    MISSING_DATA = "missing-data"
    QUALITY = "quality"
    METERS = "meters"
    COUNCIL = "council"
    OPEN_DATA = "open-data"


class ReportFormat(StrEnum):
    """The form of a report's file; its value is the end of the file's name."""

    PDF = "pdf"
    XLSX = "xlsx"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"

    @property
    def media_type(self) -> str:
        """The media type of a file of this form (IANA)."""
        return MEDIA_TYPES[self]


MEDIA_TYPES = {
    ReportFormat.PDF: "application/pdf",
    ReportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ReportFormat.CSV: "text/csv; charset=utf-8",
    ReportFormat.JSON: "application/json",
    ReportFormat.PARQUET: "application/vnd.apache.parquet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """Which report is wanted: of one ``site``, of a ``group`` of them or of all.

    ``period`` is a month (``2026-10``) or a year (``2026``); None for the time that the pages show.
    ``only`` are the ids of the buildings that whoever asks may see, None where that is all.
    """

    kind: ReportKind
    site: str | None = None
    group: str | None = None
    period: str | None = None
    only: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileForm:
    """How a report is written: ``sheet`` chooses the table of a form that holds one; ``plain`` is a
    CSV for programs (commas, decimal points, codes) instead of one for a spreadsheet."""

    format: ReportFormat
    language: str
    sheet: str | None = None
    plain: bool = False
