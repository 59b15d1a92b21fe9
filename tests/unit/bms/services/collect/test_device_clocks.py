"""Clocks of devices: read, set only where that is allowed, said once when they are off."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bms.model.control.device_clock import NoTime, ShownTime
from bms.services.collect.device_clocks import ClockWatch, read_clocks
from tests.rigs.fakes.city import lodge
from tests.rigs.fakes.drivers import FakeDevice, FakeDrivers
from tests.rigs.fakes.watched import NOW, PLANT, Clocked


class Stuck(Clocked):
    async def clock(self) -> ShownTime | NoTime:
        await asyncio.Event().wait()
        raise AssertionError


class Broken(Clocked):
    async def clock(self) -> ShownTime | NoTime:
        raise RuntimeError("division by zero")


def site(allowed: bool):
    made = lodge()
    changes = {"set_clock": allowed, "timeout_s": 0.001}
    return replace(made, devices=tuple(replace(d, **changes) for d in made.devices))


def drivers(device: FakeDevice) -> FakeDrivers:
    return FakeDrivers({PLANT: device})


@pytest.mark.parametrize(
    ("drift_s", "allowed", "setting", "times"),
    [
        (300.0, True, True, 1),
        (-11.0, True, True, 1),
        (10.0, True, True, 0),
        (300.0, False, True, 0),
        (300.0, True, False, 0),
    ],
)
async def test_a_clock_is_set_only_where_it_is_off_and_allowed(
    drift_s: float, allowed: bool, setting: bool, times: int
) -> None:
    device = Clocked(drift_s)
    found = await read_clocks(site(allowed), drivers=drivers(device), setting=setting)
    assert device.set == times
    assert found == [ShownTime(PLANT, NOW, 0.0 if times else drift_s)]


async def test_devices_without_clocks_are_left_out() -> None:
    assert await read_clocks(site(True), drivers=FakeDrivers(), setting=True) == []


@pytest.mark.parametrize(
    ("device", "reason"), [(Stuck(), "did not come back"), (Broken(), "division by zero")]
)
async def test_a_driver_that_fails_is_an_answer(device: Clocked, reason: str) -> None:
    [found] = await read_clocks(site(True), drivers=drivers(device), setting=True)
    assert isinstance(found, NoTime)
    assert reason in found.reason


async def test_going_wrong_and_being_right_again_are_said_once_each() -> None:
    said: list[str] = []
    watch, device = ClockWatch(say=said.append), Clocked(61.0)
    for drift_s in (61.0, 75.0, -60.0, 59.0, -61.0):
        device.drift_s = drift_s
        await watch.tick(site(False), drivers(device))
    assert [text.split(":")[0] for text in said] == [
        f"the clock of {PLANT} is +61 s off",
        f"the clock of {PLANT} is right again (-60 s)",
        f"the clock of {PLANT} is -61 s off",
    ]


async def test_a_clock_that_cannot_be_read_changes_no_mind() -> None:
    said: list[str] = []
    watch, device = ClockWatch(say=said.append), Clocked(300.0)
    await watch.tick(site(False), drivers(device))
    device.dead = True
    await watch.tick(site(False), drivers(device))
    device.dead = False
    await watch.tick(site(False), drivers(device))
    assert len(said) == 1
