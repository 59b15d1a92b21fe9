"""What untreated meters teach about the drift of buildings: makes
``bms/savings/models/estate.yaml`` and the table of how it holds on buildings that were left out.

Student's t by maximum likelihood, with the features of ``bms.savings.models.restlessness``; then
one number of the half-widths is set so that nine of ten of the years of buildings that were left
out lie inside (conformal over building-years).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, log, sqrt

import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, stdtrit

from bms.bench.savings.placebo_years import ManyYears, building, kind, year_of
from bms.model.readings.series import Floats
from bms.model.readings.units import Commodity
from bms.savings.claims.assessment import AssessmentSettings
from bms.savings.data.daily import DailyUse, daily
from bms.savings.data.screening import screen_use
from bms.savings.models.baseline import Baseline, fit_baseline
from bms.savings.models.restlessness import (
    LEAST_SCATTER,
    MOST_LOSS,
    MOST_MOVED,
    Estate,
    monthly_errors,
    scatter,
    scatter_between,
)
from bms.savings.models.uncertainty import CONFIDENCE, Z90
from bms.savings.models.wandering import LEAST_YEAR, wandering

FOLDS = 6
MOST_HISTORY = 8
VERIFIED_TAIL, INDICATIVE_TAIL = 0.985, 2.0 / 3.0
"""One-sided probabilities beyond which a saving is verified, and indicative."""
START = (-0.1, 1.1, -0.8, 0.7, 3.2, 1.0, 0.4, 1.2, 1.0)
"""Level and slope by two years' scatter, and by one's; logarithms of years and most; the share of
the walk that is seen; logarithms of the degrees of freedom above one, of both distributions."""
BOUNDS = ((-8, 8), (-8, 8), (-8, 8), (-8, 8), (0, 3.5), (0.3, 2), (-2, 2), (-1.5, 4), (-1.5, 4))


@dataclass(frozen=True, slots=True)
class PlaceboYear:
    """A year of an untreated meter against the year before: its ``saving`` and the 90 % half-width
    of its model alone, shares of the adjusted baseline; how its months differ from those of the
    year before (``between``), how those of that year scatter (``before``), and how far the months
    let expect that its use rose by itself (``walk``)."""

    meter: str
    year: int
    saving: float
    noise: float
    between: float
    before: float
    walk: float


@dataclass(frozen=True, slots=True, eq=False)
class Teachers:
    """Placebo years as columns, shapes (n,), and their meters' earlier years, (n, 8) with NaN."""

    rows: tuple[PlaceboYear, ...]
    saving: Floats
    noise: Floats
    between: Floats
    before: Floats
    walk: Floats
    past_saving: Floats
    past_walk: Floats
    building: NDArray[np.str_]


def teachers(years: ManyYears) -> Teachers:
    """The placebo years of all meters that can be assessed and whose months can be compared."""
    rows: list[PlaceboYear] = []
    for meter in years.meters:
        rows += _of_meter(years, meter)
    past = [_past(row, rows) for row in rows]
    return Teachers(
        tuple(rows),
        saving=np.array([row.saving for row in rows]),
        noise=np.array([row.noise for row in rows]),
        between=np.array([row.between for row in rows]),
        before=np.array([row.before for row in rows]),
        walk=np.array([row.walk for row in rows]),
        past_saving=np.array([[each[0] for each in found] for found in past]),
        past_walk=np.array([[each[1] for each in found] for found in past]),
        building=np.array([building(row.meter) for row in rows]),
    )


def _of_meter(years: ManyYears, meter: str) -> list[PlaceboYear]:
    clean, _ = screen_use(years.meters[meter], years.temp, kind(meter))
    fits: dict[int, tuple[Baseline, DailyUse]] = {}
    for each in range(clean.start.year, clean.end.year):
        days = daily(clean, years.temp, year_of(each), "UTC").only_valid()
        if len(days) >= LEAST_YEAR and days.kwh.sum() > 0:
            cooling = kind(meter) is Commodity.ELECTRICITY
            fits[each] = fit_baseline(days, cooling=cooling), days
    pairs = [each for each in fits if each + 1 in fits]
    rows = [_pair(years, meter, each, fits) for each in pairs]
    return [row for row in rows if row is not None]


def _pair(
    years: ManyYears, meter: str, year: int, fits: dict[int, tuple[Baseline, DailyUse]]
) -> PlaceboYear | None:
    model, before = fits[year]
    first = monthly_errors(model, before)
    after = fits[year + 1][1]
    between = scatter_between(first, monthly_errors(model, after))
    told = years.assess(meter, year, settings=AssessmentSettings(drift=0.0))
    whole = told.adjusted_baseline_kwh
    if between is None or told.saving_kwh is None or not whole:
        return None
    walk = wandering(model, before, after)
    half = ((told.saving_high_kwh or 0.0) - (told.saving_low_kwh or 0.0)) / 2.0
    return PlaceboYear(
        meter,
        year,
        max(told.saving_kwh / whole, -MOST_LOSS),
        half / whole,
        between,
        scatter(first),
        walk.mean(after.dates) - walk.mean(before.dates),
    )


def _past(row: PlaceboYear, rows: Sequence[PlaceboYear]) -> list[tuple[float, float]]:
    known = {each.year: each for each in rows if each.meter == row.meter}
    found: list[tuple[float, float]] = []
    for year in range(row.year - 1, row.year - 1 - MOST_HISTORY, -1):
        each = known.get(year)
        found.append((np.nan, np.nan) if each is None else (each.saving, each.walk))
    return found


def _estate(theta: Floats) -> Estate:
    level, by, level_before, by_before, years, most, carried, nu, _ = map(float, theta)
    freedom = exp(nu) + 1.0
    t = float(stdtrit(freedom, 0.5 + CONFIDENCE / 2.0))
    return Estate(
        level=level,
        by_scatter=by,
        level_before=level_before,
        by_scatter_before=by_before,
        years=exp(years),
        most=exp(most),
        carried=carried,
        verified=float(stdtrit(freedom, VERIFIED_TAIL)) / t,
        indicative=float(stdtrit(freedom, INDICATIVE_TAIL)) / t,
    )


def half_widths(estate: Estate, t: Teachers, *, one_year: bool = False) -> Floats:
    """90 % half-widths of the placebo years, shares of use; ``one_year``: without the months of
    the reporting year."""
    level, by = estate.level, estate.by_scatter
    if one_year:
        level, by = estate.level_before, estate.by_scatter_before
    usual = np.exp(level + by * np.log((t.before if one_year else t.between) + LEAST_SCATTER))
    changes = (t.past_saving + estate.carried * t.past_walk) / usual[:, None]
    own = np.nansum(np.minimum(changes**2, estate.most**2), axis=1)
    known = np.isfinite(changes).sum(axis=1)
    drift = usual * np.sqrt((estate.years + own) / (estate.years + known))
    return np.asarray(np.hypot(t.noise, Z90 * drift))


def middles(estate: Estate, t: Teachers, half: Floats) -> Floats:
    """Middles of the placebo years' intervals, shares of use."""
    moved = -estate.carried * t.walk
    return t.saving - np.clip(moved, -MOST_MOVED * half, MOST_MOVED * half)


def _surprise(theta: Floats, t: Teachers, used: NDArray[np.bool_]) -> float:
    """Negative log-likelihood of the years that are ``used``, by both distributions."""
    estate, total = _estate(theta), 0.0
    left = t.saving + estate.carried * t.walk
    for one_year, nu in ((False, exp(theta[7]) + 1.0), (True, exp(theta[8]) + 1.0)):
        scale = half_widths(estate, t, one_year=one_year) / float(stdtrit(nu, 0.95))
        z = left / scale
        each = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * log(nu * np.pi)
        each = each - np.log(scale) - (nu + 1) / 2 * np.log1p(z * z / nu)
        total -= float(each[used].sum())
    return total + 0.5 * float(theta[1] ** 2 + theta[3] ** 2)


def learn(t: Teachers, used: NDArray[np.bool_] | None = None) -> Estate:
    """The estate by maximum likelihood of the years that are ``used`` (all)."""
    all_of = np.ones(len(t.rows), dtype=bool)
    found = minimize(
        _surprise,
        np.array(START),
        args=(t, all_of if used is None else used),
        method="L-BFGS-B",
        bounds=BOUNDS,
    )
    return _estate(found.x)


def scaled(estate: Estate, factor: float) -> Estate:
    """``estate`` whose intervals are wider by ``factor``, and whose verdicts are the same."""
    return replace(
        estate,
        level=estate.level + log(factor),
        level_before=estate.level_before + log(factor),
        verified=estate.verified / factor,
        indicative=estate.indicative / factor,
    )


def left_out(t: Teachers) -> list[tuple[NDArray[np.bool_], Estate]]:
    """Years of buildings that were left out, and the estate that the others taught."""
    names = np.unique(t.building)
    np.random.default_rng(0).shuffle(names)
    folds = [np.isin(t.building, part) for part in np.array_split(names, FOLDS)]
    return [(part, learn(t, ~part)) for part in folds]


def conformal_factor(t: Teachers, folds: Sequence[tuple[NDArray[np.bool_], Estate]]) -> float:
    """By how much the drift has to be larger for nine of ten years that were left out to lie inside
    (bisection)."""
    low, high = 0.5, 2.0
    for _ in range(30):
        factor = sqrt(low * high)
        inside = np.concatenate([inside_of(scaled(each, factor), t)[part] for part, each in folds])
        low, high = (factor, high) if inside.mean() < CONFIDENCE else (low, factor)
    return high


def inside_of(estate: Estate, t: Teachers) -> NDArray[np.bool_]:
    """Which placebo years' intervals contain that nothing was saved."""
    half = half_widths(estate, t)
    return np.abs(middles(estate, t, half)) <= half


def kept(estate: Estate, n: int, buildings: int) -> str:
    """The file ``estate.yaml``."""
    numbers = {name: round(getattr(estate, name), 4) for name in Estate.__dataclass_fields__}
    return (
        "# Drift of untreated meters from one year to the next (bms.savings.models.restlessness).\n"
        f"# Learned from {n} pairs of consecutive years of {buildings} public buildings, daily,\n"
        "# 2008 to 2019, no filter, no known project: University of Cambridge building energy\n"
        "# archive v2.1, doi 10.5281/zenodo.10955332, MIT (c) 2023 EECi; a selection.\n"
        "# Made by tools/estate.\n" + yaml.safe_dump({"estate": numbers}, sort_keys=False)
    )
