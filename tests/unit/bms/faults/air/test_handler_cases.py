"""Each rule of air handlers: a unit on which it speaks; it is silent on the same unit without it.

That a sound unit is left in peace by every rule stands in ``test_run``; that a rule without its
signals says so, too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bms.faults.observations import Observations
from bms.faults.run import RULES, detect
from bms.faults.signals import Signal
from tests.rigs.buildings.plants import MONDAY, PAPERS, air_handler, recovery_unit

BY_ID = {rule.id: rule for rule in RULES}
ON = air_handler()[Signal.FAN] > 0
HOUR = (air_handler().at - MONDAY) / 3600.0
WOBBLE = np.where(ON, 0.5 + 0.3 * np.sign(np.sin(HOUR * 2 * np.pi * 6)), 0.0)
FREE = {
    "outdoor_damper": np.where(ON, 0.6, 0.0),
    "cooling_valve": 0.0,
    "outdoor_temp": 10.0,
    "mixed_air_temp": 12.0,
}
FULL = {"outdoor_damper": np.where(ON, 1.0, 0.0), "outdoor_temp": 16.0, "mixed_air_temp": 16.5}
HEATING = {
    "cooling_valve": 0.0,
    "heating_valve": np.where(ON, 0.5, 0.0),
    "outdoor_temp": -5.0,
    "mixed_air_temp": 17.4,
    "supply_air_temp": 19.0,
    "supply_air_setpoint": 19.0,
}
ALWAYS = {"outdoor_damper": 0.2, "cooling_valve": 0.5, "fan_speed": 0.7, "return_fan_speed": 0.56}


def coils(**temps: float) -> dict[str, float]:
    return dict(temps)


def days_of_effort() -> Observations:
    """Seven days alike, on the last of which the valve is further open for the same cooling."""
    unit = air_handler(days=7, step_s=300)
    day, on = (unit.at - MONDAY) // 86400, unit[Signal.FAN] > 0
    hour = (unit.at - MONDAY) / 3600.0 % 24.0
    drop = 8.0 + 3.0 * np.sin(hour / 12 * np.pi)
    valve = np.where(on, drop / 24.0 + np.where(day == 6, 0.25, 0.0), 0.0)
    return air_handler(7, 300, cooling_valve=valve, supply_air_temp=24.4 - drop)


MIXING = {
    "G36-1": {"pressure": np.where(ON, 200.0, 0), "fan_speed": np.where(ON, 1.0, 0)},
    "G36-2": {"mixed_air_temp": 17.0},
    "G36-3": {"mixed_air_temp": 36.0},
    "G36-4": {"cooling_valve": np.where(ON & (HOUR * 60 % 14 < 7), 0.5, 0.0)},
    "G36-5": {**HEATING, "supply_air_temp": 14.0},
    "G36-6": {"mixed_air_temp": 29.0},
    "G36-7": {**HEATING, "heating_valve": np.where(ON, 1.0, 0), "supply_air_temp": 17.0},
    "G36-8": {**FREE, "supply_air_temp": 18.0},
    "G36-9": {**FREE, "outdoor_temp": 18.0},
    "G36-10": {**FULL, "mixed_air_temp": 22.0},
    "G36-11": {**FULL, "outdoor_temp": 5.0, "mixed_air_temp": 6.0},
    "G36-12": {"supply_air_temp": 30.0},
    "G36-13": {"cooling_valve": np.where(ON, 1.0, 0), "supply_air_temp": 15.0},
    "G36-14": {**FREE, **coils(cooling_coil_in=18.0, cooling_coil_out=14.0)},
    "G36-15": coils(heating_coil_in=18.0, heating_coil_out=22.0),
    "AHU-SIMULTANEOUS": {"heating_valve": np.where(ON, 0.3, 0.0)},
    "AHU-HEATS-WITHOUT-NEED": {"heating_valve": np.where(ON, 0.3, 0.0)},
    "AHU-COOLS-WITHOUT-NEED": {"mixed_air_temp": 8.0},
    "AHU-HEATED-WHILE-CLOSED": {**FREE, "supply_air_temp": 18.0},
    "AHU-COOLED-WHILE-CLOSED": {**FREE, "supply_air_temp": 8.0},
    "AHU-SETPOINT-MISSED": {"supply_air_temp": 17.0},
    "AHU-VALVE-HUNTS": {"cooling_valve": WOBBLE},
    "AHU-UNOCCUPIED": {**ALWAYS, "fan": 1.0, "return_fan": 1.0},
    "AHU-RETURN-FAN-STOPPED": {"return_fan": 0.0},
    "AHU-RETURN-FAN-SPEED": {"return_fan_speed": np.where(ON & (HOUR > 14), 0.8, 0.56)},
    "AHU-PRESSURE": {"pressure": np.where(ON, 250.0, 0)},
    "AHU-DAMPER-AT-REST": {"outdoor_damper": 0.3},
    "AHU-VALVE-AT-REST": {"heating_valve": 0.4},
    "AHU-WARM-AT-REST": {"mixed_air_temp": np.where(ON, 24.4, 40.0)},
}
RECOVERY = {
    "HRU-EFFICIENCY": {"recovered_air_temp": 9.0},
    "HRU-BYPASS": {"recovery": 0.0},
    "HRU-ORDER": {"recovery": 0.5, "recovered_air_temp": 11.0},
    "HRU-COOLING": {"cooling_valve": 0.3},
    "HRU-RANGE": {"recovered_air_temp": 30.0},
    "HRU-FREE-COOLING": {"supply_air_temp": 24.0},
    "HRU-EXTRACT": {"return_air_temp": 40.0},
    "HRU-FROST": {"exhaust_air_temp": -2.0, "outdoor_temp": -12.0},
}


@pytest.mark.parametrize("rule", MIXING)
def test_a_rule_speaks_on_its_fault(rule: str) -> None:
    found = detect(air_handler(**MIXING[rule]), [BY_ID[rule]]).findings
    assert [row.rule for row in found] == [rule]
    assert found[0].evidence.series


@pytest.mark.parametrize("rule", RECOVERY)
def test_a_rule_of_recovery_speaks_on_its_fault(rule: str) -> None:
    assert len(detect(recovery_unit(**RECOVERY[rule]), [BY_ID[rule]]).findings) == 1


@pytest.mark.parametrize("rule", ["G36-2", "G36-13", "AHU-SIMULTANEOUS"])
def test_nothing_is_said_while_the_fan_starts(rule: str) -> None:
    """A condition that ends half an hour after the start is none."""
    unit = air_handler(**MIXING[rule])
    sound = air_handler()
    early = HOUR < 6.7
    columns = {s: np.where(early, unit[s], sound[s]) for s in sound.signals}
    assert detect(replace(unit, signals=columns), [BY_ID[rule]]).findings == ()


def test_a_valve_that_works_harder_than_on_other_days_is_seen() -> None:
    found = detect(days_of_effort(), [BY_ID["AHU-COOLING-EFFORT"]]).findings
    assert [row.start.day for row in found] == [12]


def test_a_heating_valve_that_works_harder_is_seen() -> None:
    unit = days_of_effort()
    swapped = {
        **unit.signals,
        Signal.HEATING_VALVE: unit[Signal.COOLING_VALVE],
        Signal.COOLING_VALVE: 0.0 * unit[Signal.COOLING_VALVE],
        Signal.MIXED_AIR_TEMP: unit[Signal.SUPPLY_AIR_TEMP],
        Signal.SUPPLY_AIR_TEMP: unit[Signal.MIXED_AIR_TEMP],
    }
    found = detect(replace(unit, signals=swapped), [BY_ID["AHU-HEATING-EFFORT"]]).findings
    assert [row.start.day for row in found] == [12]


def test_a_fan_that_never_rests_is_seen_after_three_days() -> None:
    occupied = air_handler(days=5, step_s=900)[Signal.OCCUPIED]
    unit = air_handler(5, 900, fan=1.0, occupied=occupied)
    found = detect(unit, [BY_ID["AHU-ALWAYS-ON"]]).findings
    assert [row.start.day for row in found] == [8]
    assert found[0].price.dkk_year == pytest.approx(2.0 * 6000 * 1.5)


def test_hours_of_use_price_what_runs_outside_them() -> None:
    found = detect(air_handler(**MIXING["AHU-UNOCCUPIED"]), [BY_ID["AHU-UNOCCUPIED"]]).findings[0]
    assert found.price.kwh_year is not None
    assert found.price.kwh_low < found.price.kwh_year < found.price.kwh_high


def test_people_who_know_better_raise_the_tolerance() -> None:
    known = replace(PAPERS, raised={"AHU-SETPOINT-MISSED": 3.0})
    unit = air_handler(context=known, supply_air_temp=17.0)
    assert detect(unit, [BY_ID["AHU-SETPOINT-MISSED"]]).findings == ()
