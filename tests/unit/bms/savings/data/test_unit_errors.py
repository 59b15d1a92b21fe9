"""Slips of the meter, on real meters: what is planted is found, what is clean stays."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bms.model.readings.series import Series
from bms.model.savings.avoided_use import Span
from bms.savings.data.findings import gaps
from bms.savings.data.unit_errors import repeated_values, unit_errors
from tests.rigs.real_meters import METER_IDS, meters

CLEAN = METER_IDS
"""Looked through by eye: no slip of units in any of them."""
YEAR = 8760


def values(meter):
    return np.array(meters()[meter].values)


@pytest.mark.parametrize("meter", CLEAN)
def test_clean_meters_raise_no_flag(meter):
    assert not unit_errors(values(meter), 24).any()
    assert not repeated_values(values(meter), 24).any()


@pytest.mark.parametrize("meter", CLEAN)
def test_spikes_are_found_and_nothing_else(meter):
    clean, rng = values(meter), np.random.default_rng(5)
    at = rng.choice(np.arange(YEAR, 2 * YEAR), 30, replace=False)
    dirty = clean.copy()
    dirty[at] *= 1000.0
    found = unit_errors(dirty, 24)
    assert set(np.flatnonzero(found)) <= set(at)
    left = np.where(found, 0.0, dirty).sum() - np.where(found, 0.0, clean).sum()
    assert left < 0.01 * np.nansum(clean[YEAR:])  # what a summer night hides


@pytest.mark.parametrize("factor", [1000.0, 0.001])
@pytest.mark.parametrize("meter", CLEAN)
def test_a_month_in_the_wrong_unit_is_found(meter, factor):
    dirty = values(meter)
    part = slice(YEAR + 24 * 30, YEAR + 24 * 75)
    dirty[part] *= factor
    found = unit_errors(dirty, 24)
    known = np.isfinite(dirty[part]) & (dirty[part] > 0)
    assert found[part][known].mean() > 0.9
    assert found.sum() - found[part].sum() <= 6 * 24


@pytest.mark.parametrize("days", [4, 7, 21])
@pytest.mark.parametrize("meter", CLEAN)
def test_a_register_that_sticks_is_found(meter, days):
    dirty = values(meter)
    at = YEAR + int(np.flatnonzero(dirty[YEAR + 500 :] > 0)[0]) + 500
    dirty[at : at + 24 * days] = dirty[at]
    found = repeated_values(dirty, 24)
    assert found[at : at + 24 * days].all()


def test_daily_values_spread_over_their_hours_do_not_stick():
    days = np.random.default_rng(2).normal(100.0, 20.0, 700)
    assert not repeated_values(np.repeat(days / 24.0, 24), 24).any()


def test_short_and_empty_series_are_no_trouble():
    for odd in (np.array([]), np.full(5, np.nan), np.zeros(50), np.ones(3)):
        assert not unit_errors(odd, 24).any()
        assert not repeated_values(odd, 24).any()


def test_gaps_are_told_with_their_hours_and_ends():
    start = datetime(2019, 1, 1, tzinfo=UTC)
    use = np.ones(24 * 30)
    use[24 * 5 : 24 * 19] = np.nan
    use[24 * 25 : 24 * 27] = np.nan  # two days: not long
    series = Series(start, timedelta(hours=1), use)
    span = Span(start=start, end=start + timedelta(days=40))
    inside, late = gaps(series, span)
    assert (inside.code, inside.lasted_h) == ("gap", 336.0)
    assert inside.start == start + timedelta(days=5)
    assert (late.lasted_h, late.end) == (240.0, span.end)
