"""Sensors against others: the outdoor sensor against the weather service and in the sun, rooms
against their neighbours."""

from __future__ import annotations

from functools import partial

import numpy as np

from bms.faults.codes import CannotCode, FaultCode, LookFor
from bms.faults.days import DayTable, last_mean, median_by_day, trailing
from bms.faults.earlier import earlier
from bms.faults.observations import HOURS_A_YEAR, Equipment, Observations, State
from bms.faults.prices import heat_price, heat_share_price
from bms.faults.rooms import rooms
from bms.faults.rule import Detected, Rule, Seen, found, too_short
from bms.faults.signals import Signal
from bms.model.fact import fact
from bms.model.readings.series import Floats
from bms.model.work.finding import Price, RuleId

OUT, MET = Signal.OUTDOOR_TEMP, Signal.WEATHER_TEMP
SHARE_A_KELVIN = 0.05
"""Heat that a building takes more for each kelvin that its outdoor sensor reads too low, as a share
of the year's, where the heating curve rests on it."""


def outdoor_off(seen: Observations, rule: Rule) -> Seen:
    """At night the outdoor sensor reads otherwise than the weather service for days."""
    table = DayTable.of(seen)
    off = trailing(table.mean(seen[OUT] - seen[MET], seen.between(22, 5)), 3, least=3)
    flags = table.stood(np.abs(off) > rule.tolerance, 1)
    level = last_mean(off, flags)
    lost = heat_share_price(seen, SHARE_A_KELVIN * max(-level, 0.0), error=0.6)
    return found(table.spread(flags), {"off": level}, price=lost, lines=(OUT, MET))


def outdoor_in_sun(seen: Observations, rule: Rule) -> Seen:
    """By day, when the sun is out, the outdoor sensor rises above the weather service far more
    than at night."""
    table, off = DayTable.of(seen), seen[OUT] - seen[MET]
    day = np.fmax.reduce([table.mean(off, seen.between(hour, hour + 2)) for hour in range(8, 18)])
    rise = day - table.mean(off, seen.between(23, 5))
    high = rise > rule.tolerance
    often = trailing(high.astype(np.float64), 7, least=5) >= 3 / 7
    flags = table.stood(often & high, 1)
    return found(table.spread(flags), {"off": last_mean(rise, flags)}, lines=(OUT, MET))


def _before(values: Floats) -> Floats:
    """Median of the four weeks that end a week before each day."""
    return earlier(values, history=28, guard=7, fewest=10, every=1).median


def room_off(seen: Observations, rule: Rule) -> Seen:
    """A room's sensor has left the others: it reads far above or below what it used to beside
    them."""
    every = rooms(seen, Signal.ZONE_TEMP)
    if len(every) < 3:
        return fact(CannotCode.TOO_FEW_ROOMS, rooms=len(every), needed=3)
    table = DayTable.of(seen)
    daily = np.stack([table.mean(room[Signal.ZONE_TEMP]) for room in every])
    answers: list[Detected] = []
    for nth, room in enumerate(every):
        off = daily[nth] - median_by_day(np.delete(daily, nth, axis=0))
        jump = trailing(off, 3, least=3) - _before(off)
        flags = table.stood(np.abs(jump) > rule.tolerance, 2)
        told = {"off": last_mean(jump, flags)}
        answers += room.told(table.spread(flags), told, (Signal.ZONE_TEMP,))
    return tuple(answers)


def clock_off(seen: Observations, rule: Rule) -> Seen:
    """A device's clock is off by more than its time programme bears."""
    off = seen[Signal.DEVICE_CLOCK]
    flags = seen.stood(np.abs(off) > rule.tolerance, rule.delay_h)
    return found(flags, {"off": last_mean(off, flags) / 60.0}, lines=(Signal.DEVICE_CLOCK,))


def override_forgotten(seen: Observations, rule: Rule) -> Seen:
    """A person's override has stood for days; it costs what the building takes beyond its own
    usual heat."""
    stands = seen[Signal.OVERRIDE] > 0.5
    flags = seen.stood(stands, rule.delay_h)
    price = _of_override(seen, stands)
    cost = None if price.dkk_year is None else price.dkk_year / 365.0
    told = {"days": (seen.hours(flags) + rule.delay_h) / 24.0, "dkk_day": cost}
    return found(flags, told, price=price, lines=(Signal.OVERRIDE,))


def _of_override(seen: Observations, stands: np.ndarray) -> Price:
    """A year of the heat beyond that of the time without the override."""
    heat = seen.get(Signal.HEAT)
    standing, without = heat[stands & np.isfinite(heat)], heat[~stands & np.isfinite(heat)]
    if not len(standing) or not len(without):
        return Price()
    extra = float(standing.mean() - without.mean()) * seen.per_hour
    return heat_price(seen.context, extra * HOURS_A_YEAR, error=0.7)


def schedule_changed(seen: Observations, rule: Rule) -> Seen:
    """What runs by a schedule has begun to run at other hours than the weeks before."""
    signal = Signal.FAN if seen.has(Signal.FAN) else Signal.SCHEDULED
    table = DayTable.of(seen)
    if len(table) < 28:
        return too_short(len(table), 28)
    hours = 24.0 * table.mean((seen[signal] > 0.5).astype(np.float64))
    workday = np.where(table.closed, np.nan, hours)
    now, before = trailing(workday, 5, least=3), _before(workday)
    flags = table.stood(np.abs(now - before) > rule.tolerance, 2)
    told = {"hours": last_mean(now, flags), "before": last_mean(before, flags)}
    return found(table.spread(flags), told, lines=(signal,))


_row = partial(
    Rule,
    equipment=Equipment.ANY,
    source="open-fdd OAT-METEO, SCHED-1, CMD-1",
    silent=(State.THIN_DATA,),
    delay_h=72.0,
)
_F, _L = FaultCode, LookFor
RULES = (
    _row(
        id=RuleId("OAT-METEO"),
        fact=_F.OUTDOOR_OFF,
        look=outdoor_off,
        look_for=_L.OUTDOOR_SENSOR,
        needs=(OUT, MET),
        tolerance=2.5,
        unit="K",
    ),
    _row(
        id=RuleId("OAT-SUN"),
        fact=_F.OUTDOOR_IN_SUN,
        look=outdoor_in_sun,
        look_for=_L.SHADE,
        needs=(OUT, MET),
        tolerance=4.0,
        unit="K",
    ),
    _row(
        id=RuleId("ROOM-OFF"),
        fact=_F.ROOM_OFF,
        look=room_off,
        look_for=_L.SENSOR,
        needs=(Signal.ZONE_TEMP,),
        tolerance=2.5,
        unit="K",
    ),
    _row(
        id=RuleId("CLOCK"),
        fact=_F.CLOCK_OFF,
        look=clock_off,
        look_for=_L.CLOCK,
        needs=(Signal.DEVICE_CLOCK,),
        tolerance=600.0,
        unit="s",
        delay_h=2.0,
    ),
    _row(
        id=RuleId("OVERRIDE-FORGOTTEN"),
        fact=_F.OVERRIDE_FORGOTTEN,
        look=override_forgotten,
        look_for=_L.OVERRIDE,
        needs=(Signal.OVERRIDE,),
    ),
    _row(
        id=RuleId("SCHEDULE-CHANGED"),
        fact=_F.SCHEDULE_CHANGED,
        look=schedule_changed,
        look_for=_L.FAN_PROGRAMME,
        source="open-fdd SCHED-1",
        silent=(),
        any_of=(Signal.FAN, Signal.SCHEDULED),
        tolerance=3.0,
        unit="h",
    ),
)
