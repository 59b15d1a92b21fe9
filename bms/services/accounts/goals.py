"""Budgets and targets of years: set by people, else as the site file has them.

What somebody sets stands until another one of that year and commodity is set; all are kept. They
are laid over the kept answers about consumption when these are read, so that one that was set just
now is on the page at once, and nothing is computed for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bms.errors import ConfigError
from bms.model.assets.site import Site, YearlyGoal
from bms.model.readings.units import Commodity
from bms.model.savings.goal import KeptGoal
from bms.ports.storage.ledgers import LedgerStore
from bms.services.accounts.consumption_year import CommodityYear, SiteYear
from bms.services.accounts.daily_use import commodities_of

YEARS_AROUND = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingGoal:
    """A budget and target that is in force; ``kept`` is None where the site file has it."""

    goal: YearlyGoal
    kept: KeptGoal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalRequest:
    """What somebody wants to set, and why; without budget and target there is none any more."""

    goal: YearlyGoal
    author: str
    reason: str


def set_goal(ledgers: LedgerStore, site: Site, asked: GoalRequest, now: datetime) -> KeptGoal:
    """Keep a budget and target. Raises ``ConfigError`` as ``checked`` does."""
    made = checked(site, asked, now)
    ledgers.set_goal(made)
    return made


def checked(site: Site, asked: GoalRequest, now: datetime) -> KeptGoal:
    """What would be kept. Raises ``ConfigError`` for a commodity that is not counted here, a year
    that is too far away, and what is no amount."""
    goal, known = asked.goal, commodities_of(site)
    if goal.commodity not in known:
        told = ", ".join(known) or "nothing"
        raise ConfigError(f"{goal.commodity} is not metered at {site.id}; there is: {told}")
    if abs(goal.year - now.year) > YEARS_AROUND:
        raise ConfigError(f"year {goal.year}: give one within {YEARS_AROUND} years of this one")
    try:
        return KeptGoal(
            site=site.id, goal=goal, author=asked.author, reason=asked.reason, entered_at=now
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error


def standing_goals(site: Site, kept: Iterable[KeptGoal]) -> list[StandingGoal]:
    """What is in force at a site by ``kept``, in the order of years and commodities."""
    found = {(g.year, g.commodity): StandingGoal(goal=g) for g in site.goals}
    for row in kept:
        if row.site == site.id:
            found[row.goal.year, row.goal.commodity] = StandingGoal(goal=row.goal, kept=row)
    return [found[key] for key in sorted(found)]


def goal_of(site: Site, kept: Iterable[KeptGoal], year: int, commodity: Commodity) -> StandingGoal:
    """What is in force of a commodity in a year; without amounts where nobody set any."""
    for row in standing_goals(site, kept):
        if (row.goal.year, row.goal.commodity) == (year, commodity):
            return row
    return StandingGoal(goal=YearlyGoal(year=year, commodity=commodity))


def with_goals(told: SiteYear, site: Site, kept: Sequence[KeptGoal]) -> SiteYear:
    """A year of consumption beside the budgets and targets that are in force."""
    return replace(
        told,
        commodities=tuple(
            beside_goal(row, goal_of(site, kept, told.year, row.commodity).goal)
            for row in told.commodities
        ),
    )


def beside_goal(row: CommodityYear, goal: YearlyGoal) -> CommodityYear:
    """A commodity beside its goal: what of it falls on the known days, and on each month."""
    known = row.so_far.share if row.so_far.days else None
    return replace(
        row,
        budget=goal.budget,
        target=goal.target,
        so_far=replace(
            row.so_far,
            budget=_part(goal.budget, known),
            target=_part(goal.target, known),
        ),
        months=tuple(
            replace(
                month,
                budget=_part(goal.budget, month.share),
                target=_part(goal.target, month.share),
            )
            for month in row.months
        ),
    )


def _part(whole: float | None, share: float | None) -> float | None:
    return None if whole is None or share is None else whole * share
