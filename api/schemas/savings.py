"""TODO"""

from __future__ import annotations

from datetime import datetime
from typing import Self

from api.schemas.base import Answer
from bms.model.savings.savings import SiteSavings, Span
from bms.services.assessment.monthly_savings import YearToDate, year_to_date
from bms.services.assessment.savings_book import Told


class SavingsAnswer(Answer):
    """The saving of a site with the periods that it is told for."""

    site: str
    baseline: Span
    reporting: Span
    control_start: datetime | None
    savings: SiteSavings
    year_to_date: YearToDate | None

    @classmethod
    def of(cls, told: Told) -> Self:
        return cls(
            site=told.savings.id,
            baseline=told.periods.baseline,
            reporting=told.periods.reporting,
            control_start=told.periods.control_start,
            savings=told.savings,
            year_to_date=year_to_date(told.savings),
        )


class PortfolioAnswer(Answer):
    """``portfolio`` is the sum of all sites, on every page."""

    portfolio: SiteSavings
    year_to_date: YearToDate | None
    sites: list[SavingsAnswer]
    next: str | None
