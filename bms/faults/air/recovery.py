"""Heat recovery of ventilation: rules of APAR adapted to units without a mixing box.

Nehasil, Dobiášová, Mazanec & Široký, Energy and Buildings 237 (2021) 110814: about 90 % of induced
faults were found by several dozen such rules. Efficiency by temperatures as in EN 308.
"""

from __future__ import annotations

import numpy as np

from bms.faults.air.handler import E_OAT, E_RAT, E_SAT, FAN_RISE, AirHandler, Condition, looking
from bms.faults.codes import FaultCode, LookFor
from bms.faults.observations import Equipment, State
from bms.faults.rule import Rule
from bms.faults.signals import Signal
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats
from bms.model.work.finding import RuleId, Severity

SAT, SP, OAT = Signal.SUPPLY_AIR_TEMP, Signal.SUPPLY_AIR_SETPOINT, Signal.OUTDOOR_TEMP
RAT, REC, RUN = Signal.RETURN_AIR_TEMP, Signal.RECOVERED_AIR_TEMP, Signal.RECOVERY
HC, CC = Signal.HEATING_VALVE, Signal.COOLING_VALVE
LEAST_DIFFERENCE = 8.0
"""Between extract and outdoor air, below which an efficiency means little [K]."""
USUAL_EFFICIENCY = 0.73
"""Least efficiency of a run-around-free recovery unit by BR18 §436 (non-residential)."""
SHORT = 0.15
WIDE, SHUT = 0.95, 0.03


def efficiency(unit: AirHandler) -> Floats:
    """Temperature efficiency 0..1 (EN 308); NaN where outdoor and extract air are alike."""
    difference = unit.mean(RAT) - unit.mean(OAT)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (unit.mean(REC) - unit.mean(OAT)) / difference
    return np.where(difference >= LEAST_DIFFERENCE, share, np.nan)


def recovers_too_little(unit: AirHandler, k: float) -> Flags:
    """Full recovery, yet less than designed: a dirty wheel, a torn belt, a bypass that leaks."""
    design = unit.seen.context.recovery or USUAL_EFFICIENCY
    full = _stood(unit, unit.mean(RUN) >= WIDE if unit.seen.has(RUN) else unit.valve(HC) > 0.1)
    return full & (efficiency(unit) < design - k * SHORT)


def recovers_while_shut(unit: AirHandler, k: float) -> Flags:
    """Recovery shut, yet the air is warmed: the bypass damper does not open."""
    return _stood(unit, unit.mean(RUN) <= SHUT) & (efficiency(unit) > k * 0.25)


def heats_before_recovery(unit: AirHandler, k: float) -> Flags:
    """The heating coil heats while the recovery could give more."""
    cold = unit.mean(RAT) - unit.mean(OAT) >= LEAST_DIFFERENCE
    return unit.settled & cold & (unit.mean(HC) > k * 0.05) & (unit.mean(RUN) < 0.9)


def recovers_while_cooling(unit: AirHandler, k: float) -> Flags:
    """Heat is recovered while the coil cools it away again."""
    colder = unit.mean(OAT) < unit.mean(RAT) - k * (E_OAT + E_RAT)
    return unit.settled & colder & (unit.mean(CC) > 0.05) & (unit.mean(RUN) > 0.1)


def recovered_outside(unit: AirHandler, k: float) -> Flags:
    """Recovered air warmer or colder than both airs that exchange heat: a sensor is wrong."""
    low = np.minimum(unit.mean(RAT), unit.mean(OAT)) - k * (E_OAT + E_RAT)
    high = np.maximum(unit.mean(RAT), unit.mean(OAT)) + k * (E_OAT + E_RAT) + FAN_RISE
    return unit.settled & ((unit.mean(REC) < low) | (unit.mean(REC) > high))


def no_free_cooling(unit: AirHandler, k: float) -> Flags:
    """Supply air above its setpoint while colder outdoor air is warmed by the recovery."""
    above = unit.mean(SAT) > unit.mean(SP) + k * E_SAT
    could = unit.mean(OAT) < unit.mean(SP) - k * E_OAT
    return unit.settled & above & could & (unit.mean(RUN) > 0.1)


def extract_off(unit: AirHandler, k: float) -> Flags:
    """Extract air that no room has: below 12 or above 32 degC for long."""
    air = unit.mean(RAT)
    return unit.settled & ((air < 12.0 / k) | (air > 32.0 * k))


def exhaust_freezes(unit: AirHandler, k: float) -> Flags:
    """Exhaust air near freezing while recovery runs at full: the exchanger ices up."""
    return unit.settled & (unit.mean(Signal.EXHAUST_AIR_TEMP) < 0.5 / k) & (unit.mean(OAT) < 0.0)


def _stood(unit: AirHandler, condition: Flags) -> Flags:
    """Whether a position has stood for half an hour, so that the air has followed."""
    return unit.settled & unit.seen.stood(condition, 0.5)


def _short(unit: AirHandler) -> Floats:
    """Kelvin that the recovery falls short of its design."""
    design = unit.seen.context.recovery or USUAL_EFFICIENCY
    return np.maximum(design - efficiency(unit), 0.0) * (unit.mean(RAT) - unit.mean(OAT))


def _row(
    end: str,
    code: FaultCode,
    look_for: LookFor,
    condition: Condition,
    needs: tuple[Signal, ...],
    tolerance: float,
    unit: str = "K",
) -> Rule:
    return Rule(
        id=RuleId(f"HRU-{end}"),
        equipment=Equipment.AIR_HANDLER,
        fact=code,
        look_for=look_for,
        look=looking(condition, lines=(*needs, OAT, SAT), kelvin=_short),
        source="Nehasil et al., Energy and Buildings 237 (2021) 110814; EN 308; BR18 §436",
        severity=Severity.HIGH if end == "FROST" else Severity.MEDIUM,
        needs=needs,
        silent=(State.FANS_OFF, State.FANS_STARTING),
        tolerance=tolerance,
        unit=unit,
        delay_h=1.0,
        join_h=0.0,
        risk=LookFor.FROST_DAMAGE if end == "FROST" else None,
    )


_F = FaultCode
_EXCHANGE = (REC, RAT, OAT)
_E = E_OAT + E_RAT
RULES = (
    _row("EFFICIENCY", _F.RECOVERS_LITTLE, LookFor.EXCHANGER, recovers_too_little, _EXCHANGE, 0.15),
    _row(
        "BYPASS",
        _F.RECOVERS_SHUT,
        LookFor.BYPASS_DAMPER,
        recovers_while_shut,
        (*_EXCHANGE, RUN),
        0.25,
    ),
    _row(
        "ORDER",
        _F.HEATS_BEFORE_RECOVERY,
        LookFor.VALVE_SEQUENCE,
        heats_before_recovery,
        (RUN, HC, RAT, OAT),
        0.05,
        "share",
    ),
    _row(
        "COOLING",
        _F.RECOVERS_WHILE_COOLING,
        LookFor.VALVE_SEQUENCE,
        recovers_while_cooling,
        (RUN, CC, RAT, OAT),
        _E,
    ),
    _row("RANGE", _F.RECOVERED_OUTSIDE, LookFor.AIR_SENSORS, recovered_outside, _EXCHANGE, _E),
    _row(
        "FREE-COOLING",
        _F.NO_FREE_COOLING,
        LookFor.BYPASS_DAMPER,
        no_free_cooling,
        (SAT, SP, OAT, RUN),
        E_SAT,
    ),
    _row("EXTRACT", _F.EXTRACT_OFF, LookFor.AIR_SENSORS, extract_off, (RAT,), 0.0),
    _row(
        "FROST",
        _F.EXHAUST_FREEZES,
        LookFor.EXCHANGER,
        exhaust_freezes,
        (Signal.EXHAUST_AIR_TEMP, OAT),
        0.5,
    ),
)
