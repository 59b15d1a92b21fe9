"""Steps and slow drifts of use inside a period: events that nobody may have told.

What is left of a period after the model is compared with what was left of the other period in the
same season, so that what the model always gets wrong in autumn is no event. The scan is
``scan.best_step``; a heat meter's step is a share of what the weather asks for, an electricity
meter's one of what is used anyway. Thresholds: docs/savings.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bms.model.series import Floats
from bms.savings.baseline import Baseline
from bms.savings.days import Days
from bms.savings.scan import Change, best_step, fit_shapes

LEAST = 0.1
"""Smallest step, a share of expected use: buildings change by 5 % from one year to the next."""
SIDE_DAYS, SHORT_SIDE_DAYS = 42, 28
"""A step is told by so many days before and after; by the second in a period of less than four
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
CERTAIN_BEFORE_STEADY, CERTAIN_BEFORE = 5.0, 5.8
"""The same in the baseline period, for electricity and for heat: the model bends towards it."""
MOST_STEPS = 3

_YEAR = 12 * 31


@dataclass(frozen=True, slots=True)
class Step:
    """Use changed by ``share`` ± ``error`` (standard error) of what was expected: on ``day`` and
    for good, or slowly over the period to so much at its end (``slow``). ``t`` is how clear it
    is. ``kwh`` ± ``kwh_se`` [kWh] is what that made in the days from ``day`` on, and
    ``before_kwh`` ± ``before_se`` what it would have made in those before."""

    day: date
    share: float
    error: float
    t: float
    slow: bool
    kwh: float
    kwh_se: float
    before_kwh: float
    before_se: float


def steps_after(model: Baseline, before: Days, after: Days, *, steady: bool) -> list[Step]:
    """Steps within the reporting days ``after``, the clearest first; ``before`` are the days of
    the baseline period. ``steady`` meters (electricity) have more use than the weather asks for."""
    return _steps(model, after, before, AFTER_WEIGHT, CERTAIN, steady)


def steps_before(model: Baseline, before: Days, after: Days, *, steady: bool) -> list[Step]:
    """Steps within the baseline days ``before``, which spoil the baseline."""
    certain = CERTAIN_BEFORE_STEADY if steady else CERTAIN_BEFORE
    return _steps(model, before, after, BEFORE_WEIGHT, certain, steady)


def _steps(
    model: Baseline, days: Days, other: Days, weight: float, certain: float, steady: bool
) -> list[Step]:
    if len(days) < 2 * SHORT_SIDE_DAYS or model.mean <= 0:
        return []
    usual = _seasonal(model, other)[_places(days.dates)]
    if np.isfinite(usual).mean() < KNOWN_SEASON:
        return []
    expected = model.expect(days)
    level = np.maximum(expected, REST * model.mean)
    rest = days.rate - expected - weight * np.nan_to_num(usual)
    y = np.clip(rest, -MOST * level, MOST * level) / model.mean
    shape = (level if steady else expected) / model.mean
    found = _scan(y, shape, certain)
    if not found:
        return []
    if len(found) == 1 and (drift := _slow(y, shape, found[0])) is not None:
        return [_told(drift, np.zeros(1), days, shape * model.mean, _ramp(len(y)))]
    raised = np.stack([np.arange(len(y)) >= change.at for change in found]).astype(np.float64)
    sizes = fit_shapes(y, np.column_stack([shape, (raised * shape).T]), found[0].rho)
    joint = [
        Change(c.at, float(size), float(error), c.t, c.rho)
        for c, size, error in zip(found, sizes.size[1:], sizes.error[1:], strict=True)
    ]
    return [
        _told(change, before, days, shape * model.mean, after)
        for change, before, after in zip(joint, 1.0 - raised, raised, strict=True)
    ]


def _scan(y: Floats, shape: Floats, certain: float) -> list[Change]:
    """The clearest step, then the clearest of what it leaves, and so on."""
    side = SIDE_DAYS if len(y) >= 4 * SIDE_DAYS else SHORT_SIDE_DAYS
    found: list[Change] = []
    left = y
    while len(found) < MOST_STEPS:
        change = best_step(left, shape, side=side, least=LEAST, certain=certain)
        if change is None:
            break
        if any(abs(change.at - other.at) < SHORT_SIDE_DAYS for other in found):
            break
        found.append(change)
        left = left - change.size * shape * (np.arange(len(y)) >= change.at)
    return found


def _slow(y: Floats, shape: Floats, step: Change) -> Change | None:
    """The change as a drift over the whole period, where that explains more than a step."""
    fit = fit_shapes(y, np.column_stack([shape, shape * _ramp(len(y))]), step.rho)
    t = abs(float(fit.size[1])) / float(fit.error[1])
    if t <= step.t:
        return None
    return Change(0, float(fit.size[1]), float(fit.error[1]), t, step.rho)


def _ramp(n: int) -> Floats:
    return np.linspace(0.0, 1.0, n)


def _told(change: Change, before: Floats, days: Days, kwh: Floats, after: Floats) -> Step:
    """``change`` in words of energy; ``kwh`` [kWh/day] is what a change of 1 makes on a day."""
    made, missed = (float((kwh * part * days.hours).sum() / 24.0) for part in (after, before))
    slow = change.at == 0
    return Step(
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


def _places(dates: Sequence[date]) -> list[int]:
    """Days of the year on a calendar whose months all have 31 days."""
    return [day.month * 31 + day.day - 32 for day in dates]


def _seasonal(model: Baseline, days: Days) -> Floats:
    """Median residual by day of the year over a fortnight around it, NaN where nothing is known;
    shape (372,)."""
    year = np.full(_YEAR, np.nan)
    if len(days):
        year[_places(days.dates)] = days.rate - model.expect(days)
    windows = sliding_window_view(np.pad(year, SEASON_DAYS, mode="wrap"), 2 * SEASON_DAYS + 1)
    return _medians(windows)


def _medians(windows: Floats) -> Floats:
    """Lower median of the known values of each row; NaN where there are none."""
    ordered = np.sort(windows, axis=1)  # NaN comes last
    known = np.isfinite(windows).sum(axis=1)
    middle: Floats = ordered[np.arange(len(windows)), np.maximum(known - 1, 0) // 2]
    return middle
