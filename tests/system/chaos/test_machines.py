"""Chaos of processes, files and lines: every fault strikes once, and the clauses hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms.bench.chaos.faults.processes import BackendKilled, GuardKilled
from bms.bench.chaos.faults.storage import JournalCut
from bms.bench.chaos.run import Outcome
from bms.bench.chaos.schedule import MACHINES, short_episodes
from tests.rigs.chaos import CLAUSES, PENDING, broken, survived
from tests.rigs.examples import LEVEL


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return survived(tmp_path_factory.mktemp("chaos"), MACHINES)


def test_every_fault_struck_at_its_moment(outcome: Outcome) -> None:
    assert outcome.never_struck([kind for kind in MACHINES if kind not in PENDING]) == []


@pytest.mark.parametrize("clause", CLAUSES)
def test_no_clause_is_broken_during_a_fault(outcome: Outcome, clause: str) -> None:
    assert broken(outcome, clause) == []


def test_w17_three_ticks_after_a_fault_everything_is_as_before(outcome: Outcome) -> None:
    assert broken(outcome, "W17") == []


@pytest.mark.skipif(
    LEVEL != "long", reason="answers that a busy machine makes late are events, too: make test-long"
)
def test_the_same_seed_gives_the_same_event_log(tmp_path: Path) -> None:
    kinds = (BackendKilled, GuardKilled, JournalCut)
    one, other = (survived(tmp_path / name, kinds) for name in ("one", "other"))
    assert one.log == other.log
    assert one.digest == other.digest


def test_the_same_seed_gives_the_same_schedule() -> None:
    assert list(short_episodes(3)) == list(short_episodes(3))
    assert list(short_episodes(3)) != list(short_episodes(4))
