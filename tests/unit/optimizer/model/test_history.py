"""Gaps and stuck sensors of the measured past, against a look at one step after the other."""

from __future__ import annotations

import numpy as np
import pytest

from bms.model.readings.series import Floats
from optimizer.model.history import STUCK_H, fill_forward, without_stuck_values

STEP_H = 0.25
NAN = np.nan


def filled_step_by_step(values: Floats, longest: int) -> Floats:
    rows = np.atleast_2d(values).copy()
    for row in rows:
        gap = 0
        for i in range(1, len(row)):
            gap = gap + 1 if np.isnan(row[i]) else 0
            if 0 < gap <= longest:
                row[i] = row[i - 1]
    return rows.reshape(values.shape)


def freed_run_by_run(values: Floats) -> Floats:
    result, first = values.copy(), 0
    for i in range(1, len(values) + 1):
        if i == len(values) or values[i] != values[first]:
            if (i - first) * STEP_H >= STUCK_H:
                result[first + 1 : i] = NAN
            first = i
    return result


def test_a_short_gap_holds_the_last_value_and_a_long_one_ends() -> None:
    filled = fill_forward(np.array([NAN, 1.0, NAN, NAN, NAN, 4.0]), 2)
    np.testing.assert_array_equal(filled, [NAN, 1.0, 1.0, 1.0, NAN, 4.0])


@pytest.mark.parametrize("shape", [(0,), (1,), (60,), (4, 60), (0, 60)])
@pytest.mark.parametrize("longest", [0, 1, 4, 100])
def test_gaps_are_filled_as_step_by_step(shape: tuple[int, ...], longest: int) -> None:
    for seed in range(20):
        random = np.random.default_rng(seed)
        values = random.normal(20.0, 5.0, shape)
        values[random.random(shape) < 0.6] = NAN
        values[random.random(shape) < 0.05] = np.inf
        np.testing.assert_array_equal(
            fill_forward(values, longest), filled_step_by_step(values, longest)
        )


def test_stuck_values_are_found_as_run_by_run() -> None:
    stuck = round(STUCK_H / STEP_H)
    for seed in range(30):
        random = np.random.default_rng(seed)
        lengths = random.choice([1, 2, stuck - 1, stuck, stuck + 1], 12)
        values = np.repeat(random.choice([20.0, 20.5, 21.0, NAN], 12), lengths)
        found = without_stuck_values(values, STEP_H)
        np.testing.assert_array_equal(found, freed_run_by_run(values))
    assert np.isnan(without_stuck_values(np.full(stuck, 20.0), STEP_H)).sum() == stuck - 1
