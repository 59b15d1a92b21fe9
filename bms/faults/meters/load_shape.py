"""The shape of the heat load: setback at night, on closed days and in holidays."""

from __future__ import annotations

from functools import partial

import numpy as np

from bms.faults.codes import CannotCode, FaultCode, LookFor
from bms.faults.days import last_mean, trailing
from bms.faults.earlier import earlier
from bms.faults.meters.heat_days import HeatDays
from bms.faults.observations import Equipment, Observations, State
from bms.faults.prices import heat_price
from bms.faults.rule import Rule, Seen, found, median, never, too_short
from bms.faults.signals import Signal
from bms.model.fact import fact
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats
from bms.model.work.finding import RuleId

ROOM_C = 18.0
"""Outdoor temperature at which a building used day and night needs no heating [degC]."""
SETBACK_C = 9.0
"""Daily mean below which a setback shows in the load [degC]."""
USUAL_SAVING = 0.12
"""Share of the heat that a setback of nights and weekends saves where there was none
(DS/EN ISO 52016 examples: 8 to 16 % for schools)."""
LINES = (Signal.HEAT, Signal.OUTDOOR_TEMP)
SEASON_H = 60 * 24.0
"""A time programme that is wrong on some weekends of a winter is one fault [h]."""


def night_share(seen: Observations) -> Floats:
    """Heat per kelvin at night, before any warming up, over that in the daytime, by day; 1 without
    a setback. NaN where it is not cold."""
    days = HeatDays.of(seen)
    heat, outdoor, table = seen[Signal.HEAT], seen.get(Signal.OUTDOOR_TEMP), days.table

    def per_kelvin(where: Flags) -> Floats:
        return table.mean(heat, where) / (ROOM_C - table.mean(outdoor, where))

    share = per_kelvin(seen.between(22, 4)) / per_kelvin(seen.between(9, 16))
    return np.where((days.outdoor < SETBACK_C) & np.isfinite(share), share, np.nan)


def no_setback(seen: Observations, rule: Rule) -> Seen:
    """For several open days the night takes as much heat per kelvin as the day, or far more of it
    than it used to."""
    if seen.context.always_in_use:
        return never(State.OUT_OF_USE)
    days = HeatDays.of(seen)
    share = np.where(days.table.closed, np.nan, night_share(seen))
    if np.isfinite(share).sum() < 5:
        return never(State.COLD)
    week, usual = trailing(share, 6, least=3), _usual(share)
    rises = (week > usual + 0.25) & (week > 0.8)
    flags = ((week > 1.0 - rule.tolerance) | rises) & np.isfinite(share)
    level, before = last_mean(week, flags), median(usual[flags])
    saved = USUAL_SAVING if not np.isfinite(before) else 0.35 * min(max(level - before, 0.1), 0.8)
    return _heated(seen, flags, level, saved, error=0.5)


def _usual(share: Floats) -> Floats:
    """Median of a subject's days of half a year up to two weeks before each day."""
    return earlier(share, history=190, guard=14, fewest=12).median


def _heated(seen: Observations, flags: Flags, level: float, saved: float, *, error: float) -> Seen:
    """Days on which a time programme did not lower the heat; ``saved`` is a share of the year's."""
    days = HeatDays.of(seen)
    return found(
        days.table.spread(flags),
        {"share": level},
        price=heat_price(seen.context, saved * days.year_kwh, error=error),
        lines=LINES,
    )


def closed_day_share(seen: Observations) -> Floats:
    """Heat per kelvin of a closed day over that of the open days of the four weeks before it."""
    days = HeatDays.of(seen)
    closed = days.table.closed
    kelvin = np.where(days.outdoor < SETBACK_C, days.heat / (ROOM_C - days.outdoor), np.nan)
    open_days = trailing(np.where(closed, np.nan, kelvin), 28, least=6)
    return np.where(closed, kelvin / open_days, np.nan)


def heats_when_closed(seen: Observations, rule: Rule) -> Seen:
    """Closed days take as much heat per kelvin as open ones, and took less before, or never did."""
    if seen.context.always_in_use or not seen.closed.any():
        return never(State.OUT_OF_USE)
    table = HeatDays.of(seen).table
    share = np.where(table.listed, np.nan, closed_day_share(seen))
    if np.isfinite(share).sum() < 3:
        return never(State.COLD)
    lately, usual = trailing(share, 7, least=2), _usual(share)
    alike = 1.0 - rule.tolerance
    rises = (lately > usual + 0.15) & (lately > 0.9)
    flags = ((lately > alike) & ~(usual <= alike) | rises) & np.isfinite(share)
    level, before = last_mean(lately, flags), median(usual[flags], 0.8)
    saved = float(table.closed.mean()) * min(max(level - min(before, 0.85), 0.05), 0.5)
    return _heated(seen, flags, level, saved, error=0.5)


def holiday_heat(seen: Observations, rule: Rule) -> Seen:
    """Heat around the clock in a holiday of three closed days or more, at open days' level."""
    if seen.context.always_in_use or not seen.context.closed:
        return fact(CannotCode.NO_CALENDAR)
    table = HeatDays.of(seen).table
    if len(table) < 45:
        return too_short(len(table), 45)
    share = closed_day_share(seen)
    weekend = np.nan_to_num(_usual(share), nan=1.0)
    high = share > np.maximum(1.0 - rule.tolerance, weekend + 0.08)
    flags = table.stood(table.stood(table.closed, 3) & high, 2)
    level = last_mean(share, flags)
    return _heated(seen, flags, level, 0.04 * min(level, 1.2), error=0.6)


_row = partial(
    Rule,
    equipment=Equipment.HEAT_METER,
    look_for=LookFor.TIME_PROGRAMME,
    needs=LINES,
    unit="share",
    join_h=SEASON_H,
)
RULES = (
    _row(
        id=RuleId("DH-NO-SETBACK"),
        fact=FaultCode.NO_SETBACK,
        look=no_setback,
        source="DH-4 of the project's rules; DS/EN ISO 52016",
        silent=(State.WARM, State.IN_USE),
        tolerance=0.05,
        delay_h=72,
    ),
    _row(
        id=RuleId("DH-CLOSED-DAYS"),
        fact=FaultCode.HEATS_WHEN_CLOSED,
        look=heats_when_closed,
        source="DH-4 of the project's rules",
        silent=(State.WARM,),
        tolerance=0.03,
        delay_h=48,
    ),
    _row(
        id=RuleId("DH-HOLIDAY"),
        fact=FaultCode.HOLIDAY_HEAT,
        look=holiday_heat,
        source="BR18 §295(3)",
        silent=(State.WARM, State.IN_USE),
        tolerance=0.05,
        delay_h=48,
    ),
)
