"""Sun panels behind a meter of electricity: since when what it shows is no longer the use.

Panels show in two ways. A meter that counts both ways has amounts below zero while the sun is up.
One that counts import alone shows less whenever the sun shines. Where irradiance is known, the use
of a month, kind of day and hour is lower in bright hours than in dull ones, more than it was in the
other period: nothing but panels does that. Where it is not, use falls in proportion to the sun of a
clear day, in spring and autumn as in summer, beside what the changed hours of the day and the
temperature explain. Thresholds and what was measured: docs/savings.md, 1b.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from bms.model.planning.grid import local_grid
from bms.model.readings.series import Floats, Series
from bms.model.savings.avoided_use import Span
from bms.savings.data.screening import on_grid

CERTAIN = 5.0
"""Least ratio of the fall in sunshine to its standard error, days being independent."""
LEAST_SHARE, LEAST_SHARE_CLEAR = 0.02, 0.05
"""Least share of the use that it makes, by measured sun and by that of clear days: panels of both
periods differ by so much from one year to the next."""
CERTAIN_MILD, SUMMER_D = 3.0, 80
"""The same ratio outside the summer, so many days [d] around 21 June, by the sun of clear days:
cooling that is saved falls with the sun in summer alone."""
ONLY_SUMMER = 0.1
"""Least share where there are no other days."""
LEAST_DAYS = 21
"""Days [d] that a period or what is left of it has to have."""
NEGATIVE_DAYS, BY_DAY = 3, 0.8
"""Days [d] with amounts below zero, and the share of them by day, that are export."""
LATITUDE = 55.7
"""Of the sun where nobody measured it [deg]: that of Denmark; a few degrees do not matter."""
MILD_KW_M2 = 0.3
"""A clear noon of days that count as spring or autumn has more sun [kW/m2]."""
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
MIDSUMMER = 171
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_DAY_H = 24
_YEAR_D = 365.25


@dataclass(frozen=True, slots=True)
class SunPanels:
    """Panels ``since`` a local day; ``exported`` where amounts below zero show them."""

    since: date
    exported: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Days:
    """Whole days, shapes (d, 24): use as a share of its mean, sun [kW/m2], temperature [degC];
    ``cell`` of month and kind of day, shape (d,)."""

    dates: NDArray[np.datetime64]
    use: Floats
    sun: Floats
    temp: Floats
    rest: NDArray[np.int64]
    month: NDArray[np.int64]

    @property
    def cell(self) -> NDArray[np.int64]:
        return self.month * 2 + self.rest

    @property
    def mild(self) -> NDArray[np.bool_]:
        """Days of spring and autumn with a sun that counts."""
        in_year = (self.dates - self.dates.astype("datetime64[Y]")).astype(np.int64)
        mild: NDArray[np.bool_] = np.abs(in_year - MIDSUMMER) > SUMMER_D
        mild &= self.sun.max(axis=1) > MILD_KW_M2
        return mild

    def only(self, chosen: NDArray[np.bool_]) -> _Days:
        """Those of the days that are ``chosen``."""
        if chosen.all():
            return self
        return _Days(
            dates=self.dates[chosen],
            use=self.use[chosen],
            sun=self.sun[chosen],
            temp=self.temp[chosen],
            rest=self.rest[chosen],
            month=self.month[chosen],
        )

    def between(self, span: Span, zone: ZoneInfo) -> NDArray[np.intp]:
        """The days [index] of a period."""
        first, end = (
            np.datetime64(each.astimezone(zone).date(), "D") for each in (span.start, span.end)
        )
        return np.flatnonzero((self.dates >= first) & (self.dates < end))


@dataclass(frozen=True, slots=True)
class _Fall:
    """How use goes with the sun [share of the mean per kW/m2], its standard error, and the share of
    the use that it makes."""

    slope: float
    error: float
    share: float


MOST_KWH = 1e9
"""Use of a step above which nothing is looked for: no building has it, and sums of it overflow."""


def panels_in(
    use: Series,
    temp: Series,
    sun: Series | None,
    *,
    baseline: Span,
    reporting: Span,
    timezone: str,
) -> SunPanels | None:
    """Returns the panels that ``use`` [kWh per step] of electricity shows to have come in one of
    the two periods; None where it shows none, or no hours.

    ``sun`` [W/m2] is looked at where it is known, and beside it the sun of clear days. Panels that
    were there in both periods are told only where amounts are below zero.
    """
    zone = ZoneInfo(timezone)
    exported = _below_zero(use, zone)
    if exported is not None or use.step > _HOUR or np.nanmax(use.values, initial=0.0) > MOST_KWH:
        return exported
    hourly = _hourly(use)
    clear = _whole_days(hourly, temp, _clear_sky(hourly.start, len(hourly)), timezone)
    before, after = clear.between(baseline, zone), clear.between(reporting, zone)
    if min(len(before), len(after)) < LEAST_DAYS:
        return None
    for rows, others, sign in ((after, before, 1.0), (before, after, -1.0)):
        left, moved = _left_over(clear, rows, others)
        came, chosen = _split(moved, sign)
        picked = rows[chosen]
        if sign < 0 and len(rows) - len(picked) < LEAST_DAYS:
            continue  # higher all along: that is a fall in the other period, or none
        if len(picked) < LEAST_DAYS or not _worth_a_look(clear, picked, moved[chosen], sign):
            continue
        if _by_clear_days(left[chosen], clear, picked, sign) or (
            sun is not None and _by_clouds(hourly, temp, sun, clear, picked, others, sign, timezone)
        ):
            return SunPanels(clear.dates[rows[came]].astype(object), exported=False)
    return None


def _below_zero(use: Series, zone: ZoneInfo) -> SunPanels | None:
    """The first day of export, where there are several and most of it is by day."""
    at = np.flatnonzero(use.values < 0)
    if not len(at):
        return None
    by_day = _elevation(use.start, use.step, at) > 0
    if use.step > _HOUR:
        by_day[:] = True
    moments = [(use.start + int(i) * use.step).astimezone(zone).date() for i in at[by_day]]
    days = sorted(set(moments))
    if len(days) < NEGATIVE_DAYS or by_day.mean() < BY_DAY:
        return None
    return SunPanels(days[0], exported=True)


def _split(moved: Floats, sign: float) -> tuple[int, slice]:
    """Where use began to fall with the sun, or (``sign`` -1) until where it lay above what it is
    since: that day, and the days concerned."""
    n = len(moved)
    if sign > 0:
        sums = np.cumsum(moved[::-1], axis=0)[::-1]
        gain = np.where(sums[:, 0] < 0, sums[:, 0] ** 2 / np.maximum(sums[:, 1], 1e-9), 0.0)
        first = int(np.argmax(gain[: max(n - LEAST_DAYS, 1)]))
        return first, slice(first, n)
    sums = np.cumsum(moved, axis=0)
    gain = np.where(sums[:, 0] > 0, sums[:, 0] ** 2 / np.maximum(sums[:, 1], 1e-9), 0.0)
    last = int(np.argmax(gain))
    return last, slice(0, last + 1)


def _worth_a_look(days: _Days, rows: NDArray[np.intp], moved: Floats, sign: float) -> bool:
    """Whether the fall, nothing else looked at, makes half of the least share."""
    slope = sign * moved[:, 0].sum() / max(float(moved[:, 1].sum()), 1e-9)
    return bool(-slope * days.sun[rows].sum() >= LEAST_SHARE / 2.0 * days.use[rows].sum())


def _by_clear_days(left: Floats, days: _Days, rows: NDArray[np.intp], sign: float) -> bool:
    """Whether use falls with the sun of clear days, in the mild months as well."""
    kind, usual = days.rest[rows], days.use[rows] - left
    found = _fall(sign * left, days, rows, kind, (usual,))
    mild = days.mild[rows]
    least = LEAST_SHARE_CLEAR if mild.sum() >= LEAST_DAYS else ONLY_SUMMER
    if found.slope > -CERTAIN * found.error or found.share < least:
        return False
    if mild.sum() < LEAST_DAYS:
        return True
    then = _fall(sign * left[mild], days, rows[mild], kind[mild], (usual[mild],))
    return then.slope <= -CERTAIN_MILD * then.error and then.slope <= found.slope / 3.0


def _by_clouds(
    use: Series,
    temp: Series,
    sun: Series,
    clear: _Days,
    rows: NDArray[np.intp],
    others: NDArray[np.intp],
    sign: float,
    timezone: str,
) -> bool:
    """Whether use is lower in bright hours of a month, kind of day and hour of the day than in dull
    ones, more than it is in the ``others``."""
    days = _whole_days(use, temp, sun, timezone)
    now, then = (np.flatnonzero(np.isin(days.dates, clear.dates[each])) for each in (rows, others))
    if min(len(now), len(then)) < LEAST_DAYS:
        return False
    a, b = (_fall(_within(days.use[each]), days, each, days.cell[each]) for each in (now, then))
    slope = sign * (a.slope - b.slope)
    share = -slope * days.sun[now].sum() / days.use[now].sum()
    return slope <= -CERTAIN * float(np.hypot(a.error, b.error)) and share >= LEAST_SHARE


def _left_over(
    days: _Days, rows: NDArray[np.intp], others: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """What is left of the use beside the same month, kind of day and hour of the ``others``, within
    each day, shape (r, 24); and by day how it goes with the sun and the sun's own, shape (r, 2)."""
    expected = _by_cell(days.use[others], days.cell[others])
    left = _within(days.use[rows] - expected[days.cell[rows]])
    left[~np.isfinite(left).all(axis=1)] = 0.0
    sun = _within(days.sun[rows])
    return left, np.stack(((left * sun).sum(axis=1), (sun**2).sum(axis=1)), axis=1)


def _fall(
    left: Floats,
    days: _Days,
    rows: NDArray[np.intp],
    cell: NDArray[np.int64],
    beside: Sequence[Floats] = (),
) -> _Fall:
    """How ``left`` goes with the sun beside the hours of each ``cell``, the temperature and what
    else is given; errors by days."""
    parts = [
        each - _by_cell(each, cell)[cell]
        for each in map(_within, (days.sun[rows], days.temp[rows], *beside, left))
    ]
    x = np.stack([part.ravel() for part in parts[:-1]], axis=1)
    y = parts[-1].ravel()
    inverse = np.linalg.pinv(x.T @ x)
    found = inverse @ (x.T @ y)
    scores = (x * (y - x @ found)[:, None]).reshape(len(rows), _DAY_H, x.shape[1]).sum(axis=1)
    variance = inverse @ (scores.T @ scores) @ inverse
    share = -float(found[0]) * float(days.sun[rows].sum() / days.use[rows].sum())
    return _Fall(float(found[0]), float(np.sqrt(max(variance[0, 0], 1e-18))), share)


def _within(values: Floats) -> Floats:
    centred: Floats = values - values.mean(axis=1, keepdims=True)
    return centred


def _by_cell(values: Floats, cell: NDArray[np.int64]) -> Floats:
    """Mean of each hour in each cell of month and kind of day, shape (24, 24); NaN without any."""
    chosen = np.zeros((24, len(cell)))
    chosen[cell, np.arange(len(cell))] = 1.0
    with np.errstate(invalid="ignore"):
        return np.asarray(chosen @ values / chosen.sum(axis=1, keepdims=True))


def _hourly(use: Series) -> Series:
    """Hours from the first whole one on; NaN where a part is missing."""
    per = round(_HOUR / use.step)
    skip = round(((_ceiling(use.start) - use.start) % _HOUR) / use.step)
    n = max((len(use) - skip) // per, 0)
    values = use.values[skip : skip + n * per].reshape(n, per).sum(axis=1)
    return Series(use.start + skip * use.step, _HOUR, values)


def _ceiling(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0) + _HOUR


def _whole_days(use: Series, temp: Series, sun: Series, timezone: str) -> _Days:
    """The local days of 24 known hours."""
    rows, outside = _outside(temp, sun, use.start, len(use), timezone)
    kwh = use.values[rows]
    known = np.asarray(np.isfinite(kwh).all(axis=1))
    kwh, outside = kwh[known], outside.only(known)
    mean = float(kwh.mean()) if kwh.size else 1.0
    return replace(outside, use=kwh / (mean if mean > 0 else 1.0))


@lru_cache(maxsize=4)
def _outside(
    temp: Series, sun: Series, start: datetime, n: int, timezone: str
) -> tuple[NDArray[np.intp], _Days]:
    """The hours [index] of local days of 24 hours whose weather is known, shape (d, 24), and those
    days, their use unknown; kept, since the meters of a city share them."""
    grid = local_grid(timezone, start, 3600, n)
    edges = np.flatnonzero(np.diff(grid.day, prepend=-1))
    lengths = np.diff(np.append(edges, n))
    rows = edges[lengths == _DAY_H][:, None] + np.arange(_DAY_H)
    hours = Series(start, _HOUR, np.empty(n))
    shone, outdoor = on_grid(sun, hours)[rows] / 1000.0, on_grid(temp, hours)[rows]
    known = np.isfinite(shone).all(axis=1) & np.isfinite(outdoor).all(axis=1)
    rows = rows[known]
    dates = grid.day[rows[:, 0]].astype("datetime64[D]")
    return rows, _Days(
        dates=dates,
        use=np.full(rows.shape, np.nan),
        sun=shone[known],
        temp=outdoor[known],
        rest=(grid.weekday[rows[:, 0]] >= 5).astype(np.int64),
        month=dates.astype("datetime64[M]").astype(np.int64) % 12,
    )


@lru_cache(maxsize=4)
def _clear_sky(start: datetime, n: int) -> Series:
    """The sun of clear days in ``n`` hours [W/m2], by its height."""
    height = np.maximum(_elevation(start, _HOUR, np.arange(n)), 0.0)
    return Series(start, _HOUR, 1000.0 * height**1.15)


def _elevation(start: datetime, step: timedelta, at: NDArray[np.intp]) -> Floats:
    """Sine of the sun's height at the middle of steps ``at``, noon at 12 UTC less 50 minutes."""
    days = (start - _EPOCH) / _DAY + (at + 0.5) * (step / _DAY)
    declination = np.radians(23.44) * np.sin(2 * np.pi * (days - 80.0) / _YEAR_D)
    hour = 2 * np.pi * ((days % 1.0) - 0.5 + 50.0 / 1440.0)
    place = np.radians(LATITUDE)
    level, swing = np.sin(place) * np.sin(declination), np.cos(place) * np.cos(declination)
    height: Floats = level + swing * np.cos(hour)
    return height
