"""When an air handling unit runs, and whether its fans and dampers follow their commands."""

from __future__ import annotations

import numpy as np

from bms.faults.air.handler import AirHandler, Condition, looking
from bms.faults.codes import FaultCode, LookFor
from bms.faults.observations import Equipment, Observations, State
from bms.faults.rule import Rule, Seen, found, median, never
from bms.faults.signals import Signal
from bms.model.planning.grid import Flags
from bms.model.work.finding import RuleId

RATIO = 0.15
"""How far the return fan may leave its usual ratio to the supply fan."""
REST_K = 6.0
"""How much warmer air at shut coils may be than both airs around it, when the fan rests [K]."""
NEEDLESS_H = 6000.0
"""Hours of a year in which nobody is in [h]."""
STEADY = 0.03
"""Fans whose ratio usually varies by more are controlled apart, so that it says nothing."""


def runs_unoccupied(seen: Observations, rule: Rule) -> Seen:
    """The fan turns outside the hours of use for longer than a purge or a lead takes."""
    return _runs_beside(seen, rule, outside=~seen.in_use)


def never_rests(seen: Observations, rule: Rule) -> Seen:
    """The fan has turned for days on end in a building that nobody sleeps in."""
    return _runs_beside(seen, rule, outside=np.ones(len(seen), np.bool_), hours=NEEDLESS_H)


def _runs_beside(
    seen: Observations, rule: Rule, *, outside: Flags, hours: float | None = None
) -> Seen:
    """The fan has turned for the rule's delay; ``hours`` a year are too many, else those seen."""
    if seen.context.always_in_use or seen.in_use.all():
        return never(State.OUT_OF_USE)
    unit = AirHandler.of(seen)
    flags = seen.stood(unit.runs & outside, rule.delay_h)
    year = unit.hours_a_year(flags) if hours is None else hours
    told = {**unit.told(flags), "year": year}
    return found(flags, told, price=unit.fan_price(year), lines=(Signal.FAN, Signal.FAN_SPEED))


def return_fan_stands(unit: AirHandler, k: float) -> Flags:
    """The supply fan turns, the return fan does not."""
    stands = unit.seen.get(Signal.RETURN_FAN) < 0.5
    return unit.settled & stands & (k > 0)


def return_fan_off(unit: AirHandler, k: float) -> Flags:
    """The return fan does not follow the supply fan as it used to."""
    supply, back = unit.mean(Signal.FAN_SPEED), unit.mean(Signal.RETURN_FAN_SPEED)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(unit.settled & (supply > 0.2), back / supply, np.nan)
    usual = median(ratio)
    steady = median(np.abs(ratio - usual)) < STEADY * usual
    return steady & unit.settled & (np.abs(ratio / usual - 1.0) > k * RATIO)


def pressure_off(unit: AirHandler, k: float) -> Flags:
    """The pressure in the duct is far from its setpoint."""
    wanted, has = unit.mean(Signal.PRESSURE_SETPOINT), unit.mean(Signal.PRESSURE)
    return unit.settled & (wanted > 10.0) & (np.abs(has - wanted) > k * 50.0)


def damper_open_at_rest(unit: AirHandler, k: float) -> Flags:
    """The outdoor air damper stands open while the fan rests."""
    return ~unit.runs & (unit.mean(Signal.OUTDOOR_DAMPER) > k * 0.1)


def heats_at_rest(unit: AirHandler, k: float) -> Flags:
    """A coil's valve stands open while the fan rests and no frost threatens."""
    mild = ~(unit.mean(Signal.OUTDOOR_TEMP) < 5.0)
    opened = (unit.valve(Signal.HEATING_VALVE) > k * 0.1) & mild
    return ~unit.runs & (opened | (unit.valve(Signal.COOLING_VALVE) > k * 0.1))


def warm_at_rest(unit: AirHandler, k: float) -> Flags:
    """The fan rests and the heating valve is shut, yet the air at the coils is far warmer than
    outdoors and in the rooms: the valve leaks."""
    coils = np.fmax(unit.mean(Signal.MIXED_AIR_TEMP), unit.mean(Signal.SUPPLY_AIR_TEMP))
    coils = np.fmax(coils, unit.mean(Signal.RECOVERED_AIR_TEMP))
    around = np.fmax(unit.mean(Signal.RETURN_AIR_TEMP), unit.mean(Signal.OUTDOOR_TEMP))
    shut = unit.mean(Signal.HEATING_VALVE) < 0.01
    return ~unit.runs & shut & (coils > around + k * REST_K)


def _row(
    end: str,
    code: FaultCode,
    look_for: LookFor,
    condition: Condition,
    needs: tuple[Signal, ...],
    *,
    delay_h: float = 1.0,
    tolerance: float = 0.0,
    any_of: tuple[Signal, ...] = (),
) -> Rule:
    return Rule(
        id=RuleId(f"AHU-{end}"),
        equipment=Equipment.AIR_HANDLER,
        fact=code,
        look_for=look_for,
        look=looking(condition, lines=(*needs, *any_of)),
        source="open-fdd CMD-1, SCHED-1; Guideline 36, 5.16",
        needs=needs,
        any_of=any_of,
        silent=(State.FANS_STARTING,),
        tolerance=tolerance,
        unit="share",
        delay_h=delay_h,
        join_h=0.0,
    )


_F = FaultCode
RULES = (
    Rule(
        id=RuleId("AHU-UNOCCUPIED"),
        equipment=Equipment.AIR_HANDLER,
        fact=FaultCode.RUNS_UNOCCUPIED,
        look_for=LookFor.FAN_PROGRAMME,
        look=runs_unoccupied,
        source="open-fdd SCHED-1",
        needs=(Signal.FAN, Signal.OCCUPIED),
        silent=(State.FANS_OFF, State.IN_USE),
        tolerance=0.0,
        unit="h",
        delay_h=6.0,
        join_h=0.0,
    ),
    Rule(
        id=RuleId("AHU-ALWAYS-ON"),
        equipment=Equipment.AIR_HANDLER,
        fact=FaultCode.NEVER_RESTS,
        look_for=LookFor.FAN_PROGRAMME,
        look=never_rests,
        source="open-fdd SCHED-247",
        needs=(Signal.FAN, Signal.OCCUPIED),
        silent=(State.FANS_OFF,),
        tolerance=0.0,
        unit="h",
        delay_h=72.0,
        join_h=24.0,
    ),
    _row(
        "RETURN-FAN-STOPPED",
        _F.RETURN_FAN_STANDS,
        LookFor.FAN,
        return_fan_stands,
        (Signal.FAN, Signal.RETURN_FAN),
    ),
    _row(
        "RETURN-FAN-SPEED",
        _F.RETURN_FAN_OFF,
        LookFor.FAN,
        return_fan_off,
        (Signal.FAN_SPEED, Signal.RETURN_FAN_SPEED),
        tolerance=RATIO,
    ),
    _row(
        "PRESSURE",
        _F.PRESSURE_OFF,
        LookFor.FAN,
        pressure_off,
        (Signal.PRESSURE, Signal.PRESSURE_SETPOINT),
        tolerance=50.0,
    ),
    _row(
        "DAMPER-AT-REST",
        _F.DAMPER_AT_REST,
        LookFor.DAMPERS,
        damper_open_at_rest,
        (Signal.FAN, Signal.OUTDOOR_DAMPER),
        delay_h=2.0,
        tolerance=0.1,
    ),
    _row(
        "VALVE-AT-REST",
        _F.VALVE_AT_REST,
        LookFor.COIL_VALVES,
        heats_at_rest,
        (Signal.FAN,),
        any_of=(Signal.HEATING_VALVE, Signal.COOLING_VALVE),
        delay_h=2.0,
        tolerance=0.1,
    ),
    _row(
        "WARM-AT-REST",
        _F.WARM_AT_REST,
        LookFor.COIL_VALVES,
        warm_at_rest,
        (Signal.FAN, Signal.HEATING_VALVE, Signal.RETURN_AIR_TEMP, Signal.OUTDOOR_TEMP),
        any_of=(Signal.MIXED_AIR_TEMP, Signal.SUPPLY_AIR_TEMP, Signal.RECOVERED_AIR_TEMP),
        tolerance=REST_K,
    ),
)
