"""Chaos of controllers, people, plans and clocks: every fault strikes once; the clauses hold."""

from __future__ import annotations

import pytest

from bms.bench.chaos.run import Outcome
from bms.bench.chaos.schedule import KINDS, MACHINES
from tests.rigs.chaos import CLAUSES, PENDING, broken, survived

SURROUNDINGS = [kind for kind in KINDS if kind not in MACHINES]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return survived(tmp_path_factory.mktemp("chaos"), SURROUNDINGS)


def test_every_fault_struck_at_its_moment(outcome: Outcome) -> None:
    assert outcome.never_struck([kind for kind in SURROUNDINGS if kind not in PENDING]) == []


@pytest.mark.parametrize("clause", CLAUSES)
def test_no_clause_is_broken_during_a_fault(outcome: Outcome, clause: str) -> None:
    assert broken(outcome, clause) == []


def test_w17_three_ticks_after_a_fault_everything_is_as_before(outcome: Outcome) -> None:
    assert broken(outcome, "W17") == []
