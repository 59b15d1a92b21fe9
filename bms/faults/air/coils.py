"""Coils, valves and their control: what any air handling unit can be asked (APAR)."""

from __future__ import annotations

import numpy as np

from bms.faults.air.handler import (
    E_MAT,
    E_SAT,
    FAN_RISE,
    OPEN_VALVE,
    AirHandler,
    Condition,
    looking,
)
from bms.faults.codes import FaultCode, LookFor
from bms.faults.delays import lately, turns
from bms.faults.observations import Equipment, Observations, State
from bms.faults.rule import Rule, Seen, found, too_coarse, too_short
from bms.faults.signals import Signal
from bms.model.planning.grid import Flags, Ints
from bms.model.readings.series import Floats
from bms.model.work.finding import RuleId, Severity

SAT, SP, MAT = Signal.SUPPLY_AIR_TEMP, Signal.SUPPLY_AIR_SETPOINT, Signal.MIXED_AIR_TEMP
HC, CC, REC = Signal.HEATING_VALVE, Signal.COOLING_VALVE, Signal.RECOVERED_AIR_TEMP
OPEN = 0.05
"""A valve that stands further open than this is meant to be open."""
FEWEST_DAYS = 6
TURN, TURNS_AN_HOUR = 0.1, 6.0
"""Share of its stroke by which a valve turns, and how often an hour it does so where it hunts."""


def before_coils(unit: AirHandler) -> Floats:
    """Temperature of the air before the coils: mixed, or behind the heat recovery [degC]."""
    return unit.mean(MAT) if unit.seen.has(MAT) else unit.mean(REC)


def heats_and_cools(unit: AirHandler, k: float) -> Flags:
    """Both valves are open at once."""
    return unit.settled & (unit.mean(HC) > k * OPEN) & (unit.mean(CC) > k * OPEN)


def heats_without_need(unit: AirHandler, k: float) -> Flags:
    """Heating although the air before the coils is warm enough: the cooling coil leaks, say."""
    warm = before_coils(unit) + FAN_RISE > unit.mean(SP) + k * E_MAT
    return unit.settled & (unit.mean(HC) > OPEN) & warm


def cools_without_need(unit: AirHandler, k: float) -> Flags:
    """Cooling although the air before the coils is cold enough: the heating coil leaks, say."""
    cold = before_coils(unit) + FAN_RISE < unit.mean(SP) - k * E_MAT
    return unit.settled & (unit.mean(CC) > OPEN) & cold


def heated_while_closed(unit: AirHandler, k: float) -> Flags:
    """Supply air warmer than the air before the coils, which are both closed."""
    rise = unit.mean(SAT) - before_coils(unit) - FAN_RISE
    return _closed(unit) & (rise > k * (E_SAT + 0.5 * E_MAT))


def cooled_while_closed(unit: AirHandler, k: float) -> Flags:
    """Supply air colder than the air before the coils, which are both closed."""
    drop = before_coils(unit) - unit.mean(SAT)
    return _closed(unit) & (drop > k * (E_SAT + 0.5 * E_MAT) - FAN_RISE)


def _closed(unit: AirHandler) -> Flags:
    closed = (unit.valve(HC) < 0.005) & (unit.valve(CC) < 0.005)
    return unit.settled & unit.seen.stood(closed, 0.5)


def setpoint_missed(unit: AirHandler, k: float) -> Flags:
    """Supply air far from its setpoint for long, with whatever the valves say (APAR 25)."""
    return unit.settled & (np.abs(unit.mean(SAT) - unit.mean(SP)) > k * 2.0 * E_SAT)


def valve_turns(seen: Observations, rule: Rule) -> Seen:
    """A valve swings to and fro: turns of more than a tenth of its stroke, in an hour."""
    unit = AirHandler.of(seen)
    if seen.step_s > 600:
        return too_coarse(seen, 10.0)
    hunts = np.zeros(len(seen), dtype=np.bool_)
    for signal in (HC, CC):
        turned = turns(seen.get(signal), seen.breaks, TURN)
        hunts |= lately(turned, seen.steps(1.0)) >= rule.tolerance
    flags = seen.stood(hunts & unit.settled, rule.delay_h)
    return found(flags, unit.told(flags), lines=(HC, CC, SAT))


def cooling_effort(seen: Observations, rule: Rule) -> Seen:
    """The cooling valve stands further open than on other days for the same drop in temperature
    and air flow: a coil or valve does less, or something heats against it."""
    unit = AirHandler.of(seen)
    return _effort(unit, rule, CC, before_coils(unit) - unit.mean(SAT))


def heating_effort(seen: Observations, rule: Rule) -> Seen:
    """The same of the heating valve and the rise in temperature."""
    unit = AirHandler.of(seen)
    return _effort(unit, rule, HC, unit.mean(SAT) - before_coils(unit))


def _effort(unit: AirHandler, rule: Rule, valve: Signal, kelvin: Floats) -> Seen:
    """A valve's opening against that of all days, by load and flow, fitted by least absolute
    deviations where it is not at an end. A day counts where its median is off, so that a fit that
    is wrong for some hours does not."""
    seen = unit.seen
    opened = unit.mean(valve)
    flow = unit.mean(Signal.FAN_SPEED) if seen.has(Signal.FAN_SPEED) else np.ones(len(seen))
    usable = unit.settled & (kelvin > 2.0) & np.isfinite(opened) & np.isfinite(flow)
    inner = usable & (opened > OPEN_VALVE) & (opened < 0.95)
    days = np.unique(seen.local.day[inner])
    if len(days) < FEWEST_DAYS:
        return too_short(len(days), FEWEST_DAYS)
    load = kelvin * flow
    design = np.stack([np.ones(len(seen)), load, load**2, flow, kelvin], axis=1)
    rows = np.flatnonzero(inner)
    off = opened - design @ _least_deviations(design, opened, rows[:: max(len(rows) // 20_000, 1)])
    high = np.zeros(len(seen), dtype=np.bool_)
    for day in np.unique(seen.local.day[usable]).tolist():
        this = usable & (seen.local.day == day)
        long_enough = this.sum() >= seen.steps(2.0)
        if long_enough and float(np.percentile(off[this], 60.0)) > rule.tolerance:
            high |= this
    flags = seen.stood(high & (off > rule.tolerance), 0.5)
    return found(flags, unit.told(flags), lines=(valve, SAT, MAT))


def _least_deviations(design: Floats, values: Floats, rows: Ints) -> Floats:
    """Coefficients of least absolute deviations, by repeated weighting."""
    x, y = design[rows], values[rows]
    weight = np.ones(len(y))
    told: Floats = np.zeros(x.shape[1])
    for _ in range(8):
        root = np.sqrt(weight)
        told = np.asarray(np.linalg.lstsq(x * root[:, None], y * root, rcond=None)[0], np.float64)
        weight = 1.0 / np.maximum(np.abs(y - x @ told), 0.02)
    return told


def _row(
    end: str,
    code: FaultCode,
    look_for: LookFor,
    condition: Condition,
    needs: tuple[Signal, ...],
    *,
    delay_h: float = 0.5,
    any_of: tuple[Signal, ...] = (),
    tolerance: float = E_SAT,
) -> Rule:
    def kelvin(unit: AirHandler) -> Floats:
        return unit.mean(SAT) - before_coils(unit)

    return Rule(
        id=RuleId(f"AHU-{end}"),
        equipment=Equipment.AIR_HANDLER,
        fact=code,
        look_for=look_for,
        look=looking(condition, lines=(*needs, *any_of), kelvin=kelvin),
        source="APAR (NISTIR 6994); Nehasil et al. 2021",
        severity=Severity.MEDIUM,
        needs=needs,
        any_of=any_of,
        silent=(State.FANS_OFF, State.FANS_STARTING),
        tolerance=tolerance,
        unit="share" if end == "SIMULTANEOUS" else "K",
        delay_h=delay_h,
        join_h=0.0,
    )


_BEFORE = (MAT, REC)
_F = FaultCode
RULES = (
    _row(
        "SIMULTANEOUS",
        _F.HEATS_AND_COOLS,
        LookFor.VALVE_SEQUENCE,
        heats_and_cools,
        (HC, CC),
        tolerance=OPEN,
    ),
    _row(
        "HEATS-WITHOUT-NEED",
        _F.HEATS_WITHOUT_NEED,
        LookFor.COIL_VALVES,
        heats_without_need,
        (SP, HC),
        any_of=_BEFORE,
        tolerance=E_MAT,
    ),
    _row(
        "COOLS-WITHOUT-NEED",
        _F.COOLS_WITHOUT_NEED,
        LookFor.COIL_VALVES,
        cools_without_need,
        (SP, CC),
        any_of=_BEFORE,
        tolerance=E_MAT,
    ),
    _row(
        "HEATED-WHILE-CLOSED",
        _F.HEATED_WHILE_CLOSED,
        LookFor.COIL_VALVES,
        heated_while_closed,
        (SAT, HC),
        any_of=_BEFORE,
        tolerance=2.5,
    ),
    _row(
        "COOLED-WHILE-CLOSED",
        _F.COOLED_WHILE_CLOSED,
        LookFor.COIL_VALVES,
        cooled_while_closed,
        (SAT, CC),
        any_of=_BEFORE,
        tolerance=2.5,
    ),
    _row(
        "SETPOINT-MISSED",
        _F.SETPOINT_MISSED,
        LookFor.COIL_VALVES,
        setpoint_missed,
        (SAT, SP),
        delay_h=1.0,
        tolerance=2.2,
    ),
    Rule(
        id=RuleId("AHU-VALVE-HUNTS"),
        equipment=Equipment.AIR_HANDLER,
        fact=FaultCode.VALVE_HUNTS,
        look_for=LookFor.CONTROLLER_TUNING,
        look=valve_turns,
        source="open-fdd PID-HUNT",
        any_of=(HC, CC),
        silent=(State.FANS_OFF, State.FANS_STARTING),
        tolerance=TURNS_AN_HOUR,
        unit="1/h",
        delay_h=0.5,
        join_h=0.0,
    ),
    *(
        Rule(
            id=RuleId(f"AHU-{name}-EFFORT"),
            equipment=Equipment.AIR_HANDLER,
            fact=code,
            look_for=LookFor.COIL_VALVES,
            look=look,
            source="own history at the same load",
            needs=(SAT, valve),
            any_of=_BEFORE,
            silent=(State.FANS_OFF, State.FANS_STARTING),
            tolerance=0.1,
            unit="share of the stroke",
            delay_h=0.5,
            join_h=0.0,
        )
        for name, code, look, valve in (
            ("COOLING", FaultCode.COOLING_EFFORT, cooling_effort, CC),
            ("HEATING", FaultCode.HEATING_EFFORT, heating_effort, HC),
        )
    ),
)
