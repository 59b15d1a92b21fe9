"""Water by the hour: a flow that never stops at night, and use that has jumped."""

from __future__ import annotations

from functools import partial

import numpy as np

from bms.faults.codes import FaultCode, LookFor
from bms.faults.days import DayTable, last_mean
from bms.faults.earlier import earlier
from bms.faults.meters.counting import quantum
from bms.faults.observations import HOURS_A_YEAR, Equipment, Observations
from bms.faults.prices import fee
from bms.faults.rule import Rule, Seen, found, median, too_short
from bms.faults.signals import Signal
from bms.model.planning.grid import Flags
from bms.model.work.finding import Price, RuleId, Severity

BUSIEST, EMPTY_H = 95.0, 4.0
"""Percentile of the hours of use that is busy, and how long it may run so while nobody is in [h].
"""


def _price(seen: Observations, m3_year: float) -> Price:
    """Money of water that runs away; it is no energy."""
    dkk = seen.context.water_dkk_m3
    return Price() if dkk is None else fee(m3_year * dkk)


def never_stops(seen: Observations, rule: Rule) -> Seen:
    """For several nights running no hour of the night is without water: a cistern or a pipe
    leaks. Each night of a week is looked at, so that one late shower is not enough."""
    table, values = DayTable.of(seen), seen[Signal.WATER]
    least = np.full(len(table), np.inf)
    known = seen.between(1, 5) & np.isfinite(values)
    np.minimum.at(least, table.place[known], values[known])
    least[~np.isfinite(least)] = np.nan
    enough = max(rule.tolerance * np.nanmean(values), 0.5 * quantum(values))
    flags = table.stood(least > enough, rule.days)
    hourly = last_mean(least, flags) * seen.per_hour
    return found(
        table.spread(flags),
        {"flow": 1000.0 * hourly, "year": hourly * HOURS_A_YEAR},
        price=_price(seen, hourly * HOURS_A_YEAR),
        lines=(Signal.WATER,),
    )


def jumps(seen: Observations, rule: Rule) -> Seen:
    """The water of a day is several times what the weeks before had on any day, or runs for hours
    on end while nobody is in as fast as in the busiest hours of use."""
    table = DayTable.of(seen)
    if len(table) < 28:
        return too_short(len(table), 28)
    day = table.total(seen[Signal.WATER])
    high = earlier(day, history=59, guard=1, fewest=15, every=1).high
    whole, empty = table.stood(day > rule.tolerance * high, 1), _runs_empty(seen)
    flags = table.spread(whole) | empty
    much, usual = last_mean(day, whole), last_mean(high, whole)
    if not whole.any() and empty.any():
        much = 24.0 * seen.per_hour * float(seen[Signal.WATER][empty].mean())
        usual = median(day)
    return found(
        flags,
        {"day": much, "usual": usual},
        price=_price(seen, (much - usual) * 365.0),
        lines=(Signal.WATER,),
    )


def _runs_empty(seen: Observations) -> Flags:
    """Where water has run for hours without a pause as fast as in the busiest hours of use, and
    nobody is in."""
    used = seen[Signal.WATER][seen.in_use]
    used = used[np.isfinite(used)]
    if not len(used) or seen.in_use.all():
        return np.zeros(len(seen), dtype=np.bool_)
    busiest = float(np.percentile(used, BUSIEST))
    fast = (seen[Signal.WATER] > max(busiest, 1e-9)) & ~seen.in_use
    return seen.stood(fast, EMPTY_H)


_row = partial(
    Rule,
    equipment=Equipment.WATER_METER,
    look_for=LookFor.WATER_LEAK,
    source="W-1 of the project's rules",
    needs=(Signal.WATER,),
    risk=LookFor.DAMP,
)
RULES = (
    _row(
        id=RuleId("W-NIGHT"),
        fact=FaultCode.WATER_NEVER_STOPS,
        look=never_stops,
        severity=Severity.HIGH,
        tolerance=0.05,
        unit="share of the mean flow",
        delay_h=72,
    ),
    _row(
        id=RuleId("W-BURST"),
        fact=FaultCode.WATER_JUMPS,
        look=jumps,
        severity=Severity.CRITICAL,
        tolerance=2.5,
        unit="times",
        delay_h=24,
    ),
)
