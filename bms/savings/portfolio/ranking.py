"""Buildings beside their peers: a place to look, and no proof of anything.

A building is compared with those of the same use and about the same size. Where they are fewer
than five, with all of the same use, and where those are too few, too, with all buildings; the
answer says which. What the peers' median would save is arithmetic, not a saving.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from bms.model.fact import Fact, MessageCode, fact
from bms.model.readings.series import Floats
from bms.savings.portfolio.key_figures import LEAST_COVERAGE, NORMAL_DEGREE_DAYS, KeyFigures

FEWEST_PEERS = 5
"""Buildings [1], the one in question among them, that a group of peers needs."""
SIZE_FACTOR = 3.0
"""Peers of about the same size have between a third and three times the area."""
YEAR_H = 8760.0


class Metric(MessageCode):
    """What buildings are ranked by; each names itself to people."""

    HEAT = "heat_kwh_m2"
    ELECTRICITY = "electricity_kwh_m2"
    NIGHT = "night_share"
    WEEKEND = "weekend_share"
    BASE_LOAD = "base_load_w_m2"
    WEATHER_SLOPE = "weather_slope_w_m2_k"
    COVERAGE = "coverage"


class RankingNote(MessageCode):
    """What has to be said beside a rank."""

    NO_PROOF = "peer_comparison"
    NO_METER = "figure_without_meter"
    TOO_THIN = "figure_too_thin"
    UNKNOWN = "figure_unknown"
    COMPARED_WITH_ALL = "compared_with_all"
    FEW_BUILDINGS = "few_buildings"


class Group(StrEnum):
    """Whom a building is compared with."""

    USE_AND_SIZE = "use_and_size"
    USE = "use"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """How a metric is read off a building's figures: its value, the commodity it costs, and what
    the building would use less [kWh per year] at another value of it."""

    unit: str
    value: Callable[[KeyFigures], float | None]
    less_kwh: Callable[[KeyFigures, float], float | None]
    commodity: str | None
    lowest_is_best: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerComparison:
    """A building among its peers.

    ``rank`` 1 is the best of ``of`` buildings, itself among them, and ``quartile`` 1 the best
    quarter. ``median`` is that of the others, ``distance`` how far the building lies above it, both
    in the unit of the metric. ``at_median_kwh`` and ``at_median_dkk`` [per year] are what it would
    use less at the peers' median, 0 where it is better already. What is not known is None.
    """

    site: str
    use: str
    area_m2: float
    value: float | None
    group: Group | None
    rank: int | None
    of: int
    quartile: int | None
    median: float | None
    distance: float | None
    at_median_kwh: float | None
    at_median_dkk: float | None
    notes: tuple[Fact, ...]


NO_PROOF = fact(RankingNote.NO_PROOF)


def ranked(
    metric: Metric, buildings: Sequence[KeyFigures], *, worst_first: bool = True
) -> tuple[PeerComparison, ...]:
    """Every building among its peers, worst or best first, those without a value last."""
    definition = METRICS[metric]
    values = np.array([_nan(definition.value(each)) for each in buildings], dtype=np.float64)
    city = _City(
        use=np.array([each.use for each in buildings]),
        area=np.array([each.area_m2 for each in buildings]),
        value=values,
        bad=values if definition.lowest_is_best else -values,
    )
    rows = [_standing(i, each, city, definition) for i, each in enumerate(buildings)]
    sign = -1.0 if worst_first is definition.lowest_is_best else 1.0
    return tuple(
        sorted(
            rows,
            key=lambda row: (row.value is None, sign * (row.value or 0.0), row.site),
        )
    )


@dataclass(frozen=True, slots=True, eq=False)
class _City:
    """Buildings side by side; shapes (n,). ``bad`` is larger where a building is worse."""

    use: np.ndarray[tuple[int], np.dtype[np.str_]]
    area: Floats
    value: Floats
    bad: Floats


def _standing(
    i: int, building: KeyFigures, city: _City, definition: MetricDefinition
) -> PeerComparison:
    if not np.isfinite(city.value[i]):
        return _unknown(building, definition.commodity)
    group, peers = _peers(i, city)
    others = peers.copy()
    others[i] = False
    of = int(peers.sum())
    rank = 1 + int((city.bad[peers] < city.bad[i]).sum())
    median = float(np.median(city.value[others])) if others.any() else None
    value = float(city.value[i])
    less = None if median is None else _less(definition, building, value, median)
    price = building.prices_dkk_per_kwh.get(definition.commodity or "")
    return PeerComparison(
        site=building.site,
        use=building.use,
        area_m2=building.area_m2,
        value=value,
        group=group,
        rank=rank,
        of=of,
        quartile=1 + 4 * (rank - 1) // of if of >= FEWEST_PEERS else None,
        median=median,
        distance=None if median is None else value - median,
        at_median_kwh=less,
        at_median_dkk=None if less is None or price is None else less * price,
        notes=(NO_PROOF, *_notes(group, of)),
    )


def _why_unknown(building: KeyFigures, commodity: str | None) -> Fact:
    """Why a figure of ``commodity`` is not known: no meter, too few of its hours, or else."""
    coverage = building.coverages.get(commodity) if commodity else building.coverage
    if not coverage:
        return fact(RankingNote.NO_METER)
    if coverage < LEAST_COVERAGE:
        return fact(RankingNote.TOO_THIN, coverage=coverage, needed=LEAST_COVERAGE)
    return fact(RankingNote.UNKNOWN)


def _unknown(building: KeyFigures, commodity: str | None) -> PeerComparison:
    return PeerComparison(
        site=building.site,
        use=building.use,
        area_m2=building.area_m2,
        value=None,
        group=None,
        rank=None,
        of=0,
        quartile=None,
        median=None,
        distance=None,
        at_median_kwh=None,
        at_median_dkk=None,
        notes=(_why_unknown(building, commodity),),
    )


def _peers(i: int, city: _City) -> tuple[Group, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Whom building ``i`` is compared with; itself among them."""
    known = np.isfinite(city.value)
    alike = known & (city.use == city.use[i])
    near = np.abs(np.log(city.area / city.area[i])) <= np.log(SIZE_FACTOR) + 1e-9
    for group, chosen in ((Group.USE_AND_SIZE, alike & near), (Group.USE, alike)):
        if chosen.sum() >= FEWEST_PEERS:
            return group, chosen
    return Group.ALL, known


def _less(
    definition: MetricDefinition, building: KeyFigures, value: float, median: float
) -> float | None:
    better = value <= median if definition.lowest_is_best else value >= median
    return 0.0 if better and definition.commodity else definition.less_kwh(building, median)


def _notes(group: Group, of: int) -> list[Fact]:
    found = []
    if group is Group.ALL:
        found.append(fact(RankingNote.COMPARED_WITH_ALL, fewest=FEWEST_PEERS))
    if of < FEWEST_PEERS:
        found.append(fact(RankingNote.FEW_BUILDINGS, count=of))
    return found


def _nan(value: float | None) -> float:
    return np.nan if value is None else value


def _per_m2(value: float | None, building: KeyFigures) -> float | None:
    return None if value is None or building.area_m2 <= 0 else value / building.area_m2


def _share_less(share: float | None, use: float | None, median: float) -> float | None:
    """What is used less when a share sinks to ``median`` and the rest of the use stays."""
    if share is None or use is None or median >= 1:
        return None
    return use * (share - median) / (1.0 - median)


def _above(value: float | None, building: KeyFigures, median: float, per: float) -> float | None:
    """What lies above ``median``, of the whole building, times ``per`` [kWh]."""
    of = _per_m2(value, building)
    return None if of is None else (of - median) * building.area_m2 * per


METRICS: Mapping[Metric, MetricDefinition] = {
    Metric.HEAT: MetricDefinition(
        "kWh/m2",
        lambda b: _per_m2(b.heat_kwh, b),
        lambda b, median: _above(b.heat_kwh, b, median, 1.0),
        "heat",
    ),
    Metric.ELECTRICITY: MetricDefinition(
        "kWh/m2",
        lambda b: _per_m2(b.electricity_kwh, b),
        lambda b, median: _above(b.electricity_kwh, b, median, 1.0),
        "electricity",
    ),
    Metric.NIGHT: MetricDefinition(
        "1",
        lambda b: b.night_share,
        lambda b, median: _share_less(b.night_share, b.electricity_kwh, median),
        "electricity",
    ),
    Metric.WEEKEND: MetricDefinition(
        "1",
        lambda b: b.weekend_share,
        lambda b, median: _share_less(b.weekend_share, b.electricity_kwh, median),
        "electricity",
    ),
    Metric.BASE_LOAD: MetricDefinition(
        "W/m2",
        lambda b: _per_m2(b.base_load_w, b),
        lambda b, median: _above(b.base_load_w, b, median, YEAR_H / 1000.0),
        "electricity",
    ),
    Metric.WEATHER_SLOPE: MetricDefinition(
        "W/(m2*K)",
        lambda b: _per_m2(b.weather_slope_w_k, b),
        lambda b, median: _above(
            b.weather_slope_w_k, b, median, 24.0 * NORMAL_DEGREE_DAYS / 1000.0
        ),
        "heat",
    ),
    Metric.COVERAGE: MetricDefinition(
        "1",
        lambda b: b.coverage,
        lambda b, median: None,
        None,
        lowest_is_best=False,
    ),
}
