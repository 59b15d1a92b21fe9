"""BACnet devices that lie, dawdle, refuse services or are held by somebody else."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from bms.clock import SystemClock
from bms.model.assets.address import BacnetAddress
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.control.command import Accepted, Failed, Overridden, Refused, Released, StillHeld
from bms.model.control.reasons import Holder, ReceiptReason, RefusalReason
from bms.model.fact import fact
from bms.model.readings.measurement import Quality
from bms.ports.drivers import Driver
from drivers.bacnet.driver import BacnetDriver
from drivers.bacnet.link import BacnetLink
from drivers.fieldbus.availability import CircuitBreaker
from tests.rigs.fieldbus.bacnet_responder import (
    ABORT,
    ERROR,
    REJECT,
    Answer,
    Responder,
    TinyDevice,
    ack,
    datagram,
    error,
    listening,
    properties_of,
    real,
    simple_ack,
)
from tests.rigs.fieldbus.bacnet_session import (
    driving,
    tiny,
)
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import (
    MORNING,
    NIGHT,
    OWN,
    TIMETABLE,
    BacnetRig,
    free_port,
    point,
    rule,
)
from tests.rigs.steady_loop import now_s

TIMEOUT_S = 0.3


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


def alone(instance: int) -> Point:
    """One of its other properties, which has no status."""
    where = BacnetAddress(
        object_type="analog-value",
        instance=instance,
        property="relinquish-default",
        unit="no-units",
    )
    return point(f"r{instance}", where)


def asked(service: int, payload: bytes) -> list[tuple[bytes, int]]:
    """(object identifier, property) of each property that a read asks for."""
    if service == 12:
        return [(payload[1:5], payload[6])]
    return [(oid, reference[1]) for oid, names in properties_of(payload) for reference in names]


def honest(invoke: int, service: int, payload: bytes) -> bytes:
    """What a good device answers: the present value of every object is its instance, and so is its
    relinquish default; it has no other property."""
    if service == 12:
        ((oid, name),) = asked(service, payload)
        if name not in (85, 104):
            return error(invoke, 12, 2, 32)
        return ack(invoke, 12, b"\x0c" + oid + bytes((0x19, name, 0x3E)) + own(oid) + b"\x3f")
    return ack(invoke, 14, b"".join(map(result, *zip(*properties_of(payload), strict=True))))


def own(oid: bytes) -> bytes:
    return real(int.from_bytes(oid, "big") & 0x3FFFFF)


def result(oid: bytes, references: list[bytes]) -> bytes:
    told = b"".join(
        b"\x29\x55\x4e" + own(oid) + b"\x4f"
        if name == b"\x09\x55"
        else b"\x29" + name[1:] + b"\x5e\x91\x02\x91\x20\x5f"
        for name in references
    )
    return b"\x0c" + oid + b"\x1e" + told + b"\x1f"


@asynccontextmanager
async def responding(
    answer: Answer, instance: int | None = None
) -> AsyncIterator[tuple[BacnetDriver, Responder]]:
    responder = Responder(answer)
    link = BacnetLink()
    async with listening(responder) as port:
        try:
            yield BacnetDriver(device(port, instance), link, SystemClock()), responder
        finally:
            await link.close()


def counts(responder: Responder) -> list[tuple[int, int]]:
    """(service, properties asked for) of each request so far."""
    return [(service, len(asked(service, payload))) for service, payload in responder.requests]


def once(mutate: Answer) -> Answer:
    first = True

    def answer(invoke: int, service: int, payload: bytes) -> bytes | list[bytes] | None:
        nonlocal first
        mutated = mutate(invoke, service, payload) if first else None
        answered = mutated if first else honest(invoke, service, payload)
        first = False
        return answered

    return answer


def swap(old: bytes, new: bytes) -> Answer:
    return lambda i, s, p: honest(i, s, p).replace(old, new, 1)


def every(number: bytes) -> Answer:
    return lambda i, s, p: honest(i, s, p).replace(real(5), number).replace(real(6), number)


def bracket(other: bytes) -> Answer:
    """Another octet where the first value ends."""
    return lambda i, s, p: honest(i, s, p).replace(b"\x3f" if s == 12 else b"\x4f", other, 1)


def wrong_values(invoke: int, service: int, payload: bytes) -> bytes:
    return honest(invoke, service, payload).replace(b"\x44\x40", b"\x44\x41")


MUTATIONS: dict[str, Answer] = {
    "another object": swap(b"\x0c\x00\x80\x00\x05", b"\x0c\x00\x80\x00\x09"),
    "another object type": swap(b"\x0c\x00\x80\x00\x05", b"\x0c\x00\x40\x00\x05"),
    "another property": lambda i, s, p: honest(i, s, p).replace(
        p[6:7] if s == 12 else b"\x55", b"\x57", 1
    ),
    "an element instead of the property": lambda i, s, p: honest(i, s, p).replace(
        *((p[6:7], p[6:7] + b"\x29\x01") if s == 12 else (b"\x55", b"\x55\x39\x01")), 1
    ),
    "another service": lambda i, s, p: ack(i, 26 - s, honest(i, s, p)[3:]),
    "a service that nobody knows": lambda i, s, p: ack(i, 99, honest(i, s, p)[3:]),
    "a simple acknowledgement": lambda i, s, p: simple_ack(i, s),
    "empty": lambda i, s, p: ack(i, s, b""),
    "cut short": lambda i, s, p: honest(i, s, p)[:-3],
    "without its last octet": lambda i, s, p: honest(i, s, p)[:-1],
    "cut in a number": lambda i, s, p: honest(i, s, p)[:16],
    "cut in an identifier": lambda i, s, p: honest(i, s, p)[:6],
    "a tail": lambda i, s, p: honest(i, s, p) + b"\x44\x41\xa8\x00\x00",
    "a closing bracket of another kind": bracket(b"\x2f"),
    "brackets that never close": bracket(b""),
    "Null": every(b"\x00"),
    "NaN": every(real(math.nan)),
    "infinity": every(real(math.inf)),
    "text": every(b"\x73\x00ab"),
    "two numbers": every(real(5) + real(6)),
    "a short real": lambda i, s, p: honest(i, s, p).replace(b"\x44", b"\x43"),
    "a long real": every(b"\x45\x08" + bytes(8)),
    "a number longer than the message": every(b"\x45\xfe\xff\xff" + bytes(4)),
    "a number of no octets": every(b"\x20"),
    "a number of two hundred octets": every(b"\x25\xc8" + b"\xff" * 200),
    "oversized": lambda i, s, p: honest(i, s, p) + bytes(1800),
    "an error": lambda i, s, p: error(i, s, 1, 31),
    "an error of another service": lambda i, s, p: error(i, 15, 1, 31),
    "an error cut short": lambda i, s, p: bytes((ERROR, i, s, 0x91)),
    "an error of no enumerations": lambda i, s, p: bytes((ERROR, i, s)) + real(5) + real(6),
    "a busy device": lambda i, s, p: error(i, s, 0, 3),
    "a rejection": lambda i, s, p: bytes((REJECT, i, 2)),
    "a rejection for no known reason": lambda i, s, p: bytes((REJECT, i, 200)),
    "an abort": lambda i, s, p: bytes((ABORT | 1, i, 9)),
    "an abort for no known reason": lambda i, s, p: bytes((ABORT | 1, i, 200)),
}
# What is no answer at all: the next try may bring the right one.
IGNORED: dict[str, Answer] = {
    "another invoke id": lambda i, s, p: honest((i + 1) % 256, s, p),
    "a first segment": lambda i, s, p: bytes((0x3C, i, 0, 4, s)) + honest(i, s, p)[3:],
    "the abort of a client": lambda i, s, p: bytes((ABORT, i, 0)),
    "a segment acknowledgement": lambda i, s, p: bytes((0x41, i, 0, 1)),
    "a request": lambda i, s, p: bytes((0x00, 0x05, i, s)) + p,
    "a kind that nobody knows": lambda i, s, p: b"\x90" + honest(i, s, p)[1:],
    "garbage": lambda i, s, p: b"\xff\xff\xff\xff",
    "one octet": lambda i, s, p: b"\x30",
    "no octets": lambda i, s, p: b"",
    "nothing": lambda i, s, p: None,
}
# The first of several answers counts, and it is right.
REPEATED: dict[str, Answer] = {
    "a duplicate": lambda i, s, p: [honest(i, s, p)] * 2,
    "a second opinion": lambda i, s, p: [honest(i, s, p), wrong_values(i, s, p)],
    "an abort afterwards": lambda i, s, p: [honest(i, s, p), bytes((ABORT | 1, i, 4))],
}
ALL = {**MUTATIONS, **IGNORED, **REPEATED}


@pytest.mark.parametrize("mutation", ALL)
async def test_a_wrong_answer_to_one_is_no_value_and_the_next_is_right(mutation: str) -> None:
    async with responding(once(ALL[mutation])) as (driver, _):
        started = now_s()
        (reading,) = await driver.read([alone(5)], MORNING)
        assert now_s() - started < 2 * TIMEOUT_S
        assert reading.value == (None if mutation in MUTATIONS else 5)
        (reading,) = await driver.read([alone(6)], MORNING)
        assert reading.value == 6


@pytest.mark.parametrize("mutation", ALL)
async def test_a_wrong_answer_to_many_is_never_a_wrong_value(mutation: str) -> None:
    async with responding(once(ALL[mutation])) as (driver, _):
        started = now_s()
        readings = await driver.read([value(5), value(6)], MORNING)
        assert now_s() - started < 3 * TIMEOUT_S
        assert all(r.value in (None, n) for r, n in zip(readings, (5, 6), strict=True))
        readings = await driver.read([value(7), value(8)], MORNING)
        assert [r.value for r in readings] == [7, 8]


@pytest.mark.parametrize("mutation", {**MUTATIONS, **IGNORED})
async def test_a_device_that_is_always_wrong_gives_no_value_in_time(mutation: str) -> None:
    async with responding(ALL[mutation]) as (driver, _):
        started = now_s()
        readings = await driver.read([value(5), value(6)], MORNING)
        assert now_s() - started < 5 * TIMEOUT_S
        # A swap that concerns one object only leaves the other right.
        assert all(r.value in (None, n) for r, n in zip(readings, (5, 6), strict=True))
        assert readings[0].value is None


FRAMERS: dict[str, Callable[[bytes], bytes]] = {
    "a length that is wrong": lambda d: d[:3] + bytes((d[3] + 1,)) + d[4:],
    "another protocol": lambda d: b"\x82" + d[1:],
    "another BVLL function": lambda d: d[:1] + b"\x77" + d[2:],
    "another network version": lambda d: d[:4] + b"\x02" + d[5:],
    "a network message": lambda d: d[:5] + b"\x80" + d[6:],
    "a source that is cut short": lambda d: d[:3] + b"\x08\x01\x08\x00\x07",
    "from another network": lambda d: (
        d[:3] + bytes((d[3] + 4,)) + b"\x01\x08\x00\x07\x01\x05" + d[6:]
    ),
}


@pytest.mark.parametrize("mutation", FRAMERS)
async def test_a_frame_that_is_none_of_the_device_is_ignored(mutation: str) -> None:
    async with responding(honest) as (driver, responder):
        send = responder.send

        def mutated(answer: bytes | list[bytes] | None) -> None:
            assert isinstance(answer, bytes)
            assert responder.peer is not None
            responder.transport.sendto(FRAMERS[mutation](datagram(answer)), responder.peer)
            responder.send = send  # type: ignore[method-assign]

        responder.send = mutated  # type: ignore[method-assign]
        readings = await driver.read([value(5), value(6)], MORNING)
        assert [r.value for r in readings] == [5, 6]
        assert len(responder.requests) == 2


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
        responder.requests.clear()
        readings = await driver.read(points, MORNING)
        assert [r.value for r in readings] == list(range(1, 36))
        assert counts(responder) == [(14, 20), (14, 15)]


async def test_a_batch_that_is_too_long_is_halved_and_remembered() -> None:
    def short(invoke: int, service: int, payload: bytes) -> bytes:
        if len(asked(service, payload)) > 6:
            return bytes((ABORT | 1, invoke, 4))  # segmentation-not-supported
        return honest(invoke, service, payload)

    points = [value(n) for n in range(1, 21)]
    async with responding(short) as (driver, responder):
        for _ in range(2):
            responder.requests.clear()
            readings = await driver.read(points, MORNING)
            assert [r.value for r in readings] == list(range(1, 21))
        assert set(counts(responder)) <= {(14, n) for n in range(1, 7)}


async def test_without_read_property_multiple_each_is_read_alone() -> None:
    def plain(invoke: int, service: int, payload: bytes) -> bytes:
        if service == 14:
            return bytes((REJECT, invoke, 9))  # unrecognized-service
        return honest(invoke, service, payload)

    points = [value(n) for n in range(1, 8)]
    async with responding(plain) as (driver, responder):
        for _ in range(2):
            responder.requests.clear()
            readings = await driver.read(points, MORNING)
            assert [r.value for r in readings] == list(range(1, 8))
        assert counts(responder) == [(12, 1)] * 7


async def test_an_error_for_the_whole_batch_spares_the_neighbours() -> None:
    def picky(invoke: int, service: int, payload: bytes) -> bytes:
        if any(oid[-1] == 5 for oid, _ in asked(service, payload)):
            return error(invoke, service, 1, 31)  # unknown object
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
        driver.session.capabilities.read_multiple = False
        poll = asyncio.create_task(driver.read(points, MORNING))
        await asyncio.sleep(0.1)
        assert 1 <= len(waiting) <= 4
        await poll


async def test_a_late_acknowledgement_is_nobodys() -> None:
    late: list[bytes] = []

    def one_behind(invoke: int, service: int, payload: bytes) -> list[bytes]:
        """Each request gets the answer to the one before."""
        late.append(honest(invoke, service, payload))
        return late[-2:-1]

    async with responding(one_behind) as (driver, _):
        driver.session.breaker = CircuitBreaker("never opens", SystemClock(), failures=1000)
        for number in range(1, 6):
            (reading,) = await driver.read([value(number)], MORNING)
            assert reading.value in (None, number)


async def test_a_request_is_tried_again_and_then_given_up() -> None:
    async with responding(lambda i, s, p: None) as (driver, responder):
        (reading,) = await driver.read([value(1)], MORNING)
        assert reading.quality is Quality.NO_REPLY
        assert len(responder.requests) == 3
        await asyncio.sleep(TIMEOUT_S)
        assert len(responder.requests) == 3


async def test_another_device_at_the_address_gives_no_values() -> None:
    async with _running() as (rig, link):
        stranger = dataclasses.replace(rig.device, instance=4711)
        driver = BacnetDriver(stranger, link, SystemClock())
        readings = await driver.read(rig.sensors, MORNING)
        assert {r.quality for r in readings} == {Quality.WRONG_DEVICE}
        assert "is not BACnet device 4711" in (readings[0].detail or "")
        receipt = await driver.write(rig.setpoint, command(rig.setpoint, 21.0))
        assert isinstance(receipt, Refused)
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


@pytest.mark.parametrize(
    ("priority", "by"), [(1, Holder.OPERATOR), (8, Holder.OPERATOR), (10, Holder.PROGRAM)]
)
async def test_whoever_sits_above_us_wins(
    held: tuple[BacnetRig, Driver], priority: int, by: Holder
) -> None:
    rig, driver = held
    await rig.command(priority, 22.0)
    receipt = await driver.write(rig.setpoint, command(rig.setpoint, 18.0))
    assert isinstance(receipt, Overridden)
    assert (receipt.priority, receipt.value) == (priority, 22.0)
    assert receipt.by == fact(by)
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
    assert receipt.reason.code == RefusalReason.NO_SLOTS
    assert float(rig.plain.presentValue) == OWN
    given_back = await driver.release(plain, MORNING)
    assert isinstance(given_back, StillHeld)
    assert not given_back.retryable


async def test_a_release_is_believed_only_when_the_array_shows_it() -> None:
    """A device that acknowledges everything and keeps slot 13."""
    empty, ours = b"\x00" * 12, real(18.0)

    def keeps(invoke: int, service: int, payload: bytes) -> bytes:
        if service == 15:
            return simple_ack(invoke, 15)
        array = b"\x3e" + empty + ours + b"\x00" * 3 + b"\x3f"
        return ack(invoke, 12, payload + array)

    rig = BacnetRig()
    async with responding(keeps) as (driver, _):
        given_back = await driver.release(rig.setpoint, MORNING)
        assert given_back == StillHeld(
            rig.setpoint.id, fact(ReceiptReason.SLOT_STILL_HELD, slot=13)
        )


async def test_the_present_value_of_an_input_is_never_written(
    held: tuple[BacnetRig, Driver],
) -> None:
    rig, driver = held
    sensor = dataclasses.replace(rig.sensors[0], write=rig.setpoint.write)
    assert isinstance(await driver.write(sensor, command(sensor, 21.0)), Refused)


def lever(release: Release) -> Point:
    where = BacnetAddress(object_type="analog-value", instance=1)
    return point("lever", where, rule(release))


CONSTANT = lever(Release(kind=ReleaseKind.CONSTANT, value=OWN))
BY_TIME = lever(Release(kind=ReleaseKind.TIMETABLE, timetable=TIMETABLE))


def plain_value() -> TinyDevice:
    responder = tiny(0)
    responder.properties[2, 1, 85] = real(OWN)
    return responder


@pytest.mark.parametrize(
    ("kind", "hour", "own"), [("constant", 2, OWN), ("timetable", 2, NIGHT), ("timetable", 12, OWN)]
)
async def test_without_slots_the_declared_value_is_given_back(
    kind: str, hour: int, own: float
) -> None:
    target = CONSTANT if kind == "constant" else BY_TIME
    responder = plain_value()
    async with driving(responder) as driver:
        receipt = await driver.write(target, command(target, 21.0))
        assert receipt == Accepted(command(target, 21.0), 21.0)
        write = [payload for service, payload in responder.requests if service == 15]
        assert write == [b"\x0c\x00\x80\x00\x01\x19\x55\x3e" + real(21.0) + b"\x3f"]  # no priority
        at = MORNING.replace(hour=hour)
        assert await driver.release(target, at) == Released(target.id, own)
        assert responder.properties[2, 1, 85] == real(own)


async def test_with_slots_a_value_is_no_way_back() -> None:
    responder = plain_value()
    responder.properties[2, 1, 87] = [b"\x00"] * 16
    async with driving(responder) as driver:
        receipt = await driver.write(CONSTANT, command(CONSTANT, 21.0))
        assert isinstance(receipt, Refused)
        assert receipt.reason.code == RefusalReason.SLOTS_WANT_NULL
        assert responder.properties[2, 1, 85] == real(OWN)


async def test_a_constant_that_does_not_stand_is_not_released() -> None:
    responder = plain_value()
    async with driving(responder) as driver:
        await driver.write(CONSTANT, command(CONSTANT, 21.0))
        responder.write = lambda i, p: simple_ack(i, 15)  # type: ignore[method-assign, assignment]
        held = await driver.release(CONSTANT, MORNING)
        assert held == StillHeld(
            CONSTANT.id, fact(ReceiptReason.GAVE_BACK_READS, value=19.0, seen=21.0)
        )


WRITE_ANSWERS: dict[str, Callable[[int], bytes | list[bytes] | None]] = {
    "an error": lambda i: error(i, 15, 2, 40),
    "a rejection": lambda i: bytes((REJECT, i, 3)),
    "an abort": lambda i: bytes((ABORT | 1, i, 0)),
    "another service": lambda i: simple_ack(i, 16),
    "a value": lambda i: ack(i, 15, real(21.0)),
    "an acknowledgement of nothing": lambda i: simple_ack(i, 15),
    "silence": lambda i: None,
    "the error of another service": lambda i: error(i, 12, 2, 40),
}


@pytest.mark.parametrize("mutation", WRITE_ANSWERS)
async def test_a_write_that_was_not_done_is_never_accepted(mutation: str) -> None:
    responder = plain_value()
    honest = responder.write
    responder.write = lambda i, p: WRITE_ANSWERS[mutation](i)  # type: ignore[method-assign, assignment, return-value]
    async with driving(responder) as driver:
        receipt = await driver.write(CONSTANT, command(CONSTANT, 21.0))
        assert isinstance(receipt, Failed)
        assert responder.properties[2, 1, 85] == real(OWN)
        responder.write = honest  # type: ignore[method-assign]
        assert isinstance(await driver.write(CONSTANT, command(CONSTANT, 21.0)), Accepted)
