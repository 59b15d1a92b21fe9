"""A short form of the score: two buildings of the second physics, every kind, a large size.

A hit of each kind by the rules that it is meant for; the untouched building is the miss.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from bms.bench.detection.planted import KINDS, Kind
from bms.bench.detection.score import try_fault, untouched
from bms.bench.detection.town import DAYS, HourlyBuilding, second_physics
from bms.faults.observations import Equipment
from bms.model.work.finding import Finding

LARGE = 0.25
MEANT: Mapping[str, set[str]] = {
    "poor cooling": {"DH-COOLING-FALLS"},
    "poor cooling at low load": {"DH-RETURN-LOW-LOAD"},
    "bypass": {"DH-EXTRA-FLOW", "DH-COOLING-FALLS"},
    "flow at night without heat": {"DH-NO-DT"},
    "heat in summer": {"DH-SUMMER-HEAT"},
    "heat in summer, nights": {"DH-HOT-WATER-BASE", "RES-HEAT"},
    "hot water circulation loses": {"DH-HOT-WATER-BASE", "DH-SUMMER-HEAT"},
    "no night setback": {"DH-NO-SETBACK"},
    "closed days heated": {"DH-CLOSED-DAYS"},
    "holiday heated": {"DH-HOLIDAY"},
    "heat loss rises": {"DH-SLOPE", "RES-HEAT"},
    "setpoint raised": {"RES-HEAT"},
    "heats in mild weather": {"DH-BALANCE-POINT", "RES-HEAT"},
    "meter stuck": {"DH-METER-STUCK"},
    "meter silent": {"DH-METER-SILENT"},
    "meter slips": {"DH-METER-SLIP"},
    "meter spikes": {"DH-METER-SPIKE"},
    "meter sensors exchanged": {"DH-DT-NEGATIVE"},
    "electric base load": {"EL-BASE", "RES-ELECTRICITY"},
    "electric nights": {"EL-BASE"},
    "electric evenings": {"EL-EVENING"},
    "electric weekends": {"EL-WEEKEND"},
    "electric holiday": {"EL-HOLIDAY"},
    "ventilation around the clock": {"EL-VENTILATION", "EL-BASE"},
    "electric meter silent": {"EL-METER-SILENT"},
    "cistern runs": {"W-NIGHT"},
    "pipe bursts": {"W-BURST"},
    "outdoor sensor off": {"OAT-METEO"},
    "outdoor sensor in the sun": {"OAT-SUN"},
    "outdoor sensor flat": {"SV-FLATLINE"},
}
Clean = dict[Equipment, tuple[Finding, ...]]


@pytest.fixture(scope="module")
def town() -> list[tuple[HourlyBuilding, Clean]]:
    return [(building, untouched(building)) for building in second_physics(2, DAYS)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_large_fault_is_found_by_the_rule_that_is_meant(
    kind: Kind, town: list[tuple[HourlyBuilding, Clean]]
) -> None:
    building, clean = town[0]
    trial = try_fault(kind, building, LARGE, 1, clean[kind.equipment])
    assert trial is not None
    assert trial.soon
    assert not MEANT.get(kind.name) or MEANT[kind.name] & set(trial.rules)


@pytest.mark.slow
def test_untouched_buildings_are_left_in_peace(town: list[tuple[HourlyBuilding, Clean]]) -> None:
    years = 2 * DAYS / 365.25
    told = [row.rule for _, clean in town for rows in clean.values() for row in rows]
    assert len(told) / years <= 2.0


@pytest.mark.slow
def test_the_price_of_a_fault_lies_near_what_it_takes(
    town: list[tuple[HourlyBuilding, Clean]],
) -> None:
    building, clean = town[0]
    ratios = []
    for kind in KINDS:
        if kind.priced:
            trial = try_fault(kind, building, LARGE, 1, clean[kind.equipment])
            assert trial is not None
            ratios += [] if trial.price is None else [abs(np.log(trial.price.ratio))]
    assert np.exp(np.median(ratios)) <= 1.6


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["electric base load", "electric nights"])
def test_what_runs_at_night_only_is_not_priced_for_the_day(
    kind: str, town: list[tuple[HourlyBuilding, Clean]]
) -> None:
    building, clean = town[0]
    chosen = next(each for each in KINDS if each.name == kind)
    trial = try_fault(chosen, building, LARGE, 1, clean[chosen.equipment])
    assert trial is not None
    assert trial.price is not None
    assert trial.price.holds
