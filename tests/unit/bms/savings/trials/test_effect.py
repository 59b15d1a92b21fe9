"""The estimate: by hand where that can be done, by brute force elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from bms.model.savings.trial_result import Bounds
from bms.savings.trials.effect import (
    ObservedDays,
    Scores,
    absolute_effect,
    as_share,
    block_errors,
    by_randomisation,
    by_regression,
    carry_over_p,
    hull,
    interval_of,
    p_value,
    relative_effect,
    scores,
)

RNG = np.random.default_rng(5)
BLOCKS = np.repeat(np.arange(10), 2)
MADE = np.array([True, False] * 5)
DRAWS = np.array([RNG.permutation(MADE) for _ in range(199)])


def seen(value: np.ndarray, rho: float = 0.0, covariates: np.ndarray | None = None) -> ObservedDays:
    x = np.ones((len(value), 1)) if covariates is None else covariates
    return ObservedDays.of(np.arange(len(value)), BLOCKS, value, x, rho)


class TestTheEstimate:
    def test_without_noise_to_model_it_is_the_difference_of_the_means(self) -> None:
        value = RNG.normal(100, 5, 20)
        watched = seen(value)
        found = scores(watched, absolute_effect(watched, MADE), MADE, DRAWS)
        ours = MADE[BLOCKS]
        assert found.estimate == pytest.approx(value[~ours].mean() - value[ours].mean())

    def test_it_is_the_coefficient_of_generalised_least_squares(self) -> None:
        value, x = RNG.normal(100, 5, 20), np.column_stack((np.ones(20), RNG.normal(0, 1, 20)))
        watched = seen(value, 0.5, x)
        all_x = np.column_stack((x, MADE[BLOCKS]))
        day = np.arange(20)
        inverse = np.linalg.inv(0.5 ** np.abs(day[:, None] - day[None, :]))
        beta = np.linalg.solve(all_x.T @ inverse @ all_x, all_x.T @ inverse @ value)
        found = scores(watched, absolute_effect(watched, MADE), MADE, DRAWS)
        assert found.estimate == pytest.approx(-beta[-1])

    def test_a_share_of_an_exact_building_is_exact(self) -> None:
        expected = RNG.uniform(50, 150, 20)
        value = expected * np.where(MADE[BLOCKS], 0.92, 1.0)
        watched = seen(value, 0.3, np.column_stack((np.ones(20), expected)))
        found = scores(watched, relative_effect(watched, MADE), MADE, DRAWS)
        assert found.estimate is not None
        assert as_share(Bounds(found.estimate, None, None)).value == pytest.approx(0.08)

    def test_an_arm_that_cannot_be_told_from_the_covariates_tells_nothing(self) -> None:
        x = np.column_stack((np.ones(20), MADE[BLOCKS].astype(float)))
        watched = seen(RNG.normal(0, 1, 20), 0.0, x)
        effect = absolute_effect(watched, MADE)
        assert (
            by_regression(watched, effect, block_errors(watched, absolute_effect(watched, MADE)))
            is None
        )


class TestByLot:
    def test_its_ends_are_where_the_test_refuses(self) -> None:
        watched = seen(RNG.normal(100, 5, 20) - 4.0 * MADE[BLOCKS], 0.4)
        found = scores(watched, absolute_effect(watched, MADE), MADE, DRAWS)
        interval = by_randomisation(found)
        assert interval.low is not None
        assert interval.high is not None
        for end, outside in ((interval.low, -1e-6), (interval.high, 1e-6)):
            assert p_value(found, end + outside) <= 0.10
            assert p_value(found, end - outside) > 0.10

    def test_it_is_that_of_trying_many_effects(self) -> None:
        watched = seen(RNG.normal(100, 5, 20), 0.4)
        found = scores(watched, relative_effect(watched, MADE), MADE, DRAWS)
        tried = np.linspace(-0.5, 0.5, 4001)
        kept = [theta for theta in tried if p_value(found, theta) > 0.10]
        interval = by_randomisation(found)
        assert interval.low == pytest.approx(min(kept), abs=3e-4)
        assert interval.high == pytest.approx(max(kept), abs=3e-4)

    def test_the_arms_exchanged_are_as_extreme_however_large_the_effect(self) -> None:
        """Their score is that of the draw that was made, but for its sign and for rounding: an
        interval that went by the rounding would be one draw too narrow."""
        turned = np.nextafter(2.5, 0.0)
        draws = np.array([0.5, -1.0, 2.0, -4.0, 8.0, 1.5, -0.5, 3.0])
        found = Scores(4.0, 2.5, np.array([-4.0, *draws]), np.array([-turned, *np.zeros(8)]))
        ends = by_randomisation(found, confidence=0.6)

        assert (ends.low, ends.high) == (-2.8, -0.4)
        for theta in (-3.6, -2.9, -2.7, -1.0, -0.5, -0.3, 0.1):
            assert ends.holds(theta) == (p_value(found, theta) > 0.4)

    def test_too_few_draws_bound_nothing(self) -> None:
        few = Scores(1.0, 1.0, np.zeros(5), np.zeros(5))
        assert by_randomisation(few) == Bounds(-1.0, None, None)

    def test_the_p_value_counts_the_draw_that_was_made(self) -> None:
        found = Scores(3.0, 1.0, np.array([1.0, -4.0, 2.0]), np.zeros(3))
        assert p_value(found) == pytest.approx(2 / 4)


class TestByRegression:
    def test_of_balanced_blocks_without_covariates_it_is_the_t_test_of_block_means(self) -> None:
        """CR2 with Satterthwaite's degrees of freedom is then Welch's, by hand: ten blocks."""
        watched = seen(RNG.normal(100, 5, 20))
        means = watched.value.reshape(10, 2).mean(axis=1)
        ours, theirs = means[MADE], means[~MADE]
        variance = ours.var(ddof=1) / 5 + theirs.var(ddof=1) / 5
        found = by_regression(
            watched,
            absolute_effect(watched, MADE),
            block_errors(watched, absolute_effect(watched, MADE)),
        )
        assert found is not None
        assert found.value == pytest.approx(theirs.mean() - ours.mean())
        assert found.error == pytest.approx(np.sqrt(variance))
        assert found.freedom == pytest.approx(8.0)
        ends = interval_of(found)
        assert ends.low == pytest.approx(found.value - t.ppf(0.95, 8) * found.error)

    def test_few_blocks_have_fewer_degrees_of_freedom_than_blocks_less_two(self) -> None:
        x = np.column_stack((np.ones(20), RNG.normal(0, 1, 20), np.arange(20) / 20.0))
        watched = seen(RNG.normal(100, 5, 20), 0.5, x)
        found = by_regression(
            watched,
            absolute_effect(watched, MADE),
            block_errors(watched, absolute_effect(watched, MADE)),
        )
        assert found is not None
        assert 2.0 < found.freedom < 8.0


class TestCarryOver:
    def test_a_switch_that_acts_late_is_found(self) -> None:
        """Half of the effect is missing on the first day of a block after a switch."""
        first = np.tile([True, False], 10)
        before = np.concatenate((MADE[:1], MADE[:-1]))[BLOCKS]
        felt = np.where(first, 0.5 * MADE[BLOCKS] + 0.5 * before, MADE[BLOCKS])
        noise = np.random.default_rng(2).normal(0, 0.3, 20)
        late = carry_over_p(seen(100 - 10 * felt + noise), MADE)
        none = carry_over_p(seen(100 - 10 * MADE[BLOCKS] + noise), MADE)
        assert late is not None
        assert none is not None
        assert late < 0.01
        assert none > 0.05

    def test_one_day_of_each_block_tells_nothing(self) -> None:
        watched = ObservedDays.of(
            np.arange(10), np.arange(10), RNG.normal(0, 1, 10), np.ones((10, 1)), 0.0
        )
        assert carry_over_p(watched, MADE) is None


class TestHull:
    def test_both_have_to_agree(self) -> None:
        assert hull(Bounds(2, 1, 3), Bounds(2.1, 0.5, 2.8)) == Bounds(2, 0.5, 3)
        assert hull(Bounds(2, 1, None), Bounds(2, 1.5, 9)) == Bounds(2, 1, None)
