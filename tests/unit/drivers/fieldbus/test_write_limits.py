"""Values are rounded to the resolution and kept within the limits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bms.model.assets.write_rule import Release, ReleaseKind, WriteRule
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import Fact, fact
from drivers.fieldbus.write_limits import clamp

RULE = WriteRule(minimum=15, maximum=23, release=Release(kind=ReleaseKind.NULL))


@pytest.mark.parametrize(
    ("requested", "resolution", "value", "limit"),
    [
        (20.04, 0.1, 20.0, None),
        (20.06, 0.1, 20.1, None),
        (20.3, 0.5, 20.5, None),
        (22.9, 0.7, 23.0, None),  # the nearest step, 23.1, would leave the limits
        (23.01, 0.1, 23.0, fact(ReceiptReason.AT_MAXIMUM, limit=23)),
        (-5.0, 0.1, 15.0, fact(ReceiptReason.AT_MINIMUM, limit=15)),
    ],
)
def test_a_value_is_clamped_and_rounded(
    requested: float, resolution: float, value: float, limit: Fact | None
) -> None:
    clamped = clamp(replace(RULE, resolution=resolution), requested)
    assert (clamped.value, clamped.limit) == (value, limit)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.1, 0.25, 0.5, 1.0]))
def test_what_is_written_lies_within_the_limits(requested: float, resolution: float) -> None:
    assert 15 <= clamp(replace(RULE, resolution=resolution), requested).value <= 23
