"""BACnet devices that lie, dawdle, refuse services or are held by somebody else."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from bms.clock import SystemClock
from bms.model.command import Failed, Overridden, Refused, Released, StillHeld
from bms.model.reading import Quality
from bms.model.site import BacnetAddress, Device, Point
from bms.ports import Driver
from drivers.bacnet import BacnetLink
from drivers.bacnet_device import BacnetDriver
from tests.contract.rigs_drivers import MORNING, OWN, BacnetRig, free_port, point
from tests.contract.test_drivers import command

TIMEOUT_S = 0.3
ERROR, REJECT, ABORT = 0x50, 0x60, 0x70
Answer = Callable[[int, int, bytes], bytes | None]


def device(port: int, instance: int | None = None) -> Device:
    return Device(
        id="site/controller",
        site="site",
        protocol="bacnet",
        host="127.0.0.1",
        port=port,
        instance=instance,
        timeout_s=TIMEOUT_S,
    )


def value(instance: int) -> Point:
    """An analog value whose honest present value is its instance."""
    return point(f"v{instance}", BacnetAddress(object_type="analog-value", instance=instance))


def ack(invoke: int, service: int, payload: bytes) -> bytes:
    return bytes((0x30, invoke, service)) + payload


def real(number: float) -> bytes:
    return b"\x44" + struct.pack(">f", number)


def asked(service: int, payload: bytes) -> list[bytes]:
    """Object identifiers that a read asks for."""
    if service == 12:
        return [payload[1:5]]
    return [payload[at + 1 : at + 5] for at in range(0, len(payload), 9)]


def honest(invoke: int, service: int, payload: bytes) -> bytes:
    """What a good device answers: the present value of every object is its instance."""
    objects = asked(service, payload)
    values = [real(int.from_bytes(o, "big") & 0x3FFFFF) for o in objects]
    if service == 12:
        return ack(invoke, 12, b"\x0c" + objects[0] + b"\x19\x55\x3e" + values[0] + b"\x3f")
    return ack(
        invoke,
        14,
        b"".join(
            b"\x0c" + o + b"\x1e\x29\x55\x4e" + v + b"\x4f\x1f"
            for o, v in zip(objects, values, strict=True)
        ),
    )


class _Responder(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.services: list[tuple[int, int]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        invoke, service, payload = data[8], data[9], data[10:]
        self.services.append((service, len(asked(service, payload))))
        apdu = self.answer(invoke, service, payload)
        if apdu is not None:
            frame = struct.pack(">BBH", 0x81, 0x0A, 6 + len(apdu)) + b"\x01\x00" + apdu
            self.transport.sendto(frame, addr)


@asynccontextmanager
async def responding(
    answer: Answer, instance: int | None = None
) -> AsyncIterator[tuple[BacnetDriver, _Responder]]:
    port = free_port(socket.SOCK_DGRAM)
    transport, responder = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Responder(answer), local_addr=("127.0.0.1", port)
    )
    link = BacnetLink()
    try:
        yield BacnetDriver(device(port, instance), link, SystemClock()), responder
    finally:
        await link.close()
        transport.close()


def once(mutate: Answer) -> Answer:
    first = True

    def answer(invoke: int, service: int, payload: bytes) -> bytes | None:
        nonlocal first
        mutated = mutate(invoke, service, payload) if first else None
        answered = mutated if first else honest(invoke, service, payload)
        first = False
        return answered

    return answer


def swap(old: bytes, new: bytes) -> Answer:
    return lambda i, s, p: honest(i, s, p).replace(old, new, 1)


MUTATIONS: dict[str, Answer] = {
    "another object": swap(b"\x0c\x00\x80\x00\x05", b"\x0c\x00\x80\x00\x09"),
    "another object type": swap(b"\x0c\x00\x80\x00\x05", b"\x0c\x00\x40\x00\x05"),
    "another property": swap(b"\x55", b"\x57"),
    "another service": lambda i, s, p: ack(i, 26 - s, honest(i, s, p)[3:]),
    "a simple acknowledgement": lambda i, s, p: bytes((0x20, i, s)),
    "another invoke id": lambda i, s, p: honest(i + 1, s, p),
    "empty": lambda i, s, p: ack(i, s, b""),
    "cut short": lambda i, s, p: honest(i, s, p)[:-3],
    "cut in a number": lambda i, s, p: honest(i, s, p)[:16],
    "a tail": lambda i, s, p: honest(i, s, p) + b"\x44\x41\xa8\x00\x00",
    "Null": lambda i, s, p: honest(i, s, p).replace(real(5), b"\x00").replace(real(6), b"\x00"),
    "NaN": lambda i, s, p: (
        honest(i, s, p).replace(real(5), real(math.nan)).replace(real(6), real(math.inf))
    ),
    "text": lambda i, s, p: (
        honest(i, s, p).replace(real(5), b"\x73\x00ab").replace(real(6), b"\x73\x00ab")
    ),
    "a short real": lambda i, s, p: honest(i, s, p).replace(b"\x44", b"\x43"),
    "an error": lambda i, s, p: bytes((ERROR, i, s, 0x91, 1, 0x91, 31)),
    "an error cut short": lambda i, s, p: bytes((ERROR, i, s, 0x91)),
    "garbage": lambda i, s, p: b"\xff\xff\xff\xff",
    "nothing": lambda i, s, p: None,
}


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_wrong_answer_to_one_is_no_value_and_the_next_is_right(mutation: str) -> None:
    async with responding(once(MUTATIONS[mutation])) as (driver, _):
        started = time.monotonic()
        (reading,) = await driver.read([value(5)], MORNING)
        assert time.monotonic() - started < 2 * TIMEOUT_S
        assert reading.value is None
        (reading,) = await driver.read([value(6)], MORNING)
        assert reading.value == 6


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_wrong_answer_to_many_is_never_a_wrong_value(mutation: str) -> None:
    async with responding(once(MUTATIONS[mutation])) as (driver, _):
        started = time.monotonic()
        readings = await driver.read([value(5), value(6)], MORNING)
        assert time.monotonic() - started < 3 * TIMEOUT_S
        assert all(r.value in (None, n) for r, n in zip(readings, (5, 6), strict=True))
        readings = await driver.read([value(7), value(8)], MORNING)
        assert [r.value for r in readings] == [7, 8]


async def test_swapped_objects_are_never_swapped_values() -> None:
    def swapped(invoke: int, service: int, payload: bytes) -> bytes:
        if service == 14:
            payload = payload[9:18] + payload[:9] + payload[18:]
        return honest(invoke, service, payload)

    async with responding(swapped) as (driver, _):
        readings = await driver.read([value(5), value(6), value(7)], MORNING)
        assert all(r.value in (None, n) for r, n in zip(readings, (5, 6, 7), strict=True))


async def test_thirty_five_points_take_two_requests() -> None:
    points = [value(n) for n in range(1, 36)]
    async with responding(honest) as (driver, responder):
        readings = await driver.read(points, MORNING)
        assert [r.value for r in readings] == list(range(1, 36))
        assert responder.services == [(14, 20), (14, 15)]


async def test_a_batch_that_is_too_long_is_halved_and_remembered() -> None:
    def short(invoke: int, service: int, payload: bytes) -> bytes:
        if len(asked(service, payload)) > 6:
            return bytes((ABORT | 1, invoke, 4))  # segmentation-not-supported
        return honest(invoke, service, payload)

    points = [value(n) for n in range(1, 21)]
    async with responding(short) as (driver, responder):
        for _ in range(2):
            responder.services.clear()
            readings = await driver.read(points, MORNING)
            assert [r.value for r in readings] == list(range(1, 21))
        assert responder.services == [(14, 5)] * 4


async def test_without_read_property_multiple_each_is_read_alone() -> None:
    def plain(invoke: int, service: int, payload: bytes) -> bytes:
        if service == 14:
            return bytes((REJECT, invoke, 9))  # unrecognized-service
        return honest(invoke, service, payload)

    points = [value(n) for n in range(1, 8)]
    async with responding(plain) as (driver, responder):
        for _ in range(2):
            responder.services.clear()
            readings = await driver.read(points, MORNING)
            assert [r.value for r in readings] == list(range(1, 8))
        assert responder.services == [(12, 1)] * 7


async def test_an_error_for_the_whole_batch_spares_the_neighbours() -> None:
    def picky(invoke: int, service: int, payload: bytes) -> bytes:
        if any(o[-1] == 5 for o in asked(service, payload)):
            return bytes((ERROR, invoke, service, 0x91, 1, 0x91, 31))  # unknown object
        return honest(invoke, service, payload)

    points = [value(n) for n in range(1, 11)]
    async with responding(picky) as (driver, _):
        readings = await driver.read(points, MORNING)
        assert [r.value for r in readings] == [1, 2, 3, 4, None, 6, 7, 8, 9, 10]
        assert readings[4].quality is Quality.DEVICE_ERROR
        assert "unknown-object" in (readings[4].detail or "")


async def test_at_most_four_requests_are_on_their_way() -> None:
    waiting: list[int] = []

    async with responding(lambda i, s, p: waiting.append(i)) as (driver, _):  # type: ignore[func-returns-value]
        points = [value(n) for n in range(1, 201)]
        driver._multiple = False
        poll = asyncio.create_task(driver.read(points, MORNING))
        await asyncio.sleep(0.1)
        assert 1 <= len(waiting) <= 4
        await poll


async def test_a_late_acknowledgement_is_nobodys() -> None:
    answers: list[bytes] = []

    def late(invoke: int, service: int, payload: bytes) -> bytes | None:
        answers.append(honest(invoke, service, payload))
        return answers[-2] if len(answers) > 1 else None

    async with responding(late) as (driver, _):
        for number in (1, 2, 3):
            (reading,) = await driver.read([value(number)], MORNING)
            assert reading.value is None


async def test_another_device_at_the_address_gives_no_values() -> None:
    async with _running() as (rig, link):
        stranger = dataclasses.replace(rig.device, instance=4711)
        driver = BacnetDriver(stranger, link, SystemClock())
        readings = await driver.read(rig.sensors, MORNING)
        assert {r.quality for r in readings} == {Quality.DEVICE_ERROR}
        assert "is not BACnet device 4711" in (readings[0].detail or "")
        receipt = await driver.write(rig.setpoint, command(rig.setpoint, 21.0))
        assert isinstance(receipt, Failed)
        assert rig.effective() == OWN


async def test_a_local_address_in_use_is_said() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        link = BacnetLink(f"127.0.0.1/32:{port}")
        driver = BacnetDriver(device(free_port(socket.SOCK_DGRAM)), link, SystemClock())
        (reading,) = await driver.read([value(1)], MORNING)
        assert reading.quality is Quality.NO_REPLY
        assert f"cannot bind 127.0.0.1/32:{port}" in (reading.detail or "")
        await link.close()


# Priorities, against a real server


@asynccontextmanager
async def _running() -> AsyncIterator[tuple[BacnetRig, BacnetLink]]:
    rig = BacnetRig()
    await rig.start()
    link = BacnetLink()
    try:
        yield rig, link
    finally:
        await link.close()
        await rig.stop()


@pytest.fixture
async def held() -> AsyncIterator[tuple[BacnetRig, Driver]]:
    async with _running() as (rig, link):
        yield rig, BacnetDriver(rig.device, link, SystemClock())


@pytest.mark.parametrize(("priority", "by"), [(1, "operator"), (8, "operator"), (10, "another")])
async def test_whoever_sits_above_us_wins(
    held: tuple[BacnetRig, Driver], priority: int, by: str
) -> None:
    rig, driver = held
    await rig.command(priority, 22.0)
    receipt = await driver.write(rig.setpoint, command(rig.setpoint, 18.0))
    assert isinstance(receipt, Overridden)
    assert (receipt.priority, receipt.value) == (priority, 22.0)
    assert receipt.by.startswith(by)
    assert not rig.held()


async def test_whoever_sits_below_us_does_not(held: tuple[BacnetRig, Driver]) -> None:
    rig, driver = held
    await rig.command(15, 22.0)
    await driver.write(rig.setpoint, command(rig.setpoint, 18.0))
    assert rig.effective() == 18.0
    assert await driver.release(rig.setpoint, MORNING) == Released(rig.setpoint.id, 22.0)


async def test_our_slot_is_given_back_under_an_operator(held: tuple[BacnetRig, Driver]) -> None:
    rig, driver = held
    await driver.write(rig.setpoint, command(rig.setpoint, 18.0))
    await rig.command(8, 22.0)
    assert await driver.release(rig.setpoint, MORNING) == Released(rig.setpoint.id, 22.0)
    assert not rig.held()


async def test_without_a_priority_array_nothing_is_written(
    held: tuple[BacnetRig, Driver],
) -> None:
    rig, driver = held
    plain = dataclasses.replace(
        rig.setpoint, address=BacnetAddress(object_type="analog-value", instance=2)
    )
    receipt = await driver.write(plain, command(plain, 21.0))
    assert isinstance(receipt, Refused)
    assert "no priority array" in receipt.reason
    assert float(rig.plain.presentValue) == OWN
    given_back = await driver.release(plain, MORNING)
    assert isinstance(given_back, StillHeld)
    assert not given_back.retryable


async def test_a_release_is_believed_only_when_the_array_shows_it() -> None:
    """A device that acknowledges everything and keeps slot 13."""
    empty, ours = b"\x00" * 12, real(18.0)

    def keeps(invoke: int, service: int, payload: bytes) -> bytes:
        if service == 15:
            return bytes((0x20, invoke, 15))
        array = b"\x3e" + empty + ours + b"\x00" * 3 + b"\x3f"
        return ack(invoke, 12, payload + array)

    rig = BacnetRig()
    async with responding(keeps) as (driver, _):
        given_back = await driver.release(rig.setpoint, MORNING)
        assert given_back == StillHeld(rig.setpoint.id, "slot 13 still holds a value")


async def test_the_present_value_of_an_input_is_never_written(
    held: tuple[BacnetRig, Driver],
) -> None:
    rig, driver = held
    sensor = dataclasses.replace(rig.sensors[0], write=rig.setpoint.write)
    assert isinstance(await driver.write(sensor, command(sensor, 21.0)), Refused)
