"""Sensors by themselves: range, flat lines, spikes, rates, and values that stay away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from bms.faults.codes import FaultCode, LookFor
from bms.faults.observations import Equipment, Observations, State
from bms.faults.rule import Detected, Rule, Seen, found, median, missing
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

    def told(self, flags: Flags, **parameters: float) -> tuple[Detected, ...]:
        """A detection about this column, or nothing where no interval is flagged."""
        return found(
            flags,
            {"signal": Term(self.signal.value), "room": self.place, **parameters},
            extra={self.signal.value: self.values},
            place=self.place or self.signal.name.lower(),
        )


MOST_SENSORS = (Signal.OUTDOOR_TEMP, Signal.ZONE_TEMP, Signal.SUPPLY_TEMP)
"""What is named where none of the many columns that would do is there."""


def columns(
    seen: Observations, wanted: Callable[[Signal], bool] = bool
) -> tuple[SensorColumn, ...]:
    """Every wanted column with a value."""
    return tuple(one for one in _every(seen) if wanted(one.signal))


def _every(seen: Observations) -> Iterator[SensorColumn]:
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
    every = columns(seen, lambda signal: limits(signal) is not None)
    answers: list[Detected] = []
    for column in every:
        least, most = limits(column.signal) or (-np.inf, np.inf)
        outside = (column.values < least) | (column.values > most)
        flags = seen.stood(outside, rule.delay_h)
        answers += column.told(flags, value=median(column.values[flags]))
    return tuple(answers) if every else missing(MOST_SENSORS)


def flat(seen: Observations, rule: Rule) -> Seen:
    """A temperature that has not moved for so long as no such air or water does.

    Readings that come in coarse steps may stand: the delay is that of four times the sensor's own
    usual standstills, where these are long.
    """
    every = columns(seen, MEASURED.__contains__)
    answers: list[Detected] = []
    for column in every:
        same = np.abs(np.diff(column.values, prepend=np.nan)) < 1e-9
        wait = max(rule.delay_h, 4.0 * _usual_standstill_h(column.values, seen))
        flags = seen.stood(same, wait)
        if column.signal not in SLOW:
            flags &= _moves(seen, column.values)
        answers += column.told(flags, value=median(column.values[flags]))
    return tuple(answers) if every else missing(MOST_SENSORS)


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
    every = columns(seen, lambda signal: signal in (MEASURED if seen.step_s <= 900 else SLOW))
    day = seen.local.day - seen.local.day[0]
    answers: list[Detected] = []
    for column in every:
        off = np.full(len(seen), np.nan)
        off[1:-1] = _off_both(column.values, rule.tolerance)
        alone = np.isfinite(off)
        flags = alone & (np.bincount(day, alone)[day] >= 2)
        answers += column.told(flags, value=median(off[flags]))
    return tuple(answers) if every else missing(MOST_SENSORS)


def _off_both(values: Floats, least: float) -> Floats:
    """How far each value but the first and last is from both neighbours, which are alike; NaN
    where it is no further than ``least``."""
    before, middle, after = values[:-2], values[1:-1], values[2:]
    off = np.minimum(np.abs(middle - before), np.abs(middle - after))
    alone = (off > least) & (np.abs(before - after) < 0.3 * off)
    alone &= np.sign(middle - before) == np.sign(middle - after)
    return np.where(alone, off, np.nan)


def stale(seen: Observations, rule: Rule) -> Seen:
    """No value for longer than the delay, of columns that had some, while others go on; told once
    for all of them. Heat and flow, which many plants only know while they run, are not missed."""
    every = columns(seen)
    if not every:
        return missing(MOST_SENSORS)
    going_on = np.any([np.isfinite(column.values) for column in every], axis=0)
    gone: dict[Signal, Flags] = {}
    for column in every:
        known = np.isfinite(column.values)
        away = ~known & going_on & (np.arange(len(seen)) > np.argmax(known))
        stood = seen.stood(away, rule.delay_h)
        if column.signal not in (Signal.HEAT, Signal.VOLUME) and stood.any():
            gone[column.signal] = stood | gone.get(column.signal, False)
    flags = np.any([*gone.values(), np.zeros(len(seen), np.bool_)], axis=0)
    return found(flags, {"signal": tuple(Term(signal.value) for signal in gone)})


_row = partial(
    Rule,
    equipment=Equipment.ANY,
    look_for=LookFor.SENSOR,
    silent=(State.THIN_DATA,),
    join_h=72.0,
)
RULES = (
    _row(
        id=RuleId("SV-RANGE"),
        fact=FaultCode.OUT_OF_RANGE,
        look=out_of_range,
        source="open-fdd SV-RANGE",
        delay_h=1.0,
    ),
    _row(
        id=RuleId("SV-FLATLINE"),
        fact=FaultCode.FLAT_LINE,
        look=flat,
        source="open-fdd SV-FLATLINE",
        delay_h=24.0,
    ),
    _row(
        id=RuleId("SV-SPIKE"),
        fact=FaultCode.SPIKES,
        look=spikes,
        source="open-fdd SV-SPIKE",
        severity=Severity.LOW,
        tolerance=8.0,
        unit="K",
        delay_h=0.0,
    ),
    _row(
        id=RuleId("SV-STALE"),
        fact=FaultCode.STALE,
        look=stale,
        source="open-fdd SV-STALE",
        delay_h=24.0,
    ),
)
