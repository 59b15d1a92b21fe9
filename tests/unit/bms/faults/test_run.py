"""Every rule answers one of three: a finding, nothing, or that it cannot run here, and why."""

from __future__ import annotations

import numpy as np
import pytest

from bms.faults.observations import Observations
from bms.faults.rule import Rule
from bms.faults.run import RULES, applies, detect, qualify
from bms.faults.signals import Signal
from bms.model.work.finding import RuleId
from tests.rigs.buildings.plants import MONDAY, air_handler, recovery_unit


def test_ids_of_rules_are_distinct() -> None:
    ids = [rule.id for rule in RULES]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_without_its_signals_says_so(rule: Rule) -> None:
    bare = Observations(
        site_id="site",
        subject="bare",
        equipment=rule.equipment,
        at=MONDAY + 3600 * np.arange(48, dtype=np.int64),
        step_s=3600,
        signals={},
    )
    answers = detect(bare, [rule])
    if rule.needs or rule.any_of:
        assert [row.rule for row in answers.cannot] == [rule.id]
    else:
        assert answers.findings == ()


@pytest.mark.parametrize("unit", [air_handler(), recovery_unit()], ids=["mixing", "recovery"])
def test_a_unit_without_a_fault_is_left_in_peace(unit: Observations) -> None:
    answers = detect(unit)
    assert [row.rule for row in answers.findings] == []


def test_every_rule_of_the_equipment_is_accounted_for() -> None:
    unit = air_handler()
    answers = detect(unit)
    asked = [rule for rule in RULES if applies(rule, unit.equipment)]
    assert answers.ran + len(answers.cannot) == len(asked)


def test_a_rule_names_what_it_lacks() -> None:
    rule = next(rule for rule in RULES if rule.id == RuleId("G36-14"))
    reason = qualify(air_handler(), rule)
    assert reason is not None
    assert reason.code == "cannot_missing_signals"


def test_two_days_apart_are_two_findings() -> None:
    unit = air_handler(days=4)
    day = (unit.at - MONDAY) // 86400
    valve = np.where((day == 0) | (day == 3), 0.3, 0.0) * (unit[Signal.FAN] > 0)
    both = air_handler(days=4, heating_valve=valve)
    rule = next(rule for rule in RULES if rule.id == RuleId("AHU-SIMULTANEOUS"))
    found = detect(both, [rule]).findings
    assert [(row.start.day, row.end.day) for row in found] == [(6, 6), (9, 9)]
