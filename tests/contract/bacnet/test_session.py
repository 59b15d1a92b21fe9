"""What the BACnet link learns of a device: where it is, what it takes, and who else is there."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bacpypes3.app import Application
from bacpypes3.local.analog import AnalogInputObject
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject
from bacpypes3.pdu import IPv4Address
from bacpypes3.primitivedata import Real

from bms.clock import SystemClock
from bms.errors import ConfigError
from bms.model.assets.address import BacnetAddress
from bms.model.readings.measurement import Quality
from drivers.bacnet.driver import BacnetDriver
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.frames import Peer
from drivers.bacnet.encoding.services import Reference
from drivers.bacnet.link import BacnetLink
from drivers.bacnet.local_port import check_stack
from tests.rigs.fieldbus.bacnet_responder import (
    ABORT,
    REJECT,
    Responder,
    TinyDevice,
    enumerated,
    free_udp_port,
    identifier,
    listening,
    properties_of,
    real,
    text,
    unsigned,
)
from tests.rigs.fieldbus.bacnet_session import Router, device, inputs, tiny
from tests.rigs.fieldbus.driver_rigs import MORNING, point
from tests.rigs.fieldbus.udp_chaos import Weather, bad_weather
from tests.rigs.steady_loop import now_s


@asynccontextmanager
async def driving(responder: Responder, **knobs: object) -> AsyncIterator[tuple[BacnetDriver, int]]:
    link = BacnetLink()
    async with listening(responder) as port:
        try:
            yield BacnetDriver(device(port, **knobs), link, SystemClock()), port  # type: ignore[arg-type]
        finally:
            await link.close()


def multiples(responder: Responder) -> list[int]:
    """Properties in each ReadPropertyMultiple."""
    return [
        sum(len(names) for _, names in properties_of(p))
        for service, p in responder.requests
        if service == 14
    ]


@pytest.mark.parametrize(
    ("size", "flags", "batches"),
    [
        (1476, False, [92, 9]),
        (480, False, [29, 29, 29, 14]),
        (1476, True, [128, 73]),
        (480, True, [40] * 4 + [41]),
    ],
)
async def test_a_batch_is_as_large_as_the_device_takes(
    size: int, flags: bool, batches: list[int]
) -> None:
    """floor((APDU - 3) / 16) REALs, as measured against a C stack; with their status flags
    floor((APDU - 3) / 23) of both, in as many requests for 100 objects where the APDU is large.
    One property more shows who answers."""
    responder = tiny(100, max_apdu=size)
    if flags:
        responder.properties |= {(0, n, 111): b"\x82\x04\x00" for n in range(1, 101)}
    async with driving(responder) as (driver, _):
        await driver.read(inputs(100), MORNING)
        responder.requests.clear()
        readings = await driver.read(inputs(100), MORNING)
        assert [r.value for r in readings] == list(range(1, 101))
        assert sorted(multiples(responder)) == sorted(batches)


async def test_what_is_long_gets_a_smaller_batch() -> None:
    points = [
        point(
            f"t{n}", BacnetAddress(object_type="analog-value", instance=n, property="description")
        )
        for n in range(1, 31)
    ]
    responder = tiny(0, max_apdu=480)
    for n in range(1, 31):
        responder.properties[2, n, 28] = text("x" * 50)
    async with driving(responder) as (driver, _):
        readings = await driver.read(points, MORNING)
        assert {r.quality for r in readings} == {Quality.DEVICE_ERROR}  # a text is no number
        assert max(multiples(responder)) == 7  # 6 and a short one
        assert len(responder.requests) < 10


async def test_a_device_without_multiple_reads_is_asked_one_by_one_and_remembered() -> None:
    responder = tiny(6, knows_multiple=False)
    async with driving(responder) as (driver, _):
        for _ in range(2):
            readings = await driver.read(inputs(6), MORNING)
            assert [r.value for r in readings] == [1, 2, 3, 4, 5, 6]
        assert len(multiples(responder)) == 1


async def test_another_device_that_announces_our_instance_is_not_believed_while_ours_answers() -> (
    None
):
    ours, stranger = tiny(), tiny()
    stranger.properties[0, 1, 85] = real(99)
    async with driving(ours) as (driver, _), listening(stranger):
        await driver.read(inputs(1), MORNING)
        stranger.peer = ours.peer
        stranger.send(stranger.i_am())
        await asyncio.sleep(0.05)
        assert (await driver.read(inputs(1), MORNING))[0].value == 1


async def test_a_device_behind_a_router_is_read_one_request_at_a_time() -> None:
    router = Router(tiny(100, max_apdu=480))
    async with driving(router) as (driver, _):
        readings = await driver.read(inputs(100), MORNING)
        assert [r.value for r in readings] == list(range(1, 101))
        assert router.most == 1
        assert driver.session.known_peer is not None
        assert str(driver.session.known_peer).startswith("05 in network 2001 behind 127.0.0.1")


async def test_two_hundred_properties_come_in_segments() -> None:
    """Over the stack: request and answer of 200 properties are both cut into segments."""
    port = free_udp_port()
    objects = [
        DeviceObject(
            objectIdentifier=("device", 77),
            objectName="server",
            vendorIdentifier=999,
            maxApduLengthAccepted=480,
            segmentationSupported="segmentedBoth",
            maxSegmentsAccepted=64,
        ),
        NetworkPortObject(
            IPv4Address(f"127.0.0.1/32:{port}"),
            objectIdentifier=("network-port", 1),
            objectName="port",
            networkNumber=0,
            networkNumberQuality="unknown",
        ),
        *(
            AnalogInputObject(
                objectIdentifier=("analog-input", n),
                objectName=f"i{n}",
                presentValue=Real(n),
                units="no-units",
                covIncrement=1.0,
            )
            for n in range(1, 201)
        ),
    ]
    server = Application.from_object_list(objects)
    link = BacnetLink()
    try:
        for layer in server.link_layers.values():
            await asyncio.gather(*layer.server._transport_tasks)
        references = [Reference(0, n, codec.PRESENT_VALUE) for n in range(1, 201)]
        await link.who_is(1.0, via=Peer("127.0.0.1", port), low=77, high=77)
        ack = await link.confirmed(
            Peer("127.0.0.1", port),
            codec.READ_PROPERTY_MULTIPLE,
            codec.read_property_multiple(references),
            5.0,
            segmented=True,
        )
        assert len(ack) > 6 * 480
        found = codec.read_property_multiple_ack(references, ack)
        assert [v[0].data for v in found if isinstance(v, list)] == [
            struct.pack(">f", n) for n in range(1, 201)
        ]
        driver = BacnetDriver(device(port, timeout_s=2.0), link, SystemClock())
        readings = await driver.read(inputs(200), MORNING)
        assert [r.value for r in readings] == list(range(1, 201))
    finally:
        await link.close()
        server.close()
        await asyncio.sleep(0)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_in_bad_weather_every_poll_ends_in_time_and_nothing_is_wrong(seed: int) -> None:
    """A fifth of the datagrams lost each way, others doubled, late and out of order."""
    responder = tiny(60, max_apdu=480)
    link = BacnetLink()
    good = polls = 0
    async with (
        listening(responder) as port,
        bad_weather(port, Weather(late_s=0.3, seed=seed)) as (proxy, counts),
    ):
        driver = BacnetDriver(device(proxy, timeout_s=0.3), link, SystemClock())
        driver.session.breaker._failures = 10_000
        ends = now_s() + 2.0
        while now_s() < ends:
            started = now_s()
            readings = await driver.read(inputs(60), MORNING)
            assert now_s() - started < 10 * 0.3
            assert all(r.value in (None, n) for n, r in enumerate(readings, 1))
            good += sum(r.value is not None for r in readings)
            polls += 1
        await link.close()
    assert counts["lost"] > 10
    assert good > 20 * polls


async def test_one_outstanding_write_in_bad_weather_is_told_as_it_is() -> None:
    """The receipt of a write never claims more than the device shows."""
    from bms.model.assets.write_rule import Release, ReleaseKind
    from bms.model.control.command import Accepted, Failed
    from tests.contract.drivers.test_contract import command
    from tests.rigs.fieldbus.driver_rigs import rule

    responder = tiny(0)
    responder.properties[2, 1, 85] = real(19.0)
    back = Release(kind=ReleaseKind.CONSTANT, value=19.0)
    lever = point("lever", BacnetAddress(object_type="analog-value", instance=1), rule(back))
    link = BacnetLink()
    accepted = 0
    async with (
        listening(responder) as port,
        bad_weather(port, Weather(late_s=0.2, seed=5)) as (proxy, _),
    ):
        driver = BacnetDriver(device(proxy, timeout_s=0.3), link, SystemClock())
        driver.session.breaker._failures = 10_000
        for step in range(12):
            wish = 18.0 + step / 10
            receipt = await driver.write(lever, command(lever, wish))
            assert isinstance(receipt, (Accepted, Failed))
            if isinstance(receipt, Accepted):
                accepted += 1
                assert responder.properties[2, 1, 85] == real(wish)
        await link.close()
    assert accepted > 4


async def test_another_program_on_our_port_is_said() -> None:
    responder = tiny()
    responder.deaf = True
    port = free_udp_port()
    link = BacnetLink(f"127.0.0.1/32:{port}")
    async with listening(responder) as server:
        driver = BacnetDriver(device(server, instance=None), link, SystemClock())
        responder.deaf = False
        assert (await driver.read(inputs(1), MORNING))[0].value == 1
        responder.deaf = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            thief.bind(("127.0.0.1", port))
            (reading,) = await driver.read(inputs(1), MORNING)
            assert reading.quality is Quality.NO_REPLY
            assert "another program has bound" in (reading.detail or "")
        await link.close()


async def test_silence_alone_is_not_taken_for_a_thief() -> None:
    responder = tiny()
    responder.deaf = True
    async with driving(responder, instance=None) as (driver, _):
        (reading,) = await driver.read(inputs(1), MORNING)
        assert "no answer within 0.4 s" in (reading.detail or "")
        assert "another program" not in (reading.detail or "")


def test_another_version_of_the_stack_is_refused_in_plain_words() -> None:
    check_stack("0.0.110")
    with pytest.raises(ConfigError, match=r"bacpypes3 0\.0\.111 is installed.*differential tests"):
        check_stack("0.0.111")


async def test_a_poll_of_a_slow_device_ends_within_its_budget() -> None:
    """A device that takes nearly its whole time-out for each property."""

    class Slow(TinyDevice):
        def send(self, answer: bytes | list[bytes] | None) -> None:
            asyncio.get_running_loop().call_later(0.15, super().send, answer)

    responder = Slow(knows_multiple=False)
    for n in range(1, 101):
        responder.properties[0, n, 85] = real(n)
    async with driving(responder, timeout_s=0.2, instance=None) as (driver, _):
        started = now_s()
        readings = await driver.read(inputs(100), MORNING)
        assert now_s() - started < 10 * 0.2 + 0.5
        assert all(r.value in (None, n) for n, r in enumerate(readings, 1))
        assert readings[0].value == 1
        assert readings[-1].quality is Quality.NO_REPLY


@pytest.mark.parametrize(
    "refusal",
    {
        "an abort": lambda i: bytes((ABORT | 1, i, 0)),
        "a rejection": lambda i: bytes((REJECT, i, 0)),
    }.items(),
    ids=lambda item: item[0],
)
async def test_a_device_that_refuses_everything_is_asked_a_bounded_number_of_times(
    refusal: tuple[str, object],
) -> None:
    responder = Responder(lambda i, s, p: refusal[1](i))  # type: ignore[operator]
    async with driving(responder, instance=None) as (driver, _):
        readings = await driver.read(inputs(16), MORNING)
        assert {r.quality for r in readings} == {Quality.DEVICE_ERROR}
        assert len(responder.requests) < 3 * 16  # by halves, and each object alone


def test_the_device_speaks_what_the_standard_says() -> None:
    """The test device's own encodings, by hand."""
    assert unsigned(1476) == b"\x22\x05\xc4"
    assert identifier(8, 77) == b"\xc4\x02\x00\x00\x4d"
    assert enumerated(3) == b"\x91\x03"


async def test_health_and_trace_tell_how_the_device_has_been_doing() -> None:
    responder = tiny(3)
    async with driving(responder) as (driver, _):
        await driver.read(inputs(3), MORNING)
        responder.deaf = True
        await driver.read(inputs(3), MORNING)
        health = driver.health
        assert (health.answers, health.errors["silence"]) == (4, 1)
        assert health.latency_s is not None
        assert health.last_good is not None
        assert not health.left_alone
        await driver.read(inputs(3), MORNING)
        assert driver.health.left_alone
        lines = [str(exchange) for exchange in driver.trace()]
        assert "ReadPropertyMultiple  0c 00 00 00 01 1e 09 55 09 6f 09 67 09 75 1f" in lines[3]
        assert "no answer within 0.4 s" in lines[-1]
