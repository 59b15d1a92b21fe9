"""Savings by month and since New Year, as a table."""

from __future__ import annotations

from dataclasses import dataclass

from api.pages.language import PageTranslator
from api.pages.panels.claim import spread_of
from bms.model.savings.avoided_use import MonthSavings, Savings, SiteSavings
from bms.services.assessment.monthly_savings import YearToDate, year_to_date


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRow:
    """A month, or all of a year; the saving with its 90 % interval."""

    name: str
    days: int
    baseline: str
    measured: str
    saving: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthTable:
    rows: tuple[MonthRow, ...]
    to_date: MonthRow


def month_table(savings: SiteSavings | Savings, t: PageTranslator) -> MonthTable | None:
    """The months of a saving and the year to date; None where they are not known."""
    year = year_to_date(savings)
    if year is None:
        return None
    rows = tuple(
        MonthRow(
            name=t.month(row.month, year=True),
            days=row.days,
            baseline=t.number(row.adjusted_baseline_kwh),
            measured=t.number(row.measured_kwh),
            saving=_with_spread(row, t),
        )
        for row in savings.months
    )
    return MonthTable(
        rows=rows,
        to_date=MonthRow(
            name=t("months_to_date", year=year.until.year),
            days=year.days,
            baseline=t.number(year.adjusted_baseline_kwh),
            measured=t.number(year.measured_kwh),
            saving=_with_spread(year, t),
        ),
    )


def _with_spread(row: MonthSavings | YearToDate, t: PageTranslator) -> str:
    spread = spread_of(row.saving_kwh, row.saving_low_kwh, row.saving_high_kwh, t)
    return f"{t.number(row.saving_kwh)} {spread}"
