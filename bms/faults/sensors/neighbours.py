"""Sensors against others: the outdoor sensor against the weather service and in the sun, rooms
against their neighbours."""

from __future__ import annotations

import numpy as np

from bms.faults.codes import CannotCode, FaultCode, LookFor
from bms.faults.days import DayTable, trailing
from bms.faults.delays import confirmed
from bms.faults.meters.heat_days import last_mean
from bms.faults.observations import Equipment, Observations, State
from bms.faults.prices import heat_price
from bms.faults.rule import Detected, Look, Rule, Seen, found, nothing
from bms.faults.signals import Signal
from bms.model.fact import fact
from bms.model.readings.series import Floats
from bms.model.work.finding import Price, RuleId

SHARE_A_KELVIN = 0.05
"""Heat that a building takes more for each kelvin that its outdoor sensor reads too low, as a share
of the year's, where the heating curve rests on it."""


def outdoor_off(seen: Observations, rule: Rule) -> Seen:
    """At night the outdoor sensor reads otherwise than the weather service for days."""
    table = DayTable.of(seen)
    minute = seen.local.minute
    night = (minute >= 22 * 60) | (minute < 5 * 60)
    off = table.mean(seen[Signal.OUTDOOR_TEMP] - seen[Signal.WEATHER_TEMP], night)
    lately = trailing(off, 3, least=3)
    flags = confirmed(np.abs(lately) > rule.tolerance_at(seen), table.breaks, 1)
    level = last_mean(lately, flags)
    if level is None:
        return nothing()
    heat = seen.get(Signal.HEAT)
    year = float(np.nanmean(heat)) * 8760.0 * 3600.0 / seen.step_s if seen.has(Signal.HEAT) else 0.0
    lost = heat_price(seen.context, SHARE_A_KELVIN * max(-level, 0.0) * year, error=0.6)
    return found(
        table.spread(flags),
        parameters={"off": level},
        price=lost if year else Price(),
        lines=(Signal.OUTDOOR_TEMP, Signal.WEATHER_TEMP),
    )


def outdoor_in_sun(seen: Observations, rule: Rule) -> Seen:
    """By day, when the sun is out, the outdoor sensor rises above the weather service far more
    than at night."""
    table = DayTable.of(seen)
    off = seen[Signal.OUTDOOR_TEMP] - seen[Signal.WEATHER_TEMP]
    minute = seen.local.minute
    night = table.mean(off, (minute >= 23 * 60) | (minute < 5 * 60))
    day = np.full(len(table), np.nan)
    for hour in range(8, 18):
        each = table.mean(off, (minute >= hour * 60) & (minute < (hour + 2) * 60))
        day = np.fmax(day, each)
    high = day - night > rule.tolerance_at(seen)
    often = trailing(high.astype(np.float64), 7, least=5) >= 3 / 7
    flags = confirmed(often & high, table.breaks, 1)
    level = last_mean(day - night, flags)
    if level is None:
        return nothing()
    return found(
        table.spread(flags),
        parameters={"off": level},
        lines=(Signal.OUTDOOR_TEMP, Signal.WEATHER_TEMP),
    )


def room_off(seen: Observations, rule: Rule) -> Seen:
    """A room's sensor has left the others: it reads far above or below what it used to beside
    them."""
    rooms = seen.rooms.get(Signal.ZONE_TEMP, {})
    if len(rooms) < 3:
        return fact(CannotCode.TOO_FEW_ROOMS, rooms=len(rooms), needed=3)
    table = DayTable.of(seen)
    daily = {place: table.mean(values) for place, values in rooms.items()}
    answers = []
    for place, values in daily.items():
        others = np.stack([each for name, each in daily.items() if name != place])
        off = values - np.nanmedian(np.where(np.isfinite(others), others, np.nan), axis=0)
        lately = trailing(off, 3, least=3)
        usual = _earlier(off)
        jump = np.abs(lately - usual) > rule.tolerance_at(seen)
        flags = confirmed(jump, table.breaks, 2)
        level = last_mean(lately - usual, flags)
        if level is not None:
            answers.append(
                Detected(
                    flags=table.spread(flags),
                    parameters={"room": place, "off": level},
                    extra={Signal.ZONE_TEMP.value: rooms[place]},
                    place=place,
                )
            )
    return tuple(answers)


def _earlier(values: Floats) -> Floats:
    """Median of the four weeks that end a week before each day."""
    usual = np.full(len(values), np.nan)
    for day in range(21, len(values)):
        past = values[max(0, day - 35) : day - 7]
        if np.isfinite(past).sum() >= 10:
            usual[day] = np.nanmedian(past)
    return usual


def clock_off(seen: Observations, rule: Rule) -> Seen:
    """A device's clock is off by more than its time programme bears."""
    flags = confirmed(
        np.abs(seen[Signal.DEVICE_CLOCK]) > rule.tolerance_at(seen),
        seen.breaks,
        seen.steps(rule.delay_h),
    )
    level = last_mean(seen[Signal.DEVICE_CLOCK], flags)
    if level is None:
        return nothing()
    return found(flags, parameters={"off": level / 60.0}, lines=(Signal.DEVICE_CLOCK,))


def override_forgotten(seen: Observations, rule: Rule) -> Seen:
    """A person's override has stood for days; it costs what the building takes beyond its own
    usual heat or electricity."""
    stands = seen[Signal.OVERRIDE] > 0.5
    flags = confirmed(stands, seen.breaks, seen.steps(rule.delay_h))
    if not flags.any():
        return nothing()
    days = float(flags.sum()) * seen.step_s / 86400.0 + rule.delay_h / 24
    price = Price()
    if seen.has(Signal.HEAT):
        heat = seen[Signal.HEAT]
        extra = (
            float(np.nanmean(heat[stands]) - np.nanmean(heat[~stands])) if (~stands).any() else 0
        )
        price = heat_price(seen.context, extra * 8760.0 * 3600.0 / seen.step_s, error=0.7)
    return found(
        flags,
        parameters={
            "days": days,
            "dkk_day": None if price.dkk_year is None else price.dkk_year / 365.0,
        },
        price=price,
        lines=(Signal.OVERRIDE,),
    )


def schedule_changed(seen: Observations, rule: Rule) -> Seen:
    """What runs by a schedule has begun to run at other hours than the weeks before."""
    signal = Signal.FAN if seen.has(Signal.FAN) else Signal.SCHEDULED
    table = DayTable.of(seen)
    if len(table) < 28:
        return fact(CannotCode.TOO_FEW_DAYS, days=len(table), needed=28)
    hours = table.mean((seen.get(signal) > 0.5).astype(np.float64)) * 24.0
    workday = np.where(table.closed, np.nan, hours)
    change = np.abs(trailing(workday, 5, least=3) - _earlier(workday))
    flags = confirmed(change > rule.tolerance_at(seen), table.breaks, 2)
    level = last_mean(trailing(workday, 5, least=3), flags)
    if level is None:
        return nothing()
    before = last_mean(_earlier(workday), flags) or 0.0
    return found(
        table.spread(flags), parameters={"hours": level, "before": before}, lines=(signal,)
    )


_OUT = (Signal.OUTDOOR_TEMP, Signal.WEATHER_TEMP)


def _row(
    name: str,
    code: FaultCode,
    look: Look,
    look_for: LookFor,
    needs: tuple[Signal, ...],
    tolerance: float,
    unit: str,
    delay_h: float,
) -> Rule:
    return Rule(
        id=RuleId(name),
        equipment=Equipment.ANY,
        fact=code,
        look_for=look_for,
        look=look,
        source="open-fdd OAT-METEO, SCHED-1, CMD-1",
        needs=needs,
        silent=(State.THIN_DATA,),
        tolerance=tolerance,
        unit=unit,
        delay_h=delay_h,
    )


_F = FaultCode
RULES = (
    _row("OAT-METEO", _F.OUTDOOR_OFF, outdoor_off, LookFor.OUTDOOR_SENSOR, _OUT, 2.5, "K", 72.0),
    _row("OAT-SUN", _F.OUTDOOR_IN_SUN, outdoor_in_sun, LookFor.SHADE, _OUT, 4.0, "K", 72.0),
    _row("ROOM-OFF", _F.ROOM_OFF, room_off, LookFor.SENSOR, (Signal.ZONE_TEMP,), 2.5, "K", 72.0),
    _row("CLOCK", _F.CLOCK_OFF, clock_off, LookFor.CLOCK, (Signal.DEVICE_CLOCK,), 600.0, "s", 2.0),
    _row(
        "OVERRIDE-FORGOTTEN",
        _F.OVERRIDE_FORGOTTEN,
        override_forgotten,
        LookFor.OVERRIDE,
        (Signal.OVERRIDE,),
        0.0,
        "",
        72.0,
    ),
    Rule(
        id=RuleId("SCHEDULE-CHANGED"),
        equipment=Equipment.ANY,
        fact=FaultCode.SCHEDULE_CHANGED,
        look_for=LookFor.FAN_PROGRAMME,
        look=schedule_changed,
        source="open-fdd SCHED-1",
        any_of=(Signal.FAN, Signal.SCHEDULED),
        tolerance=3.0,
        unit="h",
        delay_h=72.0,
    ),
)
