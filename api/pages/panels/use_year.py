"""A year beside the last one, budget and target, and the energy signature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api.pages.language import PageTranslator
from api.pages.panels.figure import ChartFigure, drawn
from api.pages.panels.fresh import fresh_line
from api.pages.panels.points import meter_name
from bms.messages import MISSING
from bms.model.assets.site import Site
from bms.model.savings.goal import KeptGoal
from bms.reports.building_charts import SignatureSeason, signature_chart
from bms.reports.svg import NARROW
from bms.reports.text import ChartText
from bms.services.accounts.city_year import consumption_of_site
from bms.services.accounts.consumption_year import CommodityYear
from bms.services.accounts.daily_use import unit_of_commodity
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.overview.signature import HeatingSeason
from bms.services.periods import midnight


@dataclass(frozen=True, slots=True, kw_only=True)
class UseTable:
    """A commodity month by month: month, use, last year, budget, target; how the year stands so
    far, who set budget and target, and its meters."""

    commodity: str
    name: str
    unit: str
    rows: tuple[tuple[str, str, str, str, str], ...]
    lines: tuple[str, ...]
    co2: str | None
    meters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UseYearView:
    """``goals`` are what people set, the newest first; ``fresh`` says how new the numbers are."""

    year: int
    tables: tuple[UseTable, ...]
    goals: tuple[str, ...]
    fresh: str


def use_year_view(cache: SavingsCache, site: Site, t: PageTranslator) -> UseYearView | None:
    """This year so far; None where no meter was read. Raises ``FeedError``."""
    told = consumption_of_site(cache, site)
    tables = [_table(row, site, t) for row in told.answer.commodities]
    known = tuple(table for table in tables if any(row[1] != MISSING for row in table.rows))
    if not known:
        return None
    kept = cache.ports.ledgers.goals([site.id])
    until = midnight(told.answer.until, site.timezone)
    return UseYearView(
        year=told.answer.year,
        tables=known,
        goals=tuple(_goal_line(row, site, t) for row in reversed(kept)),
        fresh=fresh_line(told.made_at, until, t, newer=told.newer_under_way),
    )


def _table(row: CommodityYear, site: Site, t: PageTranslator) -> UseTable:
    return UseTable(
        commodity=row.commodity.value,
        name=t(f"meter_{row.commodity.value}"),
        unit=row.unit.value,
        rows=tuple(
            (
                t.month(month.first),
                t.number(month.use),
                t.number(month.last_year),
                t.number(month.budget),
                t.number(month.target),
            )
            for month in row.months
        ),
        lines=(*_so_far(row, t), *against_goal(row, t)),
        co2=None if row.co2_kg is None else t.number(row.co2_kg),
        meters=tuple(
            (meter_name(site, meter.meter.partition("/")[2] or meter.meter, t), t.number(meter.use))
            for meter in row.meters
        ),
    )


def _so_far(row: CommodityYear, t: PageTranslator) -> tuple[str, ...]:
    """What was used so far, against last year and in normal weather."""
    told, unit = row.so_far, row.unit.value
    if told.use is None:
        return ()
    lines = [t("use_so_far", use=told.use, unit=unit, days=told.days, of=told.of)]
    if told.last_year is not None and told.change is not None:
        lines.append(t("use_against_last", change=told.change, last=told.last_year, unit=unit))
    if told.corrected is not None and told.corrected != told.use:
        lines.append(t("use_corrected", use=told.corrected, unit=unit))
    return tuple(lines)


def against_goal(row: CommodityYear, t: PageTranslator) -> tuple[str, ...]:
    """How the year stands against budget and target, in a sentence each."""
    told, unit = row.so_far, row.unit.value
    lines = []
    if row.budget is not None and told.use is not None and told.budget:
        change = told.use / told.budget - 1.0
        of = {"change": change, "so_far": told.budget, "whole": row.budget, "unit": unit}
        lines.append(t("use_against_budget", **of))
    if row.target is not None and told.use is not None and told.target:
        change = told.use / told.target - 1.0
        of = {"change": change, "so_far": told.target, "whole": row.target, "unit": unit}
        lines.append(t("use_against_target", **of))
    return tuple(lines)


def _goal_line(row: KeptGoal, site: Site, t: PageTranslator) -> str:
    return t(
        "goal_line",
        what=t(f"meter_{row.goal.commodity.value}"),
        year=str(row.goal.year),
        budget=row.goal.budget,
        target=row.goal.target,
        unit=unit_of_commodity(site, row.goal.commodity).value,
        author=row.author,
        day=t.day(row.entered_at, year=True),
        reason=row.reason,
    )


def signature_figure(seasons: Sequence[HeatingSeason], t: PageTranslator) -> ChartFigure | None:
    """The energy signature by heating season; None where no day is known."""
    if not seasons:
        return None
    seasons_drawn = [
        SignatureSeason(
            name=f"{season.year}/{(season.year + 1) % 100:02d}",
            temp_c=season.temp_c,
            kwh=season.kwh,
        )
        for season in seasons
    ]
    text = ChartText(
        title=t("signature"),
        description=t("signature_about", seasons=", ".join(row.name for row in seasons_drawn)),
        translator=t,
    )
    rows = [
        (row.name, t.number(len(row.kwh)), _cold(row, t), _mean(row, t))
        for row in reversed(seasons_drawn)
    ]
    heads = (t("signature_season"), t("month_days"), t("signature_cold"), t("signature_mean"))
    drawing = drawn(signature_chart(seasons_drawn, text, NARROW), 52, 14)
    return ChartFigure(drawings=(drawing,), heads=heads, rows=tuple(rows), along=False)


def _cold(row: SignatureSeason, t: PageTranslator) -> str:
    """Mean use of days around freezing."""
    cold = [kwh for temp, kwh in zip(row.temp_c, row.kwh, strict=True) if -2.0 <= temp <= 2.0]
    return t.number(sum(cold) / len(cold)) if cold else MISSING


def _mean(row: SignatureSeason, t: PageTranslator) -> str:
    return t.number(sum(row.kwh) / len(row.kwh)) if row.kwh else MISSING
