"""Changed use: evenings, nights or weekends that take another share of a meter's use for good.

For each week, the mean use in a class of hours over the mean of all hours, against the same weeks
of the other period; a step of that ratio (``step_scan.best_step``) is another way to use the
building. A change of all hours alike does not show here, but as a step of use. Electricity only:
the daily rhythm of heat follows its weather.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bms.model.fact import TermCode
from bms.model.planning.grid import local_grid
from bms.model.readings.series import Floats, Series
from bms.model.savings.avoided_use import Span
from bms.savings.data.daily import known_sums
from bms.savings.events.step_scan import LEAST_RHO, best_step, fit_shapes


class HoursOfWeek(TermCode):
    """Hours of the week that are looked at by themselves (local time): 17 to 22 on weekdays, 23 to
    5 every night, and 8 to 20 at weekends."""

    EVENING = "use_evening"
    NIGHT = "use_night"
    WEEKEND = "use_weekend"


CLASSES = tuple(HoursOfWeek)
SIDE_WEEKS, LEAST_WEEKS = 6, 26
"""Weeks before and after a change, and in each period: less than half a year is one season."""
LEAST = 0.15
"""Smallest change of the use in a class of hours, a share of it."""
CERTAIN = 4.5
"""Least ratio of the change to its standard error."""
FULL_WEEK = 0.6
"""Share of the usual hours of a class that a week has to have."""
AGAIN = 0.8
"""How much of the other period's seasonal change is expected again."""
REST = 0.3
"""In weeks of rest a class is compared with this share of the mean use."""
_WEEK = timedelta(days=7)
_LONGEST = 53


@dataclass(frozen=True, slots=True)
class ChangedUse:
    """From ``start`` on the use in ``hours`` is higher by ``share`` of what it was, which made
    ``kwh`` ± ``kwh_se`` [kWh] to the end of the period, a ``share_of_all`` of the use of all hours
    without it. ``alone`` is how clear it is without the other period."""

    hours: HoursOfWeek
    start: datetime
    share: float
    share_of_all: float
    kwh: float
    kwh_se: float
    alone: float


@dataclass(frozen=True, slots=True)
class _Weeks:
    """The use of a class of hours over that of all hours, its kWh and theirs, by week; shapes
    (w,)."""

    ratio: Floats
    kwh: Floats
    every: Floats


def changed_use(
    use: Series, baseline: Span, reporting: Span, timezone: str
) -> list[tuple[Span, ChangedUse]]:
    """Changes inside each of the two periods, at most one per period and class of hours, with the
    period; the other period shows what is usual in its season."""
    if use.step > timedelta(hours=1) or not len(use):
        return []
    before, after = (_weeks(use, span, timezone) for span in (baseline, reporting))
    found: list[tuple[Span, ChangedUse]] = []
    for name in CLASSES:
        here, there = before[name], after[name]
        early = _change(name, here, there, baseline.start)
        late = _change(name, there, here, reporting.start)
        if early and late and early.alone >= late.alone:
            late = None  # its mirror image, in the other period's season
        elif late:
            early = None
        found += [(baseline, early)] if early else []
        found += [(reporting, late)] if late else []
    return found


def _weeks(use: Series, span: Span, timezone: str) -> dict[HoursOfWeek, _Weeks]:
    """Whole weeks of ``span`` from its start on, by class; NaN where too little of one is known."""
    n = max(int((span.end - span.start) // _WEEK), 0)
    inside, places = _week_places(use.start, use.step, len(use), span, timezone)
    sums = known_sums(use.values[inside], places, n * (len(CLASSES) + 1))
    kwh, count = (each.reshape(n, len(CLASSES) + 1) for each in sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = kwh.sum(axis=1) / count.sum(axis=1)
    level = np.maximum(mean, REST * float(np.nanmean(mean))) if np.isfinite(mean).any() else mean
    return {
        name: _Weeks(_ratio(kwh[:, i], count[:, i], level), kwh[:, i], kwh.sum(axis=1))
        for i, name in enumerate(CLASSES)
    }


def _ratio(kwh: Floats, count: Floats, level: Floats) -> Floats:
    """Mean use of a class over ``level`` [kWh per step]."""
    least = FULL_WEEK * float(np.median(count)) if len(count) else 0.0
    enough = (count >= max(least, 1.0)) & (level > 0)
    safe = np.where(enough, count * level, 1.0)
    return np.where(enough, kwh / safe, np.nan)


@lru_cache(maxsize=16)
def _week_places(
    start: datetime, step: timedelta, n: int, span: Span, timezone: str
) -> tuple[slice, NDArray[np.int64]]:
    """The steps of whole weeks of ``span``, and week · 4 + class of each, the last class all other
    hours. The meters of one file share it."""
    grid = local_grid(timezone, start, int(step.total_seconds()), n)
    hour, weekend = grid.minute // 60, grid.weekday >= 5
    kind = np.full(n, len(CLASSES))
    kind[~weekend & (hour >= 17) & (hour < 22)] = 0
    kind[(hour >= 23) | (hour < 5)] = 1
    kind[weekend & (hour >= 8) & (hour < 20)] = 2
    at = np.arange(n) * step.total_seconds() + (start - span.start).total_seconds()
    week = np.floor(at / _WEEK.total_seconds()).astype(np.int64)
    weeks = int((span.end - span.start) // _WEEK)
    first, end = np.searchsorted(week, (0, weeks))
    return slice(int(first), int(end)), (week * (len(CLASSES) + 1) + kind)[first:end]


def _change(name: HoursOfWeek, here: _Weeks, there: _Weeks, start: datetime) -> ChangedUse | None:
    if min(np.isfinite(each.ratio).sum() for each in (here, there)) < LEAST_WEEKS:
        return None
    usual = _middle(here.ratio)
    if usual <= 0:
        return None
    own = _smooth(here.ratio / usual - 1.0)
    drawn = own - AGAIN * _season(there.ratio, len(own))
    known = np.flatnonzero(np.isfinite(drawn))
    y = np.clip(drawn[known], -0.8, 1.5)
    step = best_step(y, np.ones(len(y)), side=SIDE_WEEKS, least=LEAST, certain=CERTAIN)
    if step is None:
        return None
    first = int(known[step.at])
    raised = np.arange(len(y)) >= step.at
    shapes = np.column_stack([np.ones(len(y)), raised.astype(np.float64)])
    by_itself = fit_shapes(np.clip(own[known], -0.8, 1.5), shapes, LEAST_RHO)
    level = 1.0 + float(np.median(y[: step.at]))
    share, error = step.size / level, step.error / level
    made = float(here.kwh[first:].sum()) * share / (1.0 + share)
    return ChangedUse(
        hours=name,
        start=start + first * _WEEK,
        share=share,
        share_of_all=made / max(float(here.every[first:].sum()) - made, 1e-9),
        kwh=made,
        kwh_se=float(here.kwh[first:].sum()) * error / (1.0 + share) ** 2,
        alone=abs(float(by_itself.size[1])) / float(by_itself.error[1]),
    )


def _season(ratio: Floats, n: int) -> Floats:
    """Change of the other period's ratio from its median, week by week; 0 where not known."""
    out = np.zeros(n)
    usual = _middle(ratio)
    if usual > 0:
        shared = min(n, len(ratio), _LONGEST)
        out[:shared] = np.nan_to_num(_smooth(_smooth(ratio / usual - 1.0)))[:shared]
    return out


def _middle(values: Floats) -> float:
    """Median of those that are known."""
    return float(np.median(values[np.isfinite(values)]))


def _smooth(weeks: Floats) -> Floats:
    """Middle of three weeks: one strange week is no new habit."""
    before, after = np.full((2, len(weeks)), np.nan)
    before[1:], after[:-1] = weeks[:-1], weeks[1:]
    low, high = np.fmin(before, after), np.fmax(before, after)
    of_two = np.fmin(low, weeks)
    whole = np.isfinite(before) & np.isfinite(after)
    middle = np.where(whole, np.fmax(low, np.fmin(weeks, high)), of_two)
    return np.where(np.isfinite(weeks), middle, np.nan)
