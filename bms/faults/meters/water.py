"""Water by the hour: a flow that never stops at night, and use that has jumped."""

from __future__ import annotations

import numpy as np

from bms.faults.codes import FaultCode, LookFor
from bms.faults.days import DayTable, trailing
from bms.faults.delays import confirmed
from bms.faults.meters.counting import quantum
from bms.faults.meters.heat_days import last_mean, too_short
from bms.faults.observations import Equipment, Observations
from bms.faults.prices import priced
from bms.faults.rule import Rule, Seen, found, nothing
from bms.faults.signals import Signal
from bms.model.work.finding import Price, RuleId, Severity

NIGHT = (60, 5 * 60)


def _price(seen: Observations, m3_year: float) -> Price:
    """Money of water that runs away; it is no energy."""
    dkk = seen.context.water_dkk_m3
    return Price() if dkk is None else priced(0.0, None, extra_dkk=m3_year * dkk)


def never_stops(seen: Observations, rule: Rule) -> Seen:
    """For several nights running no hour of the night is without water: a cistern or a pipe
    leaks. Each night of a week is looked at, so that one late shower is not enough."""
    table, values = DayTable.of(seen), seen[Signal.WATER]
    minute = seen.local.minute
    night = (minute >= NIGHT[0]) & (minute < NIGHT[1])
    least = np.full(len(table), np.inf)
    known = night & np.isfinite(values)
    np.minimum.at(least, table.place[known], values[known])
    least[~np.isfinite(least)] = np.nan
    step = quantum(values)
    level = np.nanmean(values)
    running = least > max(rule.tolerance_at(seen) * level, 0.5 * step)
    flags = confirmed(running, table.breaks, round(rule.delay_h / 24))
    flow = last_mean(least, flags)
    if flow is None:
        return nothing()
    hourly = flow * 3600.0 / seen.step_s
    return found(
        table.spread(flags),
        parameters={"flow": 1000.0 * hourly, "year": hourly * 8760.0},
        price=_price(seen, hourly * 8760.0),
        lines=(Signal.WATER,),
    )


def jumps(seen: Observations, rule: Rule) -> Seen:
    """The water of a day is several times what the weeks before had on any day."""
    table = DayTable.of(seen)
    if len(table) < 28:
        return too_short(len(table), 28)
    day = table.total(seen[Signal.WATER])
    top = np.full(len(day), np.nan)
    for each in range(22, len(day)):
        past = day[max(0, each - 60) : each - 1]
        top[each] = np.nanpercentile(past, 95) if np.isfinite(past).sum() > 14 else np.nan
    flags = confirmed(day > rule.tolerance_at(seen) * top, table.breaks, 1)
    much = last_mean(day, flags)
    if much is None:
        return nothing()
    usual = last_mean(trailing(top, 1, least=1), flags) or 0.0
    return found(
        table.spread(flags),
        parameters={"day": much, "usual": usual},
        price=_price(seen, (much - usual) * 365.0),
        lines=(Signal.WATER,),
    )


RULES = (
    Rule(
        id=RuleId("W-NIGHT"),
        equipment=Equipment.WATER_METER,
        fact=FaultCode.WATER_NEVER_STOPS,
        look_for=LookFor.WATER_LEAK,
        look=never_stops,
        source="W-1 of the project's rules",
        severity=Severity.HIGH,
        needs=(Signal.WATER,),
        tolerance=0.05,
        unit="share of the mean flow",
        delay_h=72,
        risk=LookFor.DAMP,
    ),
    Rule(
        id=RuleId("W-BURST"),
        equipment=Equipment.WATER_METER,
        fact=FaultCode.WATER_JUMPS,
        look_for=LookFor.WATER_LEAK,
        look=jumps,
        source="W-1 of the project's rules",
        severity=Severity.CRITICAL,
        needs=(Signal.WATER,),
        tolerance=2.5,
        unit="times",
        delay_h=24,
        risk=LookFor.DAMP,
    ),
)
