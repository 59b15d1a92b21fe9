"""Polling: one reading per point whatever happens, and one failing device spares the others."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bms.errors import ConfigError, StoreUnavailable
from bms.model.readings.measurement import Ingested, Quality
from bms.services.collect.poll import poll_site, read_points
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import lodge, utc
from tests.rigs.fakes.drivers import FakeDevice, FakeDrivers
from tests.rigs.fakes.store import AwayStore

NOW = utc(2019, 1, 14, 7, 30)
SITE = lodge()
VALUES = {point.id: float(i) for i, point in enumerate(SITE.points, start=1)}
ROOMS = [p.id for p in SITE.points if p.device == "lodge/rooms"]
PLANT = [p.id for p in SITE.points if p.device == "lodge/plant"]


class Broken(FakeDevice):
    """A driver with a bug."""

    async def read(self, points, at):
        raise RuntimeError("division by zero")


class Forgetful(FakeDevice):
    """A driver that loses a reading on the way."""

    async def read(self, points, at):
        return (await super().read(points, at))[1:]


class Stuck(FakeDevice):
    """A driver that never comes back."""

    async def read(self, points, at):
        await asyncio.Event().wait()


class Speechless(FakeDrivers):
    """Nobody speaks the protocol of one device."""

    def driver(self, device):
        if device.id == "lodge/rooms":
            raise ConfigError("protocol 'smoke' is none of bacnet, modbus")
        return super().driver(device)


def city(**devices: FakeDevice) -> FakeDrivers:
    made = FakeDrivers({f"lodge/{name}": device for name, device in devices.items()})
    for point in SITE.points:
        made.device(point.device).own[point.id] = VALUES[point.id]
    return made


async def readings(drivers: FakeDrivers, site=SITE):
    found = await read_points(site, site.points, drivers, NOW)
    assert sorted(r.point for r in found) == sorted(VALUES)
    assert {r.time for r in found} == {NOW}
    return {r.point: r for r in found}


async def test_every_point_is_read_and_stored_at_building_time() -> None:
    store, drivers = MemoryStore(), city()
    assert await poll_site(SITE, now=NOW, drivers=drivers, readings=store) == Ingested(new=9)
    assert {p: r.value for p, r in store.latest(list(VALUES)).items()} == VALUES
    assert [drivers.device(d.id).reads for d in SITE.devices] == [1, 1]


async def test_the_same_moment_twice_is_stored_once() -> None:
    store = MemoryStore()
    await poll_site(SITE, now=NOW, drivers=city(), readings=store)
    assert await poll_site(SITE, now=NOW, drivers=city(), readings=store) == Ingested(known=9)


async def test_a_dead_device_leaves_reasons_and_its_neighbour_alone() -> None:
    found = await readings(city(rooms=FakeDevice(dead=True)))
    assert {found[p].quality for p in ROOMS} == {Quality.NO_REPLY}
    assert [found[p].value for p in PLANT] == [VALUES[p] for p in PLANT]


@pytest.mark.parametrize("device", [Broken(), Forgetful()])
async def test_a_driver_with_a_bug_costs_its_own_points_only(device: FakeDevice) -> None:
    found = await readings(city(rooms=device))
    assert {found[p].quality for p in ROOMS} == {Quality.DEVICE_ERROR}
    assert all(str(found[p].detail).startswith("driver failed: ") for p in ROOMS)
    assert [found[p].value for p in PLANT] == [VALUES[p] for p in PLANT]


async def test_a_driver_that_never_comes_back_is_given_up() -> None:
    quick = tuple(replace(device, timeout_s=0.002) for device in SITE.devices)
    async with asyncio.timeout(5):
        found = await readings(city(rooms=Stuck()), replace(SITE, devices=quick))
    assert {found[p].quality for p in ROOMS} == {Quality.NO_REPLY}
    assert [found[p].value for p in PLANT] == [VALUES[p] for p in PLANT]


async def test_a_device_that_nobody_can_speak_to_spares_its_neighbour() -> None:
    drivers = Speechless()
    drivers.device("lodge/plant").own.update(VALUES)
    found = await readings(drivers)
    assert {found[p].value for p in ROOMS} == {None}
    assert "smoke" in str(found[ROOMS[0]].detail)
    assert [found[p].value for p in PLANT] == [VALUES[p] for p in PLANT]


@pytest.mark.parametrize(
    ("value", "kept"), [(-20.0, True), (50.0, True), (50.1, False), (-20.1, False)]
)
async def test_a_value_outside_the_declared_range_is_kept_out(value: float, kept: bool) -> None:
    drivers = city()
    drivers.device("lodge/rooms").own["lodge/hall.temp"] = value
    reading = (await readings(drivers))["lodge/hall.temp"]
    if kept:
        assert (reading.value, reading.quality) == (value, Quality.GOOD)
    else:
        assert (reading.value, reading.quality) == (None, Quality.OUT_OF_RANGE)
        assert reading.detail == f"{value} degC lies outside -20..50"


async def test_a_database_that_is_away_is_said_to_the_caller() -> None:
    store = AwayStore()
    store.away = True
    with pytest.raises(StoreUnavailable):
        await poll_site(SITE, now=NOW, drivers=city(), readings=store)
