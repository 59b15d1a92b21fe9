"""What a point shows now, for those who plan with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bms.model.readings.measurement import Quality, Reading
from bms.services.points_by_role import value_now
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.safety import NOW, NULL, hut

POINT = next(point for point in hut().points if point.id == NULL)


@pytest.mark.parametrize("quality", list(Quality))
def test_law5_only_a_good_value_is_decided_on(quality: Quality) -> None:
    store = MemoryStore()
    value = 20.0 if quality.has_value else None
    store.add_readings([Reading(NULL, NOW, value, quality)])
    assert value_now(store, POINT, NOW) == (20.0 if quality is Quality.GOOD else None)


def test_an_old_value_is_no_present() -> None:
    store = MemoryStore()
    store.add_readings([Reading(NULL, NOW - timedelta(minutes=16), 20.0)])
    assert value_now(store, POINT, NOW) is None
