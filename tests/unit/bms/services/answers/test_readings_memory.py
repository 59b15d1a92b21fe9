"""Readings from memory are those of the store."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from bms.model.readings.measurement import Reading
from bms.ports.storage.readings import ReadingStore
from bms.services.answers.readings_memory import RememberedReadings
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import HOUR, utc

START = utc(2019, 1, 1)


def test_parts_of_a_time_are_those_of_the_store() -> None:
    store = MemoryStore()
    store.add_readings(Reading("a/b", START + HOUR * i, float(i)) for i in range(200))
    remembered: ReadingStore = RememberedReadings(store)
    for first, last in ((50, 60), (0, 200), (199, 400), (-9, 3), (20, 20)):
        span = (START + first * HOUR, START + last * HOUR)
        for told, known in zip(
            remembered.good("a/b", *span), store.good("a/b", *span), strict=True
        ):
            np.testing.assert_array_equal(told, known)


def test_what_is_not_remembered_is_asked_for() -> None:
    store = MemoryStore()
    remembered = RememberedReadings(store)
    remembered.add_readings([Reading("a/b", START, 1.0)])
    (reading,) = remembered.readings("a/b", START, START + HOUR)
    assert remembered.latest(["a/b"]) == {"a/b": reading}
    series = remembered.series("a/b", START, START + timedelta(hours=2), HOUR)
    assert series.values[0] == 1.0
    assert remembered.good("a/b", START - timedelta(days=900), START)[0].size == 0
