"""Each folder of tests/cases/plans: a question that other systems stumbled over, and the answer."""

from __future__ import annotations

import json
import time
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any

import pytest

from bms.model.planning.plan import Schedule, SetpointPlan
from bms.model.planning.problem import Problem
from optimizer import check, plan, read
from tests.rigs.paths import ROOT

CASES = ROOT / "tests" / "cases" / "plans"
MOST_S = 2.0


def answered(folder: Path) -> tuple[Problem, Schedule, dict[str, Any]]:
    problem = read((folder / "problem.json").read_text("utf-8"))
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    return problem, plan(problem), expected


def values_in(found: SetpointPlan, start: datetime, end: datetime) -> list[float]:
    return [s.value for s in found.steps if s.start < end and s.end > start]


def _peaks(schedule: Schedule) -> float:
    """The new highest power of the month [kW] that a schedule tells of; 0 where there is none."""
    told = [fact.parameters["power_kw"] for fact in schedule.reasons if fact.code == "new_peak"]
    return max((float(str(power)) for power in told), default=0.0)


@pytest.mark.parametrize("folder", sorted(CASES.iterdir()), ids=lambda folder: folder.name)
class TestEveryCase:
    def test_has_the_answer_that_is_due(self, folder: Path) -> None:
        problem, schedule, expected = answered(folder)
        said = {words.code for words in schedule.reasons}

        assert schedule.status in expected["status"], said
        assert set(expected["reasons"]) <= said
        assert not set(expected.get("never", ())) & said
        assert _peaks(schedule) <= expected.get("highest_kw", inf)
        assert [str(words) for words in check(problem, schedule)] == []
        for name in ("energy_kwh", "cost_dkk", "comfort_kh"):
            if name in expected:
                low, high = expected[name]
                assert low <= getattr(schedule.expected, name) <= high
        if expected.get("cost") == "unknown":
            assert schedule.expected.cost_dkk is None

    def test_moves_each_point_as_it_should(self, folder: Path) -> None:
        problem, schedule, expected = answered(folder)
        plans = {found.point: found for found in schedule.setpoints}
        levers = [zone.lever for zone in problem.zones]
        for unit in problem.ventilation:
            levers += [unit.lever, unit.flow_lever, unit.supply_lever]

        assert set(plans) == set(
            expected.get("points", [lever.point for lever in levers if lever is not None])
        )
        for each in expected.get("values", ()):
            moments = (datetime.fromisoformat(each[name]) for name in ("start", "end"))
            values = values_in(plans[each["point"]], *moments)
            assert values
            assert min(values) >= each.get("at_least", min(values))
            assert max(values) <= each.get("at_most", max(values))
        most = expected.get("most_changes", 12)
        assert all(len(found.steps) - 1 <= most for found in plans.values())

    def test_is_answered_at_once_and_always_alike(self, folder: Path) -> None:
        began = time.process_time()
        _, first, _ = answered(folder)
        assert time.process_time() - began < MOST_S
        assert answered(folder)[1] == first
