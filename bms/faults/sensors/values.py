"""Sensors by themselves: range, flat lines, spikes, rates, and values that stay away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bms.faults.codes import FaultCode, LookFor
from bms.faults.delays import confirmed
from bms.faults.observations import Equipment, Observations, State
from bms.faults.rule import Detected, Look, Rule, Seen, median
from bms.faults.signals import AIR_TEMPERATURES, SHARES, TEMPERATURES, WATER_TEMPERATURES, Signal
from bms.model.fact import Term
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats
from bms.model.work.finding import RuleId, Severity

SLOW = (Signal.OUTDOOR_TEMP, Signal.ZONE_TEMP)
"""Water and air of a plant may well jump within an hour when it starts; these do not."""
MEASURED = (TEMPERATURES - {Signal.SUPPLY_SETPOINT, Signal.ZONE_SETPOINT}) - {
    Signal.SUPPLY_AIR_SETPOINT,
    Signal.WEATHER_TEMP,
}


@dataclass(frozen=True, slots=True, eq=False)
class SensorColumn:
    """A column of readings: its signal, the room that it belongs to, and its values."""

    signal: Signal
    place: str | None
    values: Floats


def columns(seen: Observations) -> Iterator[SensorColumn]:
    """Every column with a value."""
    for signal, values in seen.signals.items():
        if np.isfinite(values).any():
            yield SensorColumn(signal, None, values)
    for signal, rooms in seen.rooms.items():
        for place, values in rooms.items():
            if np.isfinite(values).any():
                yield SensorColumn(signal, place, values)


def limits(signal: Signal) -> tuple[float, float] | None:
    """The range that a working sensor stays in; None where there is none."""
    if signal in (Signal.OUTDOOR_TEMP, Signal.WEATHER_TEMP):
        return -50.0, 55.0
    if signal is Signal.ZONE_TEMP:
        return 2.0, 45.0
    if signal in AIR_TEMPERATURES:
        return -30.0, 75.0
    if signal in WATER_TEMPERATURES:
        return -5.0, 130.0
    if signal in SHARES:
        return -0.02, 1.05
    return {Signal.ZONE_CO2: (300.0, 5000.0), Signal.SUN: (-10.0, 1400.0)}.get(signal)


def out_of_range(seen: Observations, rule: Rule) -> Seen:
    """Values that no such sensor can have."""
    answers = []
    for column in columns(seen):
        bounds = limits(column.signal)
        if bounds is None:
            continue
        outside = (column.values < bounds[0]) | (column.values > bounds[1])
        flags = confirmed(outside, seen.breaks, seen.steps(rule.delay_h))
        if flags.any():
            answers.append(_about(column, flags, value=median(column.values[flags])))
    return tuple(answers)


def flat(seen: Observations, rule: Rule) -> Seen:
    """A temperature that has not moved for so long as no such air or water does.

    Readings that come in coarse steps may stand: the delay is multiplied by how many times longer
    the sensor's own usual standstills are than those of a fine one.
    """
    answers = []
    for column in columns(seen):
        if column.signal not in MEASURED:
            continue
        same = np.zeros(len(seen), dtype=np.bool_)
        same[1:] = np.abs(np.diff(column.values)) < 1e-9
        wait = max(rule.delay_h, 4.0 * _usual_standstill_h(column.values, seen))
        flags = confirmed(same, seen.breaks, seen.steps(wait))
        if column.signal not in (Signal.OUTDOOR_TEMP, Signal.ZONE_TEMP):
            flags &= _moves(seen, column.values)
        if flags.any():
            hours = float(flags.sum()) * seen.step_s / 3600.0 + wait
            value = median(column.values[flags])
            answers.append(_about(column, flags, value=value, hours=hours))
    return tuple(answers)


def _moves(seen: Observations, values: Floats) -> Flags:
    """Whether the plant ran while the value stood: water and air that rest cool slowly."""
    for signal in (Signal.FAN, Signal.PUMP, Signal.ENABLED):
        if seen.has(signal):
            running: Flags = seen.get(signal) > 0.5
            return running
    return np.ones(len(values), dtype=np.bool_)


def _usual_standstill_h(values: Floats, seen: Observations) -> float:
    """The 99th percentile of how long values stand, weighted by count, of moving ones [h]."""
    moved = np.flatnonzero(np.abs(np.diff(values)) > 1e-9)
    if len(moved) < 20:
        return 0.0
    return float(np.percentile(np.diff(moved), 98.0)) * seen.step_s / 3600.0


def spikes(seen: Observations, rule: Rule) -> Seen:
    """Single values far from both neighbours, more than once a day."""
    answers = []
    for column in columns(seen):
        if column.signal not in MEASURED or (seen.step_s > 900 and column.signal not in SLOW):
            continue
        before, after = column.values[:-2], column.values[2:]
        middle = column.values[1:-1]
        off = np.minimum(np.abs(middle - before), np.abs(middle - after))
        alone = (off > rule.tolerance_at(seen)) & (np.abs(before - after) < 0.3 * off)
        alone &= np.sign(middle - before) == np.sign(middle - after)
        flags = np.zeros(len(seen), dtype=np.bool_)
        flags[1:-1] = alone
        steps = np.bincount(seen.local.day - seen.local.day[0], flags)
        often = steps[seen.local.day - seen.local.day[0]] >= 2
        if (flags & often).any():
            size = median(np.concatenate([[np.nan], off, [np.nan]])[flags & often])
            answers.append(_about(column, flags & often, value=size))
    return tuple(answers)


def stale(seen: Observations, rule: Rule) -> Seen:
    """No value for longer than the delay, of columns that had some, while others go on; told once
    for all of them. Heat and flow, which many plants only know while they run, are not missed."""
    every = [one for one in columns(seen) if one.signal not in (Signal.HEAT, Signal.VOLUME)]
    going_on = np.zeros(len(seen), dtype=np.bool_)
    for column in columns(seen):
        going_on |= np.isfinite(column.values)
    flags = np.zeros(len(seen), dtype=np.bool_)
    gone = []
    for column in every:
        known = np.isfinite(column.values)
        away = ~known & going_on
        away[: int(np.argmax(known))] = False
        stood = confirmed(away, seen.breaks, seen.steps(rule.delay_h))
        flags |= stood
        gone += [Term(column.signal.value)] if stood.any() else []
    if not flags.any():
        return ()
    hours = float(flags.sum()) * seen.step_s / 3600.0 + rule.delay_h
    return (Detected(flags=flags, parameters={"signal": tuple(gone), "hours": hours}),)


def _about(column: SensorColumn, flags: Flags, **parameters: float) -> Detected:
    return Detected(
        flags=flags,
        parameters={"signal": Term(column.signal.value), "room": column.place, **parameters},
        lines=(column.signal,) if column.place is None else (),
        extra={} if column.place is None else {column.signal.value: column.values},
        place=column.place or column.signal.name.lower(),
    )


def _row(
    end: str, code: FaultCode, look: Look, tolerance: float, unit: str, delay_h: float
) -> Rule:
    return Rule(
        id=RuleId(f"SV-{end}"),
        equipment=Equipment.ANY,
        fact=code,
        look_for=LookFor.SENSOR,
        look=look,
        source=f"open-fdd SV-{end}",
        severity=Severity.LOW if end == "SPIKE" else Severity.MEDIUM,
        silent=(State.THIN_DATA,),
        tolerance=tolerance,
        unit=unit,
        delay_h=delay_h,
        join_h=72.0,
    )


RULES = (
    _row("RANGE", FaultCode.OUT_OF_RANGE, out_of_range, 0.0, "", 1.0),
    _row("FLATLINE", FaultCode.FLAT_LINE, flat, 0.0, "", 24.0),
    _row("SPIKE", FaultCode.SPIKES, spikes, 8.0, "K", 0.0),
    _row("STALE", FaultCode.STALE, stale, 0.0, "", 24.0),
)
