"""Runs of true values, and the peaks of blocks."""

from __future__ import annotations

import numpy as np
import pytest

from bms.model.readings.runs_and_peaks import block_peaks, runs


@pytest.mark.parametrize(
    ("mask", "found"),
    [
        ([], []),
        ([False, False], []),
        ([True, True], [(0, 2)]),
        ([True, False, True, True], [(0, 1), (2, 4)]),
        ([False, True, False], [(1, 2)]),
    ],
)
def test_runs_of_true_values(mask: list[bool], found: list[tuple[int, int]]) -> None:
    assert runs(np.array(mask, dtype=np.bool_)) == found


def test_the_ends_of_runs_are_plain_numbers() -> None:
    assert all(type(end) is int for run in runs(np.array([True, False, True])) for end in run)


def test_the_peak_of_a_block_may_be_short_and_unknown() -> None:
    values = np.array([1.0, 4.0, np.nan, np.nan, 2.0])
    assert block_peaks(values, 2).tolist() == [4.0, 0.0, 2.0]
    assert block_peaks(np.array([]), 24).tolist() == []
