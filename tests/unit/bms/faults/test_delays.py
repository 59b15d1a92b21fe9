"""A delay delays and does not smooth."""

from __future__ import annotations

import numpy as np

from bms.faults.delays import confirmed, lately, runs, since, standing, turns

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


def test_a_signal_turns_where_it_leaves_an_extreme_by_more_than_the_size() -> None:
    swings = np.array([0.0, 3.0, 2.5, 0.5, 0.0, 3.0, 0.0])
    no_gap = np.zeros(7, dtype=np.bool_)
    assert turns(swings, no_gap, 2.0).tolist() == [False, False, False, True, False, True, True]
    assert not turns(0.5 * swings, no_gap, 2.0).any()
    assert lately(turns(swings, no_gap, 2.0), 3).tolist() == [0, 0, 0, 1, 1, 2, 2]
