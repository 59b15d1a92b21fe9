"""A heating circuit: temperature difference, setpoint, pump, valve, summer, and hunting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bms.faults.codes import CannotCode, FaultCode, LookFor
from bms.faults.days import DayTable, trailing
from bms.faults.delays import confirmed
from bms.faults.meters.heat_days import last_mean
from bms.faults.observations import Equipment, Observations, State
from bms.faults.prices import heat_price, priced
from bms.faults.rule import Look, Rule, Seen, found, median, nothing
from bms.faults.signals import Signal
from bms.model.fact import fact
from bms.model.planning.grid import Flags
from bms.model.work.finding import Price, RuleId, Severity

SUP, RET, SP, OAT = (
    Signal.SUPPLY_TEMP,
    Signal.RETURN_TEMP,
    Signal.SUPPLY_SETPOINT,
    Signal.OUTDOOR_TEMP,
)
HEAT, VOLUME = Signal.HEAT, Signal.VOLUME


def running(seen: Observations) -> Flags:
    """Whether water circulates: a state says so, else flow, else a supply that is warm."""
    for signal in (Signal.PUMP, Signal.ENABLED):
        if seen.has(signal):
            on: Flags = seen.get(signal) > 0.5
            return on
    if seen.has(VOLUME):
        flow = seen.get(VOLUME)
        top = np.nanpercentile(flow, 95)
        moving: Flags = flow > 0.05 * top
        return moving
    return seen.get(SUP) > 28.0


def _settled(seen: Observations) -> Flags:
    on = running(seen)
    return confirmed(on, seen.breaks, seen.steps(2.0))


def small_difference(seen: Observations, rule: Rule) -> Seen:
    """Supply and return differ by next to nothing for days while water runs in the heating
    season: too much flow, a short circuit, or a pump without a load."""
    table = DayTable.of(seen)
    on, cold = _settled(seen), seen.get(OAT) < 12.0
    difference = np.where(on & cold, seen[SUP] - seen[RET], np.nan)
    day = _mean_of_known(table, difference)
    flags = confirmed(day < rule.tolerance_at(seen), table.breaks, round(rule.delay_h / 24))
    level = last_mean(day, flags)
    if level is None:
        return nothing()
    return found(table.spread(flags), parameters={"difference": level}, lines=(SUP, RET))


def _mean_of_known(table: DayTable, values: np.ndarray) -> np.ndarray:
    """Means of days with at least six known hours."""
    known = np.isfinite(values)
    n = np.bincount(table.place[known], minlength=len(table))
    total = np.bincount(table.place[known], values[known], minlength=len(table))
    return np.where(n >= table.least * 0.3, total / np.maximum(n, 1), np.nan)


def return_above_supply(seen: Observations, rule: Rule) -> Seen:
    """The return is warmer than the supply while water runs."""
    flags = confirmed(
        _settled(seen) & (seen[RET] > seen[SUP] + rule.tolerance_at(seen)),
        seen.breaks,
        seen.steps(rule.delay_h),
    )
    return found(
        flags, parameters={"off": median((seen[RET] - seen[SUP])[flags])}, lines=(SUP, RET)
    )


def setpoint_missed(seen: Observations, rule: Rule) -> Seen:
    """The supply stays below its setpoint for hours while the plant is enabled."""
    short = seen[SP] - seen[SUP]
    bad = _settled(seen) & (short > rule.tolerance_at(seen)) & (seen[SP] > 25.0)
    flags = confirmed(bad, seen.breaks, seen.steps(rule.delay_h))
    return found(flags, parameters={"short": median(short[flags])}, lines=(SUP, SP))


def setpoint_exceeded(seen: Observations, rule: Rule) -> Seen:
    """The supply stays above its setpoint for hours: a valve does not close, or a sensor is
    wrong."""
    above = seen[SUP] - seen[SP]
    bad = _settled(seen) & (above > rule.tolerance_at(seen)) & (seen[SP] > 15.0)
    flags = confirmed(bad, seen.breaks, seen.steps(rule.delay_h))
    return found(flags, parameters={"above": median(above[flags])}, lines=(SUP, SP))


def heats_in_summer(seen: Observations, rule: Rule) -> Seen:
    """Hot water circulates, and its heat is used up, on days above the stop temperature."""
    table = DayTable.of(seen)
    warm = _mean_of_known(table, seen[OAT]) >= seen.context.stop_c + rule.tolerance_at(seen)
    hot = running(seen) & (seen.get(SUP) > 35.0)
    share = table.mean(hot.astype(np.float64))
    flags = confirmed(warm & (share > 0.5), table.breaks, round(rule.delay_h / 24))
    if not flags.any():
        return nothing()
    price = Price()
    if seen.has(HEAT):
        heat = table.total(seen[HEAT])
        many = 365.0 * float((warm & (share > 0.5)).sum()) / len(table)
        price = heat_price(seen.context, (last_mean(heat, flags) or 0.0) * many, error=0.5)
    supply = median(seen[SUP][table.spread(flags) & hot])
    return found(
        table.spread(flags),
        parameters={"supply": supply, "stop": seen.context.stop_c},
        price=price,
        lines=(SUP, RET, OAT),
    )


def pump_without_need(seen: Observations, rule: Rule) -> Seen:
    """The pump runs for a day and a night and no heat is taken."""
    idle = (seen[SUP] - seen[RET] < rule.tolerance_at(seen)) & (seen[Signal.PUMP] > 0.5)
    idle &= seen.get(OAT) > 15.0
    flags = confirmed(idle, seen.breaks, seen.steps(rule.delay_h))
    return found(flags, parameters={"hours": float(flags.sum()) * seen.step_s / 3600}, lines=(SUP,))


def valve_leaks(seen: Observations, rule: Rule) -> Seen:
    """The control valve is closed, yet the supply stays far above the return."""
    closed = confirmed(seen[Signal.VALVE] < 0.01, seen.breaks, seen.steps(2.0))
    warm = seen[SUP] - seen[RET] > rule.tolerance_at(seen)
    flags = confirmed(closed & warm, seen.breaks, seen.steps(rule.delay_h))
    return found(
        flags,
        parameters={"difference": median((seen[SUP] - seen[RET])[flags])},
        lines=(SUP, RET, Signal.VALVE),
    )


def supply_hunts(seen: Observations, rule: Rule) -> Seen:
    """The supply temperature swings to and fro by more than the tolerance, again and again."""
    if seen.step_s > 900:
        return fact(CannotCode.TOO_COARSE, step=seen.step_s / 60.0, needed=15.0)
    on, supply = _settled(seen), seen[SUP]
    steps = seen.steps(0.5)
    before = np.concatenate([np.full(steps, np.nan), supply[:-steps]])
    change = supply - before
    turned = np.zeros(len(seen))
    turned[steps:] = (np.sign(change[steps:]) != np.sign(change[:-steps])) & (
        np.abs(change[steps:] - change[:-steps]) > 2.0 * rule.tolerance_at(seen)
    )
    sums = np.cumsum(np.concatenate([[0.0], turned * on]))
    end = np.arange(1, len(seen) + 1)
    count = sums[end] - sums[np.maximum(end - seen.steps(6.0), 0)]
    flags = confirmed((count > 0.4 * seen.steps(6.0)) & on, seen.breaks, seen.steps(rule.delay_h))
    return found(flags, lines=(SUP,))


def short_cycles(seen: Observations, rule: Rule) -> Seen:
    """The plant starts far more often in a day than it needs to."""
    if seen.step_s > 900:
        return fact(CannotCode.TOO_COARSE, step=seen.step_s / 60.0, needed=15.0)
    signal = Signal.HEAT_PUMP_RUN if seen.has(Signal.HEAT_PUMP_RUN) else Signal.PUMP
    on = seen.get(signal) > 0.5
    starts = np.zeros(len(seen))
    starts[1:] = on[1:] & ~on[:-1]
    table = DayTable.of(seen)
    day = table.mean(starts) * 86400.0 / seen.step_s
    flags = confirmed(day > rule.tolerance_at(seen), table.breaks, round(rule.delay_h / 24))
    level = last_mean(day, flags)
    return (
        nothing()
        if level is None
        else found(table.spread(flags), parameters={"starts": level}, lines=(signal,))
    )


def poor_cop(seen: Observations, rule: Rule) -> Seen:
    """The heat pump gives less heat for its electricity than it used to at the same outdoor
    temperature, or less than two and a half times."""
    table = DayTable.of(seen)
    power = table.mean(seen[Signal.HEAT_PUMP_POWER])
    heat = table.mean(seen[Signal.HEAT_PUMP_HEAT])
    with np.errstate(invalid="ignore", divide="ignore"):
        cop = np.where(power > 0.05 * np.nanmax(power), heat / power, np.nan)
    week = trailing(cop, 4, least=3)
    flags = confirmed(week < rule.tolerance_at(seen), table.breaks, round(rule.delay_h / 24))
    level = last_mean(week, flags)
    if level is None:
        return nothing()
    year = float(np.nanmean(power)) * 8760.0
    dkk = seen.context.electricity_dkk_kwh
    price = priced(year * max(1.0 - level / 3.0, 0.0), dkk, error=0.4)
    return found(table.spread(flags), parameters={"cop": level}, price=price, lines=())


def night_level(seen: Observations, rule: Rule) -> Seen:
    """The circuit runs through every night at the temperature of the day, in the cold."""
    if seen.context.always_in_use:
        return nothing()
    table = DayTable.of(seen)
    minute = seen.local.minute
    night = table.mean(seen[SUP], (minute >= 23 * 60) | (minute < 4 * 60))
    day = table.mean(seen[SUP], (minute >= 9 * 60) & (minute < 15 * 60))
    cold = _mean_of_known(table, seen[OAT]) < 10.0
    usual = trailing(np.where(cold & ~table.closed, day - night, np.nan), 14, least=8)
    heated = trailing(day, 14, least=8) > 35.0
    flags = confirmed((usual < rule.tolerance_at(seen)) & cold & heated, table.breaks, 5)
    level = last_mean(usual, flags)
    if level is None:
        return nothing()
    year = float(np.nanmean(seen[HEAT])) * 8760.0 * 3600 / seen.step_s if seen.has(HEAT) else 0.0
    return found(
        table.spread(flags),
        parameters={"difference": level},
        price=heat_price(seen.context, 0.08 * year, error=0.7) if year else Price(),
        lines=(SUP, OAT),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What the rows of a kind of equipment share."""

    equipment: Equipment = Equipment.HEATING
    severity: Severity = Severity.MEDIUM
    unit: str = "K"
    any_of: tuple[Signal, ...] = ()


def _row(
    name: str,
    code: FaultCode,
    look: Look,
    look_for: LookFor,
    needs: tuple[Signal, ...],
    tolerance: float,
    delay_h: float,
    kind: _Kind = _Kind(),
) -> Rule:
    return Rule(
        id=RuleId(name),
        equipment=kind.equipment,
        fact=code,
        look_for=look_for,
        look=look,
        source="HHW_brick; Raftery et al. 2024",
        severity=kind.severity,
        needs=needs,
        any_of=kind.any_of,
        silent=(State.NO_FLOW,),
        tolerance=tolerance,
        unit=kind.unit,
        delay_h=delay_h,
        join_h=60 * 24.0 if name in ("HC-SUMMER", "HC-SMALL-DT", "HC-PUMP") else 14 * 24.0,
    )


_F = FaultCode
RULES = (
    _row(
        "HC-SMALL-DT",
        _F.SMALL_DIFFERENCE,
        small_difference,
        LookFor.TOO_MUCH_FLOW,
        (SUP, RET, OAT),
        2.5,
        72,
    ),
    _row(
        "HC-RETURN-WARMER",
        _F.RETURN_WARMER,
        return_above_supply,
        LookFor.SENSORS_EXCHANGED,
        (SUP, RET),
        1.0,
        24,
    ),
    _row(
        "HC-TOO-COLD",
        _F.SUPPLY_TOO_COLD,
        setpoint_missed,
        LookFor.HEAT_SUPPLY,
        (SUP, SP),
        5.0,
        6,
        _Kind(severity=Severity.HIGH),
    ),
    _row(
        "HC-TOO-WARM",
        _F.SUPPLY_TOO_WARM,
        setpoint_exceeded,
        LookFor.CONTROL_VALVE,
        (SUP, SP),
        6.0,
        12,
    ),
    _row(
        "HC-SUMMER", _F.CIRCUIT_IN_SUMMER, heats_in_summer, LookFor.SUMMER_STOP, (SUP, OAT), 1.0, 72
    ),
    _row(
        "HC-PUMP",
        _F.PUMP_WITHOUT_NEED,
        pump_without_need,
        LookFor.PUMP,
        (SUP, RET, Signal.PUMP, OAT),
        1.0,
        24,
    ),
    _row(
        "HC-VALVE-LEAKS",
        _F.VALVE_LEAKS,
        valve_leaks,
        LookFor.CONTROL_VALVE,
        (SUP, RET, Signal.VALVE),
        6.0,
        4,
    ),
    _row("HC-HUNTS", _F.SUPPLY_HUNTS, supply_hunts, LookFor.CONTROLLER_TUNING, (SUP,), 2.0, 2),
    _row("HC-NIGHT", _F.NO_NIGHT_LEVEL, night_level, LookFor.TIME_PROGRAMME, (SUP, OAT), 1.0, 120),
    _row(
        "HP-CYCLES",
        _F.SHORT_CYCLES,
        short_cycles,
        LookFor.HEAT_PUMP,
        (),
        24.0,
        48,
        _Kind(
            unit="1/day", equipment=Equipment.HEAT_PUMP, any_of=(Signal.HEAT_PUMP_RUN, Signal.PUMP)
        ),
    ),
    _row(
        "HP-COP",
        _F.POOR_COP,
        poor_cop,
        LookFor.HEAT_PUMP,
        (Signal.HEAT_PUMP_POWER, Signal.HEAT_PUMP_HEAT),
        2.0,
        72,
        _Kind(unit="kWh/kWh", equipment=Equipment.HEAT_PUMP),
    ),
)
