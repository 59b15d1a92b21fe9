"""Electricity by the hour: base load, nights, weekends, holidays, and ventilation out of use."""

from __future__ import annotations

import numpy as np

from bms.faults.codes import CannotCode, FaultCode, LookFor
from bms.faults.days import DayTable, outdoor_days, trailing
from bms.faults.delays import confirmed
from bms.faults.expected import expectation
from bms.faults.meters.heat_days import last_mean, too_short
from bms.faults.observations import Equipment, Observations, State
from bms.faults.prices import electricity_price
from bms.faults.rule import Look, Rule, Seen, found, median, nothing
from bms.faults.signals import Signal
from bms.model.fact import Term, fact
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats
from bms.model.work.finding import RuleId

LINES = (Signal.ELECTRICITY,)
FEWEST = 42
GUARD = 14
HEATS = 1.6
"""Use of cold days over that of warm ones from which on electricity heats the building."""
QUIET = (0, 4 * 60)
NIGHT_SHARE = 0.7
"""Night load over day load of open days above which much runs that nobody uses."""


def _usual(seen: Observations, values: Floats, fewest: int) -> tuple[Floats, Floats]:
    """What the last months lead to expect of each day, two weeks ahead, and the usual deviation;
    by the cold where the outdoor temperature is known, as heat pumps want it; nothing is expected
    of colder days than there were."""
    design = np.ones((len(values), 1))
    if seen.has(Signal.OUTDOOR_TEMP):
        outdoor = outdoor_days(seen, DayTable.of(seen))
        cold = np.maximum(15.0 - outdoor, 0.0)
        design = np.stack([np.ones(len(values)), cold], axis=1)
    found = expectation(values, [design], history_days=365, guard_days=GUARD, fewest=fewest)
    return found.value, found.scale


def _heats(seen: Observations) -> bool:
    """Whether a meter's use follows the cold so closely that a heat pump or heaters are on it."""
    if not seen.has(Signal.OUTDOOR_TEMP):
        return False
    table = DayTable.of(seen)
    use, cold = table.mean(seen[Signal.ELECTRICITY]), 15.0 - outdoor_days(seen, table)
    known = np.isfinite(use) & np.isfinite(cold) & ~table.closed
    if known.sum() < FEWEST:
        return False
    warm, chilly = use[known & (cold < 1.0)], use[known & (cold > 9.0)]
    if len(warm) < 7 or len(chilly) < 7:
        return False
    return float(np.median(chilly)) > HEATS * float(np.median(warm))


def _per_hour(seen: Observations) -> float:
    return 3600.0 / seen.step_s


def _quiet(seen: Observations) -> Flags:
    quiet: Flags = seen.local.minute < QUIET[1]
    return quiet


def _risen(
    seen: Observations, rule: Rule, values: Floats, hours: float, days: int, fewest: int
) -> Seen:
    """The mean of ``days`` known values lies above their own history by the tolerance, and by
    three usual deviations. ``hours`` a year cost the difference."""
    if _heats(seen):
        return fact(CannotCode.ELECTRIC_HEAT)
    table = DayTable.of(seen)
    usual, scale = _usual(seen, values, fewest)
    lately = trailing(values, days, least=max(days // 3, 2))
    mean = float(np.nanmean(seen[Signal.ELECTRICITY]))
    enough = np.maximum(
        np.maximum(rule.tolerance_at(seen) * np.maximum(usual, 0.3 * mean), 3.0 * scale),
        0.02 * mean,
    )
    flags = confirmed(lately - usual > enough, table.breaks, 2)
    extra = last_mean(lately - usual, flags)
    if extra is None:
        return nothing()
    before = median(usual[flags])
    power = extra * _per_hour(seen)
    return found(
        table.spread(flags),
        parameters={"extra": power, "before": before * _per_hour(seen)},
        price=electricity_price(seen.context, power * hours, error=0.3),
        lines=LINES,
    )


def base_load_grows(seen: Observations, rule: Rule) -> Seen:
    """The load from midnight to four has risen against its own history."""
    table = DayTable.of(seen)
    if len(table) < FEWEST:
        return too_short(len(table), FEWEST)
    night = table.mean(seen[Signal.ELECTRICITY], _quiet(seen))
    return _risen(seen, rule, night, 8760.0, 5, 21)


def night_use(seen: Observations, rule: Rule) -> Seen:
    """Of open days the night takes nearly as much as the day."""
    if seen.context.always_in_use:
        return fact(CannotCode.NO_STATE, state=Term(State.OUT_OF_USE.value))
    table, values = DayTable.of(seen), seen[Signal.ELECTRICITY]
    if len(table) < 21:
        return too_short(len(table), 21)
    night, day = table.mean(values, _quiet(seen)), table.mean(values, seen.in_use)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = trailing(np.where(table.closed, np.nan, night / day), 14, least=6)
    high = share > rule.tolerance_at(seen)
    flags = confirmed(high, table.breaks, round(rule.delay_h / 24))
    level = last_mean(share, flags)
    if level is None:
        return nothing()
    used = last_mean(night, flags) or 0.0
    hours = 8760.0 - 200.0 * 10.0
    return found(
        table.spread(flags),
        parameters={"share": level},
        price=electricity_price(
            seen.context, used * (1 - 0.4 / level) * _per_hour(seen) * hours, error=0.6
        ),
        lines=LINES,
    )


def weekend_use(seen: Observations, rule: Rule) -> Seen:
    """Weekends take more in the daytime than weekends did."""
    table = DayTable.of(seen)
    if len(table) < 70:
        return too_short(len(table), 70)
    minute = seen.local.minute
    daytime = (minute >= 8 * 60) & (minute < 18 * 60)
    weekend = np.isin((table.day + 3) % 7, list(seen.context.closed_weekdays))
    if not weekend.any():
        return fact(CannotCode.NO_STATE, state=Term(State.OUT_OF_USE.value))
    values = np.where(weekend, table.mean(seen[Signal.ELECTRICITY], daytime), np.nan)
    return _risen(seen, rule, values, 104 * 10.0, 8, 8)


def evening_use(seen: Observations, rule: Rule) -> Seen:
    """Evenings after use take more than they did: something is not switched off."""
    table = DayTable.of(seen)
    if len(table) < FEWEST:
        return too_short(len(table), FEWEST)
    minute = seen.local.minute
    late = (minute >= 19 * 60) & (minute < 23 * 60)
    values = np.where(table.closed, np.nan, table.mean(seen[Signal.ELECTRICITY], late))
    return _risen(seen, rule, values, 220 * 5.0, 7, 15)


def holiday_use(seen: Observations, rule: Rule) -> Seen:
    """Closed days outside weekends take as much as open days do."""
    if not seen.context.closed:
        return fact(CannotCode.NO_CALENDAR)
    table, values = DayTable.of(seen), seen[Signal.ELECTRICITY]
    listed = np.isin(table.day, np.array(sorted(seen.context.closed)))
    day = table.mean(values)
    open_days = trailing(np.where(table.closed, np.nan, day), 28, least=8)
    night = trailing(table.mean(values, _quiet(seen)), 28, least=8)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(listed, (day - night) / (open_days - night), np.nan)
    flags = confirmed(share > 1.0 - rule.tolerance_at(seen), table.breaks, 2)
    level = last_mean(share, flags)
    if level is None:
        return nothing()
    extra = last_mean(day - night, flags) or 0.0
    return found(
        table.spread(flags),
        parameters={"share": level},
        price=electricity_price(seen.context, extra * 24 * _per_hour(seen) * 40.0, error=0.5),
        lines=LINES,
    )


def runs_out_of_use(seen: Observations, rule: Rule) -> Seen:
    """A steady block of power that used to stop after use no longer does: ventilation runs when
    nobody is in."""
    table, values = DayTable.of(seen), seen[Signal.ELECTRICITY]
    if len(table) < FEWEST or seen.context.always_in_use:
        return too_short(len(table), FEWEST)
    if _heats(seen):
        return fact(CannotCode.ELECTRIC_HEAT)
    minute = seen.local.minute
    out = ~seen.in_use & ((minute >= 20 * 60) | (minute < 5 * 60))
    night, day = table.mean(values, out), table.mean(values, seen.in_use)
    usual, scale = _usual(seen, night, 21)
    before, _ = _usual(seen, np.where(table.closed, np.nan, day), 15)
    lately = trailing(night, 3, least=3)
    block = rule.tolerance_at(seen) * (before - usual)
    day_now = trailing(np.where(table.closed, np.nan, day), 7, least=2)
    steady = ~(day_now - before > 0.7 * (lately - usual))
    flags = (lately - usual > np.maximum(block, 4.0 * scale)) & steady & (block > 0)
    flags = confirmed(flags, table.breaks, 1)
    extra = last_mean(lately - usual, flags)
    if extra is None:
        return nothing()
    power = extra * _per_hour(seen)
    return found(
        table.spread(flags),
        parameters={"extra": power},
        price=electricity_price(seen.context, power * 6000.0, error=0.3),
        lines=LINES,
    )


def _row(
    end: str, code: FaultCode, look: Look, tolerance: float, delay_h: float, look_for: LookFor
) -> Rule:
    return Rule(
        id=RuleId(f"EL-{end}"),
        equipment=Equipment.ELECTRICITY_METER,
        fact=code,
        look_for=look_for,
        look=look,
        source="open-fdd SCHED-1, SCHED-247; BR18 §295(3)",
        needs=(Signal.ELECTRICITY,),
        tolerance=tolerance,
        unit="share",
        delay_h=delay_h,
    )


RULES = (
    _row("BASE", FaultCode.EL_BASE_GROWS, base_load_grows, 0.12, 96, LookFor.STANDBY),
    _row("NIGHT", FaultCode.EL_NIGHT, night_use, NIGHT_SHARE, 72, LookFor.STANDBY),
    _row("WEEKEND", FaultCode.EL_WEEKEND, weekend_use, 0.25, 96, LookFor.TIME_PROGRAMME),
    _row("EVENING", FaultCode.EL_EVENING, evening_use, 0.2, 96, LookFor.TIME_PROGRAMME),
    _row("HOLIDAY", FaultCode.EL_HOLIDAY, holiday_use, 0.25, 48, LookFor.TIME_PROGRAMME),
    _row("VENTILATION", FaultCode.EL_VENTILATION, runs_out_of_use, 0.25, 72, LookFor.FAN_PROGRAMME),
)
