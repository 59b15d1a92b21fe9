"""Whatever a meter sends: an answer, never an exception, never a NaN."""

from __future__ import annotations

import math
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Savings, Span
from bms.model.savings.objection import Verdict
from bms.savings.claims.aggregate import combine_meters
from bms.savings.claims.meter_savings import assess_meter
from tests.rigs.assessment import asked
from tests.rigs.examples import examples

START = datetime(2018, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BASELINE_DAYS, REPORTING_DAYS = 120, 14

anything = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(-100.0, 1000.0),
    st.sampled_from([0.0, math.nan, 1.0, -1.0, 1e308, 5e-324]),
)
days_of_values = st.lists(anything, min_size=1, max_size=40)


def series(pattern: list[float], seed: int, noise: float) -> Series:
    """The pattern, one value per day, over and over, with hourly noise."""
    days = np.resize(np.array(pattern, dtype=float), BASELINE_DAYS + REPORTING_DAYS + 1)
    rough = np.random.default_rng(seed).normal(0.0, noise, 24 * len(days))
    return Series(START, HOUR, np.repeat(days, 24) + rough)


def assess(use: Series, temp: Series, commodity: Commodity = Commodity.ELECTRICITY) -> Savings:
    middle = START + BASELINE_DAYS * DAY
    return assess_meter(
        use,
        temp,
        meter_id="m",
        commodity=commodity,
        **asked(
            baseline=Span(start=START, end=middle),
            reporting=Span(start=middle, end=middle + REPORTING_DAYS * DAY),
            timezone="Europe/Copenhagen",
        ),
    )


@settings(max_examples=examples(60), deadline=None)
@given(
    days_of_values,
    days_of_values,
    st.integers(0, 9),
    st.sampled_from([0.0, 1.0]),
    st.sampled_from(list(Commodity)),
)
@example([0.0], [5.5e304], 0, 0.0, Commodity.HEAT)  # whose sum is more than a float holds
@example([5.631870723252869e304], [0.0], 0, 0.0, Commodity.ELECTRICITY)
def test_always_an_answer_without_nan(use, temp, seed, noise, commodity):
    result = assess(series(use, seed, noise), series(temp, seed + 1, noise), commodity)
    for each in fields(result):
        value = getattr(result, each.name)
        assert not isinstance(value, float) or math.isfinite(value), each.name
    if result.saving_kwh is None:
        assert result.verdict is Verdict.NOT_CLAIMABLE
        assert result.reasons
    else:
        assert result.saving_low_kwh <= result.saving_kwh <= result.saving_high_kwh
    assert combine_meters("site", [result]).saving_kwh == result.saving_kwh


@settings(max_examples=examples(30), deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.001, 0.5, 1000.0]))
def test_another_unit_says_the_same(seed, factor):
    rng = np.random.default_rng(seed)
    temp = series(list(rng.normal(4.0, 5.0, 40)), seed, 0.0)
    use = Series(
        START,
        HOUR,
        50.0 + 3.0 * np.maximum(15.0 - temp.values, 0) + rng.normal(0, 5, len(temp)).clip(-20),
    )
    scaled = Series(START, HOUR, use.values * factor)
    one, other = assess(use, temp), assess(scaled, temp)
    assert other.model == one.model
    assert math.isclose(
        other.saving_kwh, one.saving_kwh * factor, rel_tol=1e-6, abs_tol=1e-6 * factor
    )
    assert math.isclose(
        other.saving_high_kwh, one.saving_high_kwh * factor, rel_tol=1e-6, abs_tol=1e-6 * factor
    )
