"""Days that were closed and are listed nowhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bms.savings.trials.daily_values import learn_expectation
from bms.savings.trials.unlisted_closures import unlisted_closures
from tests.rigs.fakes.trial import AT, DAYS, a_record


def found(factor: np.ndarray, *, rest: bool = False) -> list[int]:
    """Places of the found days, from the start of the trial."""
    record = a_record()
    value = record.value.copy()
    value[AT : AT + DAYS] *= factor
    listed = record.rest | ((np.arange(len(value)) >= AT) & rest)
    changed = replace(record, value=value, rest=listed)
    days = unlisted_closures(changed, learn_expectation(changed, AT), AT, AT + DAYS)
    return [(day - record.first - timedelta(days=AT)).days for day in days]


def test_a_week_off_is_found_by_its_working_days() -> None:
    factor = np.ones(DAYS)
    factor[14:21] = 0.55
    places = found(factor)
    assert set(places) <= set(range(14, 21))
    assert len(places) == 5
    assert found(factor, rest=True) == []


@pytest.mark.parametrize("share", [1.0, 0.92])
def test_a_saving_is_no_closed_day(share: float) -> None:
    assert found(np.full(DAYS, share)) == []


def test_a_single_odd_day_is_none() -> None:
    factor = np.ones(DAYS)
    factor[15] = 0.3
    assert found(factor) == []
