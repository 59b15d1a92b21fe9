"""Rooms with control points: curves too high, rooms too cold, heat against windows and cooling."""

from __future__ import annotations

import numpy as np

from bms.faults.codes import CannotCode, FaultCode, LookFor
from bms.faults.days import DayTable, trailing
from bms.faults.delays import confirmed
from bms.faults.meters.heat_days import last_mean
from bms.faults.observations import Equipment, Observations, State
from bms.faults.prices import heat_price
from bms.faults.rule import Detected, Look, Rule, Seen, found, median, nothing
from bms.faults.signals import Signal
from bms.model.fact import fact
from bms.model.readings.series import Floats
from bms.model.work.finding import Price, RuleId

T, SP, V = Signal.ZONE_TEMP, Signal.ZONE_SETPOINT, Signal.ZONE_VALVE
OAT = Signal.OUTDOOR_TEMP


def _year_kwh(seen: Observations) -> float:
    heat = seen.get(Signal.HEAT)
    if not np.isfinite(heat).any():
        return 0.0
    return float(np.nanmean(heat)) * 8760.0 * 3600.0 / seen.step_s


def _of(seen: Observations, signal: Signal) -> dict[str, Floats]:
    rooms = dict(seen.rooms.get(signal, {}))
    if signal in seen.signals:
        rooms.setdefault("", seen.signals[signal])
    return rooms


def curve_too_high(seen: Observations, rule: Rule) -> Seen:
    """In the cold no valve of a building opens much while its rooms are warm: the supply water is
    warmer than any room asks for."""
    valves = _of(seen, V)
    if not valves:
        return nothing()
    table = DayTable.of(seen)
    cold = table.mean(seen[OAT]) < 8.0
    if cold.sum() < 3:
        return fact(CannotCode.TOO_FEW_DAYS, days=int(cold.sum()), needed=3)
    widest = np.nanmax(np.stack([table.mean(v, seen.in_use) for v in valves.values()]), axis=0)
    low = confirmed(cold & (widest < rule.tolerance_at(seen)), table.breaks, 3)
    level = last_mean(widest, low)
    if level is None:
        return nothing()
    return found(
        table.spread(low),
        parameters={"valve": level},
        price=heat_price(seen.context, 0.04 * _year_kwh(seen), error=0.7)
        if seen.has(Signal.HEAT)
        else Price(),
        lines=(Signal.SUPPLY_TEMP, Signal.RETURN_TEMP, OAT),
    )


def too_cold(seen: Observations, rule: Rule) -> Seen:
    """A room does not reach its setpoint in the hours of use for days."""
    table = DayTable.of(seen)
    answers = []
    setpoints = _of(seen, SP)
    for place, temps in _of(seen, T).items():
        wanted = setpoints.get(place, setpoints.get(""))
        if wanted is None:
            continue
        late = seen.in_use & (seen.local.minute >= seen.context.opens_min + 120)
        short = table.mean(wanted - temps, late)
        flags = confirmed(short > rule.tolerance_at(seen), table.breaks, round(rule.delay_h / 24))
        level = last_mean(short, flags)
        if level is None:
            continue
        answers.append(
            Detected(
                flags=table.spread(flags),
                parameters={"room": place, "short": level},
                extra={T.value: temps, SP.value: wanted},
                place=place or None,
                comfort_kh_year=level * 8.0 * 120.0,
            )
        )
    return tuple(answers)


def too_warm(seen: Observations, rule: Rule) -> Seen:
    """A room stays above its setpoint with its valve shut or not, in the cold: its valve leaks or
    sticks."""
    table = DayTable.of(seen)
    cold = table.mean(seen[OAT]) < 8.0
    answers = []
    setpoints = _of(seen, SP)
    for place, temps in _of(seen, T).items():
        wanted = setpoints.get(place, setpoints.get(""))
        if wanted is None:
            continue
        above = table.mean(temps - wanted)
        high = cold & (above > rule.tolerance_at(seen))
        flags = confirmed(high, table.breaks, round(rule.delay_h / 24))
        level = last_mean(above, flags)
        if level is None:
            continue
        share = 0.05 * level / max(len(_of(seen, T)), 1)
        price = heat_price(seen.context, share * _year_kwh(seen), error=0.6)
        answers.append(
            Detected(
                flags=table.spread(flags),
                parameters={"room": place, "above": level},
                extra={T.value: temps, SP.value: wanted},
                place=place or None,
                price=price if seen.has(Signal.HEAT) else Price(),
            )
        )
    return tuple(answers)


def open_window(seen: Observations, rule: Rule) -> Seen:
    """A radiator heats while a window stands open: a contact says so, or the room falls by more
    than a closed one can while its valve is wide open."""
    answers = []
    valves, windows = _of(seen, V), _of(seen, Signal.WINDOW)
    for place, temps in _of(seen, T).items():
        valve = valves.get(place)
        if valve is None:
            continue
        if place in windows:
            bad = (windows[place] > 0.5) & (valve > 0.2)
        elif seen.step_s <= 1800:
            before = np.concatenate([np.full(seen.steps(0.5), np.nan), temps[: -seen.steps(0.5)]])
            bad = (before - temps > rule.tolerance_at(seen)) & (valve > 0.5)
            bad &= seen.get(OAT) < 10.0
        else:
            continue
        flags = confirmed(bad, seen.breaks, seen.steps(rule.delay_h))
        if flags.any():
            answers.append(
                Detected(
                    flags=flags,
                    parameters={"room": place, "valve": median(valve[flags])},
                    extra={T.value: temps, V.value: valve},
                    place=place or None,
                    confidence=0.9 if place in windows else 0.6,
                )
            )
    if not answers and not windows and seen.step_s > 1800:
        return fact(CannotCode.TOO_COARSE, step=seen.step_s / 60.0, needed=30.0)
    return tuple(answers)


def heats_and_cools(seen: Observations, rule: Rule) -> Seen:
    """Heating and cooling of a building act at once."""
    valves = _of(seen, V)
    heat = np.zeros(len(seen), dtype=np.bool_)
    for valve in valves.values():
        heat |= valve > rule.tolerance_at(seen)
    both = heat & (seen[Signal.COOLING_ON] > 0.5)
    flags = confirmed(both, seen.breaks, seen.steps(rule.delay_h))
    return found(flags, parameters={"hours": float(flags.sum()) * seen.step_s / 3600.0})


def valve_stuck(seen: Observations, rule: Rule) -> Seen:
    """A valve that moves no more while those of the other rooms do."""
    valves = _of(seen, V)
    if len(valves) < 2:
        return fact(CannotCode.TOO_FEW_ROOMS, rooms=len(valves), needed=2)
    table = DayTable.of(seen)
    moved = {}
    for place, valve in valves.items():
        change = np.concatenate([[0.0], np.abs(np.diff(valve))])
        moved[place] = table.mean(np.where(np.isfinite(change), change, np.nan))
    usual = np.nanmedian(np.stack(list(moved.values())), axis=0)
    answers = []
    for place, change in moved.items():
        ever = np.nanmean(change[: max(len(change) // 2, 1)]) > 0.1 * np.nanmean(usual)
        still = (change < 1e-6) & (usual > rule.tolerance_at(seen)) & ever
        flags = confirmed(still, table.breaks, round(rule.delay_h / 24))
        level = last_mean(trailing(table.mean(valves[place]), 1, least=1), flags)
        if level is not None and 0.02 < level < 0.98:
            answers.append(
                Detected(
                    flags=table.spread(flags),
                    parameters={"room": place, "valve": level},
                    extra={V.value: valves[place]},
                    place=place or None,
                )
            )
    return tuple(answers)


def _row(
    name: str,
    code: FaultCode,
    look: Look,
    look_for: LookFor,
    needs: tuple[Signal, ...],
    tolerance: float,
    unit: str,
    delay_h: float,
) -> Rule:
    return Rule(
        id=RuleId(name),
        equipment=Equipment.ROOMS,
        fact=code,
        look_for=look_for,
        look=look,
        source="DH-5 of the project's rules; open-fdd VLV-1, AHU-SIMUL",
        needs=needs,
        silent=(State.WARM,),
        tolerance=tolerance,
        unit=unit,
        delay_h=delay_h,
    )


_F = FaultCode
RULES = (
    _row(
        "HC-CURVE",
        _F.CURVE_TOO_HIGH,
        curve_too_high,
        LookFor.HEATING_CURVE,
        (V, OAT),
        0.3,
        "share",
        72,
    ),
    _row("ROOM-COLD", _F.ROOM_TOO_COLD, too_cold, LookFor.RADIATOR, (T, SP), 1.0, "K", 72),
    _row("ROOM-WARM", _F.ROOM_TOO_WARM, too_warm, LookFor.RADIATOR, (T, SP, OAT), 2.0, "K", 72),
    _row("ROOM-WINDOW", _F.OPEN_WINDOW, open_window, LookFor.WINDOW, (T, V), 2.5, "K", 0.5),
    _row(
        "ROOM-HEATS-AND-COOLS",
        _F.ROOM_HEATS_AND_COOLS,
        heats_and_cools,
        LookFor.VALVE_SEQUENCE,
        (V, Signal.COOLING_ON),
        0.1,
        "share",
        2,
    ),
    _row(
        "ROOM-VALVE-STUCK",
        _F.ROOM_VALVE_STUCK,
        valve_stuck,
        LookFor.RADIATOR,
        (V,),
        0.001,
        "share",
        72,
    ),
)
