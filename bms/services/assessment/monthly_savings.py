"""A saving by calendar month, and what it has come to since New Year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bms.model.savings.avoided_use import MonthSavings, Savings, SiteSavings


@dataclass(frozen=True, slots=True, kw_only=True)
class YearToDate:
    """The saving [kWh] of the last year of a reporting period up to its end, with a 90 % interval.

    ``since`` is the first month of that year that was measured, ``until`` the last one, both by
    their first day; ``days`` were measured in all.
    """

    since: date
    until: date
    days: int
    adjusted_baseline_kwh: float
    measured_kwh: float
    saving_kwh: float
    saving_low_kwh: float
    saving_high_kwh: float


def year_to_date(savings: SiteSavings | Savings) -> YearToDate | None:
    """The newest year of ``savings``; None where its months are not known."""
    if not savings.months:
        return None
    last = savings.months[-1]
    year = months_of(savings, last.month.year)
    return YearToDate(
        since=year[0].month,
        until=last.month,
        days=sum(row.days for row in year),
        adjusted_baseline_kwh=sum(row.adjusted_baseline_kwh for row in year),
        measured_kwh=sum(row.measured_kwh for row in year),
        saving_kwh=last.to_date_kwh,
        saving_low_kwh=last.to_date_low_kwh,
        saving_high_kwh=last.to_date_high_kwh,
    )


def months_of(savings: SiteSavings | Savings, year: int) -> tuple[MonthSavings, ...]:
    """The months of one calendar year, in order."""
    return tuple(row for row in savings.months if row.month.year == year)
