"""A year beside the last one, budget and target, and the energy signature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api.pages.language import PageTranslator
from api.pages.panels.figure import ChartFigure, drawn
from api.pages.panels.points import meter_name
from bms.messages import MISSING
from bms.model.assets.site import Site
from bms.reports.building_charts import SignatureSeason, signature_chart
from bms.reports.svg import NARROW
from bms.reports.text import ChartText
from bms.services.accounts.city_year import consumption_of_site
from bms.services.accounts.consumption_year import CommodityYear
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.overview.signature import HeatingSeason


@dataclass(frozen=True, slots=True, kw_only=True)
class UseTable:
    """A commodity month by month: month, use, last year, budget; and its meters."""

    name: str
    unit: str
    rows: tuple[tuple[str, str, str, str], ...]
    co2: str | None
    meters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UseYearView:
    year: int
    tables: tuple[UseTable, ...]


def use_year_view(cache: SavingsCache, site: Site, t: PageTranslator) -> UseYearView | None:
    """This year so far; None where no meter was read. Raises ``FeedError``."""
    found = consumption_of_site(cache, site)
    tables = [_table(row, site, t) for row in found.commodities]
    known = tuple(table for table in tables if any(row[1] != MISSING for row in table.rows))
    return UseYearView(year=found.year, tables=known) if known else None


def _table(row: CommodityYear, site: Site, t: PageTranslator) -> UseTable:
    return UseTable(
        name=t(f"meter_{row.commodity.value}"),
        unit=row.unit.value,
        rows=tuple(
            (
                t.month(month.first),
                t.number(month.use),
                t.number(month.last_year),
                t.number(month.budget),
            )
            for month in row.months
        ),
        co2=None if row.co2_kg is None else t.number(row.co2_kg),
        meters=tuple(
            (meter_name(site, meter.meter.partition("/")[2] or meter.meter, t), t.number(meter.use))
            for meter in row.meters
        ),
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
