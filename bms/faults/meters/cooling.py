"""Cooling (afkøling) of district heating water: too little, falling, or flow without any."""

from __future__ import annotations

import numpy as np

from bms.faults.codes import CannotCode, FaultCode, LookFor
from bms.faults.days import DayTable, trailing
from bms.faults.delays import confirmed
from bms.faults.expected import expectation
from bms.faults.meters.heat_days import HeatDays, last_mean, too_short
from bms.faults.observations import Equipment, Observations, State
from bms.faults.prices import cooling_price
from bms.faults.rule import Rule, Seen, found, median, nothing
from bms.faults.signals import Signal
from bms.model.fact import Term, fact
from bms.model.readings.series import Floats
from bms.model.work.finding import RuleId, Severity

LINES = (Signal.METER_FLOW_TEMP, Signal.METER_RETURN_TEMP, Signal.VOLUME)
NEEDS = (Signal.HEAT, Signal.VOLUME)
LIMIT_DAYS = 28
FALL_DAYS = 4
NIGHT = (0, 5 * 60)
"""Minutes after midnight in which nothing is drawn [min]."""


def below_limit(seen: Observations, rule: Rule) -> Seen:
    """Four weeks and the last one are cooled less than the tariff asks for."""
    limit = seen.context.limit_k
    if limit is None:
        return fact(CannotCode.NO_COOLING_LIMIT)
    days = HeatDays.of(seen)
    if len(days.table) < LIMIT_DAYS:
        return too_short(len(days.table), LIMIT_DAYS)
    least = limit - rule.tolerance_at(seen)
    low = (days.cooling_over(LIMIT_DAYS) < least) & (days.cooling_over(7) < least)
    low &= trailing(days.heat, 7) > 0.02 * np.nanmax(days.heat)
    flags = confirmed(low, days.table.breaks, round(rule.delay_h / 24))
    now = last_mean(days.cooling_over(LIMIT_DAYS), flags)
    if now is None:
        return nothing()
    return found(
        days.table.spread(flags),
        parameters={"cooling": now, "limit": limit},
        price=cooling_price(seen.context, now, limit, days.year_kwh),
        lines=LINES,
    )


def falling(seen: Observations, rule: Rule) -> Seen:
    """Several days are cooled less than the same load at the same weather was before."""
    days = HeatDays.of(seen)
    table = days.table
    if len(table) < 45:
        return too_short(len(table), 45)
    warm = np.maximum(days.outdoor - 15.0, 0.0)
    flow_day = table.mean(seen.get(Signal.METER_FLOW_TEMP))
    columns = [np.ones(len(table)), days.outdoor, warm, table.closed.astype(np.float64)]
    if np.isfinite(flow_day).any():
        columns.append(flow_day)
    usual = expectation(days.day_cooling, [np.stack(columns, axis=1)])
    off = trailing(days.day_cooling - usual.value, FALL_DAYS, least=FALL_DAYS - 1)
    scale = np.maximum(usual.scale, 0.4)
    least = np.maximum(rule.tolerance_at(seen), 3.0 * scale)
    flags = confirmed(off < -least, table.breaks, 2)
    fall = last_mean(-off, flags)
    if fall is None:
        return nothing()
    now = last_mean(days.cooling_over(7), flags) or 0.0
    return found(
        table.spread(flags),
        parameters={"fall": fall, "cooling": now},
        price=cooling_price(seen.context, now, now + fall, days.year_kwh),
        lines=LINES,
    )


def flow_without_cooling(seen: Observations, rule: Rule) -> Seen:
    """Water runs through the substation at night and gives up no heat: a bypass or a valve that
    does not close."""
    volume, cooling = seen[Signal.VOLUME], HeatDays.of(seen).cooling
    minute = seen.local.minute
    usual = np.nanpercentile(volume, 95) if np.isfinite(volume).any() else 0.0
    if usual <= 0:
        return fact(CannotCode.NO_FLOW)
    through = (volume > 0.05 * usual) & (cooling < rule.tolerance_at(seen))
    night = (minute >= NIGHT[0]) & (minute < NIGHT[1])
    table = HeatDays.of(seen).table
    share = table.mean(through.astype(np.float64), night)
    flags = confirmed(share > 0.8, table.breaks, round(rule.delay_h / 24))
    at = table.spread(flags) & night & through
    if not at.any():
        return nothing()
    flow = median(volume[at]) * 3600.0 / seen.step_s
    days = HeatDays.of(seen)
    week = last_mean(days.cooling_over(7), flags) or 0.0
    lost = flow * 8760.0 / max(float(np.nansum(days.volume)) / len(table) * 365.0, 1e-9)
    could = week / max(1.0 - min(lost, 0.8), 0.2)
    return found(
        table.spread(flags),
        parameters={"flow": flow, "cooling": median(cooling[at])},
        price=cooling_price(seen.context, week, could, days.year_kwh),
        lines=LINES,
    )


def extra_flow(seen: Observations, rule: Rule) -> Seen:
    """More water than the load needs: the least flow of the day has risen, its heat has not."""
    days = HeatDays.of(seen)
    table = days.table
    if len(table) < 45:
        return too_short(len(table), 45)
    least = _daily_percentile(seen[Signal.VOLUME], table, 15.0)
    warm = np.maximum(15.0 - days.outdoor, 0.0)
    design = np.stack([np.ones(len(table)), warm, days.outdoor], axis=1)
    usual = expectation(least, [design])
    off = trailing(least - usual.value, FALL_DAYS, least=FALL_DAYS - 1)
    mean_flow = np.nanmean(seen[Signal.VOLUME])
    enough = np.maximum(rule.tolerance_at(seen) * mean_flow, 3.5 * usual.scale)
    load = trailing(days.heat / np.maximum(days.expected.value, 1e-9), FALL_DAYS)
    flags = confirmed((off > enough) & ~(load > 1.1), table.breaks, 2)
    more = last_mean(off, flags)
    if more is None:
        return nothing()
    flow = more * 3600.0 / seen.step_s
    year_volume = float(np.nanmean(days.volume)) * 365.0
    now = last_mean(days.cooling_over(7), flags) or 0.0
    could = now / max(1.0 - flow * 8760.0 / max(year_volume + flow * 8760.0, 1e-9), 0.2)
    return found(
        table.spread(flags),
        parameters={"flow": flow, "cooling": now},
        price=cooling_price(seen.context, now, could, days.year_kwh),
        lines=LINES,
    )


def return_rises_at_low_load(seen: Observations, rule: Rule) -> Seen:
    """The return is warmer at a quarter of the load than at full load of the same fortnight."""
    days = HeatDays.of(seen)
    table, back = days.table, seen[Signal.METER_RETURN_TEMP]
    heat = seen[Signal.HEAT]
    known = np.isfinite(heat) & np.isfinite(back) & (heat > 0)
    usable = np.flatnonzero(known & table.spread(days.heating))
    difference = np.full(len(table), np.nan)
    for day in range(13, len(table), 3):
        rows = usable[slice(*np.searchsorted(table.place[usable], [day - 13, day + 1]))]
        if len(rows) < 100:
            continue
        load, warm = heat[rows], back[rows]
        low, high = np.percentile(load, [25.0, 75.0])
        if high >= 1.3 * low:
            few, many = np.median(warm[load <= low]), np.median(warm[load >= high])
            difference[day : day + 3] = few - many
    if not np.isfinite(difference).any():
        return fact(CannotCode.NO_STATE, state=Term(State.WARM.value))
    flags = confirmed(difference > rule.tolerance_at(seen), table.breaks, round(rule.delay_h / 24))
    rise = last_mean(difference, flags)
    if rise is None:
        return nothing()
    now = last_mean(days.cooling_over(7), flags) or 0.0
    return found(
        table.spread(flags),
        parameters={"rise": rise},
        price=cooling_price(seen.context, now, now + rise / 3.0, days.year_kwh),
        lines=LINES,
    )


def warm_return(seen: Observations, rule: Rule) -> Seen:
    """The return is warmer than the flow: the sensors are exchanged, or one is wrong."""
    cooling = seen[Signal.METER_FLOW_TEMP] - seen[Signal.METER_RETURN_TEMP]
    runs = seen.get(Signal.VOLUME)
    flowing = runs > 0 if np.isfinite(runs).any() else np.isfinite(cooling)
    bad = (cooling < -rule.tolerance_at(seen)) & flowing
    flags = confirmed(bad, seen.breaks, seen.steps(rule.delay_h))
    return found(flags, parameters={"cooling": median(cooling[flags])}, lines=LINES)


def _daily_percentile(values: Floats, table: DayTable, percent: float) -> Floats:
    """A low percentile of the values of each day."""
    order = np.lexsort((np.where(np.isfinite(values), values, np.inf), table.place))
    known = np.bincount(table.place[np.isfinite(values)], minlength=len(table))
    first = np.searchsorted(table.place, np.arange(len(table)))
    at = first + np.floor(percent / 100.0 * np.maximum(known - 1, 0)).astype(np.int64)
    picked = values[order][np.minimum(at, len(values) - 1)]
    return np.where(known >= table.least, picked, np.nan)


_DH = "Energies 2019, 12, 113 (deviations of substations)"
RULES = (
    Rule(
        id=RuleId("DH-COOLING-LIMIT"),
        equipment=Equipment.HEAT_METER,
        fact=FaultCode.COOLING_BELOW_LIMIT,
        look_for=LookFor.POOR_COOLING,
        look=below_limit,
        source="the supplier's tariff (cooling rule)",
        needs=NEEDS,
        silent=(State.NO_FLOW,),
        tolerance=1.0,
        unit="K",
        delay_h=72,
    ),
    Rule(
        id=RuleId("DH-COOLING-FALLS"),
        equipment=Equipment.HEAT_METER,
        fact=FaultCode.COOLING_FALLS,
        look_for=LookFor.POOR_COOLING,
        look=falling,
        source=_DH,
        needs=(*NEEDS, Signal.OUTDOOR_TEMP),
        tolerance=2.5,
        unit="K",
        delay_h=96,
    ),
    Rule(
        id=RuleId("DH-NO-DT"),
        equipment=Equipment.HEAT_METER,
        fact=FaultCode.FLOW_WITHOUT_COOLING,
        look_for=LookFor.BYPASS,
        look=flow_without_cooling,
        source=_DH,
        needs=NEEDS,
        silent=(State.NO_FLOW,),
        tolerance=4.0,
        unit="K",
        delay_h=48,
    ),
    Rule(
        id=RuleId("DH-EXTRA-FLOW"),
        equipment=Equipment.HEAT_METER,
        fact=FaultCode.EXTRA_FLOW,
        look_for=LookFor.BYPASS,
        look=extra_flow,
        source=_DH,
        needs=(*NEEDS, Signal.OUTDOOR_TEMP),
        tolerance=0.15,
        unit="share of the mean flow",
        delay_h=96,
    ),
    Rule(
        id=RuleId("DH-RETURN-LOW-LOAD"),
        equipment=Equipment.HEAT_METER,
        fact=FaultCode.RETURN_RISES_AT_LOW_LOAD,
        look_for=LookFor.LOW_LOAD_CONTROL,
        look=return_rises_at_low_load,
        source=_DH,
        needs=(Signal.HEAT, Signal.METER_RETURN_TEMP, Signal.OUTDOOR_TEMP),
        silent=(State.WARM,),
        tolerance=8.0,
        unit="K",
        delay_h=72,
    ),
    Rule(
        id=RuleId("DH-DT-NEGATIVE"),
        equipment=Equipment.HEAT_METER,
        fact=FaultCode.RETURN_ABOVE_FLOW,
        look_for=LookFor.SENSORS_EXCHANGED,
        look=warm_return,
        source="energy balance of the meter",
        severity=Severity.HIGH,
        needs=(Signal.METER_FLOW_TEMP, Signal.METER_RETURN_TEMP),
        silent=(State.NO_FLOW,),
        tolerance=1.0,
        unit="K",
        delay_h=12,
    ),
)
