"""The cells of ``bms bench trials``, a few runs of each kind."""

from __future__ import annotations

import numpy as np
import pytest

from bms.bench.savings.trial_cells import (
    A_A,
    CELLS,
    POWERED,
    SHOPPED,
    covered,
    false_findings,
    shopped_draws,
)
from bms.bench.savings.trial_generator import BuildingKind, exposure

RUNS = 60


def test_one_factor_at_a_time_in_at_most_40_cells() -> None:
    assert len(CELLS) + len(A_A) + len(POWERED) + 3 <= 40
    assert len({cell.name for cell in CELLS}) == len(CELLS)


def test_the_base_cell_is_covered() -> None:
    coverages: list[float] = []
    figures = covered(CELLS[0], RUNS, np.random.default_rng(1), coverages)
    assert len(coverages) == 2
    assert all(figure.value >= 78.0 for figure in figures)


def test_where_nothing_was_switched_little_is_found() -> None:
    (figure,) = false_findings(A_A[-1], RUNS, np.random.default_rng(1))
    assert figure.value <= 20.0


def test_whoever_withdraws_until_a_draw_pleases_finds_little_more() -> None:
    assert shopped_draws(SHOPPED, RUNS, np.random.default_rng(1)).value <= 15.0


def test_pools_are_measured_as_they_are_claimed() -> None:
    coverages: list[float] = []
    figures = covered(CELLS[18], 20, np.random.default_rng(1), coverages)
    assert [each.name for each in figures] == ["2 buildings alike: pool"]
    assert len(coverages) == 1


def test_a_memory_is_felt_over_days() -> None:
    ours = np.array([True, True, False, False])
    assert exposure(BuildingKind(memory=0.5), ours).tolist() == [0.5, 0.75, 0.375, 0.1875]
    assert exposure(BuildingKind(carried=0.2), ours).tolist() == pytest.approx([0.8, 1.0, 0.2, 0.0])
