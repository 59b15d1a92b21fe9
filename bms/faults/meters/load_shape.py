"""The shape of the heat load: setback at night, on closed days and in holidays."""

from __future__ import annotations

import numpy as np

from bms.faults.codes import CannotCode, FaultCode, LookFor
from bms.faults.days import trailing
from bms.faults.delays import confirmed
from bms.faults.meters.heat_days import HeatDays, last_mean, too_short
from bms.faults.observations import Equipment, Observations, State
from bms.faults.prices import heat_price
from bms.faults.rule import Rule, Seen, found, median, nothing
from bms.faults.signals import Signal
from bms.model.fact import Term, fact
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats
from bms.model.work.finding import RuleId

NIGHT = (22 * 60, 4 * 60)
"""From when to when a setback shows [min after midnight]; warm-up begins after it."""
DAY = (9 * 60, 16 * 60)
ROOM_C = 18.0
"""Outdoor temperature at which a building used day and night needs no heating [degC]."""
USUAL_SAVING = 0.12
"""Share of the heat that a setback of nights and weekends saves where there was none
(DS/EN ISO 52016 examples: 8 to 16 % for schools)."""
LINES = (Signal.HEAT, Signal.OUTDOOR_TEMP)
GUARD = 14
SEASON_H = 60 * 24.0
"""A time programme that is wrong on some weekends of a winter is one fault [h]."""


def _nights(seen: Observations) -> Flags:
    minute = seen.local.minute
    night: Flags = (minute >= NIGHT[0]) | (minute < NIGHT[1])
    return night


def night_share(seen: Observations) -> Floats:
    """Heat per kelvin at night over that in the daytime, by day, 1 without a setback. NaN where it
    is not cold."""
    days = HeatDays.of(seen)
    minute = seen.local.minute
    heat, outdoor = seen[Signal.HEAT], seen.get(Signal.OUTDOOR_TEMP)
    daytime = (minute >= DAY[0]) & (minute < DAY[1])
    table = days.table

    def per_kelvin(where: Flags) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return table.mean(heat, where) / (ROOM_C - table.mean(outdoor, where))

    with np.errstate(invalid="ignore", divide="ignore"):
        share = per_kelvin(_nights(seen)) / per_kelvin(daytime)
    return np.where((days.outdoor < 9.0) & np.isfinite(share), share, np.nan)


def no_setback(seen: Observations, rule: Rule) -> Seen:
    """For several open days the night takes as much heat per kelvin as the day, or far more of it
    than it used to."""
    if seen.context.always_in_use:
        return fact(CannotCode.NO_STATE, state=Term(State.OUT_OF_USE.value))
    days = HeatDays.of(seen)
    share = np.where(days.table.closed, np.nan, night_share(seen))
    if np.isfinite(share).sum() < 5:
        return fact(CannotCode.NO_STATE, state=Term(State.COLD.value))
    week = trailing(share, 6, least=3)
    usual = _own_median(share, 180)
    rises = (week > usual + 0.25) & (week > 0.8)
    flags = confirmed((week > 1.0 - rule.tolerance_at(seen)) | rises, days.table.breaks, 1)
    flags &= np.isfinite(share)
    level = last_mean(week, flags)
    if level is None:
        return nothing()
    before = median(usual[flags])
    saved = USUAL_SAVING if not np.isfinite(before) else 0.35 * min(max(level - before, 0.1), 0.8)
    return found(
        days.table.spread(flags),
        parameters={"share": level},
        price=heat_price(seen.context, saved * days.year_kwh, error=0.5),
        lines=LINES,
    )


def _own_median(share: Floats, history: int) -> Floats:
    """Median of a subject's days up to two weeks before each day."""
    usual = np.full(len(share), np.nan)
    for day in range(GUARD + 20, len(share), 7):
        past = share[max(0, day - GUARD - history) : day - GUARD]
        if np.isfinite(past).sum() >= 12:
            usual[day : day + 7] = np.nanmedian(past)
    return usual


def closed_day_share(seen: Observations) -> Floats:
    """Heat per kelvin of a closed day over that of the open days of the four weeks before it."""
    days = HeatDays.of(seen)
    cold = days.outdoor < 9.0
    with np.errstate(invalid="ignore", divide="ignore"):
        kelvin = np.where(cold, days.heat / (ROOM_C - days.outdoor), np.nan)
    open_days = trailing(np.where(days.table.closed, np.nan, kelvin), 28, least=6)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(days.table.closed, kelvin / open_days, np.nan)


def heats_when_closed(seen: Observations, rule: Rule) -> Seen:
    """Closed days take as much heat per kelvin as open ones, and took less before, or never did."""
    if seen.context.always_in_use or not seen.closed.any():
        return fact(CannotCode.NO_STATE, state=Term(State.OUT_OF_USE.value))
    days = HeatDays.of(seen)
    listed = np.isin(days.table.day, np.array(sorted(seen.context.closed), dtype=np.int64))
    share = np.where(listed, np.nan, closed_day_share(seen))
    if np.isfinite(share).sum() < 3:
        return fact(CannotCode.NO_STATE, state=Term(State.COLD.value))
    lately = trailing(share, 9, least=2)
    usual = _own_median(share, 200)
    rises = (lately > usual + 0.15) & (lately > 0.9)
    never = ~np.isfinite(usual) | (usual > 1.0 - rule.tolerance_at(seen))
    flags = ((lately > 1.0 - rule.tolerance_at(seen)) & never) | rises
    flags &= np.isfinite(share)
    level = last_mean(lately, flags)
    if level is None:
        return nothing()
    before = median(usual[flags], 0.8)
    closed_share = float(days.table.closed.mean())
    saved = closed_share * min(max(level - min(before, 0.85), 0.05), 0.5)
    return found(
        days.table.spread(flags),
        parameters={"share": level},
        price=heat_price(seen.context, saved * days.year_kwh, error=0.5),
        lines=LINES,
    )


def holiday_heat(seen: Observations, rule: Rule) -> Seen:
    """Heat around the clock in a holiday of three closed days or more, at open days' level."""
    if seen.context.always_in_use or not seen.context.closed:
        return fact(CannotCode.NO_CALENDAR)
    days = HeatDays.of(seen)
    if len(days.table) < 45:
        return too_short(len(days.table), 45)
    closed = days.table.closed
    vacation = confirmed(closed, days.table.breaks, 3)
    share = closed_day_share(seen)
    usual = _own_median(share, 200)
    weekend = np.where(np.isfinite(usual), usual, 1.0)
    high = vacation & (share > np.maximum(1.0 - rule.tolerance_at(seen), weekend + 0.08))
    flags = confirmed(high, days.table.breaks, 2)
    level = last_mean(share, flags)
    if level is None:
        return nothing()
    saved = 0.04 * min(level, 1.2)
    return found(
        days.table.spread(flags),
        parameters={"share": level},
        price=heat_price(seen.context, saved * days.year_kwh, error=0.6),
        lines=LINES,
    )


RULES = (
    Rule(
        id=RuleId("DH-NO-SETBACK"),
        equipment=Equipment.HEAT_METER,
        fact=FaultCode.NO_SETBACK,
        look_for=LookFor.TIME_PROGRAMME,
        look=no_setback,
        source="DH-4 of the project's rules; DS/EN ISO 52016",
        needs=(Signal.HEAT, Signal.OUTDOOR_TEMP),
        silent=(State.WARM, State.IN_USE),
        tolerance=0.05,
        unit="share",
        delay_h=72,
        join_h=SEASON_H,
    ),
    Rule(
        id=RuleId("DH-CLOSED-DAYS"),
        equipment=Equipment.HEAT_METER,
        fact=FaultCode.HEATS_WHEN_CLOSED,
        look_for=LookFor.TIME_PROGRAMME,
        look=heats_when_closed,
        source="DH-4 of the project's rules",
        needs=(Signal.HEAT, Signal.OUTDOOR_TEMP),
        silent=(State.WARM,),
        tolerance=0.03,
        unit="share",
        delay_h=48,
        join_h=SEASON_H,
    ),
    Rule(
        id=RuleId("DH-HOLIDAY"),
        equipment=Equipment.HEAT_METER,
        fact=FaultCode.HOLIDAY_HEAT,
        look_for=LookFor.TIME_PROGRAMME,
        look=holiday_heat,
        source="BR18 §295(3)",
        needs=(Signal.HEAT, Signal.OUTDOOR_TEMP),
        silent=(State.WARM, State.IN_USE),
        tolerance=0.05,
        unit="share",
        delay_h=48,
        join_h=SEASON_H,
    ),
)
