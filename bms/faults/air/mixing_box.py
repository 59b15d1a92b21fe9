"""Fault conditions 1 to 15 of ASHRAE Guideline 36 (5.16.14) for units with a mixing box."""

from __future__ import annotations

from math import hypot

import numpy as np

from bms.faults.air.handler import (
    E_MAT,
    E_OAT,
    E_RAT,
    E_SAT,
    FAN_RISE,
    FULL_VALVE,
    AirHandler,
    Condition,
    looking,
)
from bms.faults.codes import FaultCode, LookFor
from bms.faults.delays import lately
from bms.faults.observations import Equipment, Observations, State
from bms.faults.rule import Rule, Seen, found
from bms.faults.signals import Signal
from bms.model.planning.grid import Flags
from bms.model.work.finding import RuleId

SAT, SP, MAT = Signal.SUPPLY_AIR_TEMP, Signal.SUPPLY_AIR_SETPOINT, Signal.MIXED_AIR_TEMP
RAT, OAT, DAMPER = Signal.RETURN_AIR_TEMP, Signal.OUTDOOR_TEMP, Signal.OUTDOOR_DAMPER
HC, CC = Signal.HEATING_VALVE, Signal.COOLING_VALVE
E_PRESSURE, E_SPEED = 25.0, 0.05
E_SHARE, LEAST_DIFFERENCE = 0.30, 5.6
CHANGES_AN_HOUR = 7


def low_pressure(unit: AirHandler, k: float) -> Flags:
    """FC1: too little pressure with the fan at full speed."""
    short = unit.mean(Signal.PRESSURE) < unit.mean(Signal.PRESSURE_SETPOINT) - k * E_PRESSURE
    return unit.settled & short & (unit.mean(Signal.FAN_SPEED) >= 1.0 - E_SPEED)


def mixed_too_cold(unit: AirHandler, k: float) -> Flags:
    """FC2: mixed air colder than both airs that it is mixed from."""
    coldest = np.minimum(unit.mean(RAT) - k * E_RAT, unit.mean(OAT) - k * E_OAT)
    return unit.settled & (unit.mean(MAT) + k * E_MAT < coldest)


def mixed_too_warm(unit: AirHandler, k: float) -> Flags:
    """FC3: mixed air warmer than both."""
    warmest = np.maximum(unit.mean(RAT) + k * E_RAT, unit.mean(OAT) + k * E_OAT)
    return unit.settled & (unit.mean(MAT) - k * E_MAT > warmest)


def hunts(seen: Observations, rule: Rule) -> Seen:
    """FC4: the operating state changes more than seven times in an hour."""
    unit = AirHandler.of(seen)
    changed = np.zeros(len(seen), dtype=np.bool_)
    changed[1:] = (unit.state[1:] != unit.state[:-1]) & (unit.state[1:] > 0) & (unit.state[:-1] > 0)
    often = lately(changed, seen.steps(1.0)) > rule.tolerance
    flags = seen.stood(often & unit.settled, rule.delay_h)
    return found(flags, unit.told(flags), lines=(HC, CC, DAMPER))


def heated_too_little(unit: AirHandler, k: float) -> Flags:
    """FC5: heating, yet supply air no warmer than mixed air."""
    return unit.states(1) & (unit.mean(SAT) + k * E_SAT <= unit.mean(MAT) - k * E_MAT + FAN_RISE)


def outdoor_share_off(unit: AirHandler, k: float) -> Flags:
    """FC6: share of outdoor air far from what it should be (its least, or the damper's)."""
    difference = unit.mean(RAT) - unit.mean(OAT)
    share = (unit.mean(MAT) - unit.mean(RAT)) / (unit.mean(OAT) - unit.mean(RAT))
    wanted = unit.seen.context.oa_min
    asked = unit.mean(DAMPER) if wanted is None else np.full(len(unit.seen), wanted)
    off = np.abs(np.clip(share, -0.5, 1.5) - asked) > k * E_SHARE
    return unit.states(1, 4) & (np.abs(difference) >= LEAST_DIFFERENCE) & off


def too_cold_heating_full(unit: AirHandler, k: float) -> Flags:
    """FC7: supply air below its setpoint with the heating valve fully open."""
    short = unit.mean(SAT) < unit.mean(SP) - k * E_SAT
    return unit.settled & short & (unit.mean(HC) >= FULL_VALVE)


def free_cooling_off(unit: AirHandler, k: float) -> Flags:
    """FC8: both coils closed, yet supply and mixed air differ."""
    off = np.abs(unit.mean(SAT) - FAN_RISE - unit.mean(MAT)) > k * hypot(E_SAT, E_MAT)
    return unit.states(2) & off


def too_warm_for_free_cooling(unit: AirHandler, k: float) -> Flags:
    """FC9: free cooling with outdoor air that is too warm for the setpoint."""
    return unit.states(2) & (unit.mean(OAT) - k * E_OAT > unit.mean(SP) - FAN_RISE + k * E_SAT)


def full_outdoor_air_off(unit: AirHandler, k: float) -> Flags:
    """FC10: full outdoor air, yet mixed air is not like it."""
    return unit.states(3) & (np.abs(unit.mean(MAT) - unit.mean(OAT)) > k * hypot(E_MAT, E_OAT))


def cooled_without_need(unit: AirHandler, k: float) -> Flags:
    """FC11: the coil cools although outdoor air alone is cold enough."""
    return unit.states(3) & (unit.mean(OAT) + k * E_OAT < unit.mean(SP) - FAN_RISE - k * E_SAT)


def cooled_too_little(unit: AirHandler, k: float) -> Flags:
    """FC12: cooling, yet supply air no colder than mixed air."""
    return unit.states(3, 4) & (unit.mean(SAT) - k * E_SAT - FAN_RISE >= unit.mean(MAT) + k * E_MAT)


def too_warm_cooling_full(unit: AirHandler, k: float) -> Flags:
    """FC13: supply air above its setpoint with the cooling valve fully open."""
    above = unit.mean(SAT) > unit.mean(SP) + k * E_SAT
    return unit.settled & above & (unit.mean(CC) >= FULL_VALVE)


def cooling_coil_leaks(unit: AirHandler, k: float) -> Flags:
    """FC14: the cooling coil cools although it is closed."""
    drop = unit.mean(Signal.COOLING_COIL_IN) - unit.mean(Signal.COOLING_COIL_OUT)
    return unit.states(1, 2) & (drop >= k * hypot(E_SAT, E_SAT) + FAN_RISE)


def heating_coil_leaks(unit: AirHandler, k: float) -> Flags:
    """FC15: the heating coil heats although it is closed."""
    rise = unit.mean(Signal.HEATING_COIL_OUT) - unit.mean(Signal.HEATING_COIL_IN)
    return unit.states(2, 3, 4) & (rise >= k * hypot(E_SAT, E_SAT) + FAN_RISE)


_STATES = (State.FANS_OFF, State.FANS_STARTING, State.MODE_CHANGE)


def _row(
    number: int,
    code: FaultCode,
    look_for: LookFor,
    condition: Condition,
    needs: tuple[Signal, ...],
    tolerance: float,
) -> Rule:
    return Rule(
        id=RuleId(f"G36-{number}"),
        equipment=Equipment.AIR_HANDLER,
        fact=code,
        look_for=look_for,
        look=looking(condition, lines=(*needs, OAT)),
        source=f"ASHRAE Guideline 36-2021, 5.16.14, FC{number}",
        needs=needs,
        silent=_STATES,
        tolerance=tolerance,
        unit="Pa" if number == 1 else "share" if number == 6 else "K",
        delay_h=0.5,
        join_h=0.0,
    )


_PRESSURES = (Signal.PRESSURE, Signal.PRESSURE_SETPOINT, Signal.FAN_SPEED)
_MIXED = (MAT, RAT, OAT)
_F = FaultCode
RULES = (
    _row(1, _F.LOW_PRESSURE, LookFor.FAN, low_pressure, _PRESSURES, E_PRESSURE),
    _row(2, _F.MIXED_TOO_COLD, LookFor.AIR_SENSORS, mixed_too_cold, _MIXED, E_MAT),
    _row(3, _F.MIXED_TOO_WARM, LookFor.AIR_SENSORS, mixed_too_warm, _MIXED, E_MAT),
    Rule(
        id=RuleId("G36-4"),
        equipment=Equipment.AIR_HANDLER,
        fact=FaultCode.STATE_HUNTS,
        look_for=LookFor.CONTROLLER_TUNING,
        look=hunts,
        source="ASHRAE Guideline 36-2021, 5.16.14, FC4",
        needs=(CC,),
        silent=(State.FANS_OFF, State.FANS_STARTING),
        tolerance=CHANGES_AN_HOUR,
        unit="1/h",
        delay_h=0.5,
        join_h=0.0,
    ),
    _row(5, _F.HEATED_TOO_LITTLE, LookFor.HEATING_COIL, heated_too_little, (SAT, MAT, HC), E_SAT),
    _row(6, _F.OUTDOOR_SHARE_OFF, LookFor.DAMPERS, outdoor_share_off, (*_MIXED, DAMPER), E_SHARE),
    _row(7, _F.TOO_COLD_FULL, LookFor.HEATING_COIL, too_cold_heating_full, (SAT, SP, HC), E_SAT),
    _row(8, _F.FREE_COOLING_OFF, LookFor.COIL_VALVES, free_cooling_off, (SAT, MAT, DAMPER), E_SAT),
    _row(
        9,
        _F.TOO_WARM_FOR_FREE,
        LookFor.DAMPERS,
        too_warm_for_free_cooling,
        (OAT, SP, DAMPER),
        E_OAT,
    ),
    _row(10, _F.FULL_OUTDOOR_OFF, LookFor.DAMPERS, full_outdoor_air_off, (MAT, OAT, DAMPER), E_MAT),
    _row(
        11,
        _F.COOLED_WITHOUT_NEED,
        LookFor.COIL_VALVES,
        cooled_without_need,
        (OAT, SP, CC, DAMPER),
        E_OAT,
    ),
    _row(12, _F.COOLED_TOO_LITTLE, LookFor.COOLING_COIL, cooled_too_little, (SAT, MAT, CC), E_SAT),
    _row(13, _F.TOO_WARM_FULL, LookFor.COOLING_COIL, too_warm_cooling_full, (SAT, SP, CC), E_SAT),
    _row(
        14,
        _F.COOLING_COIL_LEAKS,
        LookFor.COIL_VALVES,
        cooling_coil_leaks,
        (Signal.COOLING_COIL_IN, Signal.COOLING_COIL_OUT),
        E_SAT,
    ),
    _row(
        15,
        _F.HEATING_COIL_LEAKS,
        LookFor.COIL_VALVES,
        heating_coil_leaks,
        (Signal.HEATING_COIL_IN, Signal.HEATING_COIL_OUT),
        E_SAT,
    ),
)
