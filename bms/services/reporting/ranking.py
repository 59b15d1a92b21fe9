"""Buildings among their peers by every key figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from bms.model.assets.site import Site
from bms.model.fact import Fact, fact
from bms.model.reporting.columns import Record, table_of
from bms.model.reporting.table import ReportTable
from bms.model.reporting.words import MethodFact, ReportFact, Sheet
from bms.model.savings.avoided_use import Span
from bms.savings.portfolio.key_figures import KeyFigures
from bms.savings.portfolio.ranking import METRICS, Metric, PeerComparison, ranked
from bms.services.assessment.ranking import figures_question
from bms.services.reporting.consumption import span_of
from bms.services.reporting.scope import Scope, name_of

COLUMNS = (
    *("metric", "building", "building_name", "use_of_building", "area_m2", "value", "unit"),
    *("median", "distance", "rank", "of", "quartile", "peers", "at_median_kwh"),
    *("at_median_dkk", "notes"),
)
PRINTED = (
    *("building_name", "use_of_building", "value", "unit", "median", "rank", "of"),
    *("at_median_kwh", "at_median_dkk"),
)
METHOD = (fact(MethodFact.RANKING),)
MOST_PRINTED = 60
YEAR = timedelta(days=365)


def ranking_tables(scope: Scope) -> tuple[tuple[ReportTable, ...], tuple[Fact, ...]]:
    """A table for each key figure, heat first, and what is said of them.

    Peers are all buildings of the municipality, whichever the report is about.
    """
    figures = _figures(scope)
    chosen = {site.id: site for site in scope.sites}
    tables = []
    for metric in Metric:
        rows = [row for row in ranked(metric, figures) if row.site in chosen]
        tables.append(
            table_of(
                Sheet(f"ranking_{metric}"),
                COLUMNS,
                list(_records(metric, rows, chosen)),
                printed=PRINTED,
                most_printed=MOST_PRINTED,
            )
        )
    told = fact(ReportFact.RANKED, buildings=len(chosen), of=len(figures))
    return tuple(tables), (told,)


def _figures(scope: Scope) -> tuple[KeyFigures, ...]:
    sites = scope.cache.ports.sites
    found = []
    for i, site in enumerate(sites.values()):
        found.append(_kept(scope, site))
        scope.progress((i + 1) / len(sites))
    return tuple(found)


def _kept(scope: Scope, site: Site) -> KeyFigures:
    """As ``bms.services.assessment.ranking`` keeps them, so that an answer is found again."""
    year = _year(scope, site)
    return scope.cache.answers.one(figures_question(scope.cache, site, year=year)).answer


def _year(scope: Scope, site: Site) -> Span | None:
    """The 365 days until the end of the period; None, the last ones, where that has not come."""
    if not scope.asked or scope.end > scope.today:
        return None
    return span_of(site, scope.end - YEAR, scope.end)


def _records(
    metric: Metric, rows: Sequence[PeerComparison], sites: dict[str, Site]
) -> Iterator[Record]:
    for row in rows:
        yield {
            "metric": metric.value,
            "building": row.site,
            "building_name": name_of(sites[row.site]),
            "use_of_building": row.use,
            "area_m2": row.area_m2,
            "value": row.value,
            "unit": METRICS[metric].unit,
            "median": row.median,
            "distance": row.distance,
            "rank": row.rank,
            "of": row.of,
            "quartile": row.quartile,
            "peers": None if row.group is None else row.group.value,
            "at_median_kwh": row.at_median_kwh,
            "at_median_dkk": row.at_median_dkk,
            "notes": row.notes,
        }
