"""What holds for every meter: the scan finds what was planted, and adjustments add up."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.model.savings.event import Decision
from bms.savings.claims.adjustment import adjust
from bms.savings.events.step_scan import best_step, fit_shapes
from tests.rigs.examples import examples
from tests.rigs.fakes.savings_entry import ENTRY, REPORTING, SAVINGS

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(60, 300), st.floats(0.3, 3.0), st.booleans(), st.floats(0.01, 100.0))
@settings(max_examples=examples(60), deadline=None)
def test_a_clear_step_is_found_on_its_day_whatever_its_unit(seed, at, size, down, unit):
    rng = np.random.default_rng(seed)
    shape = 0.5 + rng.random(365)
    planted = -size if down else size
    y = 0.02 * rng.normal(size=365) + shape * (0.2 + planted * (np.arange(365) >= at))
    found = best_step(unit * y, unit * shape, side=42, least=0.1, certain=4.0)
    assert found is not None
    assert abs(found.at - at) <= 1
    assert abs(found.size - planted) < 0.05 * size + 0.05
    assert found.t >= 4.0


@given(SEEDS, st.integers(1, 83))
@settings(max_examples=examples(40), deadline=None)
def test_too_few_days_have_no_step(seed, n):
    y = np.random.default_rng(seed).normal(size=n)
    assert best_step(y, np.ones(n), side=42, least=0.0, certain=0.0) is None


@given(SEEDS)
@settings(max_examples=examples(40), deadline=None)
def test_shapes_that_made_a_series_are_told_apart(seed):
    rng = np.random.default_rng(seed)
    shapes = np.column_stack([np.ones(200), np.arange(200) >= 90, np.arange(200) / 200.0])
    sizes = rng.normal(size=3)
    fit = fit_shapes(shapes @ sizes, shapes, 0.75)
    assert np.allclose(fit.size, sizes, atol=1e-6)


ENTRIES = st.lists(
    st.builds(
        lambda first, days, kwh, se, dismissed: replace(
            ENTRY,
            start=REPORTING.start + timedelta(days=first),
            end=REPORTING.start + timedelta(days=first + days),
            kwh_adjustment=0.0 if dismissed else kwh,
            kwh_se=0.0 if dismissed else se,
            decision=Decision.DISMISSED if dismissed else Decision.CONFIRMED,
        ),
        st.integers(-500, 400),
        st.integers(1, 400),
        st.floats(-1e6, 1e6),
        st.floats(0, 1e5),
        st.booleans(),
    ),
    max_size=5,
).map(lambda each: [replace(entry, id=f"e{i}") for i, entry in enumerate(each)])


@given(ENTRIES)
@settings(max_examples=examples(100), deadline=None)
def test_adjustments_add_up_and_never_narrow_the_interval(entries):
    found = adjust(SAVINGS, entries)
    parts = [adjust(SAVINGS, [entry]).adjustment_kwh for entry in entries]
    assert np.isclose(found.adjustment_kwh, sum(parts), atol=1e-6)
    assert np.isclose(found.saving_kwh - SAVINGS.saving_kwh, found.adjustment_kwh, atol=1e-6)
    width = found.saving_high_kwh - found.saving_low_kwh
    assert width >= SAVINGS.saving_high_kwh - SAVINGS.saving_low_kwh - 1e-9
    assert found.saving_low_kwh <= found.saving_kwh <= found.saving_high_kwh
