"""An air handling unit prepared for its rules: filtered signals, operating states, silence.

ASHRAE Guideline 36-2021, 5.16.14: values are means of five minutes, a condition is not looked at
until the operating state has stood for ModeDelay, and it has to stand for AlarmDelay. Its
tolerances are in kelvin here (5 degF = 2.8 K, 2 degF = 1.1 K).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bms.faults.delays import since
from bms.faults.observations import Observations
from bms.faults.prices import electricity_price, heat_price
from bms.faults.rule import Rule, Seen, found, median
from bms.faults.signals import Signal
from bms.model.fact import Parameter
from bms.model.planning.grid import Flags, Ints
from bms.model.readings.series import Floats
from bms.model.work.finding import Price

E_MAT, E_RAT, E_OAT, E_SAT, FAN_RISE = 2.8, 1.1, 1.1, 1.1, 1.1
"""Tolerances of mixed, return, outdoor and supply air and the rise over the fan [K]."""
FULL_VALVE, OPEN_VALVE = 0.99, 0.02
MOST_LEAST = 0.45
"""No unit takes more outdoor air than this at its least; a damper that is never seen lower has not
been seen at its least."""
START_H, MODE_H = 0.75, 0.5
"""How long rules are silent after the fan has started, and after the state has changed [h]."""
AIR_KWH_M3K = 0.34e-3


@dataclass(frozen=True, eq=False)
class AirHandler:
    """Arrays of shape (n,), temperatures [degC], valves, dampers and speeds 0..1."""

    seen: Observations

    @classmethod
    def of(cls, seen: Observations) -> AirHandler:
        """The unit of a subject, prepared once."""
        return seen.once(cls)

    @cached_property
    def _means(self) -> dict[Signal, Floats]:
        return {}

    def mean(self, signal: Signal) -> Floats:
        """Mean of five minutes up to each interval; NaN where the signal is missing."""
        if signal not in self._means:
            self._means[signal] = _trailing_mean(self.seen.get(signal), 300 // self.seen.step_s)
        return self._means[signal]

    @cached_property
    def runs(self) -> Flags:
        """Whether the supply fan turns."""
        seen = self.seen
        if seen.has(Signal.FAN):
            return seen.get(Signal.FAN) > 0.5
        if seen.has(Signal.FAN_SPEED):
            return seen.get(Signal.FAN_SPEED) > 0.05
        return np.ones(len(seen), dtype=np.bool_)

    @cached_property
    def settled(self) -> Flags:
        """Whether the fan turns and has done so since before its start counts."""
        started = self.runs.copy()
        started[1:] = self.runs[1:] != self.runs[:-1]
        started[:1] = True
        wait = self.seen.steps(START_H) if self.seen.step_s < 3600 else 1
        settled: Flags = self.runs & (since(started, self.seen.breaks) >= wait)
        return settled

    @cached_property
    def least_damper(self) -> float:
        """Position of the outdoor air damper at its minimum while the unit runs."""
        if self.seen.context.oa_min is not None:
            return self.seen.context.oa_min
        positions = self.mean(Signal.OUTDOOR_DAMPER)[self.settled]
        positions = positions[np.isfinite(positions) & (positions > 0.02)]
        return min(float(np.percentile(positions, 5.0)), MOST_LEAST) if len(positions) else 0.0

    @cached_property
    def state(self) -> Ints:
        """Operating state 1 to 4 of Guideline 36, 5 for any other, 0 where the unit is off."""
        heat, cool = self.valve(Signal.HEATING_VALVE), self.valve(Signal.COOLING_VALVE)
        damper = self.mean(Signal.OUTDOOR_DAMPER)
        known = np.isfinite(damper)
        at_least = ~known | (damper <= self.least_damper + 0.1)
        wide = known & (damper >= 0.9)
        heating, cooling = heat > OPEN_VALVE, cool > OPEN_VALVE
        state = np.full(len(self.seen), 5)
        state[heating & ~cooling & at_least] = 1
        state[~heating & ~cooling & known & ~at_least] = 2
        state[cooling & ~heating & wide] = 3
        state[cooling & ~heating & at_least] = 4
        state[~self.runs] = 0
        return state

    def valve(self, signal: Signal) -> Floats:
        """A valve, closed where the unit has none."""
        return self.mean(signal) if self.seen.has(signal) else np.zeros(len(self.seen))

    @cached_property
    def in_mode(self) -> Flags:
        """Whether the operating state has stood for ModeDelay and the fan is settled."""
        changed = np.ones(len(self.seen), dtype=np.bool_)
        changed[1:] = self.state[1:] != self.state[:-1]
        wait = self.seen.steps(MODE_H) if self.seen.step_s < 3600 else 0
        stood: Flags = self.settled & (since(changed, self.seen.breaks) >= wait)
        return stood

    def states(self, *wanted: int) -> Flags:
        """Whether the unit has been in one of these states for ModeDelay."""
        return self.in_mode & np.isin(self.state, wanted)

    def told(self, flags: Flags) -> dict[str, Parameter]:
        """Medians of what the message may name while it was flagged."""
        names = {
            "supply": Signal.SUPPLY_AIR_TEMP,
            "setpoint": Signal.SUPPLY_AIR_SETPOINT,
            "mixed": Signal.MIXED_AIR_TEMP,
            "extract": Signal.RETURN_AIR_TEMP,
            "outdoor": Signal.OUTDOOR_TEMP,
            "recovered": Signal.RECOVERED_AIR_TEMP,
            "heating": Signal.HEATING_VALVE,
            "cooling": Signal.COOLING_VALVE,
            "damper": Signal.OUTDOOR_DAMPER,
        }
        return {name: median(self.mean(signal)[flags]) for name, signal in names.items()}

    def heat_lost(self, flags: Flags, kelvin: Floats) -> Price:
        """Price of air that is heated by so many kelvin too much, as often as it was flagged."""
        flow = self.seen.context.air_m3_h
        if flow is None:
            return Price()
        hours = self.hours_a_year(flags)
        kwh = flow * AIR_KWH_M3K * abs(median(kelvin[flags], 0.0)) * hours
        return heat_price(self.seen.context, kwh, error=0.5)

    def hours_a_year(self, flags: Flags) -> float:
        """Flagged hours of a year like the days of the data."""
        return self.seen.hours(flags) / len(np.unique(self.seen.local.day)) * 365.0

    def fan_price(self, hours: float) -> Price:
        """The price of so many hours of the fan a year; none where its power is not known."""
        fan = self.seen.context.fan_kw
        return (
            Price() if fan is None else electricity_price(self.seen.context, fan * hours, error=0.3)
        )


Condition = Callable[[AirHandler, float], Flags]
"""Where a fault condition holds; the second argument multiplies the tolerances."""


def looking(
    condition: Condition,
    *,
    lines: tuple[Signal, ...],
    kelvin: Callable[[AirHandler], Floats] | None = None,
) -> Callable[[Observations, Rule], Seen]:
    """The function of a rule that confirms a condition; ``kelvin`` is what it heats or cools too
    much."""

    def look(seen: Observations, rule: Rule) -> Seen:
        unit = AirHandler.of(seen)
        with np.errstate(invalid="ignore", divide="ignore"):
            holds = condition(unit, seen.context.raised.get(rule.id, 1.0))
        flags = seen.stood(holds, rule.delay_h)
        price = Price() if kelvin is None else unit.heat_lost(flags, kelvin(unit))
        shown = tuple(signal for signal in lines if seen.has(signal))
        return found(flags, unit.told(flags), price=price, lines=shown)

    return look


def _trailing_mean(values: Floats, steps: int) -> Floats:
    if steps <= 1:
        return values
    known = np.isfinite(values)
    sums = np.cumsum(np.concatenate([[0.0], np.where(known, values, 0.0)]))
    counts = np.cumsum(np.concatenate([[0], known]))
    end = np.arange(1, len(values) + 1)
    first = np.maximum(end - steps, 0)
    n = counts[end] - counts[first]
    return np.where(n > 0, (sums[end] - sums[first]) / np.maximum(n, 1), np.nan)
