"""Changes of value: kept in small batches, taken up again after a failure, ended cleanly."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from bms.errors import StoreUnavailable
from bms.model.readings.measurement import Ingested, Quality, Reading
from bms.services.collect.change_of_value import (
    BATCH,
    MOST_OF_POINT,
    WAITING,
    Keeping,
    told,
    watching,
)
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import lodge
from tests.rigs.fakes.drivers import FakeDevice, FakeDrivers
from tests.rigs.fakes.watched import NOW, TEMP, Telling, until, watched_lodge


class Counting(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.away = False

    def add_readings(self, readings, *, durable: bool = False) -> Ingested:
        if self.away:
            raise StoreUnavailable("the database was taken away")
        batch = list(readings)
        self.batches.append(len(batch))
        return super().add_readings(batch, durable=durable)


def listen(device: FakeDevice, store: MemoryStore, every_s: float = 0.01, *names: str):
    drivers = FakeDrivers({"lodge/rooms": device})
    site = watched_lodge(*(names or (TEMP,)))
    return watching([site], drivers=drivers, every_s=every_s, first_s=0.001, readings=store)


def test_only_points_that_ask_for_it_are_told() -> None:
    assert told(lodge()) == []
    [(device, points)] = told(watched_lodge(TEMP, "lodge/hall.valve"))
    assert device.id == "lodge/rooms"
    assert [p.id for p in points] == [TEMP, "lodge/hall.valve"]


async def test_changes_reach_the_store_without_waiting_for_a_poll() -> None:
    device, store = Telling(), MemoryStore()
    async with listen(device, store):
        await until(lambda: device.tell)
        device.says(20.5)
        await until(lambda: store.latest([TEMP]))
        assert store.latest([TEMP])[TEMP].value == 20.5
    assert device.ended == 1


async def test_a_full_batch_does_not_wait_for_its_time() -> None:
    device, store = Telling(), Counting()
    async with listen(device, store, 3600.0):
        await until(lambda: device.tell)
        for second in range(BATCH):
            device.says(20.0, second)
        await until(lambda: store.batches)
        assert store.batches == [BATCH]


async def test_what_has_come_is_stored_at_the_end() -> None:
    device, store = Telling(), Counting()
    async with listen(device, store, 3600.0):
        await until(lambda: device.tell)
        device.says(20.5)
        assert store.batches == []
    assert store.batches == [1]


async def test_a_value_that_is_not_plausible_is_kept_out() -> None:
    device, store = Telling(), MemoryStore()
    async with listen(device, store):
        await until(lambda: device.tell)
        device.says(99.0)
    assert store.latest([TEMP])[TEMP].quality is Quality.OUT_OF_RANGE


async def test_while_the_database_is_away_changes_wait_and_that_is_said_once(caplog) -> None:
    device, store = Telling(), Counting()
    store.away = True
    async with listen(device, store):
        await until(lambda: device.tell)
        device.says(20.5)
        await until(lambda: "wait for the database" in caplog.text)
        device.says(20.6, 1)
        await asyncio.sleep(0.05)
        store.away = False
        await until(lambda: store.batches)
    assert [r.value for r in store.readings(TEMP, NOW, NOW + timedelta(minutes=1))] == [20.5, 20.6]
    assert caplog.text.count("wait for the database") == 1


async def test_what_found_no_room_is_counted_and_said(caplog) -> None:
    store = Counting()
    store.away = True
    keeping = Keeping(store, 1.0, room=3)
    for second in range(5):
        keeping.take(Reading(TEMP, NOW + timedelta(seconds=second), float(second)))
    await keeping.flush()
    store.away = False
    await keeping.flush()
    await keeping.flush()
    assert store.batches == [3]
    assert caplog.text.count("2 changes of value were lost") == 1


async def test_a_device_that_tells_without_end_crowds_out_nobody() -> None:
    store = Counting()
    keeping = Keeping(store, 1.0)
    keeping.take(Reading(TEMP, NOW, 20.5))
    flood = Reading("lodge/flood", NOW, 1.0)
    for _ in range(WAITING + 1):
        keeping.take(flood)
    await keeping.flush()
    assert store.batches == [1 + MOST_OF_POINT]
    assert store.latest([TEMP])[TEMP].value == 20.5


async def test_a_watch_that_fails_is_said_once_and_taken_up_again(caplog) -> None:
    failures = [RuntimeError("division by zero"), RuntimeError("again"), RuntimeError("again")]
    device, store = Telling(failures), MemoryStore()
    caplog.set_level(logging.WARNING)
    async with listen(device, store):
        await until(lambda: device.tell)
        device.says(20.5)
        await until(lambda: store.latest([TEMP]))
    assert device.watches == 4
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "division by zero" in caplog.messages[0]
    assert caplog.messages[1] == "lodge/rooms is watched again"


async def test_a_driver_that_cannot_be_told_is_left_to_the_poll(caplog) -> None:
    caplog.set_level(logging.INFO)
    async with listen(FakeDevice(), MemoryStore()):
        await until(lambda: "tells no changes" in caplog.text)


async def test_without_points_to_watch_nothing_runs() -> None:
    before = len(asyncio.all_tasks())
    async with watching([lodge()], drivers=FakeDrivers(), readings=MemoryStore()):
        assert len(asyncio.all_tasks()) == before
