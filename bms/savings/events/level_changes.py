"""Steps and slow drifts of use inside a period: events that nobody may have reported.

What is left of a period after the model is compared with what was left of the other period in the
same season, so that what the model always gets wrong in autumn is no event. The scan is
``step_scan.best_step``; a heat meter's step is a share of what the weather asks for, an electricity
meter's one of what is used anyway. Thresholds: docs/savings.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from bms.model.readings.series import Floats
from bms.savings.data.daily import DailyUse
from bms.savings.events.step_scan import LEAST_RHO, StepEstimate, best_step, fit_shapes
from bms.savings.models.baseline import Baseline

LEAST = 0.1
"""Smallest step, a share of expected use: buildings change by 5 % from one year to the next."""
SIDE_DAYS, SHORT_SIDE_DAYS = 42, 28
"""A step is dated by so many days before and after; by the second in a period of less than four
times the first."""
REST = 0.3
"""Days of less use count as this share of an average day: ten per cent of nothing are no event."""
MOST = 0.7
"""A day off by more than this share of what was expected is a strange day, not more evidence."""
SEASON_DAYS = 7
AFTER_WEIGHT, BEFORE_WEIGHT = 0.8, 0.5
"""How much of the other period's seasonal error is expected again: in the reporting period of what
the baseline left; in the baseline period, to which the model was fitted, less."""
KNOWN_SEASON = 0.9
"""Share of the days whose season the other period has to know: without it every autumn is one."""
CERTAIN = 4.0
"""Least ratio of a step to its standard error in the reporting period."""
CERTAIN_PART, YEAR_DAYS = 7.0, 300
"""The same in a period of less than ``YEAR_DAYS`` days, whose level and season are hard to
separate: of 598 such windows without an event 2 % were above."""
CERTAIN_BEFORE_STEADY, CERTAIN_BEFORE = 5.0, 5.8
"""The same in the baseline period, for electricity and for heat: the model bends towards it."""
MOST_STEPS, NEXT = 3, 1.25
"""After the clearest step so many times the certainty is asked of the next: sizes that are only
estimated leave steps of their own."""

LEAST_EVIDENCE = 10.0
"""By how much the logarithm of the likelihood of a step has to be larger in its own period than
that of its mirror image in the other one, for the period to be told: buildings wander as well."""

_YEAR = 12 * 31


@dataclass(frozen=True, slots=True)
class LevelChange:
    """Use changed by ``share`` ± ``error`` (standard error) of what was expected: on ``day`` and
    for good, or slowly over the period to so much at its end (``slow``). ``t`` is how clear it
    is. ``kwh`` ± ``kwh_se`` [kWh] is what that made in the days from ``day`` on, and
    ``before_kwh`` ± ``before_se`` what it would have made in those before. ``told_apart``: whether
    the data say that it was in this period, and not the other way round in the other one."""

    day: date
    share: float
    error: float
    t: float
    slow: bool
    kwh: float
    kwh_se: float
    before_kwh: float
    before_se: float
    told_apart: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class _Period:
    """The days of a period and their residuals, in units of the model's mean use; shapes (n,).

    ``level`` is what a day's use is about, ``shape`` what a step of 1 adds to it. ``weight`` and
    ``certain`` are those of the period."""

    days: DailyUse
    left: Floats
    level: Floats
    shape: Floats
    weight: float
    certain: float

    def less(self, changes: Sequence[StepEstimate]) -> Floats:
        """What is left when ``changes`` are explained."""
        left = self.left.copy()
        for change in changes:
            left[change.at :] -= change.size * self.shape[change.at :]
        return left


def level_changes(
    model: Baseline, before: DailyUse, after: DailyUse, *, steady: bool
) -> tuple[list[LevelChange], list[LevelChange]]:
    """Steps and drifts within the baseline days ``before``, which spoil the baseline, and within
    the reporting days ``after``, the clearest first. ``steady`` meters (electricity) have more
    use than the weather asks for."""
    if model.mean <= 0 or not len(before) or not len(after):
        return [], []
    spoiled = CERTAIN_BEFORE_STEADY if steady else CERTAIN_BEFORE
    first = _period(model, before, BEFORE_WEIGHT, spoiled, steady)
    second = _period(model, after, AFTER_WEIGHT, CERTAIN, steady)
    earlier, later = _scan(first, second, ()), _scan(second, first, ())
    # A step in one period shows as its mirror image in the other, whose season it seems to change:
    # it belongs where it shows by itself, and the other period is looked at again without it.
    if later and not earlier:
        earlier = _mirror_image(later[0], second, first)
    if earlier and later:
        if _clearness(first, earlier[0].at) > _clearness(second, later[0].at):
            later = _scan(second, first, earlier)
        else:
            earlier = _scan(first, second, later)
    return (
        _sized(first, second, earlier, later, model),
        _sized(second, first, later, earlier, model),
    )


def _period(
    model: Baseline, days: DailyUse, weight: float, certain: float, steady: bool
) -> _Period:
    expected = model.expect(days)
    level = np.maximum(expected, REST * model.mean)
    return _Period(
        days=days,
        left=(days.rate - expected) / model.mean,
        level=level / model.mean,
        shape=(level if steady else expected) / model.mean,
        weight=weight,
        certain=certain if len(days) >= YEAR_DAYS else CERTAIN_PART,
    )


def _deseasonalised(
    period: _Period, other: _Period, others: Sequence[StepEstimate]
) -> Floats | None:
    """The residuals of ``period`` without their season, as the other period shows it; None where
    that knows too little of it."""
    usual = _seasonal(other.days, other.less(others))[_day_places(period.days.dates)]
    if np.isfinite(usual).mean() < KNOWN_SEASON:
        return None
    rest = period.left - period.weight * np.nan_to_num(usual)
    return np.clip(rest, -MOST * period.level, MOST * period.level)


def _scan(period: _Period, other: _Period, others: Sequence[StepEstimate]) -> list[StepEstimate]:
    """The clearest step, then the clearest of what it leaves, and so on."""
    n = len(period.days)
    y = _deseasonalised(period, other, others) if n >= 2 * SHORT_SIDE_DAYS else None
    if y is None:
        return []
    side = SIDE_DAYS if n >= 4 * SIDE_DAYS else SHORT_SIDE_DAYS
    found: list[StepEstimate] = []
    while len(found) < MOST_STEPS:
        certain = period.certain * (NEXT if found else 1.0)
        change = best_step(y, period.shape, side=side, least=LEAST, certain=certain)
        if change is None or any(abs(change.at - c.at) < SHORT_SIDE_DAYS for c in found):
            break
        found.append(change)
        y = y - change.size * period.shape * (np.arange(n) >= change.at)
    return found


def _mirror_image(step: StepEstimate, period: _Period, other: _Period) -> list[StepEstimate]:
    """``step`` of ``period`` as one of ``other`` at the same season, where it is clearer there."""
    at = _same_season(step.at, period, other)
    if at is None:
        return []
    if len(other.days) < YEAR_DAYS or _clearness(other, at) <= _clearness(period, step.at):
        return []
    return [StepEstimate(at, -step.size, step.error, step.t, step.rho)]


def _clearness(period: _Period, at: int) -> float:
    """How clear a step on day ``at`` is in the residuals of its own period."""
    y = np.clip(period.left, -MOST * period.level, MOST * period.level)
    raised = period.shape * (np.arange(len(y)) >= at)
    fit = fit_shapes(y, np.column_stack([period.shape, raised]), LEAST_RHO)
    return abs(float(fit.size[1])) / float(fit.error[1])


def _sized(
    period: _Period,
    other: _Period,
    found: Sequence[StepEstimate],
    others: Sequence[StepEstimate],
    model: Baseline,
) -> list[LevelChange]:
    """The changes that were found, sized together, as steps or as one drift."""
    y = _deseasonalised(period, other, others) if found else None
    if y is None:
        return []
    kwh = period.shape * model.mean
    if (drift := _drift_of(y, period.shape, found[0])) is not None:  # which looks like stairs
        return [_step(drift, np.zeros(len(y)), period.days, kwh, _ramp(len(y)))]
    raised = np.stack([np.arange(len(y)) >= change.at for change in found]).astype(np.float64)
    shapes = np.column_stack([period.shape, (raised * period.shape).T])
    sizes = fit_shapes(y, shapes, found[0].rho)
    joint = [
        StepEstimate(c.at, float(size), float(error), c.t, c.rho)
        for c, size, error in zip(found, sizes.size[1:], sizes.error[1:], strict=True)
    ]
    return [
        replace(
            _step(change, before, period.days, kwh, after),
            told_apart=_told_apart(change, period, other),
        )
        for change, before, after in zip(joint, 1.0 - raised, raised, strict=True)
    ]


def _told_apart(change: StepEstimate, period: _Period, other: _Period) -> bool:
    """Whether ``change`` is clearer in the residuals of its own period than its mirror image in
    those of the other, which the season of the two years would show alike."""
    at = _same_season(change.at, period, other)
    mirrored = 0.0 if at is None else _clearness(other, at)
    return (_clearness(period, change.at) ** 2 - mirrored**2) / 2.0 > LEAST_EVIDENCE


def _same_season(at: int, period: _Period, other: _Period) -> int | None:
    """The day of ``other`` at the season of day ``at`` of ``period``; None near its ends."""
    place = _day_places(period.days.dates)[at]
    found = int(np.argmin(np.abs(_day_places(other.days.dates) - place)))
    return found if SHORT_SIDE_DAYS <= found <= len(other.days) - SHORT_SIDE_DAYS else None


def _drift_of(y: Floats, shape: Floats, step: StepEstimate) -> StepEstimate | None:
    """The change as a drift over the whole period, where that explains more than a step."""
    fit = fit_shapes(y, np.column_stack([shape, shape * _ramp(len(y))]), step.rho)
    t = abs(float(fit.size[1])) / float(fit.error[1])
    if t <= step.t:
        return None
    return StepEstimate(0, float(fit.size[1]), float(fit.error[1]), t, step.rho)


def _ramp(n: int) -> Floats:
    return np.linspace(0.0, 1.0, n)


def _step(
    change: StepEstimate, before: Floats, days: DailyUse, kwh: Floats, after: Floats
) -> LevelChange:
    """``change`` as energy; ``kwh`` [kWh/day] is what a change of 1 makes on a day."""
    made, missed = (float((kwh * part * days.hours).sum() / 24.0) for part in (after, before))
    slow = change.at == 0
    return LevelChange(
        day=days.dates[change.at],
        share=change.size,
        error=change.error,
        t=change.t,
        slow=slow,
        kwh=change.size * made,
        kwh_se=change.error * made,
        before_kwh=change.size * missed,
        before_se=change.error * missed,
    )


@lru_cache(maxsize=32)
def _day_places(dates: tuple[date, ...]) -> NDArray[np.int64]:
    """Days of the year on a calendar whose months all have 31 days."""
    return np.array([day.month * 31 + day.day - 32 for day in dates], dtype=np.int64)


def _seasonal(days: DailyUse, left: Floats) -> Floats:
    """Median residual by day of the year over a fortnight around it, NaN where nothing is known;
    shape (372,)."""
    year = np.full(_YEAR, np.nan)
    if len(days):
        year[_day_places(days.dates)] = left
    around = np.concatenate((year[-SEASON_DAYS:], year, year[:SEASON_DAYS]))
    return _medians(sliding_window_view(around, 2 * SEASON_DAYS + 1))


def _medians(windows: Floats) -> Floats:
    """Lower median of the known values of each row; NaN where there are none."""
    ordered = np.sort(windows, axis=1)  # NaN comes last
    known = np.isfinite(windows).sum(axis=1)
    middle: Floats = ordered[np.arange(len(windows)), np.maximum(known - 1, 0) // 2]
    return middle
