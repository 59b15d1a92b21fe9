"""How restless a building is: its own drift from one year to the next, and how much of it the
course of both years tells.

A building whose months stray from the model in other ways than a year before changes more than one
whose months do as they did; one that changed much before is likelier to do so again (empirical
Bayes: its earlier changes and those of an estate of untreated meters, the second with the weight of
so many years); and a part of the walk that the errors of its months let expect (``wandering``) is
no saving. The estate's numbers are in ``estate.yaml``, made by ``bms.bench.savings.estate``;
docs/savings.md §5 has the method and how it was chosen.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, lru_cache
from math import exp, log, sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Floats
from bms.model.yaml_data import read_yaml
from bms.savings.data.daily import DailyUse, ordinals
from bms.savings.models.baseline import Baseline
from bms.savings.models.wandering import (
    LEAST_YEAR,
    STILL,
    YEAR_DAYS,
    Wandering,
    wandering,
)

ESTATE = Path(__file__).with_name("estate.yaml")
LEAST_SCATTER = 0.02
"""Scatter of months below which buildings do not differ, a share of use."""
MONTH_DAYS, LEAST_MONTHS = 10, 10
"""Days that make a month of the year known, and months that make a year."""
MOST_LOSS = 2.0
"""Losses of more than twice the use count as that."""
MOST_MOVED = 0.95
"""By how much of its half-width the middle of an interval may lie beside the saving."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """What untreated meters of an estate teach; all of it a share of use of one year against the
    year before.

    ``level`` and ``by_scatter`` give the usual drift by how the months of two years differ, exp(
    level + by_scatter · ln(scatter + 0.02)); ``level_before`` and ``by_scatter_before`` by the
    months of the baseline year alone. The estate counts as ``years`` of a building's own, each of
    which counts up to ``most`` times its usual drift. ``carried`` is the part of the
    walk that is expected which the middle of an interval is moved by. A saving is
    verified beyond ``verified`` half-widths of its 90 % interval (one in 67 lies there by
    chance) and indicative beyond ``indicative`` of them (the odds are two to one).
    """

    level: float
    by_scatter: float
    level_before: float
    by_scatter_before: float
    years: float
    most: float
    carried: float
    verified: float
    indicative: float

    def usual(self, scatter: float) -> float:
        """Drift by the ``scatter`` of the differences between two years' months."""
        return exp(self.level + self.by_scatter * log(scatter + LEAST_SCATTER))

    def usual_before(self, scatter: float) -> float:
        """Drift by the ``scatter`` of the baseline year's months, while that is all there is."""
        return exp(self.level_before + self.by_scatter_before * log(scatter + LEAST_SCATTER))

    def of_building(self, usual: float, changes: Sequence[float]) -> float:
        """Drift of a building whose like drift by ``usual`` and whose use has gone beyond what was
        expected by ``changes`` in earlier years (posterior of a scaled inverse chi-squared
        prior)."""
        own = sum(min((change / usual) ** 2, self.most**2) for change in changes)
        return usual * sqrt((self.years + own) / (self.years + len(changes)))


@cache
def the_estate() -> Estate:
    """The estate whose numbers come with the program."""
    kept = read_yaml(ESTATE.read_text(encoding="utf-8"))
    return Estate(**kept["estate"])


@dataclass(frozen=True, slots=True)
class Restlessness:
    """``drift`` is the standard deviation of the building's change from one year to the next, a
    share of its use, of which 1.645 give 90 %; ``walk`` is where its months let expect that it went
    by itself."""

    drift: float
    walk: Wandering = field(default=STILL)

    def expected_from(self, baseline: Sequence[date]) -> Callable[[date, date], float]:
        """The change by itself from the ``baseline`` days to those between two dates, as a saving
        [share of use]: negative where use was rising."""
        before, carried = self.walk.mean(baseline), the_estate().carried
        return lambda first, last: carried * (before - self.walk.mean_between(first, last))


def restlessness(
    model: Baseline, before: DailyUse, whole: DailyUse, changes: Sequence[float] = ()
) -> Restlessness:
    """The restlessness of a building by its baseline days ``before``, to which ``model`` was
    fitted, all days of the project (``whole``) and its earlier ``changes``."""
    estate = the_estate()
    first = monthly_errors(model, before)
    years = _years(whole)
    differences = [scatter_between(first, monthly_errors(model, year)) for year in years]
    known = [found for found in differences if found is not None]
    usual = estate.usual(float(np.mean(known))) if known else estate.usual_before(scatter(first))
    seen = (*changes, *_changes_between(model, years))
    return Restlessness(estate.of_building(usual, seen), wandering(model, before, whole))


def change(model: Baseline, before: DailyUse, after: DailyUse) -> float | None:
    """By how much the use of a year, ``after``, lay below what the year ``before`` and the course
    of both let expect, a share; None where a year is thin."""
    if min(len(before), len(after)) < LEAST_YEAR:
        return None
    expected = float(model.expect(after).sum())
    if expected <= 0:
        return None
    saving = max(1.0 - float(after.rate.sum()) / expected, -MOST_LOSS)
    walk = wandering(model, before, after)
    return saving + the_estate().carried * (walk.mean(after.dates) - walk.mean(before.dates))


def _changes_between(model: Baseline, years: Sequence[DailyUse]) -> list[float]:
    """By how much the use of each year of a project lay below that of the year before, a share."""
    full = [year for year in years if len(year) >= LEAST_YEAR]
    sums = [(float(year.rate.sum()), float(model.expect(year).sum())) for year in full]
    levels = [used / expected for used, expected in sums if used > 0 and expected > 0]
    return [max(1.0 - later / earlier, -MOST_LOSS) for earlier, later in itertools.pairwise(levels)]


def monthly_errors(model: Baseline, days: DailyUse) -> Floats:
    """Mean error of the model in each month of the year, a share of the mean use, after the model
    was scaled to the use of ``days``; NaN where a month has fewer than 10 days; shape (12,)."""
    expected, rate = model.expect(days), days.rate
    whole, used = float(expected.sum()), float(rate.sum())
    if whole <= 0 or used <= 0:
        return np.full(12, np.nan)
    month = _months(days.dates)
    count = np.bincount(month, minlength=12)
    error = np.bincount(month, rate * (whole / used) - expected, 12)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count >= MONTH_DAYS, error / count / (whole / len(days)), np.nan)


def scatter(errors: Floats) -> float:
    """Mean distance of the known monthly errors from their median; 0 where none is known."""
    known = errors[np.isfinite(errors)]
    return float(np.abs(known - np.median(known)).mean()) if len(known) else 0.0


def scatter_between(first: Floats, second: Floats) -> float | None:
    """Scatter of the differences between two years' monthly errors; None with fewer than ten months
    known in both."""
    difference = second - first
    return scatter(difference) if np.isfinite(difference).sum() >= LEAST_MONTHS else None


def _years(days: DailyUse) -> list[DailyUse]:
    """``days`` in years from the first one on; what is left belongs to none but the first."""
    if not len(days):
        return []
    place = ((ordinals(days.dates) - days.dates[0].toordinal()) / YEAR_DAYS).astype(np.int64)
    return [days.where(place == year) for year in range(int(place[-1]) + 1)]


@lru_cache(maxsize=32)
def _months(dates: tuple[date, ...]) -> NDArray[np.int64]:
    """Month of the year of each day, 0..11."""
    found = np.array([day.month - 1 for day in dates], dtype=np.int64)
    found.flags.writeable = False
    return found
