"""Electricity by the hour: base load, nights, weekends, holidays, and ventilation out of use."""

from __future__ import annotations

from functools import partial

import numpy as np

from bms.faults.codes import CannotCode, FaultCode, LookFor
from bms.faults.days import DayTable, last_mean, outdoor_days, trailing
from bms.faults.expected import ExpectedDays, expectation
from bms.faults.observations import HOURS_A_YEAR, Equipment, Observations, State
from bms.faults.prices import electricity_price
from bms.faults.rule import Rule, Seen, found, median, never, too_short
from bms.faults.signals import Signal
from bms.model.fact import fact
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats
from bms.model.work.finding import RuleId

OUT_OF_USE_H = 6000.0
"""Hours of a year in which nobody is in [h]."""
QUIET_PART = 4 / 24
"""The part of a day in which base load is looked at; what runs then and at no other time."""
LINES = (Signal.ELECTRICITY,)
FEWEST = 42
HEATS = 1.6
"""Use of cold days over that of warm ones from which on electricity heats the building."""
NIGHT_SHARE = 0.7
"""Night load over day load of open days above which much runs that nobody uses."""


def _usual(seen: Observations, values: Floats, fewest: int) -> ExpectedDays:
    """What the last months lead to expect of each day, two weeks ahead; by the cold where the
    outdoor temperature is known, as heat pumps want it; nothing is expected of colder days than
    there were."""
    columns = [np.ones(len(values))]
    if seen.has(Signal.OUTDOOR_TEMP):
        columns.append(np.maximum(15.0 - outdoor_days(seen, DayTable.of(seen)), 0.0))
    return expectation(values, [np.stack(columns, axis=1)], history_days=365, fewest=fewest)


def _heats(seen: Observations) -> bool:
    """Whether a meter's use follows the cold so closely that a heat pump or heaters are on it."""
    if not seen.has(Signal.OUTDOOR_TEMP):
        return False
    table = DayTable.of(seen)
    use, cold = table.mean(seen[Signal.ELECTRICITY]), 15.0 - outdoor_days(seen, table)
    known = np.isfinite(use) & np.isfinite(cold) & ~table.closed
    warm, chilly = use[known & (cold < 1.0)], use[known & (cold > 9.0)]
    if known.sum() < FEWEST or len(warm) < 7 or len(chilly) < 7:
        return False
    return median(chilly) > HEATS * median(warm)


def _quiet(seen: Observations) -> Flags:
    return seen.between(0, 4)


def _open(seen: Observations, where: Flags) -> Floats:
    """Mean use of some intervals of the open days; NaN on closed ones."""
    table = DayTable.of(seen)
    return np.where(table.closed, np.nan, table.mean(seen[Signal.ELECTRICITY], where))


def _risen(
    seen: Observations,
    rule: Rule,
    values: Floats,
    hours: float,
    days: int,
    fewest: int,
    *,
    by_whole_days: bool = False,
) -> Seen:
    """The mean of ``days`` known values lies above their own history by the tolerance, and by
    three usual deviations. ``hours`` a year cost the difference, with ``by_whole_days`` no more of
    them than whole days bear out."""
    if _heats(seen):
        return fact(CannotCode.ELECTRIC_HEAT)
    table, usual = DayTable.of(seen), _usual(seen, values, fewest)
    more = trailing(values, days, least=max(days // 3, 2)) - usual.value
    mean = float(np.nanmean(seen[Signal.ELECTRICITY]))
    share = rule.tolerance * np.maximum(usual.value, 0.3 * mean)
    enough = np.maximum(np.maximum(share, 3.0 * usual.scale), 0.02 * mean)
    flags = table.stood(more > enough, 2)
    power = last_mean(more, flags) * seen.per_hour
    if by_whole_days:
        hours = _borne_out(seen, flags, power, hours)
    return found(
        table.spread(flags),
        {"extra": power, "before": median(usual.value[flags]) * seen.per_hour},
        price=electricity_price(seen.context, power * hours, error=0.3),
        lines=LINES,
    )


def _borne_out(seen: Observations, flags: Flags, power: float, hours: float) -> float:
    """The hours a year [h] that a rise of ``power`` [kW] at night is priced for: ``hours``, or as
    many as the rise of the whole days makes, where that is less."""
    day = DayTable.of(seen).mean(seen[Signal.ELECTRICITY])
    risen = last_mean(day - _usual(seen, day, 21).value, flags) * seen.per_hour
    if not np.isfinite(risen / power):
        return hours
    return min(hours, float(np.clip(risen / power, QUIET_PART, 1.0)) * HOURS_A_YEAR)


def base_load_grows(seen: Observations, rule: Rule) -> Seen:
    """The load from midnight to four has risen against its own history."""
    table = DayTable.of(seen)
    if len(table) < FEWEST:
        return too_short(len(table), FEWEST)
    night = table.mean(seen[Signal.ELECTRICITY], _quiet(seen))
    return _risen(seen, rule, night, HOURS_A_YEAR, 5, 21, by_whole_days=True)


def night_use(seen: Observations, rule: Rule) -> Seen:
    """Of open days the night takes nearly as much as the day."""
    if seen.context.always_in_use:
        return never(State.OUT_OF_USE)
    table = DayTable.of(seen)
    if len(table) < 21:
        return too_short(len(table), 21)
    night = _open(seen, _quiet(seen))
    share = trailing(night / _open(seen, seen.in_use), 14, least=6)
    flags = table.stood(share > rule.tolerance, rule.days)
    level, power = last_mean(share, flags), last_mean(night, flags) * seen.per_hour
    hours = HOURS_A_YEAR - 200.0 * 10.0
    return found(
        table.spread(flags),
        {"share": level},
        price=electricity_price(seen.context, power * (1 - 0.4 / level) * hours, error=0.6),
        lines=LINES,
    )


def weekend_use(seen: Observations, rule: Rule) -> Seen:
    """Weekends take more in the daytime than weekends did."""
    table = DayTable.of(seen)
    if len(table) < 70:
        return too_short(len(table), 70)
    weekend = np.isin((table.day + 3) % 7, list(seen.context.closed_weekdays))
    if not weekend.any():
        return never(State.OUT_OF_USE)
    daytime = table.mean(seen[Signal.ELECTRICITY], seen.between(8, 18))
    return _risen(seen, rule, np.where(weekend, daytime, np.nan), 104 * 10.0, 8, 8)


def evening_use(seen: Observations, rule: Rule) -> Seen:
    """Evenings after use take more than they did: something is not switched off."""
    table = DayTable.of(seen)
    if len(table) < FEWEST:
        return too_short(len(table), FEWEST)
    return _risen(seen, rule, _open(seen, seen.between(19, 23)), 220 * 5.0, 7, 15)


def holiday_use(seen: Observations, rule: Rule) -> Seen:
    """Closed days outside weekends take as much as open days do."""
    if not seen.context.closed:
        return fact(CannotCode.NO_CALENDAR)
    table, values = DayTable.of(seen), seen[Signal.ELECTRICITY]
    day = table.mean(values)
    open_days = trailing(np.where(table.closed, np.nan, day), 28, least=8)
    night = trailing(table.mean(values, _quiet(seen)), 28, least=8)
    share = np.where(table.listed, (day - night) / (open_days - night), np.nan)
    flags = table.stood(share > 1.0 - rule.tolerance, 2)
    extra = last_mean(day - night, flags) * seen.per_hour
    return found(
        table.spread(flags),
        {"share": last_mean(share, flags)},
        price=electricity_price(seen.context, extra * 24 * 40.0, error=0.5),
        lines=LINES,
    )


def runs_out_of_use(seen: Observations, rule: Rule) -> Seen:
    """A steady block of power that used to stop after use no longer does: ventilation runs when
    nobody is in."""
    table = DayTable.of(seen)
    if len(table) < FEWEST:
        return too_short(len(table), FEWEST)
    if seen.context.always_in_use:
        return never(State.OUT_OF_USE)
    if _heats(seen):
        return fact(CannotCode.ELECTRIC_HEAT)
    night = table.mean(seen[Signal.ELECTRICITY], ~seen.in_use & seen.between(20, 5))
    day = _open(seen, seen.in_use)
    usual, before = _usual(seen, night, 21), _usual(seen, day, 15).value
    more = trailing(night, 3, least=3) - usual.value
    block = rule.tolerance * (before - usual.value)
    steady = ~(trailing(day, 7, least=2) - before > 0.7 * more)
    flags = (more > np.maximum(block, 4.0 * usual.scale)) & steady & (block > 0)
    power = last_mean(more, flags) * seen.per_hour
    return found(
        table.spread(flags),
        {"extra": power},
        price=electricity_price(
            seen.context, power * _borne_out(seen, flags, power, OUT_OF_USE_H), error=0.3
        ),
        lines=LINES,
    )


_row = partial(
    Rule,
    equipment=Equipment.ELECTRICITY_METER,
    source="open-fdd SCHED-1, SCHED-247; BR18 §295(3)",
    needs=LINES,
    unit="share",
)
_F, _L = FaultCode, LookFor
RULES = (
    _row(
        id=RuleId("EL-BASE"),
        fact=_F.EL_BASE_GROWS,
        look=base_load_grows,
        look_for=_L.STANDBY,
        tolerance=0.12,
        delay_h=96,
    ),
    _row(
        id=RuleId("EL-NIGHT"),
        fact=_F.EL_NIGHT,
        look=night_use,
        look_for=_L.STANDBY,
        tolerance=NIGHT_SHARE,
        delay_h=72,
    ),
    _row(
        id=RuleId("EL-WEEKEND"),
        fact=_F.EL_WEEKEND,
        look=weekend_use,
        look_for=_L.TIME_PROGRAMME,
        tolerance=0.25,
        delay_h=96,
    ),
    _row(
        id=RuleId("EL-EVENING"),
        fact=_F.EL_EVENING,
        look=evening_use,
        look_for=_L.TIME_PROGRAMME,
        tolerance=0.2,
        delay_h=96,
    ),
    _row(
        id=RuleId("EL-HOLIDAY"),
        fact=_F.EL_HOLIDAY,
        look=holiday_use,
        look_for=_L.TIME_PROGRAMME,
        tolerance=0.25,
        delay_h=48,
    ),
    _row(
        id=RuleId("EL-VENTILATION"),
        fact=_F.EL_VENTILATION,
        look=runs_out_of_use,
        look_for=_L.FAN_PROGRAMME,
        tolerance=0.25,
        delay_h=72,
    ),
)
