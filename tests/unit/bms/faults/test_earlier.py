"""What earlier days were like is what numpy says of each window, without the guarded days."""

from __future__ import annotations

import numpy as np

from bms.faults.earlier import earlier, middle


def test_each_day_has_the_median_deviation_and_high_of_its_window() -> None:
    rng = np.random.default_rng(1)
    values = np.where(rng.random(200) < 0.1, np.nan, rng.normal(10.0, 2.0, 200))
    told = earlier(values, history=50, guard=10, fewest=12, every=1)
    past = values[100 - 10 - 50 : 100 - 10]
    known = past[np.isfinite(past)]
    assert np.isclose(told.median[100], np.median(known))
    assert np.isclose(told.deviation[100], 1.4826 * np.median(np.abs(known - np.median(known))))
    assert np.isclose(told.high[100], np.percentile(known, 95.0))


def test_nothing_is_told_of_too_short_a_past() -> None:
    told = earlier(np.arange(30.0), history=20, guard=5, fewest=10, every=7)
    assert np.isnan(told.median[:15]).all()
    assert np.isfinite(told.median[15:]).all()
    assert np.isnan(earlier(np.arange(9.0), history=20, guard=5, fewest=10).median).all()


def test_the_middle_is_the_median() -> None:
    assert middle(np.array([3.0, 1.0, 2.0])) == 2.0
    assert middle(np.array([4.0, 1.0, 2.0, 3.0])) == 2.5
