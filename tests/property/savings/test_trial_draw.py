"""The randomisation test holds what it promises, whatever the building does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bms.model.savings.trial import KeptTrial, Trial
from bms.savings.trials.effect import (
    ObservedDays,
    absolute_effect,
    by_randomisation,
    p_value,
    scores,
)
from bms.savings.trials.random_allocation import (
    allocate,
    arms_of,
    imbalance,
    layout,
    possible_allocations,
)
from bms.services.control.trial_block import next_own_control, trial_block_at
from tests.rigs.examples import examples
from tests.rigs.fakes.trial import FIRST, a_trial

DAYS = 48
WEEK = [i % 7 >= 5 for i in range(DAYS)]


@settings(max_examples=examples(15), deadline=None)
@given(
    st.lists(st.floats(-20, 30), min_size=DAYS, max_size=DAYS),
    st.integers(0, 2**31),
    st.sampled_from([(2, 0), (3, 1), (4, 1), (6, 2)]),
)
def test_every_draw_is_a_half_and_balanced(
    temp: list[float], seed: int, shape: tuple[int, int]
) -> None:
    plan = layout(temp, WEEK, *shape)
    lot = allocate(plan, seed)
    draws = possible_allocations(plan, lot.limit, seed, 300)
    assert (draws.sum(axis=1) == plan.blocks // 2).all() or plan.blocks % 2
    assert (imbalance(plan, draws) <= lot.limit).all()
    assert lot.imbalance <= lot.limit
    assert len(arms_of(lot)) == plan.blocks


@pytest.mark.slow
@settings(max_examples=examples(8), deadline=None)
@given(st.integers(0, 10_000), st.floats(-30, 30), st.sampled_from(["spikes", "trend", "steps"]))
@example(806, 0.0, "spikes")  # the arms exchanged have the same score, but for rounding
def test_a_true_effect_is_outside_for_one_draw_of_ten_at_most(
    seed: int, effect: float, kind: str
) -> None:
    """Exact for any data: of all draws that might have been made, the share whose interval misses
    the effect is at most 10 %."""
    rng = np.random.default_rng(seed)
    own = {
        "spikes": rng.standard_cauchy(DAYS),
        "trend": 0.3 * np.arange(DAYS) + rng.normal(0, 1, DAYS),
        "steps": 5.0 * (np.arange(DAYS) > 20) + rng.normal(0, 1, DAYS),
    }[kind]
    plan = layout(rng.normal(5, 5, DAYS).tolist(), WEEK, 4, 1)
    all_draws = np.unique(possible_allocations(plan, allocate(plan, seed).limit, seed, 400), axis=0)
    days = np.flatnonzero(plan.used)
    covariates = np.column_stack((np.ones(len(days)), plan.traits[days, 0]))
    misses = 0
    for i, made in enumerate(all_draws):
        value = own[days] - effect * made[plan.block_of[days]]
        seen = ObservedDays.of(days, plan.block_of[days], value, covariates, 0.5)
        rest = np.delete(all_draws, i, axis=0)
        found = scores(seen, absolute_effect(seen, made), made, rest)
        inside = by_randomisation(found).holds(effect)
        misses += not inside
        assert inside == (p_value(found, effect) > 0.10)
    assert misses / len(all_draws) <= 0.10


@given(st.integers(-5, 20), st.integers(0, 86_399))
def test_the_block_that_is_on_is_that_of_the_day(day: int, second: int) -> None:
    trial: Trial = a_trial()
    at = trial.start.timestamp() + day * 86_400 + second
    moment = type(trial.start).fromtimestamp(at, trial.start.tzinfo)
    kept = [KeptTrial(trial=trial)]
    block = trial_block_at(kept, moment)
    if not 0 <= day < trial.days:
        assert block is None
        return
    assert block is not None
    assert block.arm is trial.arms[day // trial.block_days]
    assert trial.block_start(block.block) <= moment < block.until
    rest = next_own_control(kept, moment)
    assert rest is None or rest > moment
    assert trial.first == FIRST
