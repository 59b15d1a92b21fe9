"""The plausible range of a point: its limits belong to it; one that is not declared is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.model.readings.measurement import Quality, Reading
from bms.services.collect.plausibility import plausible
from tests.rigs.fakes.city import lodge, utc

POINT = next(point for point in lodge().points if point.id == "lodge/hall.temp")
NOON = utc(2019, 1, 14, 12)


@pytest.mark.parametrize(
    ("low", "high", "value", "kept"),
    [
        (-20.0, 50.0, -20.0, True),
        (-20.0, 50.0, 50.0, True),
        (-20.0, 50.0, -20.1, False),
        (-20.0, 50.0, 50.1, False),
        (None, 50.0, -1e9, True),
        (-20.0, None, 1e9, True),
        (None, None, 1e9, True),
    ],
)
def test_the_limits_are_plausible_and_what_is_beyond_them_is_not(
    low: float | None, high: float | None, value: float, kept: bool
) -> None:
    given = Reading(POINT.id, NOON, value, Quality.UNCERTAIN, NOON, "its clock is off")
    found = plausible(replace(POINT, low=low, high=high), given)
    if kept:
        assert found is given
    else:
        assert (found.value, found.quality) == (None, Quality.OUT_OF_RANGE)
        assert (found.time, found.received) == (NOON, NOON)
        assert f"{value} degC lies outside" in str(found.detail)


def test_a_gap_stays_what_it_was() -> None:
    gap = Reading(POINT.id, NOON, None, Quality.NO_REPLY, NOON, "it did not answer")
    assert plausible(replace(POINT, low=0.0, high=1.0), gap) is gap
