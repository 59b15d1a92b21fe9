"""What happens on a line: silence, disturbance, echoes, other meters, and how it is got over."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.clock import VirtualClock
from bms.model.assets.address import MbusQuantity
from bms.model.assets.device import Device, Fingerprint
from bms.model.assets.point import Point
from bms.model.readings.measurement import Quality
from bms.model.readings.units import Unit
from bms.ports.drivers import IdentifyingDriver, QueuedDriver
from drivers.registry import NetworkDrivers
from drivers.simulator.servers import mbus_telegrams as made
from tests.rigs.fieldbus.driver_rigs import MORNING, point
from tests.rigs.fieldbus.mbus_rig import METER, Spoil, SpoiltLine, a_line, record
from tests.rigs.steady_loop import now_s

Q = MbusQuantity
ENERGY = point("energy", record(Q.ENERGY), unit=Unit.KWH)
FLOW = point("flow", record(Q.FLOW), unit=Unit.M3_PER_H)
FLAGS = point("flags", record(Q.ERROR_FLAGS), unit=Unit.COUNT)
RECORDS = [
    made.bcd(b"\x06", 4711), made.integer(b"\x3b", 1234, 2), made.integer(b"\xfd\x17", 4, 1)
]  # fmt: skip
TIMEOUT_S = 0.1


def meter(port: int, **rest: Any) -> Device:
    place = {"host": "127.0.0.1", "port": port, "timeout_s": TIMEOUT_S}
    address = {} if "secondary" in rest else {"primary": 5}
    return Device(id="site/controller", site="site", protocol="mbus", **place, **address, **rest)  # type: ignore[arg-type]


@asynccontextmanager
async def serving(line: SpoiltLine) -> AsyncIterator[tuple[int, NetworkDrivers, VirtualClock]]:
    port = await line.start()
    clock = VirtualClock(MORNING)
    drivers = NetworkDrivers(clock)
    try:
        yield port, drivers, clock
    finally:
        await drivers.close()
        await line.close()


async def values(line: SpoiltLine, *points: Point, reads: int = 1, **rest: Any) -> list[Any]:
    async with serving(line) as (port, drivers, _):
        driver = drivers.driver(meter(port, **rest))
        for _ in range(reads):
            found = await driver.read(points, MORNING)
        return [(each.value, each.quality) for each in found]


def cut(request: bytes, answer: bytes) -> bytes:
    return answer[:-5]


def silent(request: bytes, answer: bytes) -> None:
    return None


def flipped(request: bytes, answer: bytes) -> bytes:
    return answer[:-3] + bytes((answer[-3] ^ 0x40,)) + answer[-2:]


def other_address(request: bytes, answer: bytes) -> bytes:
    body = bytearray(answer)
    body[5] += 1
    body[-2] = (body[-2] + 1) & 0xFF
    return bytes(body)


def untouched(request: bytes, answer: bytes) -> bytes:
    return answer


@pytest.mark.parametrize("spoil", [silent, flipped, cut, other_address])
async def test_one_spoilt_answer_is_asked_for_again(spoil: Spoil) -> None:
    line = a_line({5: RECORDS})
    line.spoil = [untouched, spoil]
    assert await values(line, ENERGY, FLOW) == [(4711.0, Quality.GOOD), (1.234, Quality.GOOD)]
    assert line.heard[-1] == line.heard[-2]  # the frame count bit stands: the meter repeats


@pytest.mark.parametrize(
    ("spoil", "quality"),
    [
        (silent, Quality.NO_REPLY),
        (flipped, Quality.DEVICE_ERROR),
        (other_address, Quality.DEVICE_ERROR),
    ],
)
async def test_what_stays_spoilt_is_no_value_in_time(spoil: Spoil, quality: Quality) -> None:
    line = a_line({5: RECORDS})
    line.spoil = [untouched, spoil, spoil]
    began = now_s()
    assert await values(line, ENERGY) == [(None, quality)]
    assert now_s() - began < 3.0


async def test_an_echo_of_the_line_is_no_answer() -> None:
    assert await values(a_line({5: RECORDS}, echo=True), ENERGY) == [(4711.0, Quality.GOOD)]


async def test_all_telegrams_of_a_meter_are_read() -> None:
    many = [made.integer(b"\x06", n, storage=n) for n in range(80)]
    last = point("last", record(Q.ENERGY, storage=79), unit=Unit.KWH)
    line = a_line({5: many})
    assert await values(line, last, reads=2) == [(79.0, Quality.GOOD)]
    controls = [frame[1] for frame in line.heard]
    assert controls == [0x40, 0x7B, 0x5B, 0x7B] * 2


async def test_a_meter_that_always_says_the_same_ends() -> None:
    line = a_line({5: []})
    parts = made.telegrams(METER, [made.integer(b"\x06", n, storage=n) for n in range(80)])
    line.meters[0].telegrams = lambda: parts[:1]
    found = await values(line, point("first", record(Q.ENERGY), unit=Unit.KWH))
    assert found == [(0.0, Quality.GOOD)]
    assert len(line.heard) == 3


async def test_secondary_addresses_and_wildcards() -> None:
    meters = {7: RECORDS, 8: [made.bcd(b"\x06", 8)]}
    assert await values(a_line(meters), ENERGY, secondary="123456782D2C1B04") == [
        (4711.0, Quality.GOOD)
    ]
    assert await values(a_line(meters), ENERGY, secondary="12345679") == [(8.0, Quality.GOOD)]
    assert await values(a_line(meters), ENERGY, secondary="1234567F") == [
        (None, Quality.DEVICE_ERROR)  # both answer at once
    ]
    assert await values(a_line(meters), ENERGY, secondary="99999999") == [(None, Quality.NO_REPLY)]


async def test_another_meter_in_its_place_is_told() -> None:
    taken = Fingerprint(serial="87654321")
    found = await values(a_line({5: RECORDS}), ENERGY, fingerprint=taken)
    assert found == [(None, Quality.WRONG_DEVICE)]
    right = Fingerprint(vendor="KAM", serial="12345678")
    assert (await values(a_line({5: RECORDS}), ENERGY, fingerprint=right))[0][0] == 4711.0


@pytest.mark.parametrize(
    ("status", "quality", "said"),
    [
        (0x00, Quality.GOOD, None),
        (0x04, Quality.GOOD, "low power"),
        (0x03, Quality.GOOD, "an alarm"),
        (0x08, Quality.UNCERTAIN, "permanent"),
        (0x10, Quality.UNCERTAIN, "temporary"),
        (0x01, Quality.UNCERTAIN, "busy"),
        (0x02, Quality.UNCERTAIN, "application"),
    ],
)
async def test_faults_of_the_meter_are_qualities(
    status: int, quality: Quality, said: str | None
) -> None:
    async with serving(a_line({5: RECORDS}, status=status)) as (port, drivers, _):
        energy, flags = await drivers.driver(meter(port)).read([ENERGY, FLAGS], MORNING)
    assert (energy.value, energy.quality) == (4711.0, quality)
    assert (said is None) == (energy.detail is None)
    assert said is None or said in str(energy.detail)
    assert (flags.value, flags.quality) == (4.0, Quality.GOOD)


async def test_units_that_do_not_fit_are_no_value() -> None:
    wrong = point("energy", record(Q.ENERGY), unit=Unit.M3)
    flags = point("flags", record(Q.ERROR_FLAGS), unit=Unit.KWH)
    found = await values(a_line({5: RECORDS}), wrong, flags)
    assert found == [(None, Quality.BAD), (None, Quality.BAD)]


async def test_a_record_by_its_octets_with_a_scale() -> None:
    own = made.integer(b"\xff\x07", 99)
    address = dataclasses.replace(
        record(Q.ENERGY), quantity=None, record="04FF07", scale=0.1, offset=1.0
    )
    found = await values(a_line({5: [own]}), point("own", address, unit=Unit.KWH))
    assert found == [(pytest.approx(10.9), Quality.GOOD)]


async def test_a_battery_is_asked_within_its_budget_and_its_last_answer_stands() -> None:
    line = a_line({5: RECORDS})
    async with serving(line) as (port, drivers, clock):
        driver = drivers.driver(meter(port, reads_per_day=2))
        first = (await driver.read([ENERGY], MORNING))[0]
        clock.advance(timedelta(hours=6))
        between = (await driver.read([ENERGY], clock.now()))[0]
        assert (between.time, between.value) == (MORNING, first.value)
        assert line.meters[0].reads == 1
        clock.advance(timedelta(hours=6))
        again = (await driver.read([ENERGY], clock.now()))[0]
        assert again.time == clock.now()
        assert line.meters[0].reads == 2
        fresh = NetworkDrivers(clock, write_counter=drivers._links.write_counter)
        spent = (await fresh.driver(meter(port, reads_per_day=2)).read([ENERGY], clock.now()))[0]
        assert (spent.value, spent.quality) == (None, Quality.ABSENT)
        assert line.meters[0].reads == 2
        await fresh.close()


async def test_many_meters_wait_for_their_turn_on_one_line() -> None:
    line = a_line({n: [made.bcd(b"\x06", n)] for n in range(1, 21)}, baud=48_000)
    async with serving(line) as (port, drivers, _):
        devices = [
            dataclasses.replace(meter(port), id=f"site/m{n}", primary=n) for n in range(1, 21)
        ]
        members = [drivers.driver(device) for device in devices]
        assert all(isinstance(each, QueuedDriver) for each in members)
        found = await asyncio.gather(*(each.read([ENERGY], MORNING) for each in members))
    assert [readings[0].value for readings in found] == list(range(1, 21))


async def test_callers_at_once_share_one_answer() -> None:
    line = a_line({5: RECORDS})
    async with serving(line) as (port, drivers, _):
        driver = drivers.driver(meter(port))
        await asyncio.gather(*(driver.read([ENERGY], MORNING) for _ in range(10)))
        assert line.meters[0].reads == 1
        assert isinstance(driver, IdentifyingDriver)
        assert (await driver.fingerprint()) == Fingerprint(
            vendor="KAM", model="heat (return), version 27", serial="12345678"
        )
        health = drivers.health()["site/controller"]
        assert (health.answers, dict(health.errors)) == (2, {})
        assert [each.to for each in drivers.trace("site/controller")] == ["address 5"] * 4


@settings(max_examples=8, deadline=None)
@given(st.binary(max_size=300))
def test_whatever_a_gateway_sends_ends_in_time(noise: bytes) -> None:
    async def asked() -> None:
        line = a_line({5: RECORDS})
        line.spoil = [lambda _request, _answer: noise] * 4
        began = now_s()
        ((_, quality),) = await values(line, ENERGY, reads=1)
        assert quality in Quality
        assert now_s() - began < 8.0

    asyncio.run(asked())
