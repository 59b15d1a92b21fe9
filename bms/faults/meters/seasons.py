"""Heat out of season, hot water's base load, and signatures that change."""

from __future__ import annotations

import numpy as np

from bms.faults.codes import CannotCode, FaultCode, LookFor
from bms.faults.days import trailing
from bms.faults.delays import confirmed
from bms.faults.meters.heat_days import COLD_C, HeatDays, last_mean, too_short
from bms.faults.observations import Equipment, Observations, State
from bms.faults.prices import heat_price
from bms.faults.rule import Rule, Seen, found, median, nothing
from bms.faults.signals import Signal
from bms.model.fact import Term, fact
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats
from bms.model.work.finding import RuleId

LINES = (Signal.HEAT, Signal.OUTDOOR_TEMP)
NEEDS = (Signal.HEAT, Signal.OUTDOOR_TEMP)
GUARD = 10
WINTER_SHARE = 0.25
"""Heat of a warm day over that of a winter day above which a building without a history of its own
heats in summer; hot water and its circulation take 5 to 20 %."""
TOP = 1.1
SIGNATURE_DAYS = 21


def _before(values: Floats, fewest: int, history: int = 400) -> tuple[Floats, Floats, Floats]:
    """Median, usual deviation and 95th percentile of a subject's values up to ten days before each
    day."""
    middle, scale, top = (np.full(len(values), np.nan) for _ in range(3))
    for day in range(GUARD + fewest, len(values), 7):
        past = values[max(0, day - GUARD - history) : day - GUARD]
        past = past[np.isfinite(past)]
        if len(past) >= fewest:
            middle[day : day + 7] = np.median(past)
            off = np.abs(past - np.median(past))
            scale[day : day + 7] = 1.4826 * np.median(off)
            top[day : day + 7] = np.percentile(past, 95.0)
    return middle, scale, top


def _lately(values: Floats, days: int) -> tuple[Floats, Floats, Floats]:
    """Mean of the last ``days`` known days, where it lies above nearly all days before, and the
    median and usual deviation of such a mean before. NaN where they span more than two weeks."""
    known = np.flatnonzero(np.isfinite(values))
    mean = np.full(len(values), np.nan)
    if len(known) >= days:
        rows = np.lib.stride_tricks.sliding_window_view(known, days)
        near = rows[:, -1] - rows[:, 0] <= 14
        mean[rows[near, -1]] = values[rows[near]].mean(axis=1)
    usual, scale, top = _before(values, 8)
    return np.where(mean > TOP * np.nan_to_num(top), mean, np.nan), usual, scale / np.sqrt(days)


def summer_heat(seen: Observations, rule: Rule) -> Seen:
    """In warm hours the building takes clearly more heat than in such hours before; without a
    history, more than a quarter of what winter hours take."""
    days = HeatDays.of(seen)
    warm = seen.get(Signal.OUTDOOR_TEMP) >= seen.context.stop_c - 1.0
    hourly = _enough_hours(days, warm)
    if np.isfinite(hourly).sum() < 3:
        return fact(CannotCode.NO_STATE, state=Term(State.WARM.value))
    level = hourly / np.where(days.table.closed, _closed_level(hourly, days), 1.0)
    winter = median(days.heat[days.outdoor < 5.0], median(days.heat[days.heating])) / 24.0
    lately, usual, scale = _lately(level, 3)
    enough = np.maximum(np.maximum(rule.tolerance_at(seen) * usual, 4.0 * scale), 0.02 * winter)
    without = ~np.isfinite(usual) & (lately > WINTER_SHARE * winter)
    flags = (lately - usual > enough) | without
    if not flags.any():
        return nothing()
    base = np.where(np.isfinite(usual), usual, 0.12 * winter)
    extra = last_mean(lately - base, flags) or 0.0
    known = np.isfinite(seen.get(Signal.OUTDOOR_TEMP))
    hours = 8760.0 * float((warm & known).sum()) / max(float(known.sum()), 1.0)
    hours = min(max(hours, 1000.0), 3000.0) if known.sum() < 330 * 24 else hours
    per_hour = 3600.0 / seen.step_s
    return found(
        days.table.spread(flags),
        parameters={
            "heat": 24.0 * per_hour * (last_mean(lately, flags) or 0.0),
            "stop": seen.context.stop_c,
        },
        price=heat_price(seen.context, extra * per_hour * hours, error=0.4),
        lines=LINES,
    )


def _enough_hours(days: HeatDays, where: Flags, least: int = 4) -> Floats:
    """Mean heat of some intervals of each day; NaN where there are fewer than ``least`` hours."""
    table, heat = days.table, days.seen[Signal.HEAT]
    known = where & np.isfinite(heat)
    n = np.bincount(table.place[known], minlength=len(table))
    total = np.bincount(table.place[known], heat[known], minlength=len(table))
    return np.where(n >= days.seen.steps(least), total / np.maximum(n, 1), np.nan)


def _closed_level(values: Floats, days: HeatDays) -> float:
    """Level of closed days over open ones, at most 1."""
    closed = days.table.closed
    share = median(values[closed]) / max(median(values[~closed], 1.0), 1e-9)
    return min(max(share, 0.2), 1.0) if np.isfinite(share) else 1.0


def base_load(seen: Observations, rule: Rule) -> Seen:
    """The heat of warm hours out of use, which hot water's circulation takes, has risen."""
    days = HeatDays.of(seen)
    warm = ~seen.in_use & (seen.get(Signal.OUTDOOR_TEMP) >= seen.context.stop_c - 1.0)
    quiet = np.where(days.outdoor >= 15.0, _enough_hours(days, warm, 3), np.nan)
    if np.isfinite(quiet).sum() < 15:
        return fact(CannotCode.NO_STATE, state=Term(State.WARM.value))
    lately, usual, scale = _lately(quiet, 4)
    mean = np.nanmean(seen[Signal.HEAT])
    enough = np.maximum(np.maximum(rule.tolerance_at(seen) * usual, 5.0 * scale), 0.02 * mean)
    flags = lately - usual > enough
    extra = last_mean(lately - usual, flags)
    if extra is None:
        return nothing()
    hours = 8760.0 * 3600.0 / seen.step_s
    return found(
        days.table.spread(flags),
        parameters={"extra": extra * 3600.0 / seen.step_s},
        price=heat_price(seen.context, extra * hours, error=0.4),
        lines=LINES,
    )


def slope_changes(seen: Observations, rule: Rule) -> Seen:
    """The signature of three weeks is steeper than its own history's: more heat for each kelvin,
    where the weather tells the slope from the base."""
    days = HeatDays.of(seen)
    if len(days.table) < 70:
        return too_short(len(days.table), 70)
    change, error = _slope_change(days)
    if not np.isfinite(change).any():
        return fact(CannotCode.NO_STATE, state=Term(State.COLD.value))
    flags = (change > rule.tolerance_at(seen)) & (change > 3.0 * error)
    flags = confirmed(flags, days.table.breaks, 3)
    level = last_mean(change, flags)
    if level is None:
        return nothing()
    return found(
        days.table.spread(flags),
        parameters={"change": level},
        price=heat_price(seen.context, 0.75 * level * days.year_kwh, error=0.5),
        lines=LINES,
    )


def _slope_change(days: HeatDays) -> tuple[Floats, Floats]:
    """Relative change of the slope of the last days against expected heat, and its standard
    error. NaN where the weather was too even, or not cold."""
    n = len(days.table)
    change, error = np.full(n, np.nan), np.full(n, np.nan)
    told = days.expected.value
    usable = np.isfinite(days.heat) & np.isfinite(told) & (days.outdoor < COLD_C)
    for day in range(SIGNATURE_DAYS, n):
        rows = np.flatnonzero(usable[day - SIGNATURE_DAYS + 1 : day + 1]) + day - SIGNATURE_DAYS + 1
        if len(rows) < 14 or not usable[day] or np.ptp(days.outdoor[rows]) < 6.0:
            continue
        x, y = told[rows] - told[rows].mean(), days.heat[rows] - days.heat[rows].mean()
        spread = float(x @ x)
        if spread <= 0:
            continue
        slope = float(x @ y) / spread
        left = y - slope * x
        change[day] = slope - 1.0
        error[day] = np.sqrt(float(left @ left) / (len(rows) - 2) / spread) * 1.5
    return change, error


def heats_earlier(seen: Observations, rule: Rule) -> Seen:
    """On mild days the building takes more heat than such days did: its balance point has moved
    up."""
    days = HeatDays.of(seen)
    if len(days.table) < 70:
        return too_short(len(days.table), 70)
    mild = (days.outdoor >= 10.0) & (days.outdoor < seen.context.stop_c)
    off = np.where(mild, days.heat - days.expected.value, np.nan)
    if np.isfinite(off).sum() < 8:
        return fact(CannotCode.NO_STATE, state=Term(State.WARM.value))
    lately = trailing(off, 8, least=5)
    winter = median(days.heat[days.outdoor < 5.0], float(np.nanmax(days.heat)))
    cold = trailing(np.where(days.outdoor < 6.0, days.heat / days.expected.value, np.nan), 14)
    enough = np.maximum(rule.tolerance_at(seen) * winter, 2.5 * days.expected.scale)
    flags = (lately > enough) & mild & ~(cold > 1.1)
    flags = confirmed(flags | (~mild & (lately > enough)), days.table.breaks, 3) & mild
    extra = last_mean(lately, flags)
    if extra is None:
        return nothing()
    share = float(mild.sum()) / max(float(np.isfinite(days.outdoor).sum()), 1.0)
    return found(
        days.table.spread(flags),
        parameters={"extra": extra},
        price=heat_price(seen.context, extra * 365.0 * min(share, 0.4), error=0.5),
        lines=LINES,
    )


RULES = (
    Rule(
        id=RuleId("DH-SUMMER-HEAT"),
        equipment=Equipment.HEAT_METER,
        fact=FaultCode.SUMMER_HEAT,
        look_for=LookFor.SUMMER_STOP,
        look=summer_heat,
        source="DH-3 of the project's rules",
        needs=NEEDS,
        silent=(State.COLD,),
        tolerance=0.35,
        unit="share",
        delay_h=72,
    ),
    Rule(
        id=RuleId("DH-HOT-WATER-BASE"),
        equipment=Equipment.HEAT_METER,
        fact=FaultCode.BASE_LOAD_RISES,
        look_for=LookFor.HOT_WATER_LOSS,
        look=base_load,
        source="Energies 2019, 12, 113 (deviations of substations)",
        needs=NEEDS,
        silent=(State.COLD,),
        tolerance=0.3,
        unit="share",
        delay_h=96,
    ),
    Rule(
        id=RuleId("DH-SLOPE"),
        equipment=Equipment.HEAT_METER,
        fact=FaultCode.SLOPE_RISES,
        look_for=LookFor.HEAT_LOSS,
        look=slope_changes,
        source="change-point signatures, ASHRAE Guideline 14 (better-lbnl-os)",
        needs=NEEDS,
        silent=(State.WARM,),
        tolerance=0.15,
        unit="share",
        delay_h=72,
    ),
    Rule(
        id=RuleId("DH-BALANCE-POINT"),
        equipment=Equipment.HEAT_METER,
        fact=FaultCode.HEATS_EARLIER,
        look_for=LookFor.SUMMER_STOP,
        look=heats_earlier,
        source="change-point signatures, ASHRAE Guideline 14 (better-lbnl-os)",
        needs=NEEDS,
        tolerance=0.1,
        unit="share of a winter's day",
        delay_h=96,
    ),
)
