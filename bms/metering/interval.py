"""Use per step from amounts per interval, such as a supplier's hourly values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from bms.metering.events import events_within
from bms.metering.flaw import Flaw, FlawCode, cover_missing_steps, flaws_where
from bms.metering.register.step_sums import LONGEST, shared_steps
from bms.metering.register.usual_rate import MeterRating, highest_usual
from bms.metering.step_edges import HOUR_US, MeterPeriod, from_micros
from bms.metering.time_order import sorted_readings
from bms.model.readings.metering import Consumption
from bms.model.readings.runs_and_peaks import Mask, runs
from bms.model.readings.series import Floats, Micros, Series

SECOND_US = 1_000_000
DAY_US = 24 * HOUR_US
MONTH_US = 30 * DAY_US
SHORT_US = tuple(minutes * 60 * SECOND_US for minutes in (5, 10, 15, 20, 30, 60))
"""Lengths within a day in which meters are read [us]."""
ZONE_US = 3 * HOUR_US
"""Stamps of bills may be taken for another zone, and summer time begins or ends between them."""
LONG_US = (
    (DAY_US, DAY_US - HOUR_US, DAY_US + HOUR_US),
    (7 * DAY_US, 7 * DAY_US - ZONE_US, 7 * DAY_US + ZONE_US),
    (MONTH_US, 28 * DAY_US - ZONE_US, 31 * DAY_US + ZONE_US),
    (2 * MONTH_US, 59 * DAY_US - ZONE_US, 62 * DAY_US + ZONE_US),
    (3 * MONTH_US, 90 * DAY_US - ZONE_US, 92 * DAY_US + ZONE_US),
    (6 * MONTH_US, 181 * DAY_US - ZONE_US, 184 * DAY_US + ZONE_US),
    (12 * MONTH_US, 365 * DAY_US - ZONE_US, 366 * DAY_US + ZONE_US),
)
"""Longer ones: their usual length, the least and the most [us]."""
BEGUN_LATE = 1.5
"""A bill of no usual length lasts until the next where that is within so many usual ones."""
PARTS_OF_DAY_US = tuple(hours * HOUR_US for hours in (2, 3, 4, 6, 8, 12))
"""Lengths between them, only where they are those of the meter as a whole: an hourly meter that
misses every other hour is not read every two [us]."""
MANY = 12
"""Fewest pauses [1] that show it."""
ABOUT = 20
"""Clocks drift: a pause is one of these lengths within a twentieth."""
SELDOM_US = 36 * HOUR_US
"""Longer pauses are those of meters that are read more seldom than daily [us]."""
SHORTEST_SPELL = 4
"""Readings in a row [1] that make a spell of a length within a day: the quarters of an hour."""
KILO = 1000.0
SIZE = 2.0
"""An amount that is, divided by 1000, up to this many times the usual rate is in another unit."""


def interval_use(
    times: Micros,
    values: Floats,
    *,
    interval_s: int,
    period: MeterPeriod,
    rating: MeterRating,
    signed: bool = False,
) -> Consumption:
    """Returns the use per step of a meter that is delivered as amounts per interval.

    ``times`` [us after 1970 UTC], shape (m,), are the starts of intervals (``hour_starting`` turns
    ends into starts), ``values`` their amounts [unit of the ``rating`` before the multiplier]. How
    long each interval is shows from the stamps around it (``interval_lengths``), so that a meter
    that goes from hours to quarters counts on; ``interval_s`` [s] where they do not show it. A
    step's use is the sum of the intervals that fill it, and NaN where one is missing, negative or
    larger than the meter can count. An interval of no more than a step that lies across its edge is
    shared by time (flagged ``interpolated``), one of up to 36 hours across several where the
    ``period`` asks to spread; no other is divided. With ``signed`` amounts below zero are export,
    and count as such.

    Raises ValueError as ``MeterPeriod.grid`` does, for an interval that is not positive, and for
    shapes that differ.
    """
    if interval_s <= 0:
        raise ValueError(f"an interval is positive, not {interval_s} s")
    grid = period.grid()
    ends = int(grid[0]), int(grid[-1])
    times, values, flaws = sorted_readings(times, values)
    lengths = interval_lengths(times, interval_s * SECOND_US)
    flaws = [_until_end(flaw, times, lengths) for flaw in flaws]
    screened = _screened(times, values, lengths, rating, signed=signed)
    keep = screened.keep
    kept = times[keep], values[keep], lengths[keep]
    use = _summed(*kept, grid)
    flaws += _lay_across(use, *kept, grid, spread=period.spread)
    flaws += [] if period.spread else _too_coarse(times, lengths, interval_s * SECOND_US, grid)
    known = bool(len(use)) and bool(np.isfinite(use).all())
    explained = cover_missing_steps(_spans(use, grid), flaws + screened.flaws)
    if period.exported:
        out = screened.negative
        _put_exported(use, times[out], values[out], lengths[out], grid)
    return Consumption(
        use=Series(from_micros(ends[0]), period.step, use * rating.multiplier),
        unit=rating.unit,
        total=float(use.sum() * rating.multiplier) if known else None,
        events=events_within(explained, rating.unit, rating.multiplier, *ends),
        edges=None if period.edges is None else grid,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Screened:
    keep: Mask
    negative: Mask
    flaws: list[Flaw]


def interval_lengths(times: Micros, usual: int) -> Micros:
    """Returns how long each interval is [us], shape (m,), by the stamps around it; ``times`` [us
    after 1970 UTC] ascend.

    An interval is the shorter one of the pauses before and after its start, where that is, within a
    twentieth, a length in which meters are read (5 minutes to an hour, a day of 23 to 25 hours, a
    week, one, two, three, six or twelve months; 2 to 12 hours where most pauses are). A length has
    to hold for a spell of readings, of an hour's quarters or two days; outside spells, and where
    the pauses say nothing, ``usual`` [us] holds. Where most pauses are longer than 36 hours and
    none of these lengths, each amount lasts until the next: bills of no rhythm; so does one of no
    such length among others, where the next comes within one and a half of them. The last interval
    before a gap is as long as those before it; a month has the days of its calendar.
    """
    if len(times) < 2:
        return np.full(len(times), usual, dtype=np.int64)
    gaps = np.diff(times)
    usual = _of_most(gaps) or usual
    nominal, middle = _nominal(gaps, usual), float(np.median(gaps))
    if middle > SELDOM_US and (nominal == 0).mean() >= 0.5:
        return np.append(gaps, gaps[-1])
    before, after = np.append(nominal[:1], nominal), np.append(nominal, nominal[-1:])
    own = np.where(before == 0, after, np.where(after == 0, before, np.minimum(before, after)))
    own = _spells(own, int(_nominal(np.array([usual]), usual)[0] or usual))
    exact = np.append((after[:-1] == own[:-1]) & (own[:-1] > 0), False)
    if middle > SELDOM_US:
        exact[:-1] |= (nominal == 0) & (gaps <= BEGUN_LATE * middle)
    lengths: Micros = np.where(exact, np.append(gaps, 0), own)
    for at in np.flatnonzero(~exact & (own >= MONTH_US)):
        lengths[at] = _calendar_length(int(times[at]), round(int(own[at]) / MONTH_US))
    return lengths


def _about(length: int) -> int:
    """The longest pause [us] that is still taken for ``length`` [us]."""
    return length + length // ABOUT


def _of_most(gaps: Micros) -> int:
    """The part of a day [us] that most pauses are, 0 where there is none."""
    if len(gaps) < MANY:
        return 0
    middle = float(np.median(gaps))
    length = min(PARTS_OF_DAY_US, key=lambda length: abs(length - middle))
    return length if np.mean(np.abs(gaps - length) <= length // ABOUT) > 0.5 else 0


def nominal_lengths(gaps: Micros) -> Micros:
    """Returns the usual length of an interval [us] that each of the pauses ``gaps`` [us] is, within
    a twentieth; 0 where it is none. Shape of ``gaps``."""
    return _nominal(gaps, _of_most(gaps) if len(gaps) else 0)


def _nominal(gaps: Micros, usual: int) -> Micros:
    """As ``nominal_lengths``, by the ``usual`` length [us]."""
    found = np.zeros(len(gaps), dtype=np.int64)
    short = (*SHORT_US, usual) if usual in PARTS_OF_DAY_US else SHORT_US
    for length in short:
        found[np.abs(gaps - length) <= length // ABOUT] = length
    for length, least, most in LONG_US:
        found[(gaps >= least) & (gaps <= most)] = length
    return found


def _spells(own: Micros, usual: int) -> Micros:
    """The lengths [us] without those that hold for too few readings in a row to be believed."""
    edges = np.flatnonzero(np.diff(own)) + 1
    believed = own.copy()
    for first, end in zip((0, *edges), (*edges, len(own)), strict=True):
        length = int(own[first])
        fewest = SHORTEST_SPELL if length < DAY_US else 2
        if length != usual and (length == 0 or end - first < fewest):
            believed[first:end] = believed[first - 1] if first else usual
    return believed


def _calendar_length(start: int, months: int) -> int:
    """The length [us] of ``months`` from the local day that begins at about ``start`` [us]."""
    day = from_micros(start + DAY_US // 2)
    month = day.month - 1 + months
    later = date(day.year + month // 12, month % 12 + 1, 1)
    days = (later - day.date().replace(day=1)).days
    return days * DAY_US


def _too_coarse(times: Micros, lengths: Micros, usual: int, grid: Micros) -> list[Flaw]:
    """A flaw where intervals are longer than the steps that are asked for."""
    if len(grid) < 2:
        return []
    inside = (times + lengths > grid[0]) & (times < grid[-1])
    shortest = int(np.diff(grid).min())
    longest = shortest + HOUR_US if shortest >= DAY_US - HOUR_US else _about(shortest)
    coarse = lengths[inside] > longest
    if inside.any():
        starts, ends = times[inside], (times + lengths)[inside]
        if coarse.all():
            return [Flaw(FlawCode.TOO_COARSE, int(grid[0]), int(grid[-1]))]
        return [
            Flaw(FlawCode.TOO_COARSE, int(starts[first]), int(ends[end - 1]))
            for first, end in runs(coarse)
        ]
    return [Flaw(FlawCode.TOO_COARSE, int(grid[0]), int(grid[-1]))] if usual > shortest else []


def _screened(
    times: Micros, values: Floats, lengths: Micros, rating: MeterRating, *, signed: bool
) -> _Screened:
    """Which amounts can be measurements, and a flaw for every stretch of those that cannot."""
    hours = lengths / HOUR_US
    negative = np.zeros(len(values), dtype=np.bool_) if signed else values < 0
    values = np.abs(values) if signed else values
    typical = float(np.median(lengths)) if len(lengths) else float(HOUR_US)
    rate = rating.usual_rate(highest_usual(np.maximum(values, 0.0) / hours, typical))
    absurd = values / hours > rate.bound
    other_unit = absurd & (values / hours / KILO <= SIZE * min(rate.usual, rate.bound))
    per_day = max(1, round(DAY_US / typical))
    other_unit |= _days_of(other_unit, values > 0, per_day) & ~negative
    absurd &= ~other_unit
    overlap = np.zeros(len(times), dtype=np.bool_)
    close = np.diff(times) < lengths[:-1] - np.where(lengths[:-1] >= DAY_US, HOUR_US, 0)
    overlap[1:] |= close
    overlap[:-1] |= close
    kinds = (
        (FlawCode.NEGATIVE_AMOUNT, negative),
        (FlawCode.SLIPPED_AMOUNT, other_unit),
        (FlawCode.ABSURD_AMOUNT, absurd),
        (FlawCode.OVERLAP, overlap),
    )
    flaws = [
        _until_end(flaw, times, lengths)
        for code, mask in kinds
        for flaw in flaws_where(code, times, mask)
    ]
    out = negative & ~(other_unit | absurd | overlap)
    return _Screened(~(negative | other_unit | absurd | overlap), out, flaws)


def _days_of(other_unit: Mask, used: Mask, per_day: int) -> Mask:
    """The amounts of the day around which most are in another unit: the small ones among them
    too."""
    if not other_unit.any():
        return other_unit
    day = np.ones(min(per_day, len(other_unit)))
    wrong = np.convolve(other_unit, day, "same")
    most: Mask = wrong > np.convolve(used, day, "same") / 2
    return most & used & (wrong > 1)


def _until_end(flaw: Flaw, times: Micros, lengths: Micros) -> Flaw:
    """The flaw up to the end of its last interval, not the start."""
    if not len(times):
        return flaw
    at = min(int(np.searchsorted(times, flaw.end)), len(times) - 1)
    return replace(flaw, end=flaw.end + int(lengths[at]))


def _summed(times: Micros, values: Floats, lengths: Micros, grid: Micros) -> Floats:
    """The amounts of each step, NaN where they do not fill it exactly. A day whose stamps do not
    show that it has 23 or 25 hours ends where the step does."""
    n = max(len(grid) - 1, 0)
    at: NDArray[np.intp] = np.searchsorted(grid, times, side="right") - 1
    inside = (at >= 0) & (at < n)
    at, times, values, lengths = at[inside], times[inside], values[inside], lengths[inside]
    until = grid[at + 1] - times
    near = (lengths >= DAY_US) & (np.abs(until - lengths) <= HOUR_US)
    lengths = np.where(near, until, lengths)
    within = lengths <= until
    filled = np.bincount(at[within], weights=lengths[within], minlength=n)
    use = np.full(n, np.nan)
    full = filled == np.diff(grid)
    use[full] = np.bincount(at[within], weights=values[within], minlength=n)[full]
    return use


def _lay_across(
    use: Floats, times: Micros, values: Floats, lengths: Micros, grid: Micros, *, spread: bool
) -> list[Flaw]:
    """Puts into ``use`` the steps without one that intervals cover which lie across their edges,
    each shared by time; tells of them."""
    missing = np.isnan(use)
    if not missing.any() or not len(times):
        return []
    fits = lengths <= (LONGEST if spread else _about(int(np.diff(grid).max())))
    times, values, lengths = times[fits], values[fits], lengths[fits]
    if not len(times):
        return []
    ends = np.minimum(times + lengths, np.append(times[1:], times[-1] + lengths[-1]))
    moments = np.stack([times, ends], axis=1).ravel()
    counted, covered = (
        np.interp(grid, moments, np.stack([sums - part, sums], axis=1).ravel())
        for part in (values, (ends - times).astype(np.float64))
        for sums in (np.cumsum(part),)
    )
    whole = np.diff(covered) >= np.diff(grid) - SECOND_US
    fill = missing & whole
    use[fill] = np.diff(counted)[fill]
    at = np.searchsorted(times, grid, side="right").clip(1) - 1
    share = (grid - times[at]) / np.maximum(ends - times, 1)[at]
    cut = (share > 0.0) & (share < 1.0)
    bound = np.where(cut, np.maximum(share, 1.0 - share) * np.abs(values[at]), 0.0)
    return shared_steps(grid, bound[:-1] + bound[1:], fill)


def _put_exported(
    use: Floats, times: Micros, values: Floats, lengths: Micros, grid: Micros
) -> None:
    """Puts amounts below zero into the steps of ``use`` that they lie in, in place of their use;
    those that lie across an edge are shared by time."""
    if not len(times) or len(grid) < 2:
        return
    ends = np.minimum(times + lengths, np.append(times[1:], times[-1] + lengths[-1]))
    sums = np.cumsum(values)
    counted = np.stack([sums - values, sums], axis=1).ravel()
    part = np.diff(np.interp(grid, np.stack([times, ends], axis=1).ravel(), counted))
    use[part < 0] = part[part < 0]


def _spans(use: Floats, grid: Micros) -> list[tuple[int, int, float | None]]:
    return [(int(grid[first]), int(grid[end]), None) for first, end in runs(np.isnan(use))]
