"""Headings and cells in a language: as text for people, as values for spreadsheets and programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from bms.messages import translator
from bms.messages.local_format import MISSING
from bms.model.fact import Fact
from bms.model.outside_text import without_orders
from bms.model.reporting.table import Cell, CellKind, Column, LocalName, Report, ReportTable
from bms.reports.text import ReportText

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
DECIMALS_ON_PAPER = 1
FEW = 100.0
"""Numbers below this have decimals on paper."""
WHOLE = ("kWh", "DKK", "kg")

Value = str | float | int | bool | date | datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCells(ReportText):
    """The words of a report in the language of its translator; times are local."""

    timezone: ZoneInfo

    @classmethod
    def of(cls, report: Report, language: str) -> ReportCells:
        """For a report in a language. Raises ``KeyError`` for one without catalogue."""
        return cls(
            translator=translator(language, report.timezone), timezone=ZoneInfo(report.timezone)
        )

    @property
    def language(self) -> str:
        """The language of the words."""
        return self.translator.language

    def title(self, report: Report) -> str:
        """What the report is called."""
        return self.word(f"title_{report.kind}")

    def about(self, report: Report) -> str:
        """Which buildings and days the report is about."""
        last = date.fromordinal(report.end.toordinal() - 1)
        name = None if report.name is None else report.name.of(self.language)
        return self.word(
            "about_one" if report.scope else "about_all",
            scope=name or report.scope or "",
            count=report.buildings,
            first=report.first,
            last=last,
        )

    def sheet(self, table: ReportTable) -> str:
        """What a table is called."""
        return self.word(f"sheet_{table.code}")

    def heading(self, column: Column) -> str:
        """What a column is called, with its unit."""
        return self.word(f"column_{column.code}")

    def value(self, column: Column, cell: Cell) -> Value:
        """The cell for a spreadsheet: words in the language, moments as local time."""
        if column.kind is CellKind.TERM and cell is not None:
            return self.translator.term(f"{column.family}_{cell}")
        if column.kind is CellKind.TERMS and isinstance(cell, str):
            return ", ".join(self._term(column.family, each) for each in cell.split())
        if isinstance(cell, datetime):
            return cell.astimezone(self.timezone).replace(tzinfo=None, microsecond=0)
        return self._plain(cell)

    def _term(self, family: str, code: str) -> str:
        """A code that may have a number behind it, in words."""
        name, colon, count = code.partition(":")
        return self.translator.term(f"{family}_{name}") + (f": {count}" if colon else "")

    def coded(self, cell: Cell) -> Value:
        """The cell for programs: codes instead of words, moments with their offset."""
        return cell.astimezone(self.timezone) if isinstance(cell, datetime) else self._plain(cell)

    def _plain(self, cell: Cell) -> Value:
        if isinstance(cell, LocalName):
            return without_orders(cell.of(self.language))
        if isinstance(cell, tuple):
            return self.sentences(cell)
        if isinstance(cell, str):
            return without_orders(str(cell))
        return cell

    def sentences(self, facts: tuple[Fact, ...]) -> str:
        """Statements one after another."""
        return without_orders(" ".join(map(self.translator.describe, facts)))

    def shown(self, column: Column, cell: Cell) -> str:
        """The cell on paper."""
        if cell is None:
            return MISSING
        t = self.translator
        value = self.value(column, cell)
        if isinstance(value, bool):
            return self.yes_no(value)
        if column.kind is CellKind.SHARE:
            return t.pattern(float(cell), "#,##0.0 %")  # type: ignore[arg-type]
        if isinstance(value, int | float):
            return self._number(column, value)
        if column.code == "month" and isinstance(value, date):
            return t.month(value, year=True)
        if isinstance(value, datetime):
            return f"{t.dated(value, DAYS.get(self.language, ISO))} {value:%H:%M}"
        if isinstance(value, date):
            return t.dated(value, DAYS.get(self.language, ISO))
        return str(value)

    def _number(self, column: Column, value: float) -> str:
        if column.kind is CellKind.COUNT:
            return self.translator.number(value)
        few = abs(value) < FEW and column.unit not in WHOLE
        return self.translator.number(value, DECIMALS_ON_PAPER if few else 0)

    def yes_no(self, value: bool) -> str:
        """Yes or no."""
        return self.word("yes" if value else "no")


ISO = "yyyy-MM-dd"
DAYS = {"da": "dd-MM-yyyy"}
"""How days are written, as spreadsheets of a language read them."""


def harmless(value: str) -> str:
    """A text that no spreadsheet takes for a formula (CWE-1236): an apostrophe keeps it a text."""
    return f"'{value}" if value.startswith(FORMULA) else value
