"""A heating circuit: temperature difference, setpoint, pump, valve, summer, and hunting."""

from __future__ import annotations

from functools import partial

import numpy as np

from bms.faults.codes import CannotCode, FaultCode, LookFor
from bms.faults.days import DayTable, last_mean, trailing
from bms.faults.delays import lately, turns
from bms.faults.observations import HOURS_A_YEAR, Equipment, Observations, State
from bms.faults.prices import heat_price, heat_share_price, priced
from bms.faults.rule import Rule, Seen, found, median, never, too_coarse
from bms.faults.signals import Signal
from bms.model.fact import fact
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats
from bms.model.work.finding import RuleId, Severity

SUP, RET, SP, OAT = (
    Signal.SUPPLY_TEMP,
    Signal.RETURN_TEMP,
    Signal.SUPPLY_SETPOINT,
    Signal.OUTDOOR_TEMP,
)
HEAT, VOLUME, PUMP, VALVE = Signal.HEAT, Signal.VOLUME, Signal.PUMP, Signal.VALVE
POWER, GIVEN = Signal.HEAT_PUMP_POWER, Signal.HEAT_PUMP_HEAT
WARM_PIPE_C, HOT_PIPE_C = 28.0, 35.0
"""Supply water above these is not that of a pipe at rest, and heats rooms [degC]."""
SOUND_COP = 3.0
"""What a heat pump gives over a year that works as it should [kWh/kWh]."""
HUNT_H, TURNS_AN_HOUR = 6.0, 1.5
SEASON_H = 60 * 24.0
"""A pump or a summer stop that is wrong on some days of a season is one fault [h]."""


def running(seen: Observations) -> Flags:
    """Whether water circulates: a state says so, and no flow contradicts it; else a supply that is
    warm."""
    flow = seen.get(VOLUME)
    rests = flow <= 0.05 * np.nanpercentile(flow, 95) if seen.has(VOLUME) else flow < 0.0
    state = next((signal for signal in (PUMP, Signal.ENABLED) if seen.has(signal)), None)
    if state is not None:
        runs: Flags = (seen[state] > 0.5) & ~rests
        return runs
    return np.isfinite(flow) & ~rests if seen.has(VOLUME) else seen.get(SUP) > WARM_PIPE_C


def _settled(seen: Observations) -> Flags:
    return seen.stood(running(seen), 2.0)


def _while_settled(seen: Observations, rule: Rule, off: Floats, name: str, *lines: Signal) -> Seen:
    """A difference [K] above the tolerance for the delay, while water has run for two hours."""
    settled = _settled(seen)
    if not settled.any():
        return fact(CannotCode.NO_FLOW)
    flags = seen.stood(settled & (off > rule.tolerance), rule.delay_h)
    return found(flags, {name: median(off[flags])}, lines=lines)


def small_difference(seen: Observations, rule: Rule) -> Seen:
    """Supply and return differ by next to nothing for days while water runs in the heating
    season: too much flow, a short circuit, or a pump without a load."""
    table = DayTable.of(seen)
    looked = _settled(seen) & (seen[OAT] < 12.0)
    day = table.known_mean(np.where(looked, seen[SUP] - seen[RET], np.nan))
    if not np.isfinite(day).any():
        return never(State.COLD)
    flags = table.stood(day < rule.tolerance, rule.days)
    return found(table.spread(flags), {"difference": last_mean(day, flags)}, lines=(SUP, RET))


def return_above_supply(seen: Observations, rule: Rule) -> Seen:
    """The return is warmer than the supply while water runs."""
    return _while_settled(seen, rule, seen[RET] - seen[SUP], "off", SUP, RET)


def setpoint_missed(seen: Observations, rule: Rule) -> Seen:
    """The supply stays below its setpoint for hours while the plant is enabled."""
    short = np.where(seen[SP] > 25.0, seen[SP] - seen[SUP], np.nan)
    return _while_settled(seen, rule, short, "short", SUP, SP)


def setpoint_exceeded(seen: Observations, rule: Rule) -> Seen:
    """The supply stays above its setpoint for hours: a valve does not close, or a sensor is
    wrong."""
    above = np.where(seen[SP] > 15.0, seen[SUP] - seen[SP], np.nan)
    return _while_settled(seen, rule, above, "above", SUP, SP)


def heats_in_summer(seen: Observations, rule: Rule) -> Seen:
    """Hot water circulates, and its heat is used up, on days above the stop temperature."""
    table = DayTable.of(seen)
    warm = table.known_mean(seen[OAT]) >= seen.context.stop_c + rule.tolerance
    if not warm.any():
        return never(State.WARM)
    hot = running(seen) & (seen[SUP] > HOT_PIPE_C)
    heats = warm & (table.mean(hot.astype(np.float64)) > 0.5)
    flags = table.stood(heats, rule.days)
    heat = last_mean(table.total(seen.get(HEAT)), flags)
    return found(
        table.spread(flags),
        {"supply": median(seen[SUP][table.spread(flags) & hot]), "stop": seen.context.stop_c},
        price=heat_price(seen.context, heat * 365.0 * float(heats.mean()), error=0.5),
        lines=(SUP, RET, OAT),
    )


def pump_without_need(seen: Observations, rule: Rule) -> Seen:
    """The pump runs for a day and a night of mild weather and no heat is taken."""
    mild = seen[OAT] > 15.0
    if not mild.any():
        return never(State.WARM)
    idle = mild & running(seen) & (seen[SUP] - seen[RET] < rule.tolerance)
    flags = seen.stood(idle, rule.delay_h)
    return found(flags, lines=(SUP, RET))


def valve_leaks(seen: Observations, rule: Rule) -> Seen:
    """The control valve is closed, yet the supply stays far above the return."""
    closed = seen.stood(seen[VALVE] < 0.01, 2.0)
    if not closed.any():
        return never(State.NO_FLOW)
    difference = seen[SUP] - seen[RET]
    flags = seen.stood(closed & (difference > rule.tolerance), rule.delay_h)
    return found(flags, {"difference": median(difference[flags])}, lines=(SUP, RET, VALVE))


def supply_hunts(seen: Observations, rule: Rule) -> Seen:
    """The supply temperature swings to and fro by more than the tolerance, again and again."""
    if seen.step_s > 900:
        return too_coarse(seen, 15.0)
    turned = turns(seen[SUP], seen.breaks, rule.tolerance) & _settled(seen)
    often = lately(turned, seen.steps(HUNT_H)) > TURNS_AN_HOUR * HUNT_H
    return found(seen.stood(often & running(seen), rule.delay_h), lines=(SUP,))


def short_cycles(seen: Observations, rule: Rule) -> Seen:
    """The plant starts far more often in a day than it needs to."""
    if seen.step_s > 900:
        return too_coarse(seen, 15.0)
    signal = Signal.HEAT_PUMP_RUN if seen.has(Signal.HEAT_PUMP_RUN) else PUMP
    table, on = DayTable.of(seen), seen[signal] > 0.5
    starts = np.concatenate([[False], on[1:] & ~on[:-1]]).astype(np.float64)
    a_day = table.total(starts)
    flags = table.stood(a_day > rule.tolerance, rule.days)
    return found(table.spread(flags), {"starts": last_mean(a_day, flags)}, lines=(signal,))


def poor_cop(seen: Observations, rule: Rule) -> Seen:
    """Over days the heat pump gives less heat for its electricity than the tolerance."""
    table = DayTable.of(seen)
    power = table.mean(seen[POWER])
    works = power > 0.05 * np.max(power, initial=0.0, where=np.isfinite(power))
    if not works.any():
        return fact(CannotCode.NO_FLOW)
    week = trailing(np.where(works, table.mean(seen[GIVEN]) / power, np.nan), 4, least=3)
    flags = table.stood(week < rule.tolerance, rule.days)
    level, year = last_mean(week, flags), float(np.nanmean(power)) * HOURS_A_YEAR
    avoidable = year * max(1.0 - level / SOUND_COP, 0.0)
    price = priced(avoidable, seen.context.electricity_dkk_kwh, error=0.4)
    return found(table.spread(flags), {"cop": level}, price=price, lines=(POWER, GIVEN))


def night_level(seen: Observations, rule: Rule) -> Seen:
    """The circuit runs through every night at the temperature of the day, in the cold."""
    if seen.context.always_in_use:
        return never(State.OUT_OF_USE)
    table = DayTable.of(seen)
    cold = table.known_mean(seen[OAT]) < 10.0
    if cold.sum() < 8:
        return never(State.COLD)
    night, day = (table.mean(seen[SUP], seen.between(*hours)) for hours in ((23, 4), (9, 15)))
    lowered = trailing(np.where(cold & ~table.closed, day - night, np.nan), 14, least=8)
    heated = trailing(day, 14, least=8) > HOT_PIPE_C
    flags = table.stood((lowered < rule.tolerance) & cold & heated, rule.days)
    return found(
        table.spread(flags),
        {"difference": last_mean(lowered, flags)},
        price=heat_share_price(seen, 0.08, error=0.7),
        lines=(SUP, OAT),
    )


_row = partial(
    Rule,
    equipment=Equipment.HEATING,
    source="HHW_brick; Raftery et al. 2024",
    silent=(State.NO_FLOW,),
    unit="K",
)
_heat_pump = partial(_row, equipment=Equipment.HEAT_PUMP, look_for=LookFor.HEAT_PUMP)
_F, _L = FaultCode, LookFor
RULES = (
    _row(
        id=RuleId("HC-SMALL-DT"),
        fact=_F.SMALL_DIFFERENCE,
        look=small_difference,
        look_for=_L.TOO_MUCH_FLOW,
        needs=(SUP, RET, OAT),
        tolerance=2.5,
        under=True,
        delay_h=72,
        join_h=SEASON_H,
    ),
    _row(
        id=RuleId("HC-RETURN-WARMER"),
        fact=_F.RETURN_WARMER,
        look=return_above_supply,
        look_for=_L.SENSORS_EXCHANGED,
        needs=(SUP, RET),
        tolerance=1.0,
        delay_h=24,
    ),
    _row(
        id=RuleId("HC-TOO-COLD"),
        fact=_F.SUPPLY_TOO_COLD,
        look=setpoint_missed,
        look_for=_L.HEAT_SUPPLY,
        severity=Severity.HIGH,
        needs=(SUP, SP),
        tolerance=5.0,
        delay_h=6,
    ),
    _row(
        id=RuleId("HC-TOO-WARM"),
        fact=_F.SUPPLY_TOO_WARM,
        look=setpoint_exceeded,
        look_for=_L.CONTROL_VALVE,
        needs=(SUP, SP),
        tolerance=6.0,
        delay_h=12,
    ),
    _row(
        id=RuleId("HC-SUMMER"),
        fact=_F.CIRCUIT_IN_SUMMER,
        look=heats_in_summer,
        look_for=_L.SUMMER_STOP,
        needs=(SUP, OAT),
        tolerance=1.0,
        delay_h=72,
        join_h=SEASON_H,
    ),
    _row(
        id=RuleId("HC-PUMP"),
        fact=_F.PUMP_WITHOUT_NEED,
        look=pump_without_need,
        look_for=_L.PUMP,
        needs=(SUP, RET, PUMP, OAT),
        tolerance=1.0,
        under=True,
        delay_h=24,
        join_h=SEASON_H,
    ),
    _row(
        id=RuleId("HC-VALVE-LEAKS"),
        fact=_F.VALVE_LEAKS,
        look=valve_leaks,
        look_for=_L.CONTROL_VALVE,
        needs=(SUP, RET, VALVE),
        tolerance=6.0,
        delay_h=4,
    ),
    _row(
        id=RuleId("HC-HUNTS"),
        fact=_F.SUPPLY_HUNTS,
        look=supply_hunts,
        look_for=_L.CONTROLLER_TUNING,
        needs=(SUP,),
        tolerance=4.0,
        delay_h=2,
    ),
    _row(
        id=RuleId("HC-NIGHT"),
        fact=_F.NO_NIGHT_LEVEL,
        look=night_level,
        look_for=_L.TIME_PROGRAMME,
        needs=(SUP, OAT),
        tolerance=1.0,
        under=True,
        delay_h=120,
    ),
    _heat_pump(
        id=RuleId("HP-CYCLES"),
        fact=_F.SHORT_CYCLES,
        look=short_cycles,
        any_of=(Signal.HEAT_PUMP_RUN, PUMP),
        tolerance=24.0,
        unit="1/day",
        delay_h=48,
    ),
    _heat_pump(
        id=RuleId("HP-COP"),
        fact=_F.POOR_COP,
        look=poor_cop,
        needs=(POWER, GIVEN),
        tolerance=2.0,
        under=True,
        unit="kWh/kWh",
        delay_h=72,
    ),
)
