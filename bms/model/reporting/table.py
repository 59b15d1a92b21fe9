"""A report as tables of typed cells: data without words, the same for every form of a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeAlias

from bms.model.fact import Fact


@dataclass(frozen=True, slots=True)
class LocalName:
    """The name of a building in Danish and in English."""

    da: str
    en: str

    def of(self, language: str) -> str:
        """The name in a language; the English one in any other than Danish."""
        return self.da if language == "da" else self.en


Cell: TypeAlias = str | float | int | bool | date | datetime | LocalName | tuple[Fact, ...] | None
"""None is "not known". Numbers are in the unit of the column, shares fractions."""
Row: TypeAlias = tuple[Cell, ...]


class CellKind(StrEnum):
    """What the cells of a column hold."""

    TEXT = "text"
    NAME = "name"
    TERM = "term"
    """A code with a word in every language: the term of ``Column.family`` and the code."""
    TERMS = "terms"
    """Several of these as one text, a blank between them, each with how often where it is more than
    a code: ``gap:2 reset:1``."""
    NUMBER = "number"
    COUNT = "count"
    SHARE = "share"
    YES_NO = "yes_no"
    DAY = "day"
    MOMENT = "moment"
    FACTS = "facts"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: ``code`` names it to programs, its heading is ``column_CODE`` among the messages.

    ``decimals`` of a number are what is kept in every form.
    """

    code: str
    kind: CellKind = CellKind.TEXT
    unit: str = ""
    decimals: int = 3
    family: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTable:
    """One question answered: a sheet of a workbook, a table on paper.

    ``rows`` may be long and made while they are read; they can be read more than once. On paper
    stand the ``printed`` columns, none where it is empty, of the first ``most_printed`` rows, of
    all where it is None. A table that is ``apart`` is long, and written where it is asked for.
    """

    code: str
    columns: tuple[Column, ...]
    rows: Iterable[Row]
    printed: tuple[str, ...] = ()
    most_printed: int | None = None
    apart: bool = False

    @property
    def codes(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.code for column in self.columns)


class BarKind(StrEnum):
    """How a bar of a chart is drawn."""

    SOLID = "solid"
    HATCHED = "hatched"
    HOLLOW = "hollow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar [unit of the chart], a gap where ``value`` is None: ``label`` is a name, or the first
    day of a month; ``low`` and
    ``high`` are its interval, ``before`` what it is compared with, None where there is none."""

    label: LocalName | date
    value: float | None
    low: float | None = None
    high: float | None = None
    before: float | None = None
    kind: BarKind = BarKind.SOLID


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """Bars from a zero line; ``chart_CODE`` is its title among the messages of reports."""

    code: str
    unit: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole report: ``first`` is its first local day and ``end`` the day after its last.

    ``summary`` are the findings that come first, ``method`` how the numbers were made; ``scope``
    is the id of the building or group, None for all, and ``name`` what the building is called.
    ``tables[0]`` is the main one: what a form with room for one table holds.
    """

    kind: str
    first: date
    end: date
    scope: str | None
    made_at: datetime
    timezone: str
    buildings: int
    summary: tuple[Fact, ...]
    tables: tuple[ReportTable, ...]
    method: tuple[Fact, ...]
    charts: tuple[BarChart, ...] = ()
    name: LocalName | None = None

    def chosen(self, code: str | None) -> tuple[ReportTable, ...]:
        """The tables of a form that has room for all: those that are not apart, or the one of this
        code. Raises ``KeyError``."""
        if code is not None:
            return (self.table(code),)
        return tuple(table for table in self.tables if not table.apart)

    def table(self, code: str | None) -> ReportTable:
        """The table of this code, the main one where it is None. Raises ``KeyError``."""
        if code is None:
            return self.tables[0]
        for each in self.tables:
            if each.code == code:
                return each
        raise KeyError(code)
