"""Turns at points: who gives one back, and who announces a write there (W9, W13)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bms.journal.locks import RETURN_SECONDS, PointTurns

A, B = "hut/room.setpoint", "hut/plant.enable"


@pytest.fixture
def turns(tmp_path: Path) -> PointTurns:
    return PointTurns(tmp_path / "journal")


def busy(turns: PointTurns, *points: str) -> frozenset[str]:
    with turns.to_announce(points) as found:
        return found


def test_w09_nobody_announces_where_somebody_gives_back(turns: PointTurns) -> None:
    with turns.to_return(A), turns.to_return(A):
        assert busy(turns, A, B) == {A}
    assert busy(turns, A, B) == frozenset()


def test_w13_an_announcement_that_does_not_end_keeps_nobody_from_giving_back(
    turns: PointTurns,
) -> None:
    """As that of a backend that was stopped in the middle of it."""
    with turns.to_announce([A]):
        begun = time.monotonic()
        with turns.to_return(A):
            assert RETURN_SECONDS <= time.monotonic() - begun < 3 * RETURN_SECONDS


def test_w13_a_disk_that_is_away_keeps_nobody_from_giving_back(tmp_path: Path) -> None:
    turns = PointTurns(tmp_path / "gone" / "journal")
    with turns.to_return(A):
        pass
    with pytest.raises(FileNotFoundError), turns.to_announce([A]):
        pass


def test_a_turn_leaves_no_file_open(turns: PointTurns) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with turns.to_return(A), turns.to_announce([B]):
            pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before
