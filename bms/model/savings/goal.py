"""Budgets and targets that people set for a building, beside those of its site file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from bms.model.assets.site import YearlyGoal


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptGoal:
    """What ``author`` set for the building ``site``: it stands until another one of that year and
    commodity is set. A goal without budget and target says that there is none. Raises
    ``ValueError`` without an author or a reason, and for what is no amount."""

    site: str
    goal: YearlyGoal
    author: str
    reason: str
    entered_at: datetime

    def __post_init__(self) -> None:
        if not self.author.strip() or not self.reason.strip():
            raise ValueError("say who sets it, and why")
        for value in (self.goal.budget, self.goal.target):
            if value is not None and not (isfinite(value) and 0 <= value <= MOST):
                raise ValueError(f"{value:g} is no amount of a year; give 0 to {MOST:g}")


MOST = 1e10
"""The most that a building may use in a year [kWh; m3], as in a site file."""
