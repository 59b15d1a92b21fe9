"""What the overview shows: the saving of all buildings, and how each of them stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from api.pages.language import PageTranslator
from api.pages.panels.claim import Claim, claim_of
from api.pages.panels.months import MonthTable, month_table
from api.pages.panels.standing import BuildingRow, building_row, held_points, name_of, names_of
from api.ports import ApiPorts
from bms.model.assets.site import Site
from bms.model.savings.avoided_use import SiteSavings
from bms.model.savings.objection import Verdict
from bms.reports.charts import savings_bars
from bms.reports.text import ChartText
from bms.services.assessment.savings_cache import SavingsCache, SiteAssessment


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioView:
    claim: Claim | None
    chart: Markup | None
    months: MonthTable | None
    rows: tuple[BuildingRow, ...]


def portfolio_page(ports: ApiPorts, cache: SavingsCache, t: PageTranslator) -> PortfolioView:
    """Everything on the overview."""
    assessed = cache.sites()
    savings = [row.savings for row in assessed]
    known = any(row.saving_kwh is not None for row in savings)
    held = held_points(ports)
    total = cache.portfolio(assessed)
    return PortfolioView(
        claim=claim_of(total, _longest(assessed), names_of(ports.sites.values(), t), t)
        if assessed
        else None,
        months=month_table(total, t),
        chart=bars(savings, ports.sites, t) if known else None,
        rows=tuple(
            building_row(ports, site, held[site.id], row, t)
            for site, row in zip(ports.sites.values(), assessed, strict=True)
        ),
    )


def _longest(assessed: Sequence[SiteAssessment]) -> SiteAssessment:
    """The building with the longest reporting period, which stands for the sum."""
    return max(assessed, key=lambda row: row.periods.reporting.end - row.periods.reporting.start)


def bars(rows: Sequence[SiteSavings], sites: Mapping[str, Site], t: PageTranslator) -> Markup:
    """Savings of the buildings as bars."""
    names = {site.id: name_of(site, t) for site in sites.values()}
    verdicts = {verdict: t(f"verdict_{verdict.value}") for verdict in Verdict}
    rows_in_words = "; ".join(
        f"{names[row.id]}: {t.number(row.saving_kwh)} kWh, {verdicts[row.verdict]}" for row in rows
    )
    text = ChartText(
        title=t("bars_title"), description=t("bars_about", rows=rows_in_words), translator=t
    )
    return Markup(savings_bars(rows, text, names))  # noqa: S704 - our own SVG, its words are escaped
