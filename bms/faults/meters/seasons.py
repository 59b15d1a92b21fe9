"""Heat out of season, hot water's base load, and signatures that change."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from bms.faults.codes import FaultCode, LookFor
from bms.faults.days import last_mean, mean_of_known, trailing
from bms.faults.earlier import earlier_alike
from bms.faults.meters.heat_days import COLD_C, HeatDays, day_before
from bms.faults.observations import HOURS_A_YEAR, Equipment, Observations, State
from bms.faults.prices import heat_price
from bms.faults.rule import Rule, Seen, found, median, never, too_short
from bms.faults.signals import Signal
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats
from bms.model.work.finding import RuleId

LINES = (Signal.HEAT, Signal.OUTDOOR_TEMP)
WINTER_SHARE = 0.25
"""Heat of a warm day over that of a winter day above which a building without a history of its own
heats in summer; hot water and its circulation take 5 to 20 %."""
TOP, LIKE_K, FEWEST_LIKE, SCALES = 1.1, 2.0, 12, 4.0
STOPS_C, MILD_C = (14.0, 16.0, 18.0), 10.0
"""Daily means at which a circuit may stop, and from which a day is mild [degC]."""
LEAST_DAYS, LEAST_K = 3, 4.0
"""Days of which the least hours are taken, and how alike the weather of their past is [K]."""
LEAST_RISE, LEAST_SCALES, LEAST_SHARE = 0.15, 3.0, 0.015
"""Of the least hours: the rise over what was usual, in usual deviations, and of the mean heat."""
SIGNATURE_DAYS = 21
NIGHT_PART = 7 / 24
"""The part of a day in which base load is looked at."""


class _HoursLike(NamedTuple):
    """Mean heat of some hours of each day [kWh an interval], of those hours lately, what days like
    them lead to expect, and where the difference is beyond nearly all that there was."""

    hourly: Floats
    lately: Floats
    usual: Floats
    beyond: Flags


def _hours_like(days: HeatDays, where: Flags, least_h: float, tolerance: float) -> _HoursLike:
    """Some hours of each day against such hours of days as mild, of the subject's own past. What
    runs below the stop temperature and stops above it depends on the day before, too."""
    hourly = days.table.known_mean(np.where(where, days.seen[Signal.HEAT], np.nan), least_h)
    felt = 0.6 * days.outdoor + 0.4 * day_before(days.outdoor)
    before = earlier_alike(
        hourly, felt, LIKE_K, kind=days.table.closed, guard=10, fewest=FEWEST_LIKE
    )
    usual, high = _last_known(before.median, 3), _last_known(before.high, 3)
    mean = float(np.nanmean(days.seen[Signal.HEAT]))
    scale = _last_known(before.deviation, 3) / np.sqrt(3)
    least = np.maximum(np.maximum(tolerance * usual, SCALES * scale), 0.02 * mean)
    lately = _last_known(np.where(np.isfinite(before.median), hourly, np.nan), 3)
    return _HoursLike(hourly, lately, usual, (lately - usual > least) & (lately > TOP * high))


def _last_known(values: Floats, days: int) -> Floats:
    """Mean of the last ``days`` known days; NaN where they span more than two weeks, and on days
    that are not known."""
    known = np.flatnonzero(np.isfinite(values))
    mean = np.full(len(values), np.nan)
    if len(known) >= days:
        rows = np.lib.stride_tricks.sliding_window_view(known, days)
        near = rows[:, -1] - rows[:, 0] <= 14
        mean[rows[near, -1]] = values[rows[near]].mean(axis=1)
    return mean


def _warm(seen: Observations) -> Flags:
    """Intervals in which no building needs heat."""
    warm: Flags = seen.get(Signal.OUTDOOR_TEMP) >= seen.context.stop_c - 1.0
    return warm


def summer_heat(seen: Observations, rule: Rule) -> Seen:
    """In warm hours the building takes clearly more heat than in such hours before; without a
    history, more than a quarter of what winter hours take."""
    days = HeatDays.of(seen)
    like = _hours_like(days, _warm(seen), 4.0, rule.tolerance)
    if np.isfinite(like.hourly).sum() < 3:
        return never(State.WARM)
    winter = median(days.heat[days.outdoor < 5.0], median(days.heat[days.heating])) / 24.0
    lately = np.where(np.isfinite(like.lately), like.lately, _last_known(like.hourly, 3))
    without = ~np.isfinite(like.usual) & (lately > WINTER_SHARE * winter)
    flags = like.beyond | without
    usual = np.where(np.isfinite(like.usual), like.usual, 0.12 * winter)
    extra = last_mean(lately - usual, flags) * seen.per_hour
    return found(
        days.table.spread(flags),
        {
            "heat": 24.0 * seen.per_hour * last_mean(lately, flags),
            "stop": seen.context.stop_c,
        },
        price=heat_price(seen.context, extra * _warm_hours(seen), error=0.4),
        lines=LINES,
    )


def _warm_hours(seen: Observations) -> float:
    """Warm hours of a year, by those of the data; within what is usual where it is shorter."""
    known = np.isfinite(seen.get(Signal.OUTDOOR_TEMP))
    hours = HOURS_A_YEAR * float((_warm(seen) & known).sum()) / max(float(known.sum()), 1.0)
    return hours if seen.hours(known) >= 330 * 24 else min(max(hours, 1000.0), 3000.0)


def base_load(seen: Observations, rule: Rule) -> Seen:
    """Nights of mild and warm days, or the least hours of open days whatever the weather, take more
    heat than such hours did: hot water circulates without need, or something heats that stood."""
    days = HeatDays.of(seen)
    mild = days.table.spread(days.outdoor >= MILD_C)
    quiet = ~seen.in_use & seen.between(22, 5) & mild
    nights = _hours_like(days, quiet, 3.0, rule.tolerance)
    least, usual, risen = _least_hours(days)
    if np.isfinite(nights.hourly).sum() < 15 and not np.isfinite(usual).any():
        return never(State.WARM)
    flags = nights.beyond | risen
    more = np.where(nights.beyond, nights.lately - nights.usual, least - usual)
    extra = last_mean(more, flags) * seen.per_hour
    by_day = last_mean(days.heat - days.expected.value, flags) / 24.0
    steady = float(np.clip(by_day, NIGHT_PART * extra, extra)) if np.isfinite(by_day) else extra
    return found(
        days.table.spread(flags),
        {"extra": extra},
        price=heat_price(seen.context, steady * HOURS_A_YEAR, error=0.4),
        lines=LINES,
    )


def _least_hours(days: HeatDays) -> tuple[Floats, Floats, Flags]:
    """Of each day the least heat of two hours on the last open days [kWh an interval], what it was
    in such weather, and where it has clearly risen. While a setback lets the building cool nothing
    is left but hot water and what loses heat without need."""
    table, steps = days.table, days.seen.steps(2.0)
    heat = days.seen[Signal.HEAT]
    held = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([np.full(steps - 1, np.nan), heat]), steps
    ).mean(axis=1)
    known = np.isfinite(held) & ~table.spread(table.closed)
    least = np.full(len(table), np.inf)
    np.minimum.at(least, table.place[known], held[known])
    lowest = _lowest(least, LEAST_DAYS)
    weather = trailing(days.outdoor, LEAST_DAYS)
    kind = np.zeros(len(table), dtype=np.bool_)
    before = earlier_alike(lowest, weather, LEAST_K, kind=kind, guard=10, fewest=FEWEST_LIKE)
    enough = np.maximum(LEAST_RISE * before.median, LEAST_SCALES * before.deviation)
    enough = np.maximum(enough, LEAST_SHARE * float(np.nanmean(heat)))
    return lowest, before.median, (lowest - before.median > enough) & (lowest > TOP * before.high)


def _lowest(values: Floats, days: int) -> Floats:
    """The lowest of each day and those before it; NaN where fewer than two are finite."""
    padded = np.concatenate([np.full(days - 1, np.inf), values])
    rows = np.lib.stride_tricks.sliding_window_view(padded, days)
    return np.where(np.isfinite(rows).sum(axis=1) >= 2, rows.min(axis=1), np.nan)


def slope_changes(seen: Observations, rule: Rule) -> Seen:
    """The signature of three weeks is steeper than its own history's: more heat for each kelvin,
    where the weather tells the slope from the base."""
    days = HeatDays.of(seen)
    if len(days.table) < 70:
        return too_short(len(days.table), 70)
    change, error = _slope_change(days)
    if not np.isfinite(change).any():
        return never(State.COLD)
    flags = days.table.stood((change > rule.tolerance) & (change > 3.0 * error), 3)
    level = last_mean(change, flags)
    return found(
        days.table.spread(flags),
        {"change": level},
        price=heat_price(seen.context, 0.75 * level * days.year_kwh, error=0.5),
        lines=LINES,
    )


def _slope_change(days: HeatDays) -> tuple[Floats, Floats]:
    """Relative change of the slope of heat against expected heat in three weeks, and its standard
    error. NaN where the weather was too even, or not cold."""
    told = days.expected.value
    usable = np.isfinite(days.heat) & np.isfinite(told) & (days.outdoor < COLD_C)

    def mean(values: Floats) -> Floats:
        return trailing(np.where(usable, values, np.nan), SIGNATURE_DAYS, least=14)

    x, y = told / mean_of_known(told), days.heat / mean_of_known(told)
    n = SIGNATURE_DAYS * trailing(usable.astype(np.float64), SIGNATURE_DAYS)
    spread, shared = mean(x * x) - mean(x) ** 2, mean(x * y) - mean(x) * mean(y)
    slope = np.where(usable & (spread > 0), shared / spread, np.nan)
    left = np.maximum(mean(y * y) - mean(y) ** 2 - slope * shared, 0.0)
    even = _range(np.where(usable, days.outdoor, np.nan), SIGNATURE_DAYS) < 6.0
    change = np.where(even, np.nan, slope - 1.0)
    return change, 1.5 * np.sqrt(left / (n - 2) / spread)


def _range(values: Floats, days: int) -> Floats:
    """Highest less lowest of the known values of each day and those before it."""
    padded = np.concatenate([np.full(days - 1, np.nan), values])
    rows = np.lib.stride_tricks.sliding_window_view(padded, days)
    span: Floats = np.fmax.reduce(rows, axis=1) - np.fmin.reduce(rows, axis=1)
    return span


def heats_earlier(seen: Observations, rule: Rule) -> Seen:
    """On mild days the building takes more heat than such days did: its balance point has moved
    up."""
    days = HeatDays.of(seen)
    if len(days.table) < 70:
        return too_short(len(days.table), 70)
    mild = (days.outdoor >= 10.0) & (days.outdoor < seen.context.stop_c)
    off = np.where(mild, days.heat - days.expected.value, np.nan)
    if np.isfinite(off).sum() < 8:
        return never(State.WARM)
    lately = trailing(off, 8, least=5)
    winter = median(days.heat[days.outdoor < 5.0], float(np.nanmax(days.heat)))
    cold = trailing(np.where(days.outdoor < 6.0, days.heat / days.expected.value, np.nan), 14)
    high = lately > np.maximum(rule.tolerance * winter, 2.5 * days.expected.scale)
    flags = days.table.stood(high & ~(mild & (cold > 1.1)), 3) & mild
    extra = last_mean(lately, flags)
    share = float(mild.sum()) / max(float(np.isfinite(days.outdoor).sum()), 1.0)
    return found(
        days.table.spread(flags),
        {"extra": extra},
        price=heat_price(seen.context, extra * 365.0 * min(share, 0.4), error=0.5),
        lines=LINES,
    )


_row = partial(Rule, equipment=Equipment.HEAT_METER, needs=LINES)
_SIGNATURE = "change-point signatures, ASHRAE Guideline 14 (better-lbnl-os)"
RULES = (
    _row(
        id=RuleId("DH-SUMMER-HEAT"),
        fact=FaultCode.SUMMER_HEAT,
        look_for=LookFor.SUMMER_STOP,
        look=summer_heat,
        source="DH-3 of the project's rules",
        silent=(State.COLD,),
        tolerance=0.35,
        unit="share",
        delay_h=72,
    ),
    _row(
        id=RuleId("DH-HOT-WATER-BASE"),
        fact=FaultCode.BASE_LOAD_RISES,
        look_for=LookFor.HOT_WATER_LOSS,
        look=base_load,
        source="Energies 2019, 12, 113 (deviations of substations)",
        tolerance=0.3,
        unit="share",
        delay_h=96,
    ),
    _row(
        id=RuleId("DH-SLOPE"),
        fact=FaultCode.SLOPE_RISES,
        look_for=LookFor.HEAT_LOSS,
        look=slope_changes,
        source=_SIGNATURE,
        silent=(State.WARM,),
        tolerance=0.15,
        unit="share",
        delay_h=72,
    ),
    _row(
        id=RuleId("DH-BALANCE-POINT"),
        fact=FaultCode.HEATS_EARLIER,
        look_for=LookFor.SUMMER_STOP,
        look=heats_earlier,
        source=_SIGNATURE,
        tolerance=0.1,
        unit="share of a winter's day",
        delay_h=96,
    ),
)
