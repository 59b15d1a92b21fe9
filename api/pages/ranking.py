"""Buildings beside their peers, as bars and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from api.pages.language import PageTranslator
from api.pages.panels.fresh import fresh_city_line
from api.pages.panels.standing import name_of
from api.ports import ApiPorts
from bms.messages import MISSING
from bms.model.assets.site import Site
from bms.model.fact import fact
from bms.model.savings.kept_answer import AnswerKind
from bms.reports.ranking_chart import RankingBar, ranking_bars
from bms.reports.text import ChartText
from bms.savings.portfolio.ranking import (
    METRICS,
    NO_PROOF,
    Metric,
    MetricDefinition,
    PeerComparison,
)
from bms.services.assessment.ranking import ranking
from bms.services.assessment.savings_cache import SavingsCache

MOST_BARS = 30
"""Bars of one chart; the table has every building."""
PERCENT = "%"
UNITS = {"kWh/m2": "kWh/m²", "W/m2": "W/m²", "W/(m2*K)": "W/(m²·K)", "1": PERCENT}


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedBuilding:
    """A building of the table, in words."""

    id: str
    name: str
    use: str
    value: str
    median: str
    rank: str
    peers: str
    kwh: str
    dkk: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingView:
    """``metrics`` are (code, words, whether it is this one)."""

    title: str
    unit: str
    metrics: tuple[tuple[str, str, bool], ...]
    chart: Markup | None
    shown: str | None
    rows: tuple[RankedBuilding, ...]
    notes: tuple[str, ...]
    money: bool
    fresh: str | None


def ranking_page(
    ports: ApiPorts, cache: SavingsCache, metric: Metric, t: PageTranslator
) -> RankingView:
    """Everything on the page of one key figure."""
    definition = METRICS[metric]
    standings = ranking(cache, metric)
    notes = dict.fromkeys(note for row in standings for note in row.notes)
    return RankingView(
        title=t.describe(fact(metric)),
        unit=UNITS[definition.unit],
        metrics=tuple((m.value, t.describe(fact(m)), m is metric) for m in Metric),
        chart=_chart(standings, ports.sites, metric, t),
        shown=t("ranking_shown", n=MOST_BARS) if len(standings) > MOST_BARS else None,
        rows=tuple(_row(row, ports.sites[row.site], definition, t) for row in standings),
        notes=tuple(t.describe(note) for note in notes if note.code != NO_PROOF.code),
        money=definition.commodity is not None,
        fresh=fresh_city_line(cache.freshness(AnswerKind.FIGURES), len(standings), t),
    )


def _row(
    row: PeerComparison, site: Site, definition: MetricDefinition, t: PageTranslator
) -> RankedBuilding:
    return RankedBuilding(
        id=row.site,
        name=name_of(site, t),
        use=use_of(row.use, t),
        value=_figure(row.value, definition, t),
        median=_figure(row.median, definition, t),
        rank=MISSING if row.rank is None else t("ranking_rank", rank=row.rank, of=row.of),
        peers=MISSING if row.group is None else t(f"ranking_{row.group.value}"),
        kwh=t.number(row.at_median_kwh),
        dkk=t.number(row.at_median_dkk),
    )


def use_of(use: str, t: PageTranslator) -> str:
    """What a building is for, in words; its code where there are none."""
    return t.one_of(f"use_{use}", use.replace("_", " "))


def _figure(value: float | None, definition: MetricDefinition, t: PageTranslator) -> str:
    shown = None if value is None else _shown(value, definition)
    return t.number(shown, 2 if definition.unit == "W/(m2*K)" else 1)


def _shown(value: float, definition: MetricDefinition) -> float:
    return 100.0 * value if UNITS[definition.unit] == PERCENT else value


def _chart(
    standings: Sequence[PeerComparison],
    sites: Mapping[str, Site],
    metric: Metric,
    t: PageTranslator,
) -> Markup | None:
    definition = METRICS[metric]
    bars = [
        RankingBar(
            name=name_of(sites[row.site], t),
            value=_shown(row.value, definition),
            median=None if row.median is None else _shown(row.median, definition),
            beside=f"{_figure(row.value, definition, t)} {UNITS[definition.unit]}",
        )
        for row in standings[:MOST_BARS]
        if row.value is not None
    ]
    if not bars:
        return None
    text = ChartText(
        title=t.describe(fact(metric)),
        description="; ".join(f"{bar.name}: {bar.beside}" for bar in bars),
        translator=t,
    )
    drawn = ranking_bars(
        bars, text, unit=UNITS[definition.unit], lowest_is_best=definition.lowest_is_best
    )
    return Markup(drawn)  # noqa: S704 - our own SVG, its words are escaped
