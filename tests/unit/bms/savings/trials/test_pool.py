"""Several buildings together: weights, scatter, and what agreeing ones tell."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import f, t

from bms.model.savings.trial_result import Bounds, Regression
from bms.savings.trials.effect import as_share
from bms.savings.trials.pool import (
    agreeing_confidence,
    common_effect,
    hartung_knapp,
    pooled_share,
    steadied,
)

RUNS = 400


def _covered(buildings: int, between: float, rng: np.random.Generator) -> float:
    """How many pools hold a true share of 8 %, of buildings whose savings differ by so many
    standard errors."""
    held = 0
    for _ in range(RUNS):
        values = 0.08 / 0.92 + 0.03 * np.hypot(1.0, between) * rng.normal(size=buildings)
        errors = 0.03 * np.sqrt(rng.chisquare(11.0, buildings) / 11.0)
        pool = pooled_share([Regression(v, s, 11.0) for v, s in zip(values, errors, strict=True)])
        held += pool is not None and pool.holds(0.08)
    return held / RUNS


class TestTogether:
    def test_unlike_buildings_by_hartung_and_knapp(self) -> None:
        """Two estimates far apart: the variance between them is theirs, Student's t has one degree
        of freedom."""
        found = hartung_knapp([Regression(-5.0, 0.1, 9.0), Regression(5.0, 0.1, 9.0)])
        assert found.value == pytest.approx(0.0)
        assert found.high == pytest.approx(t.ppf(0.95, 1) * np.sqrt(50.0 / 2), rel=1e-3)

    def test_alike_buildings_are_weighed_by_inverse_variance(self) -> None:
        found = [Regression(1.0, 1.0, 9.0), Regression(1.5, 0.5, 9.0)]
        weight = np.array([each.error**-2 for each in steadied(found)])
        mean = float(weight @ [1.0, 1.5]) / weight.sum()
        scatter = float(weight @ (np.array([1.0, 1.5]) - mean) ** 2)
        together = hartung_knapp(found)
        assert together.value == pytest.approx(mean)
        half = t.ppf(0.95, 1) * np.sqrt(scatter / weight.sum())
        assert together.high == pytest.approx(mean + half)

    def test_errors_by_few_days_are_pulled_towards_those_of_the_others(self) -> None:
        few, many = steadied([Regression(0.0, 1.0, 4.0), Regression(0.0, 3.0, 1e9)])
        assert few.error == pytest.approx(np.sqrt((4 * 1.0 + 4 * 5.0) / 8))
        assert many.error == pytest.approx(3.0)

    @pytest.mark.slow
    def test_five_unlike_buildings_are_covered(self) -> None:
        """With the weights as they are found 87 to 88 % were."""
        rng = np.random.default_rng(3)
        runs, held = 1500, 0
        for _ in range(runs):
            sd = 0.02 * rng.uniform(0.5, 2.0, 5)
            values = rng.normal(0.08, 0.033, 5) + rng.normal(0.0, sd)
            errors = sd * np.sqrt(rng.chisquare(9.0, 5) / 9.0)
            found = [Regression(v, s, 9.0) for v, s in zip(values, errors, strict=True)]
            held += hartung_knapp(found).holds(0.08)
        assert 0.88 <= held / runs <= 0.92

    def test_trials_of_one_building_are_weighed_by_inverse_variance(self) -> None:
        found = common_effect([Regression(1.0, 1.0, 9.0), Regression(1.5, 0.5, 8.0)])
        assert (found.value, found.freedom) == (pytest.approx((1.0 + 4 * 1.5) / 5), 17.0)
        assert found.error == pytest.approx(5**-0.5)

    def test_two_that_happen_to_agree_tell_no_more_than_their_own_errors(self) -> None:
        """By their scatter alone the interval would be a thousandth as wide."""
        found = [Regression(0.10, 0.05, 9.0), Regression(0.10001, 0.05, 9.0)]
        alone = hartung_knapp(found)
        assert alone.high is not None
        assert alone.high - alone.value < 1e-3
        half = t.ppf(0.5 + agreeing_confidence(2) / 2, 18) * 0.05 / np.sqrt(2.0)
        own = Bounds(alone.value, alone.value - half, alone.value + half)
        together, expected = pooled_share(found), as_share(own)
        assert together is not None
        assert (together.low, together.high) == pytest.approx(
            (expected.low, expected.high), abs=1e-5
        )

    def test_agreeing_is_to_scatter_less_than_two_of_three_alike_pools(self) -> None:
        """Two estimates of the error 1 apart by d scatter by d²/2, in F of 1 and 2 000 degrees."""
        limit = np.sqrt(2 * f.ppf(1 / 3, 1, 2000))
        for apart, by_scatter in ((0.99 * limit, False), (1.01 * limit, True)):
            found = [Regression(-0.05 * apart, 0.1, 1000.0), Regression(0.05 * apart, 0.1, 1000.0)]
            assert (pooled_share(found) == as_share(hartung_knapp(found))) is by_scatter

    def test_the_more_buildings_the_nearer_is_their_common_effect_to_what_is_claimed(self) -> None:
        found = [agreeing_confidence(buildings) for buildings in (2, 3, 5, 10, 30)]
        assert found == sorted(found)
        assert found[0] == pytest.approx(0.76, abs=0.005)
        assert 0.9 < found[-1] < 0.92

    @pytest.mark.slow
    @pytest.mark.parametrize("buildings", [2, 3, 5])
    def test_pools_are_covered_however_unlike_they_are(self, buildings: int) -> None:
        """With the interval that is never narrower than that of a common effect, two alike ones
        covered 97 %."""
        rng = np.random.default_rng((4, buildings))
        covered = [_covered(buildings, between, rng) for between in (0.0, 1.0, 4.0)]
        assert min(covered) >= 0.86
        assert max(covered) <= 0.95

    def test_of_unlike_ones_the_interval_is_that_of_their_scatter(self) -> None:
        found = [Regression(-0.5, 0.1, 9.0), Regression(0.5, 0.1, 9.0)]
        assert pooled_share(found) == as_share(hartung_knapp(found))

    def test_one_building_is_no_pool(self) -> None:
        assert pooled_share([Regression(1.0, 1.0, 9.0)]) is None
