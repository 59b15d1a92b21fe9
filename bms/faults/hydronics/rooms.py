"""Rooms with control points: curves too high, rooms too cold, heat against windows and cooling."""

from __future__ import annotations

from functools import partial

import numpy as np

from bms.faults.codes import CannotCode, FaultCode, LookFor
from bms.faults.days import DayTable, last_mean, mean_of_known, median_by_day
from bms.faults.observations import Equipment, Observations, State
from bms.faults.prices import heat_share_price
from bms.faults.rooms import rooms
from bms.faults.rule import Detected, Rule, Seen, found, median, never, too_coarse
from bms.faults.signals import Signal
from bms.model.fact import fact
from bms.model.work.finding import RuleId

T, SP, V = Signal.ZONE_TEMP, Signal.ZONE_SETPOINT, Signal.ZONE_VALVE
OAT, CONTACT = Signal.OUTDOOR_TEMP, Signal.WINDOW
COLD_C = 8.0
"""Daily mean below which rooms need heat whatever the sun does [degC]."""
COLD_HOURS_YEAR = 8.0 * 120.0
"""Hours of use of a heating season in which a room may be too cold [h/year]."""
SHARE_A_KELVIN = 0.05
"""Heat that a kelvin more indoors takes, as a share of the year's."""


def curve_too_high(seen: Observations, rule: Rule) -> Seen:
    """In the cold no valve of a building opens much while its rooms are warm: the supply water is
    warmer than any room asks for."""
    table = DayTable.of(seen)
    cold = table.mean(seen[OAT]) < COLD_C
    if cold.sum() < rule.days:
        return never(State.COLD)
    opened = np.stack([table.mean(room[V], seen.in_use) for room in rooms(seen, V)])
    widest = np.fmax.reduce(opened, axis=0)
    flags = table.stood(cold & (widest < rule.tolerance), rule.days)
    return found(
        table.spread(flags),
        {"valve": last_mean(widest, flags)},
        price=heat_share_price(seen, 0.04, error=0.7),
        lines=(Signal.SUPPLY_TEMP, Signal.RETURN_TEMP, OAT),
    )


def too_cold(seen: Observations, rule: Rule) -> Seen:
    """A room does not reach its setpoint in the hours of use for days."""
    table = DayTable.of(seen)
    warmed_up = seen.in_use & (seen.local.minute >= seen.context.opens_min + 120)
    if not warmed_up.any():
        return never(State.IN_USE)
    answers: list[Detected] = []
    for room in rooms(seen, T, SP):
        short = table.mean(room[SP] - room[T], warmed_up)
        flags = table.stood(short > rule.tolerance, rule.days)
        level = last_mean(short, flags)
        answers += room.told(
            table.spread(flags),
            {"short": level},
            (T, SP),
            comfort_kh_year=level * COLD_HOURS_YEAR,
        )
    return tuple(answers)


def too_warm(seen: Observations, rule: Rule) -> Seen:
    """A room stays above its setpoint with its valve shut or not, in the cold: its valve leaks or
    sticks."""
    table = DayTable.of(seen)
    cold = table.mean(seen[OAT]) < COLD_C
    if not cold.any():
        return never(State.COLD)
    every = rooms(seen, T, SP)
    answers: list[Detected] = []
    for room in every:
        above = table.mean(room[T] - room[SP])
        flags = table.stood(cold & (above > rule.tolerance), rule.days)
        level = last_mean(above, flags)
        price = heat_share_price(seen, SHARE_A_KELVIN * level / len(every), error=0.6)
        answers += room.told(table.spread(flags), {"above": level}, (T, SP), price=price)
    return tuple(answers)


def open_window(seen: Observations, rule: Rule) -> Seen:
    """A radiator heats while a window stands open: a contact says so, or the room falls by more
    than a closed one can while its valve is wide open."""
    every = rooms(seen, T, V)
    fine = seen.step_s <= 1800
    if not fine and not any(CONTACT in room.columns for room in every):
        return too_coarse(seen, 30.0)
    cold, steps = seen.get(OAT) < 10.0, seen.steps(0.5)
    answers: list[Detected] = []
    for room in every:
        contact = CONTACT in room.columns
        if contact:
            bad = (room[CONTACT] > 0.5) & (room[V] > 0.2)
        else:
            fell = np.concatenate([np.full(steps, np.nan), room[T][:-steps] - room[T][steps:]])
            bad = fine & cold & (fell > rule.tolerance) & (room[V] > 0.5)
        flags = seen.stood(bad, rule.delay_h)
        sure = 0.9 if contact else 0.6
        answers += room.told(flags, {"valve": median(room[V][flags])}, (T, V), confidence=sure)
    return tuple(answers)


def heats_and_cools(seen: Observations, rule: Rule) -> Seen:
    """Heating and cooling of a building act at once."""
    heats = np.any([room[V] > rule.tolerance for room in rooms(seen, V)], axis=0)
    flags = seen.stood(heats & (seen[Signal.COOLING_ON] > 0.5), rule.delay_h)
    return found(flags)


def valve_stuck(seen: Observations, rule: Rule) -> Seen:
    """A valve that moves no more while those of the other rooms do."""
    every = rooms(seen, V)
    if len(every) < 2:
        return fact(CannotCode.TOO_FEW_ROOMS, rooms=len(every), needed=2)
    table = DayTable.of(seen)
    moved = [table.mean(np.abs(np.diff(room[V], prepend=room[V][:1]))) for room in every]
    usual = median_by_day(np.stack(moved))
    answers: list[Detected] = []
    for room, change in zip(every, moved, strict=True):
        before = mean_of_known(change[: max(len(change) // 2, 1)])
        once_moved = before > 0.1 * mean_of_known(usual)
        still = once_moved & (change < 1e-6) & (usual > rule.tolerance)
        flags = table.stood(still, rule.days)
        level = last_mean(table.mean(room[V]), flags)
        if 0.02 < level < 0.98:
            answers += room.told(table.spread(flags), {"valve": level}, (V,))
    return tuple(answers)


_row = partial(
    Rule,
    equipment=Equipment.ROOMS,
    source="DH-5 of the project's rules; open-fdd VLV-1, AHU-SIMUL",
    silent=(State.WARM,),
)
_F, _L = FaultCode, LookFor
RULES = (
    _row(
        id=RuleId("HC-CURVE"),
        fact=_F.CURVE_TOO_HIGH,
        look=curve_too_high,
        look_for=_L.HEATING_CURVE,
        needs=(V, OAT),
        tolerance=0.3,
        under=True,
        unit="share",
        delay_h=72,
    ),
    _row(
        id=RuleId("ROOM-COLD"),
        fact=_F.ROOM_TOO_COLD,
        look=too_cold,
        look_for=_L.RADIATOR,
        needs=(T, SP),
        tolerance=1.0,
        unit="K",
        delay_h=72,
    ),
    _row(
        id=RuleId("ROOM-WARM"),
        fact=_F.ROOM_TOO_WARM,
        look=too_warm,
        look_for=_L.RADIATOR,
        needs=(T, SP, OAT),
        tolerance=2.0,
        unit="K",
        delay_h=72,
    ),
    _row(
        id=RuleId("ROOM-WINDOW"),
        fact=_F.OPEN_WINDOW,
        look=open_window,
        look_for=_L.WINDOW,
        needs=(T, V),
        tolerance=2.5,
        unit="K",
        delay_h=0.5,
    ),
    _row(
        id=RuleId("ROOM-HEATS-AND-COOLS"),
        fact=_F.ROOM_HEATS_AND_COOLS,
        look=heats_and_cools,
        look_for=_L.VALVE_SEQUENCE,
        needs=(V, Signal.COOLING_ON),
        tolerance=0.1,
        unit="share",
        delay_h=2,
    ),
    _row(
        id=RuleId("ROOM-VALVE-STUCK"),
        fact=_F.ROOM_VALVE_STUCK,
        look=valve_stuck,
        look_for=_L.RADIATOR,
        needs=(V,),
        tolerance=0.001,
        unit="share",
        delay_h=72,
    ),
)
