"""What the overview shows: what needs a person, the saving of all, and every building."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from api.pages.city.board import CityBoard, SavingsBoard
from api.pages.city.table import RowsInWords, TableAsked, TableRow, TableView, table_view
from api.pages.language import PageTranslator
from api.pages.panels.claim import Claim, claim_of
from api.pages.panels.fresh import fresh_city_line
from api.pages.panels.months import MonthTable, month_table
from api.pages.panels.points import device_name, meter_name, what_of
from api.pages.panels.standing import name_of, names_of
from api.ports import ApiPorts
from bms.model.savings.avoided_use import SiteSavings
from bms.model.savings.kept_answer import Freshness
from bms.model.savings.objection import Verdict
from bms.reports.charts import savings_bars
from bms.reports.text import ChartText
from bms.services.assessment.savings_cache import SiteAssessment
from bms.services.overview.attention import Attention, Topic

MOST_MATTERS = 8
"""Matters that are shown before somebody asks for all of them."""
MOST_BARS = 12
TABS = {Topic.NOW: "", Topic.USE: "/use", Topic.TRAIL: "/trail", Topic.WORK: "/work"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MatterRow:
    """One matter in words: at which building, about what, since when and at which cost a day."""

    site: str
    name: str
    what: str
    urgent: bool
    since: str
    cost: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewView:
    """``table`` is None while buildings are looked at for the first time, ``claim`` while savings
    are computed. ``at`` is when the buildings were looked at."""

    at: datetime | None
    matters: tuple[MatterRow, ...]
    more: int
    table: TableView | None
    claim: Claim | None
    chart: Markup | None
    months: MonthTable | None
    any: bool
    why: str | None
    fresh: str | None


def overview_page(
    ports: ApiPorts,
    board: CityBoard,
    words: RowsInWords,
    asked: TableAsked,
    t: PageTranslator,
    *,
    whole: bool,
) -> OverviewView:
    """Everything on the overview; ``whole``: every matter."""
    board.prepare()
    standing, savings = board.standing(), board.savings()
    matters = () if standing is None else standing.matters
    shown = matters if whole else matters[:MOST_MATTERS]
    rows: Sequence[TableRow] = () if standing is None else words.rows(standing, savings, t)
    known = savings is not None and len(savings.sites) > 0
    return OverviewView(
        at=None if standing is None else standing.at,
        matters=tuple(_matter(each, ports, t) for each in shown),
        more=len(matters) - len(shown),
        table=None if standing is None else table_view(rows, asked, t),
        claim=_claim(savings, ports, t) if known and savings is not None else None,
        chart=_chart(savings, ports, t) if known and savings is not None else None,
        months=month_table(savings.total, t) if known and savings is not None else None,
        any=len(ports.sites) > 0,
        why=None if savings is None else _why_none(savings, t),
        fresh=None if savings is None else _fresh(savings, t),
    )


def _matter(each: Attention, ports: ApiPorts, t: PageTranslator) -> MatterRow:
    site, now = ports.sites[each.site], ports.clock.now()
    about = ""
    if each.point is not None:
        about = what_of(each.point, site, t)
    elif each.meter is not None:
        about = meter_name(site, each.meter, t)
    elif each.device is not None:
        about = device_name(site, each.device, t)
    said = t.describe(each.what)
    return MatterRow(
        site=site.id,
        name=name_of(site, t),
        what=f"{about}: {said[:1].lower()}{said[1:]}" if about else said,
        urgent=each.urgent,
        since="" if each.since is None else t.since(each.since, now),
        cost="" if each.dkk is None else t("matter_cost", dkk=each.dkk),
        link=f"/sites/{site.id}{TABS[each.topic]}",
    )


def _claim(savings: SavingsBoard, ports: ApiPorts, t: PageTranslator) -> Claim:
    names = names_of(ports.sites.values(), t)
    return claim_of(savings.total, _longest(list(savings.sites.values())).periods, names, t)


def _why_none(savings: SavingsBoard, t: PageTranslator) -> str | None:
    """Why no saving can be told, by the first building that has a reason; None where one can."""
    if savings.total.saving_kwh is not None:
        return None
    reasons = (row.savings.reasons[-1] for row in savings.sites.values() if row.savings.reasons)
    first = next(reasons, None)
    return None if first is None else t.describe(first)


def _fresh(savings: SavingsBoard, t: PageTranslator) -> str | None:
    """How new the savings of the buildings are."""
    rows = savings.sites.values()
    made = [row.made_at for row in rows if row.made_at is not None]
    freshness = Freshness(
        answers=len(made),
        made_at=min(made, default=None),
        outdated=sum(row.newer_under_way for row in rows if row.made_at is not None),
    )
    return fresh_city_line(freshness, len(rows), t)


def _longest(assessed: Sequence[SiteAssessment]) -> SiteAssessment:
    """The building with the longest reporting period, which stands for the sum."""
    return max(assessed, key=lambda row: row.periods.reporting.end - row.periods.reporting.start)


def _chart(savings: SavingsBoard, ports: ApiPorts, t: PageTranslator) -> Markup | None:
    """Savings of the buildings with the largest ones as bars."""
    rows = [row.savings for row in savings.sites.values() if row.savings.saving_kwh is not None]
    if not rows:
        return None
    largest = sorted(rows, key=lambda row: -abs(row.saving_kwh or 0.0))[:MOST_BARS]
    return _bars(largest, ports, t)


def _bars(rows: Sequence[SiteSavings], ports: ApiPorts, t: PageTranslator) -> Markup:
    names = {row.id: name_of(ports.sites[row.id], t) for row in rows}
    verdicts = {verdict: t(f"verdict_{verdict.value}") for verdict in Verdict}
    rows_in_words = "; ".join(
        f"{names[row.id]}: {t.number(row.saving_kwh)} kWh, {verdicts[row.verdict]}" for row in rows
    )
    text = ChartText(
        title=t("bars_title"), description=t("bars_about", rows=rows_in_words), translator=t
    )
    return Markup(savings_bars(rows, text, names))  # noqa: S704 - our own SVG, its words are escaped
