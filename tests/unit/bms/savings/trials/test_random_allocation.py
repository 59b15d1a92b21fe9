"""The lot: half of the blocks each, balanced, the same for the same seed."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest

from bms.savings.trials.random_allocation import (
    TooFewBlocks,
    allocate,
    imbalance,
    layout,
    possible_allocations,
)

DAYS = 56
TEMP = [5.0 + 6.0 * np.sin(i / 3.0) + 0.1 * i for i in range(DAYS)]
REST = [i % 7 >= 5 for i in range(DAYS)]


def plan(block_days: int = 3, washout_days: int = 1, days: int = DAYS):
    return layout(TEMP[:days], REST[:days], block_days, washout_days)


class TestALayout:
    def test_the_first_days_of_every_block_are_washed_out(self) -> None:
        made = plan(4, 2, 24)
        assert made.blocks == 6
        assert made.used.tolist() == [False, False, True, True] * 6
        assert made.block_of.tolist() == [i // 4 for i in range(24)]

    def test_too_few_blocks_tell_nothing(self) -> None:
        with pytest.raises(TooFewBlocks, match="14 days give 4 blocks of 3 days; at least 6"):
            plan(3, 1, 14)


class TestADraw:
    def test_each_arm_gets_half_of_the_blocks(self) -> None:
        assert allocate(plan(), 3).optimised.sum() == 9

    def test_of_an_odd_number_either_arm_may_get_one_more(self) -> None:
        counts = {int(allocate(plan(5, 1), seed).optimised.sum()) for seed in range(30)}
        assert counts == {5, 6}

    def test_the_same_seed_draws_the_same(self) -> None:
        one, same, other = (allocate(plan(), seed) for seed in (3, 3, 4))
        assert one.optimised.tolist() == same.optimised.tolist()
        assert one.optimised.tolist() != other.optimised.tolist()

    def test_every_block_is_ours_as_often_as_not(self) -> None:
        made = plan()
        share = possible_allocations(made, allocate(made, 1).limit, 1, 4000).mean(axis=0)
        assert np.abs(share - 0.5).max() < 0.04

    def test_it_is_among_the_best_tenth(self) -> None:
        made = plan()
        lot = allocate(made, 5)
        assert lot.imbalance <= lot.limit
        anything = np.array([draw_at_random(made.blocks, seed) for seed in range(2000)])
        assert np.mean(imbalance(made, anything) <= lot.limit) == pytest.approx(0.1, abs=0.02)

    def test_few_blocks_leave_all_draws_so_that_luck_can_be_told(self) -> None:
        made = plan(7, 1)
        lot = allocate(made, 1)
        different = {tuple(row) for row in possible_allocations(made, lot.limit, 1, 5000).tolist()}
        assert len(different) == comb(8, 4)

    @pytest.mark.slow
    def test_a_limit_that_no_draw_keeps_ends(self) -> None:
        with pytest.raises(ValueError, match="record is not whole"):
            possible_allocations(plan(), -1.0, 1, 10)


class TestImbalance:
    def test_it_is_the_mahalanobis_distance_of_the_means(self) -> None:
        made = plan(4, 1, 24)
        lot = np.array([True, False, True, True, False, False])
        ours = lot[made.block_of]
        used = made.traits[made.used]
        apart = made.traits[made.used & ours].mean(axis=0) - made.traits[made.used & ~ours].mean(
            axis=0
        )
        by_hand = apart @ np.linalg.inv(np.cov(used.T, bias=True)) @ apart
        assert imbalance(made, lot[None, :])[0] == pytest.approx(by_hand)

    def test_arms_in_exchange_are_as_balanced(self) -> None:
        made = plan(4, 1, 24)
        all_draws = np.array([row for row in product([False, True], repeat=6) if sum(row) == 3])
        assert np.allclose(imbalance(made, all_draws), imbalance(made, ~all_draws))

    def test_a_week_without_rest_days_is_no_division_by_zero(self) -> None:
        made = layout(TEMP[:18], [False] * 18, 3, 1)
        assert np.isfinite(allocate(made, 1).imbalance)


def draw_at_random(blocks: int, seed: int) -> list[bool]:
    ranks = np.random.default_rng(seed).permutation(blocks)
    return (ranks < blocks // 2).tolist()
