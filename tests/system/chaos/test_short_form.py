"""The short form of ``bms bench chaos``: every fault strikes once, and the clauses hold."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bms.bench.chaos.faults.devices import RebootForgets, WatchdogChanged, ZeroAfterReboot
from bms.bench.chaos.faults.kind import Fault
from bms.bench.chaos.faults.lines import AddressesSwapped, OtherAnswers
from bms.bench.chaos.faults.people import HandAtThermostat, HandBeforeLease
from bms.bench.chaos.faults.plans import SiteRenamed
from bms.bench.chaos.faults.processes import BackendKilled, GuardKilled
from bms.bench.chaos.faults.storage import JournalCut, OverrideWhileDatabaseAway
from bms.bench.chaos.run import Outcome, Run
from bms.bench.chaos.schedule import KINDS, Episode, short_episodes
from bms.bench.chaos.town import StrikeMoment

SEED = 1
PENDING: dict[type[Fault], str] = {
    AddressesSwapped: "W1",
    OtherAnswers: "W1",
    OverrideWhileDatabaseAway: "W10",
    HandBeforeLease: "W7",
    HandAtThermostat: "W12",
    RebootForgets: "W9",
    ZeroAfterReboot: "W9",
    WatchdogChanged: "W9",
    SiteRenamed: "W9",
}
"""Faults that are not survived yet, and the clause that does not hold."""


def survived(home: Path, episodes: list[Episode]) -> Outcome:
    """The outcome of the episodes in a fresh town, printed line by line."""
    return asyncio.run(Run(home, print).run(episodes, lambda outcome: False))


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    chosen = [each for each in short_episodes(SEED) if each.kind not in PENDING]
    return survived(tmp_path_factory.mktemp("chaos"), chosen)


def test_every_fault_struck_at_its_moment(outcome: Outcome) -> None:
    assert outcome.never_struck([kind for kind in KINDS if kind not in PENDING]) == []
    struck = {moment for row in outcome.rows.values() for moment in row.struck}
    assert struck == set(StrikeMoment)


@pytest.mark.parametrize("clause", ["W01", "W03", "W06", "W07", "W10", "W11", "W12", "W16"])
def test_no_clause_is_broken_during_a_fault(outcome: Outcome, clause: str) -> None:
    assert [v for _, v in outcome.violations if v.clause == clause] == []


def test_w17_three_ticks_after_a_fault_everything_is_as_before(outcome: Outcome) -> None:
    assert [v for _, v in outcome.violations if v.clause == "W17"] == []


def test_the_same_seed_gives_the_same_event_log(tmp_path: Path) -> None:
    kinds = (BackendKilled, GuardKilled, JournalCut)
    chosen = [each for each in short_episodes(SEED) if each.kind in kinds]
    one, other = (survived(tmp_path / name, chosen) for name in ("one", "other"))
    assert one.log == other.log
    assert one.digest == other.digest


def test_the_same_seed_gives_the_same_schedule() -> None:
    assert list(short_episodes(3)) == list(short_episodes(3))
    assert list(short_episodes(3)) != list(short_episodes(4))
