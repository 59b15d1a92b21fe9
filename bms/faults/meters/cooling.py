"""Cooling (afkøling) of district heating water: too little, falling, or flow without any."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from bms.faults.codes import CannotCode, FaultCode, LookFor
from bms.faults.days import DayTable, last_mean, trailing
from bms.faults.earlier import middle
from bms.faults.expected import expectation
from bms.faults.meters.heat_days import HeatDays, day_before
from bms.faults.observations import HOURS_A_YEAR, Equipment, Observations, State
from bms.faults.prices import cooling_price
from bms.faults.rule import Rule, Seen, found, median, never, too_short
from bms.faults.signals import Signal
from bms.model.fact import fact
from bms.model.planning.grid import Flags, Ints
from bms.model.readings.series import Floats
from bms.model.work.finding import Price, RuleId, Severity

LINES = (Signal.METER_FLOW_TEMP, Signal.METER_RETURN_TEMP, Signal.VOLUME)
NEEDS = (Signal.HEAT, Signal.VOLUME)
LIMIT_DAYS, FALL_DAYS, LOAD_DAYS = 28, 4, 14
LOW_LOAD = 1.2
"""Tolerance of hours of low load over that of whole days."""
MOST_LOST = 0.8
"""No more of a year's flow than this is taken to be a bypass."""


def _now(days: HeatDays, flags: Flags) -> float:
    """Cooling of a week on the days flagged [K]."""
    return last_mean(days.cooling_over(7), flags)


def _fee(days: HeatDays, now_k: float, could_k: float) -> Price:
    """What a year at one cooling costs beyond one at another [K]."""
    return cooling_price(days.seen.context, now_k, could_k, days.year_kwh)


def _without(days: HeatDays, now_k: float, flow: float, whole: float) -> Price:
    """The fee of a flow [m3/h] that cools nothing, of ``whole`` [m3/year]."""
    lost = min(flow * HOURS_A_YEAR / max(whole, 1e-9), MOST_LOST)
    return _fee(days, now_k, now_k / (1.0 - lost))


def below_limit(seen: Observations, rule: Rule) -> Seen:
    """Four weeks and the last one are cooled less than the tariff asks for."""
    limit = seen.context.limit_k
    if limit is None:
        return fact(CannotCode.NO_COOLING_LIMIT)
    days = HeatDays.of(seen)
    if len(days.table) < LIMIT_DAYS:
        return too_short(len(days.table), LIMIT_DAYS)
    least = limit - rule.tolerance
    low = (days.cooling_over(LIMIT_DAYS) < least) & (days.cooling_over(7) < least)
    low &= trailing(days.heat, 7) > 0.02 * np.nanmax(days.heat)
    flags = days.table.stood(low, rule.days)
    now = last_mean(days.cooling_over(LIMIT_DAYS), flags)
    return found(
        days.table.spread(flags),
        {"cooling": now, "limit": limit},
        price=_fee(days, now, limit),
        lines=LINES,
    )


def falling(seen: Observations, rule: Rule) -> Seen:
    """Several days are cooled less than the same load at the same weather was before."""
    days = HeatDays.of(seen)
    table = days.table
    if len(table) < 45:
        return too_short(len(table), 45)
    columns = [np.ones(len(table)), days.outdoor, np.maximum(days.outdoor - 15.0, 0.0)]
    columns.append(table.closed.astype(np.float64))
    if seen.has(Signal.METER_FLOW_TEMP):
        columns.append(table.mean(seen[Signal.METER_FLOW_TEMP]))
    design = np.stack(columns, axis=1)
    whole = _short(days.day_cooling, design, rule.tolerance)
    low = _short(_at_low_load(days), design, LOW_LOAD * rule.tolerance)
    flags = table.stood(whole.flags | low.flags, 2)
    fall, now = last_mean(np.where(whole.flags, whole.by, low.by), flags), _now(days, flags)
    lost = last_mean(np.maximum(whole.by, 0.0), flags)
    return found(
        table.spread(flags),
        {"fall": fall, "cooling": now},
        price=_fee(days, now, now + lost),
        lines=LINES,
    )


class _Short(NamedTuple):
    """By how much the cooling of the last days is short of what was usual [K], and where that is
    more than it varies."""

    by: Floats
    flags: Flags


def _short(cooling: Floats, design: Floats, tolerance: float) -> _Short:
    usual = expectation(cooling, [design])
    by = trailing(usual.value - cooling, FALL_DAYS, least=FALL_DAYS - 1)
    return _Short(by, by > np.maximum(tolerance, 3.0 * np.maximum(usual.scale, 0.4)))


def _at_low_load(days: HeatDays) -> Floats:
    """Mean cooling of the hours of each day that take less than half of what its busy hours take
    [K]; their water is little, so that the whole day hardly shows what they lack."""
    heat, table = days.seen[Signal.HEAT], days.table
    busy = np.full(len(table), -np.inf)
    np.maximum.at(busy, table.place[np.isfinite(heat)], heat[np.isfinite(heat)])
    little = (heat > 0.0) & (heat < 0.5 * busy[table.place]) & days.table.spread(days.heating)
    return table.known_mean(np.where(little, days.cooling, np.nan), 4.0)


def flow_without_cooling(seen: Observations, rule: Rule) -> Seen:
    """Water runs through the substation at night and gives up no heat: a bypass or a valve that
    does not close."""
    days, volume = HeatDays.of(seen), seen[Signal.VOLUME]
    usual = np.nanpercentile(volume, 95)
    if not usual > 0:
        return fact(CannotCode.NO_FLOW)
    through = (volume > 0.05 * usual) & (days.cooling < rule.tolerance)
    night = seen.between(0, 5)
    flags = days.table.stood(days.table.mean(through.astype(np.float64), night) > 0.8, rule.days)
    at = days.table.spread(flags) & night & through
    flow = median(volume[at]) * seen.per_hour
    return found(
        days.table.spread(flags),
        {"flow": flow, "cooling": median(days.cooling[at])},
        price=_without(days, _now(days, flags), flow, days.year_m3),
        lines=LINES,
    )


def extra_flow(seen: Observations, rule: Rule) -> Seen:
    """More water than the load needs: the least flow of the day has risen, its heat has not."""
    days = HeatDays.of(seen)
    table = days.table
    if len(table) < 45:
        return too_short(len(table), 45)
    least = _daily_percentile(seen[Signal.VOLUME], table, 15.0)
    cold, closed = np.maximum(15.0 - days.outdoor, 0.0), table.closed.astype(np.float64)
    columns = [np.ones(len(table)), cold, days.outdoor, closed, closed * cold]
    columns += [closed * day_before(closed) * cold, day_before(days.outdoor)]
    usual = expectation(least, [np.stack(columns, axis=1)])
    off = trailing(least - usual.value, FALL_DAYS, least=FALL_DAYS - 1)
    share = rule.tolerance * np.nanmean(seen[Signal.VOLUME])
    load = trailing(days.heat / np.maximum(days.expected.value, 1e-9), FALL_DAYS)
    high = (off > np.maximum(share, 3.5 * usual.scale)) & ~(load > 1.1)
    flags = table.stood(high, 2)
    flow, now = last_mean(off, flags) * seen.per_hour, _now(days, flags)
    return found(
        table.spread(flags),
        {"flow": flow, "cooling": now},
        price=_without(days, now, flow, days.year_m3 + flow * HOURS_A_YEAR),
        lines=LINES,
    )


def return_rises_at_low_load(seen: Observations, rule: Rule) -> Seen:
    """The return is warmer at a quarter of the load than at full load of the same fortnight."""
    days = HeatDays.of(seen)
    heat, back = seen[Signal.HEAT], seen[Signal.METER_RETURN_TEMP]
    known = np.isfinite(heat) & np.isfinite(back) & (heat > 0)
    usable = np.flatnonzero(known & days.table.spread(days.heating))
    place = days.table.place[usable]
    difference = np.full(len(days.table), np.nan)
    for day in range(LOAD_DAYS - 1, len(days.table), 3):
        rows = usable[slice(*np.searchsorted(place, [day - LOAD_DAYS + 1, day + 1]))]
        if len(rows) >= 100:
            difference[day : day + 3] = _low_over_high(heat, back, rows)
    if not np.isfinite(difference).any():
        return never(State.WARM)
    flags = days.table.stood(difference > rule.tolerance, rule.days)
    rise, now = last_mean(difference, flags), _now(days, flags)
    return found(
        days.table.spread(flags),
        {"rise": rise},
        price=_fee(days, now, now + rise / 3.0),
        lines=LINES,
    )


def _low_over_high(load: Floats, temp: Floats, rows: Ints) -> float:
    """Median temperature of the quarter with the least load less that of the quarter with most;
    NaN where the load hardly varies."""
    order = rows[np.argsort(load[rows])]
    quarter = len(order) // 4
    if load[order[-quarter]] < 1.3 * load[order[quarter]]:
        return float("nan")
    return middle(temp[order[: quarter + 1]]) - middle(temp[order[-quarter - 1 :]])


def warm_return(seen: Observations, rule: Rule) -> Seen:
    """The return is warmer than the flow: the sensors are exchanged, or one is wrong."""
    cooling = seen[Signal.METER_FLOW_TEMP] - seen[Signal.METER_RETURN_TEMP]
    flows = seen.get(Signal.VOLUME) > 0 if seen.has(Signal.VOLUME) else np.isfinite(cooling)
    flags = seen.stood((cooling < -rule.tolerance) & flows, rule.delay_h)
    return found(flags, {"cooling": median(cooling[flags])}, lines=LINES)


def _daily_percentile(values: Floats, table: DayTable, percent: float) -> Floats:
    """A low percentile of the values of each day."""
    order = np.lexsort((np.where(np.isfinite(values), values, np.inf), table.place))
    known = np.bincount(table.place[np.isfinite(values)], minlength=len(table))
    first = np.searchsorted(table.place, np.arange(len(table)))
    at = first + np.floor(percent / 100.0 * np.maximum(known - 1, 0)).astype(np.int64)
    picked = values[order][np.minimum(at, len(values) - 1)]
    return np.where(known >= table.least, picked, np.nan)


_row = partial(
    Rule,
    equipment=Equipment.HEAT_METER,
    source="Energies 2019, 12, 113 (deviations of substations)",
    unit="K",
)
RULES = (
    _row(
        id=RuleId("DH-COOLING-LIMIT"),
        fact=FaultCode.COOLING_BELOW_LIMIT,
        look_for=LookFor.POOR_COOLING,
        look=below_limit,
        source="the supplier's tariff (cooling rule)",
        needs=NEEDS,
        silent=(State.NO_FLOW,),
        tolerance=1.0,
        delay_h=72,
    ),
    _row(
        id=RuleId("DH-COOLING-FALLS"),
        fact=FaultCode.COOLING_FALLS,
        look_for=LookFor.POOR_COOLING,
        look=falling,
        needs=(*NEEDS, Signal.OUTDOOR_TEMP),
        tolerance=2.5,
        delay_h=96,
    ),
    _row(
        id=RuleId("DH-NO-DT"),
        fact=FaultCode.FLOW_WITHOUT_COOLING,
        look_for=LookFor.BYPASS,
        look=flow_without_cooling,
        needs=NEEDS,
        silent=(State.NO_FLOW,),
        tolerance=4.0,
        under=True,
        delay_h=48,
    ),
    _row(
        id=RuleId("DH-EXTRA-FLOW"),
        fact=FaultCode.EXTRA_FLOW,
        look_for=LookFor.BYPASS,
        look=extra_flow,
        needs=(*NEEDS, Signal.OUTDOOR_TEMP),
        tolerance=0.15,
        unit="share of the mean flow",
        delay_h=96,
    ),
    _row(
        id=RuleId("DH-RETURN-LOW-LOAD"),
        fact=FaultCode.RETURN_RISES_AT_LOW_LOAD,
        look_for=LookFor.LOW_LOAD_CONTROL,
        look=return_rises_at_low_load,
        needs=(Signal.HEAT, Signal.METER_RETURN_TEMP, Signal.OUTDOOR_TEMP),
        silent=(State.WARM,),
        tolerance=8.0,
        delay_h=72,
    ),
    _row(
        id=RuleId("DH-DT-NEGATIVE"),
        fact=FaultCode.RETURN_ABOVE_FLOW,
        look_for=LookFor.SENSORS_EXCHANGED,
        look=warm_return,
        source="energy balance of the meter",
        severity=Severity.HIGH,
        needs=(Signal.METER_FLOW_TEMP, Signal.METER_RETURN_TEMP),
        silent=(State.NO_FLOW,),
        tolerance=1.0,
        delay_h=12,
    ),
)
