"""What all buildings, or a group of them, used in a calendar year: ``portfolio_consumption``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from bms.model.assets.site import Site
from bms.model.readings.units import Commodity, Unit
from bms.model.savings.avoided_use import Span
from bms.model.savings.kept_answer import AnswerKind
from bms.services.accounts.consumption_year import (
    DAY,
    CommodityYear,
    MonthOfUse,
    SiteYear,
    site_year,
    year_until,
)
from bms.services.accounts.goals import with_goals
from bms.services.answers.kept import Planned, Question, Told
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.periods import local_date, midnight

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthTotal:
    """A calendar month of a commodity of several buildings, by its ``first`` day.

    ``use`` is what is known of it, ``whole`` whether that is every day of each building.
    ``last_year`` and ``change`` are of the buildings of which the month is whole in both years;
    ``budget`` and ``target`` fall on all of it.
    """

    first: date
    use: float | None
    whole: bool
    last_year: float | None
    change: float | None
    budget: float | None
    target: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommodityTotal:
    """A commodity of several buildings in a year, in ``unit``; None where no building knows it.

    ``use`` is of ``buildings``. ``last_year`` and ``change`` are of the days that a building knows
    in both years. ``budget`` and ``target`` fall on the known days of the buildings that have one;
    ``use_with_budget`` and ``use_with_target`` is what those used. ``corrected`` is in normal
    weather, of ``corrected_buildings``; ``co2_kg`` [kg] and ``primary_kwh`` [kWh] of those whose
    factors are known.
    """

    commodity: Commodity
    unit: Unit
    buildings: int
    area_m2: float
    use: float | None
    last_year: float | None
    change: float | None
    budget: float | None
    use_with_budget: float | None
    target: float | None
    use_with_target: float | None
    corrected: float | None
    corrected_buildings: int
    co2_kg: float | None
    primary_kwh: float | None
    months: tuple[MonthTotal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupYear:
    """Buildings of one ``use`` in a year, or all of them where ``use`` is None."""

    use: str | None
    buildings: int
    totals: tuple[CommodityTotal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioYear:
    """The consumption of many buildings in ``year`` until before ``until``: together, by what they
    are used for, and one by one in the order of their ids."""

    year: int
    until: date
    together: GroupYear
    groups: tuple[GroupYear, ...]
    sites: tuple[SiteYear, ...]


def consumption_of_site(cache: SavingsCache, site: Site, year: int | None = None) -> Told[SiteYear]:
    """``site_year`` as it is kept, beside the goals in force. Raises ``ConfigError``, and
    ``NotMadeYet`` where a reader has to wait for it."""
    told = cache.answers.one(consumption_question(cache, site, year))
    kept = cache.ports.ledgers.goals([site.id])
    return replace(told, answer=with_goals(told.answer, site, kept))


def consumption_question(
    cache: SavingsCache, site: Site, year: int | None = None
) -> Question[SiteYear]:
    """The question for the consumption of a site. Raises ``ConfigError``."""
    ports = cache.ports
    present = local_date(ports.clock.now(), site.timezone)
    year_until(present, year)
    year = None if year == present.year else year

    def plan() -> Planned[SiteYear]:
        until = year_until(local_date(ports.clock.now(), site.timezone), year)
        before = date((until - DAY).year - 1, 1, 1)
        span = Span(start=midnight(before, site.timezone), end=midnight(until, site.timezone))
        return Planned(span, f"until {until}", lambda: site_year(ports, site, year))

    question = "" if year is None else str(year)
    return cache.ask(AnswerKind.CONSUMPTION, site, SiteYear, plan, question)


def portfolio_consumption(
    cache: SavingsCache, year: int | None = None, sites: Iterable[Site] | None = None
) -> PortfolioYear:
    """The consumption of ``sites``, or of all, in ``year`` or the present one up to the last whole
    day; a reader gets those that are made. Raises ``ConfigError`` for a year that has not begun, or
    lies before all readings."""
    chosen = sorted(cache.ports.sites.values() if sites is None else sites, key=lambda s: s.id)
    told = cache.answers.many([consumption_question(cache, site, year) for site in chosen])
    kept = cache.ports.ledgers.goals([site.id for site in chosen])
    rows = [
        with_goals(each.answer, site, kept)
        for site, each in zip(chosen, told, strict=True)
        if each is not None
    ]
    return city_of(rows, _now(cache, year))


def _now(cache: SavingsCache, year: int | None) -> date:
    """The day before which a year is told where no building is there."""
    return year_until(cache.ports.clock.now().date(), year)


def city_of(rows: Sequence[SiteYear], until: date) -> PortfolioYear:
    """The sums over buildings; ``until`` is the day before which an empty list is told."""
    uses = sorted({row.use for row in rows})
    end = max((row.until for row in rows), default=until)
    return PortfolioYear(
        year=rows[0].year if rows else until.year,
        until=end,
        together=_group(None, rows),
        groups=tuple(_group(use, [row for row in rows if row.use == use]) for use in uses),
        sites=tuple(rows),
    )


def _group(use: str | None, rows: Sequence[SiteYear]) -> GroupYear:
    kinds = [(kind, unit) for kind in Commodity for unit in (Unit.KWH, Unit.M3)]
    totals = (_total(kind, unit, rows) for kind, unit in kinds)
    return GroupYear(
        use=use,
        buildings=len(rows),
        totals=tuple(total for total in totals if total is not None),
    )


def _total(kind: Commodity, unit: Unit, rows: Sequence[SiteYear]) -> CommodityTotal | None:
    pairs = [
        (row, found)
        for row in rows
        for found in row.commodities
        if (found.commodity, found.unit) == (kind, unit)
    ]
    if not pairs:
        return None
    known = [(row, found) for row, found in pairs if found.so_far.use is not None]
    years = [found for _, found in pairs]
    last, own = _compared(years)
    budgeted = [y for y in years if y.so_far.budget is not None]
    targeted = [y for y in years if y.so_far.target is not None]
    return CommodityTotal(
        commodity=kind,
        unit=unit,
        buildings=len(known),
        area_m2=sum(row.area_m2 for row, _ in known),
        use=_sum(years, lambda y: y.so_far.use),
        last_year=last,
        change=own / last - 1.0 if last and own is not None else None,
        budget=_sum(years, lambda y: y.so_far.budget),
        use_with_budget=_sum(budgeted, lambda y: y.so_far.use),
        target=_sum(years, lambda y: y.so_far.target),
        use_with_target=_sum(targeted, lambda y: y.so_far.use),
        corrected=_sum(years, lambda y: y.so_far.corrected),
        corrected_buildings=sum(y.so_far.corrected is not None for y in years),
        co2_kg=_sum(years, lambda y: y.co2_kg),
        primary_kwh=_sum(years, lambda y: y.primary_kwh),
        months=tuple(map(_month_total, zip(*(y.months for y in years), strict=True))),
    )


def _month_total(rows: Sequence[MonthOfUse]) -> MonthTotal:
    both = [row for row in rows if row.change is not None]
    last, own = _sum(both, lambda row: row.last_year), _sum(both, lambda row: row.use)
    return MonthTotal(
        first=rows[0].first,
        use=_sum(rows, lambda row: row.use),
        whole=all(row.days == row.of for row in rows),
        last_year=last,
        change=own / last - 1.0 if last and own is not None else None,
        budget=_sum(rows, lambda row: row.budget),
        target=_sum(rows, lambda row: row.target),
    )


def _compared(years: Sequence[CommodityYear]) -> tuple[float | None, float | None]:
    """Last year's use and this year's on the days that are known in both."""
    both = [
        (y.so_far.last_year, y.so_far.last_year * (1.0 + y.so_far.change))
        for y in years
        if y.so_far.last_year is not None and y.so_far.change is not None
    ]
    return (sum(a for a, _ in both), sum(b for _, b in both)) if both else (None, None)


def _sum(rows: Sequence[Row], of: Callable[[Row], float | None]) -> float | None:
    known = [value for value in map(of, rows) if value is not None]
    return sum(known) if known else None
