"""Rules of circuits, heat pumps, rooms and sensors: each with its fault, a sound neighbour of it,
and a plant on which it says why it cannot judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from bms.faults.codes import CannotCode
from bms.faults.observations import Observations
from bms.faults.run import RULES, detect
from bms.faults.signals import Signal
from bms.model.readings.series import Floats
from tests.rigs.buildings.plants import MONDAY, PAPERS, heat_pump, heated_rooms, heating_circuit
from tests.rigs.buildings.plants import without as _without

BY_ID = {rule.id: rule for rule in RULES}
HOURS_A_YEAR = 8760.0
SLEPT_IN = replace(PAPERS, always_in_use=True)


@dataclass(frozen=True, kw_only=True)
class RuleCase:
    """A plant with a fault and what is told of it, the same plant without, and one on which the
    rule cannot judge, for a reason. ``price`` is in DKK/year."""

    rule: str
    faulty: Observations
    told: Mapping[str, float] = field(default_factory=dict)
    price: float | None = None
    sound: Observations
    cannot: Observations
    why: CannotCode


def hour(seen: Observations) -> Floats:
    hours: Floats = (seen.at - MONDAY) / 3600.0
    return hours


def wave(seen: Observations, period_h: float, size: float) -> Floats:
    swings: Floats = size * np.sin(hour(seen) / period_h * 2 * np.pi)
    return swings


def from_day(seen: Observations, day: float, then: float, before: float = 0.0) -> Floats:
    return np.where(hour(seen) >= 24.0 * day, then, before)


def spiked(seen: Observations, size: float) -> Floats:
    values = 5.0 + wave(seen, 24.0, 1.0)
    values[8::24] += size
    return values


COLD, STILL = heating_circuit(), heating_circuit(pump=0.0)
WARM = {"outdoor_temp": 22.0, "weather_temp": 22.0}
DAY = COLD[Signal.SUPPLY_TEMP]
ROOMS, FAST, MONTHS = heated_rooms(), heating_circuit(3, 300), heated_rooms(40, 3600)
HALF_YEAR = heated_rooms(150, 3600)
FROM_NOON = np.abs(hour(heating_circuit(40, 3600)) % 24 - 12)
RUNS = FROM_NOON < 5.5
LONGER = np.where(hour(heating_circuit(40, 3600)) < 24 * 28, RUNS, FROM_NOON < 8.5)
NOON = np.abs(hour(COLD) % 24 - 13.0) < 2.0
QUARTERS = np.arange(len(heat_pump())) % 2

CASES = (
    RuleCase(
        rule="HC-SMALL-DT",
        faulty=heating_circuit(return_temp=DAY - 1.5),
        told={"difference": 1.5},
        sound=heating_circuit(return_temp=DAY - 4.0),
        cannot=heating_circuit(return_temp=DAY - 1.5, **WARM),
        why=CannotCode.NO_STATE,
    ),
    RuleCase(
        rule="HC-RETURN-WARMER",
        faulty=heating_circuit(return_temp=DAY + 2.0),
        told={"off": 2.0},
        sound=heating_circuit(return_temp=DAY + 0.5),
        cannot=heating_circuit(return_temp=DAY + 2.0, pump=0.0),
        why=CannotCode.NO_FLOW,
    ),
    RuleCase(
        rule="HC-TOO-COLD",
        faulty=heating_circuit(supply_temp=DAY - 8.0),
        told={"short": 8.0},
        sound=heating_circuit(supply_temp=DAY - 3.0),
        cannot=heating_circuit(supply_temp=DAY - 8.0, pump=0.0),
        why=CannotCode.NO_FLOW,
    ),
    RuleCase(
        rule="HC-TOO-WARM",
        faulty=heating_circuit(supply_temp=DAY + 9.0),
        told={"above": 9.0},
        sound=heating_circuit(supply_temp=DAY + 4.0),
        cannot=heating_circuit(supply_temp=DAY + 9.0, pump=0.0),
        why=CannotCode.NO_FLOW,
    ),
    RuleCase(
        rule="HC-SUMMER",
        faulty=heating_circuit(supply_temp=60.0, **WARM),
        told={"supply": 60.0, "stop": 17.0},
        price=20.0 * HOURS_A_YEAR * 0.6,
        sound=heating_circuit(supply_temp=22.0, pump=0.0, **WARM),
        cannot=COLD,
        why=CannotCode.NO_STATE,
    ),
    RuleCase(
        rule="HC-PUMP",
        faulty=heating_circuit(supply_temp=40.0, return_temp=39.5, **WARM),
        told={"hours": 240.0},
        sound=heating_circuit(supply_temp=40.0, return_temp=35.0, **WARM),
        cannot=COLD,
        why=CannotCode.NO_STATE,
    ),
    RuleCase(
        rule="HC-VALVE-LEAKS",
        faulty=heating_circuit(valve=0.0, return_temp=DAY - 10.0),
        told={"difference": 10.0},
        sound=heating_circuit(valve=0.0, return_temp=DAY - 2.0),
        cannot=COLD,
        why=CannotCode.NO_STATE,
    ),
    RuleCase(
        rule="HC-HUNTS",
        faulty=heating_circuit(3, 300, supply_temp=50.0 + wave(FAST, 1.0, 4.0)),
        sound=heating_circuit(3, 300, supply_temp=50.0 + wave(FAST, 1.0, 1.0)),
        cannot=heating_circuit(3, 3600),
        why=CannotCode.TOO_COARSE,
    ),
    RuleCase(
        rule="HC-NIGHT",
        faulty=heating_circuit(21, supply_temp=50.0),
        told={"difference": 0.0},
        price=0.08 * 20.0 * HOURS_A_YEAR * 0.6,
        sound=heating_circuit(21),
        cannot=heating_circuit(21, context=SLEPT_IN, supply_temp=50.0),
        why=CannotCode.NO_STATE,
    ),
    RuleCase(
        rule="HP-CYCLES",
        faulty=heat_pump(heat_pump_run=QUARTERS),
        told={"starts": 48.0},
        sound=heat_pump(),
        cannot=heat_pump(step_s=3600),
        why=CannotCode.TOO_COARSE,
    ),
    RuleCase(
        rule="HP-COP",
        faulty=heat_pump(heat_pump_heat=heat_pump()[Signal.HEAT_PUMP_POWER] * 1.5),
        told={"cop": 1.5},
        price=1.5 * HOURS_A_YEAR * 0.5 * 1.5,
        sound=heat_pump(),
        cannot=heat_pump(heat_pump_power=0.0),
        why=CannotCode.NO_FLOW,
    ),
    RuleCase(
        rule="HC-CURVE",
        faulty=replace(
            heated_rooms(),
            rooms={Signal.ZONE_VALVE: {"a": np.full(768, 0.1), "b": np.zeros(768)}},
        ),
        told={"valve": 0.1},
        price=0.04 * 20.0 * HOURS_A_YEAR * 0.6,
        sound=heated_rooms(),
        cannot=heated_rooms(outdoor_temp=15.0),
        why=CannotCode.NO_STATE,
    ),
    RuleCase(
        rule="ROOM-COLD",
        faulty=heated_rooms(room_zone_temp=18.5),
        told={"short": 2.5},
        sound=heated_rooms(room_zone_temp=20.5),
        cannot=heated_rooms(room_zone_temp=18.5, occupied=0.0),
        why=CannotCode.NO_STATE,
    ),
    RuleCase(
        rule="ROOM-WARM",
        faulty=heated_rooms(room_zone_temp=24.0),
        told={"above": 3.0},
        price=0.05 * 3.0 / 3 * 20.0 * HOURS_A_YEAR * 0.6,
        sound=heated_rooms(room_zone_temp=22.0),
        cannot=heated_rooms(room_zone_temp=24.0, outdoor_temp=15.0),
        why=CannotCode.NO_STATE,
    ),
    RuleCase(
        rule="ROOM-WINDOW",
        faulty=heated_rooms(room_window=1.0),
        told={"valve": 0.5},
        sound=heated_rooms(room_window=0.0),
        cannot=heated_rooms(step_s=3600),
        why=CannotCode.TOO_COARSE,
    ),
    RuleCase(
        rule="ROOM-HEATS-AND-COOLS",
        faulty=heated_rooms(cooling_on=1.0),
        told={"hours": 192.0},
        sound=heated_rooms(cooling_on=0.0),
        cannot=heated_rooms(),
        why=CannotCode.MISSING_SIGNALS,
    ),
    RuleCase(
        rule="ROOM-VALVE-STUCK",
        faulty=heated_rooms(room_zone_valve=0.5 + wave(ROOMS, 24, 0.2) * (hour(ROOMS) < 96)),
        told={"valve": 0.5},
        sound=heated_rooms(),
        cannot=replace(heated_rooms(zone_valve=0.5), rooms={}),
        why=CannotCode.TOO_FEW_ROOMS,
    ),
    RuleCase(
        rule="OAT-METEO",
        faulty=heating_circuit(outdoor_temp=COLD[Signal.WEATHER_TEMP] - 4.0),
        told={"off": -4.0},
        price=0.05 * 4.0 * 20.0 * HOURS_A_YEAR * 0.6,
        sound=heating_circuit(outdoor_temp=COLD[Signal.WEATHER_TEMP] - 1.0),
        cannot=_without(COLD, "weather_temp"),
        why=CannotCode.MISSING_SIGNALS,
    ),
    RuleCase(
        rule="OAT-SUN",
        faulty=heating_circuit(outdoor_temp=COLD[Signal.WEATHER_TEMP] + 8.0 * NOON),
        told={"off": 8.0},
        sound=heating_circuit(outdoor_temp=COLD[Signal.WEATHER_TEMP] + 2.0 * NOON),
        cannot=_without(COLD, "weather_temp"),
        why=CannotCode.MISSING_SIGNALS,
    ),
    RuleCase(
        rule="ROOM-OFF",
        faulty=heated_rooms(40, 3600, room_zone_temp=from_day(MONTHS, 35, 25.0, 21.0)),
        told={"off": 4.0},
        sound=heated_rooms(40, 3600, room_zone_temp=25.0),
        cannot=replace(MONTHS, rooms={Signal.ZONE_TEMP: {"a": 21.0 + wave(MONTHS, 24, 0.2)}}),
        why=CannotCode.TOO_FEW_ROOMS,
    ),
    RuleCase(
        rule="RES-ROOM",
        faulty=heated_rooms(
            150,
            3600,
            outdoor_temp=2.0 + wave(HALF_YEAR, 240, 5.0),
            room_zone_temp=21.0 + wave(HALF_YEAR, 170, 0.3) + from_day(HALF_YEAR, 140, 3.0),
        ),
        told={"off": 2.8},
        sound=heated_rooms(
            150,
            3600,
            outdoor_temp=2.0 + wave(HALF_YEAR, 240, 5.0),
            room_zone_temp=21.0 + wave(HALF_YEAR, 170, 0.3),
        ),
        cannot=heated_rooms(50, 3600),
        why=CannotCode.TOO_FEW_DAYS,
    ),
    RuleCase(
        rule="CLOCK",
        faulty=heating_circuit(device_clock=-1200.0),
        told={"off": -20.0},
        sound=heating_circuit(device_clock=300.0),
        cannot=COLD,
        why=CannotCode.MISSING_SIGNALS,
    ),
    RuleCase(
        rule="OVERRIDE-FORGOTTEN",
        faulty=heating_circuit(override=from_day(COLD, 5, 1.0), heat=from_day(COLD, 5, 6.0, 5.0)),
        told={"days": 5.0, "dkk_day": 4.0 * 24 * 0.6},
        price=4.0 * HOURS_A_YEAR * 0.6,
        sound=heating_circuit(override=from_day(COLD, 8, 1.0)),
        cannot=COLD,
        why=CannotCode.MISSING_SIGNALS,
    ),
    RuleCase(
        rule="SCHEDULE-CHANGED",
        faulty=heating_circuit(40, 3600, scheduled=LONGER),
        told={"hours": 17.0, "before": 11.0},
        sound=heating_circuit(40, 3600, scheduled=RUNS),
        cannot=heating_circuit(20, 3600, scheduled=1.0),
        why=CannotCode.TOO_FEW_DAYS,
    ),
    RuleCase(
        rule="SV-RANGE",
        faulty=heating_circuit(supply_temp=from_day(COLD, 8, 200.0, 50.0)),
        told={"value": 200.0},
        sound=heating_circuit(supply_temp=from_day(COLD, 8, 90.0, 50.0)),
        cannot=replace(COLD, signals={Signal.PUMP: COLD[Signal.PUMP]}),
        why=CannotCode.MISSING_SIGNALS,
    ),
    RuleCase(
        rule="SV-FLATLINE",
        faulty=heating_circuit(outdoor_temp=np.where(hour(COLD) < 150, wave(COLD, 24, 3.0), 2.0)),
        told={"value": 2.0, "hours": 89.75},
        sound=COLD,
        cannot=replace(COLD, signals={Signal.PUMP: COLD[Signal.PUMP]}),
        why=CannotCode.MISSING_SIGNALS,
    ),
    RuleCase(
        rule="SV-SPIKE",
        faulty=heating_circuit(outdoor_temp=spiked(COLD, 20.0)),
        told={"value": 20.0},
        sound=heating_circuit(outdoor_temp=spiked(COLD, 3.0)),
        cannot=replace(COLD, signals={Signal.PUMP: COLD[Signal.PUMP]}),
        why=CannotCode.MISSING_SIGNALS,
    ),
    RuleCase(
        rule="SV-STALE",
        faulty=heating_circuit(outdoor_temp=from_day(COLD, 7, np.nan, 2.0)),
        told={"hours": 72.0},
        sound=heating_circuit(outdoor_temp=from_day(COLD, 9.5, np.nan, 2.0)),
        cannot=replace(COLD, signals={}),
        why=CannotCode.MISSING_SIGNALS,
    ),
)
BY_RULE = {case.rule: case for case in CASES}
IDS = pytest.mark.parametrize("case", CASES, ids=list(BY_RULE))


@IDS
def test_a_fault_is_told_with_its_size(case: RuleCase) -> None:
    found = detect(case.faulty, [BY_ID[case.rule]]).findings
    assert [row.rule for row in found] == [case.rule]
    told = {name: found[0].fact.parameters[name] for name in case.told}
    assert told == pytest.approx(case.told, rel=0.05, abs=0.05)
    assert found[0].price.dkk_year == (case.price and pytest.approx(case.price, rel=0.06))


@IDS
def test_its_sound_neighbour_is_left_in_peace(case: RuleCase) -> None:
    answers = detect(case.sound, [BY_ID[case.rule]])
    assert (answers.findings, answers.cannot, answers.ran) == ((), (), 1)


@IDS
def test_it_says_why_it_cannot_judge(case: RuleCase) -> None:
    answers = detect(case.cannot, [BY_ID[case.rule]])
    assert answers.findings == ()
    assert [row.reason.code for row in answers.cannot] == [case.why]


@IDS
def test_not_a_fault_makes_it_say_less(case: RuleCase) -> None:
    """Where people said so, the tolerance is raised, or the delay of a rule without one."""
    known = replace(case.faulty.context, raised={case.rule: 2000.0})
    assert detect(replace(case.faulty, context=known), [BY_ID[case.rule]]).findings == ()


def test_every_rule_of_these_wings_has_a_case() -> None:
    wings = ("bms.faults.hydronics", "bms.faults.sensors")
    rules = {str(rule.id) for rule in RULES if rule.look.__module__.startswith(wings)}
    assert rules | {"RES-ROOM"} == set(BY_RULE)


def test_a_room_that_falls_fast_with_its_valve_open_has_an_open_window() -> None:
    cold = np.where(hour(heated_rooms()) % 24 == 10.0, 17.0, 21.0)
    falls = np.minimum(cold, np.roll(cold, 1))
    found = detect(
        heated_rooms(room_zone_temp=falls, room_zone_valve=0.9), [BY_ID["ROOM-WINDOW"]]
    ).findings
    assert {row.subject for row in found} == {"unit/room0"}
    assert found[0].confidence == 0.6
