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
from bms.model.readings.series import Floats
from bms.model.work.finding import RuleId

LINES = (Signal.HEAT, Signal.OUTDOOR_TEMP)
NEEDS = (Signal.HEAT, Signal.OUTDOOR_TEMP)
GUARD = 10
WINTER_SHARE = 0.25
"""Heat of a warm day over that of a winter day above which a building without a history of its own
heats in summer; hot water and its circulation take 5 to 20 %."""
SIGNATURE_DAYS = 21


def _before(values: Floats, fewest: int, history: int = 400) -> tuple[Floats, Floats]:
    """Median and usual deviation of the values of a subject until ten days before each day."""
    middle, scale = np.full(len(values), np.nan), np.full(len(values), np.nan)
    for day in range(GUARD + fewest, len(values), 3):
        past = values[max(0, day - GUARD - history) : day - GUARD]
        past = past[np.isfinite(past)]
        if len(past) >= fewest:
            middle[day : day + 3] = np.median(past)
            off = np.abs(past - np.median(past))
            scale[day : day + 3] = 1.4826 * np.median(off)
    return middle, scale


def summer_heat(seen: Observations, rule: Rule) -> Seen:
    """On days above the building's stop temperature it takes clearly more heat than on such days
    before; without a history, more than a quarter of a winter's day."""
    days = HeatDays.of(seen)
    warm = days.outdoor >= seen.context.stop_c
    if warm.sum() < 3:
        return fact(CannotCode.NO_STATE, state=Term(State.WARM.value))
    heat = np.where(warm, days.heat, np.nan)
    open_heat = heat / np.where(days.table.closed, 0.85, 1.0)
    winter = median(days.heat[days.outdoor < 5.0], median(days.heat[days.heating]))
    usual, scale = _before(open_heat, 8)
    lately = trailing(open_heat, 6, least=3)
    enough = np.maximum(np.maximum(rule.tolerance_at(seen) * usual, 2.5 * scale), 0.03 * winter)
    more = lately - usual > enough
    without = ~np.isfinite(usual) & (lately > WINTER_SHARE * winter)
    flags = (more | without) & warm
    if not flags.any():
        return nothing()
    base = np.where(np.isfinite(usual), usual, 0.12 * winter)
    extra = last_mean(lately - base, flags) or 0.0
    known = np.isfinite(days.outdoor)
    warm_days = 365.0 * float(warm.sum()) / max(float(known.sum()), 1.0)
    warm_days = min(max(warm_days, 60.0), 130.0) if known.sum() < 330 else warm_days
    return found(
        days.table.spread(flags),
        parameters={"heat": last_mean(lately, flags) or 0.0, "stop": seen.context.stop_c},
        price=heat_price(seen.context, extra * warm_days, error=0.4),
        lines=LINES,
    )


def base_load(seen: Observations, rule: Rule) -> Seen:
    """The heat of quiet hours of warm days, which hot water's circulation takes, has risen."""
    days = HeatDays.of(seen)
    minute = seen.local.minute
    quiet = days.table.mean(seen[Signal.HEAT], minute < 4 * 60)
    quiet = np.where(days.outdoor >= 15.0, quiet, np.nan)
    if np.isfinite(quiet).sum() < 15:
        return fact(CannotCode.NO_STATE, state=Term(State.WARM.value))
    usual, scale = _before(quiet, 12)
    lately = trailing(quiet, 6, least=4)
    mean = np.nanmean(seen[Signal.HEAT])
    enough = np.maximum(np.maximum(rule.tolerance_at(seen) * usual, 3.0 * scale), 0.02 * mean)
    flags = (lately - usual > enough) & np.isfinite(quiet)
    flags = confirmed(flags, days.table.breaks, 2)
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
