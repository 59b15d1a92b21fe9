"""Meters that do not count as they should: silent, stuck, rounding, slipping, or off a factor."""

from __future__ import annotations

import numpy as np

from bms.faults.codes import CannotCode, FaultCode, LookFor
from bms.faults.days import last_mean, trailing
from bms.faults.delays import confirmed
from bms.faults.meters.heat_days import HeatDays
from bms.faults.observations import Equipment, Observations
from bms.faults.prices import WATER_KWH_M3K
from bms.faults.rule import Rule, Seen, found, median, too_short
from bms.faults.signals import Signal
from bms.model.fact import fact
from bms.model.readings.series import Floats
from bms.model.work.finding import RuleId, Severity

COUNTED = (Signal.HEAT, Signal.ELECTRICITY, Signal.WATER)
STANDING_H = 96.0
"""A building that nobody is in may take the same power for a long weekend [h]."""
LOW_LEVEL = 0.3
"""A standing loss may well be the same every hour; it is less than this share of the mean."""
COLDEST_ZERO_C = 4.0
"""Below this no building in use takes no heat for a day and a night [degC]."""


def _counted(seen: Observations) -> Signal:
    return next(signal for signal in COUNTED if seen.has(signal))


def quantum(values: Floats) -> float:
    """The smallest step in which the values are told; 0 where every value stands by itself."""
    known = np.unique(np.round(values[np.isfinite(values) & (values > 0)], 6))
    if len(known) < 3:
        return 0.0
    steps = np.diff(known)
    step = float(steps[steps > 1e-6].min()) if (steps > 1e-6).any() else 0.0
    rests = np.abs(known / step - np.round(known / step)) if step else np.ones(1)
    return step if np.median(rests) < 0.02 else 0.0


def silent(seen: Observations, rule: Rule) -> Seen:
    """No value has come for longer than the delay, after there were some."""
    signal = _counted(seen)
    known = np.isfinite(seen[signal])
    missing = ~known & (np.arange(len(seen)) > np.argmax(known))
    flags = confirmed(missing, np.zeros_like(known), seen.steps(rule.delay_h))
    return found(flags, lines=(signal,))


def stuck(seen: Observations, rule: Rule) -> Seen:
    """The same amount again and again, longer than its rounding explains; or nothing at all in the
    cold."""
    signal = _counted(seen)
    values = seen[signal]
    level = median(values[values > 0])
    same = np.zeros(len(values), dtype=np.bool_)
    same[1:] = (np.abs(np.diff(values)) < 1e-9) & (values[1:] > LOW_LEVEL * np.nanmean(values))
    fine = quantum(values) <= 0.1 * level
    flags = seen.stood(same, rule.delay_h * (1.0 if fine else 4.0))
    if signal is Signal.HEAT:
        flags |= seen.stood((values == 0) & (seen.get(Signal.OUTDOOR_TEMP) < COLDEST_ZERO_C), 24.0)
    if signal is Signal.ELECTRICITY:
        flags |= seen.stood(values == 0, 24.0)
    return found(flags, lines=(signal,))


def rounds(seen: Observations, rule: Rule) -> Seen:
    """Values come in steps so coarse that an hour cannot be told from the next one."""
    signal = _counted(seen)
    values = seen[signal]
    level = median(values[values > 0])
    if not np.isfinite(level):
        return fact(CannotCode.NO_FLOW)
    month = seen.steps(rule.delay_h)
    step = quantum(values[-month:])
    coarse = np.arange(len(seen)) >= len(seen) - month
    flags = coarse & (step >= rule.tolerance * level)
    return found(flags, {"step": step, "level": level}, lines=(signal,))


def slips(seen: Observations, rule: Rule) -> Seen:
    """Energy, and volume times temperature difference, have come apart against their history."""
    days = HeatDays.of(seen)
    counted = days.table.total(days.cooling * seen[Signal.VOLUME] * WATER_KWH_M3K)
    ratio = np.where(counted > 0, days.heat / counted, np.nan)
    usual = median(ratio[: max(len(ratio) // 2, 1)])
    if not np.isfinite(usual):
        return too_short(len(days.table), 30)
    off = trailing(ratio, 4, least=3) / usual - 1.0
    load = trailing(days.heat, 4) > 0.1 * np.nanmax(days.heat)
    flags = days.table.stood((np.abs(off) > rule.tolerance) & load, 2)
    return found(
        days.table.spread(flags),
        {"off": last_mean(off, flags)},
        lines=(Signal.HEAT, Signal.VOLUME),
    )


def spikes(seen: Observations, rule: Rule) -> Seen:
    """Amounts far beyond everything else that the meter has counted: a unit, a reset or a wild
    reading."""
    signal = _counted(seen)
    values = seen[signal]
    known = values[np.isfinite(values)]
    if len(known) < 100:
        return too_short(len(known) // 24, 5)
    top = max(float(np.percentile(known, 99.5)), 1e-9)
    flags = (values > rule.tolerance * top) | (values < -0.05 * top)
    most = float(np.max(np.abs(values[flags]), initial=0.0))
    return found(flags, {"value": most, "usual": top}, lines=(signal,))


def _rows(equipment: Equipment, name: str, signal: Signal) -> tuple[Rule, ...]:
    rows = (
        ("SILENT", FaultCode.METER_SILENT, silent, LookFor.METER_LINK, 0.0, "", 24.0),
        ("STUCK", FaultCode.METER_STUCK, stuck, LookFor.METER_ITSELF, 0.0, "", 12.0),
        ("COARSE", FaultCode.METER_ROUNDS, rounds, LookFor.METER_PULSES, 0.6, "share", 672.0),
        ("SPIKE", FaultCode.METER_SPIKES, spikes, LookFor.METER_ITSELF, 8.0, "times", 0.0),
    )
    return tuple(
        Rule(
            id=RuleId(f"{name}-METER-{end}"),
            equipment=equipment,
            fact=code,
            look_for=look_for,
            look=look,
            source="ASHRAE Guideline 14, 4.2.11; open-fdd SV-FLATLINE, SV-STALE, SV-SPIKE",
            severity=Severity.LOW if end == "COARSE" else Severity.MEDIUM,
            needs=(signal,),
            tolerance=tolerance,
            unit=unit,
            delay_h=STANDING_H if (end, name) == ("STUCK", "EL") else delay,
        )
        for end, code, look, look_for, tolerance, unit, delay in rows
    )


RULES = (
    *_rows(Equipment.HEAT_METER, "DH", Signal.HEAT),
    *_rows(Equipment.ELECTRICITY_METER, "EL", Signal.ELECTRICITY),
    *_rows(Equipment.WATER_METER, "W", Signal.WATER),
    Rule(
        id=RuleId("DH-METER-SLIP"),
        equipment=Equipment.HEAT_METER,
        fact=FaultCode.METER_SLIPS,
        look_for=LookFor.METER_ITSELF,
        look=slips,
        source="energy balance, EN 1434-1",
        severity=Severity.HIGH,
        needs=(
            Signal.HEAT,
            Signal.VOLUME,
            Signal.METER_FLOW_TEMP,
            Signal.METER_RETURN_TEMP,
        ),
        tolerance=0.06,
        unit="share",
        delay_h=96,
    ),
)
