"""A delay delays and does not smooth."""

from __future__ import annotations

import numpy as np

from bms.faults.delays import confirmed, runs, since, standing

NO_BREAKS = np.array([True, False, False, False, False, False])


def test_a_condition_counts_once_it_has_stood() -> None:
    condition = np.array([True, True, True, False, True, True])
    assert confirmed(condition, NO_BREAKS, 3).tolist() == [False, False, True, False, False, False]


def test_one_interval_without_it_starts_it_anew() -> None:
    condition = np.array([True, True, False, True, True, True])
    assert standing(condition, NO_BREAKS).tolist() == [1, 2, 0, 1, 2, 3]


def test_a_gap_in_the_data_starts_it_anew() -> None:
    breaks = np.array([True, False, False, True, False, False])
    assert standing(np.ones(6, dtype=np.bool_), breaks).tolist() == [1, 2, 3, 1, 2, 3]


def test_intervals_since_an_event() -> None:
    event = np.array([False, False, True, False, False, False])
    assert since(event, NO_BREAKS).tolist() == [0, 1, 0, 1, 2, 3]


def test_runs_are_joined_across_short_pauses() -> None:
    flags = np.array([True, False, True, False, False, False, True])
    assert runs(flags) == [(0, 1), (2, 3), (6, 7)]
    assert runs(flags, join=1) == [(0, 3), (6, 7)]
