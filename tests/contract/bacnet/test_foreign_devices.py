"""What real controllers do beside the standard, each with its bytes."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bms.clock import VirtualClock
from bms.model.assets.address import BacnetAddress
from bms.model.readings.measurement import Quality
from bms.model.readings.units import Unit
from drivers.bacnet.driver import BacnetDriver
from drivers.bacnet.encoding.frames import Peer
from drivers.bacnet.link import BacnetLink
from drivers.fieldbus.errors import NoReply
from tests.rigs.fieldbus.bacnet_responder import (
    Responder,
    TinyDevice,
    enumerated,
    error,
    listening,
    properties_of,
    real,
    unsigned,
)
from tests.rigs.fieldbus.bacnet_session import device, inputs, tiny
from tests.rigs.fieldbus.driver_rigs import MORNING, point
from tests.rigs.fieldbus.modbus_line import Quick


class OneBuffer(TinyDevice):
    """Takes 60 ms for an answer, and drops what comes meanwhile."""

    busy_s = 0.06
    busy = False
    dropped = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.busy:
            self.dropped += 1
            return
        self.busy = True
        asyncio.get_running_loop().call_later(self.busy_s, self._done, data, addr)

    def _done(self, data: bytes, addr: tuple[str, int]) -> None:
        self.busy = False
        super().datagram_received(data, addr)


class WholeRefusal(TinyDevice):
    """Refuses a whole ReadPropertyMultiple for one object that it does not have."""

    def read_multiple(self, invoke: int, payload: bytes) -> bytes | None:
        known = {(kind, instance) for kind, instance, _ in self.properties}
        for oid, _ in properties_of(payload):
            number = int.from_bytes(oid, "big")
            if (number >> 22, number & 0x3FFFFF) not in known:
                return error(invoke, 14, 1, 31)
        return super().read_multiple(invoke, payload)


@asynccontextmanager
async def driving(
    responder: TinyDevice, clock: VirtualClock, **knobs: object
) -> AsyncIterator[BacnetDriver]:
    link = BacnetLink()
    async with listening(responder) as port:
        try:
            yield BacnetDriver(device(port, **knobs), link, clock)  # type: ignore[arg-type]
        finally:
            await link.close()


def filled(found: TinyDevice, count: int) -> TinyDevice:
    found.properties |= tiny(count).properties
    return found


@pytest.mark.parametrize("timeout_s", [2.0, 0.6])
async def test_a_device_with_room_for_one_datagram_is_read_whole(timeout_s: float) -> None:
    controller = filled(OneBuffer(max_apdu=480), 150)
    async with driving(controller, VirtualClock(MORNING), timeout_s=timeout_s) as driver:
        for _ in range(3):
            readings = await driver.read(inputs(150), MORNING)
            assert [r.value for r in readings] == list(range(1, 151))
        controller.dropped = 0
        await driver.read(inputs(150), MORNING)
        assert controller.dropped == 0  # the limit is remembered


async def test_a_site_file_says_how_much_a_device_takes_at_once() -> None:
    controller = filled(OneBuffer(max_apdu=480), 150)
    knobs = {"timeout_s": 2.0, "max_outstanding": 1}
    async with driving(controller, VirtualClock(MORNING), **knobs) as driver:
        readings = await driver.read(inputs(150), MORNING)
        assert {r.quality for r in readings} == {Quality.GOOD}
    assert controller.dropped == 0


async def test_an_object_that_spoils_the_whole_answer_is_remembered() -> None:
    controller = filled(WholeRefusal(), 39)
    clock = Quick(MORNING)
    async with driving(controller, clock) as driver:
        points = inputs(40)  # the last one is not there
        for _ in range(3):
            readings = await driver.read(points, MORNING)
            assert [r.value for r in readings] == [*range(1, 40), None]
            assert readings[-1].quality is Quality.DEVICE_ERROR
        controller.requests.clear()
        for _ in range(5):
            await driver.read(points, MORNING)
        assert len(controller.requests) == 5
        controller.properties |= tiny(40).properties  # it is put in
        values = []
        for _ in range(30):
            clock.ahead_s += 100.0
            values.append((await driver.read(points, MORNING))[-1].value)
        assert values[-1] == 40


# Counters, and what has numbers in place of names

KWH, CELSIUS, PERCENT = 19, 62, 98


def context(number: int, data: bytes) -> bytes:
    return bytes((number << 4 | 8 | len(data),)) + data


@pytest.mark.parametrize(
    ("scale", "value"),
    [
        (context(0, struct.pack(">f", 0.5)), 617.0),
        (context(1, b"\xfe"), 12.34),
        (context(1, b"\x02"), 123400.0),
        (None, 1234.0),
    ],
    ids=["float", "hundredths", "hundreds", "no scale"],
)
async def test_an_accumulator_is_read_with_its_scale(scale: bytes | None, value: float) -> None:
    meter = TinyDevice()
    meter.properties |= {(23, 1, 85): unsigned(1234), (23, 1, 117): enumerated(KWH)}
    if scale is not None:
        meter.properties[23, 1, 187] = scale
    where = BacnetAddress(object_type="accumulator", instance=1)
    async with driving(meter, VirtualClock(MORNING)) as driver:
        for _ in range(2):
            (found,) = await driver.read([point("energy", where, unit=Unit.KWH)], MORNING)
            assert (found.value, found.quality) == (value, Quality.GOOD)


async def test_other_objects_and_numbers_are_read() -> None:
    controller = TinyDevice()
    controller.properties |= {
        (24, 1, 85): real(7.5), (24, 1, 117): enumerated(KWH),
        (12, 1, 85): real(40.0), (12, 1, 82): enumerated(PERCENT),
        (12, 1, 117): enumerated(CELSIUS),
        (18, 1, 125): real(21.5),
        (46, 1, 85): b"\x55\x08" + struct.pack(">d", 123456789.25), (46, 1, 117): enumerated(KWH),
        (2, 1, 512): real(3.5),
        (200, 5, 85): real(4.5),
    }  # fmt: skip
    asked = {
        ("pulse-converter", 1, "present-value", Unit.KWH): 7.5,
        ("loop", 1, "present-value", Unit.PERCENT): 40.0,
        ("averaging", 1, "average-value", Unit.DEG_C): 21.5,
        ("large-analog-value", 1, "present-value", Unit.KWH): 123456789.25,
        ("analog-value", 1, "512", Unit.DEG_C): 3.5,
        ("200", 5, "present-value", Unit.DEG_C): 4.5,
    }
    points = [
        point(f"p{n}", BacnetAddress(object_type=kind, instance=i, property=name), unit=unit)
        for n, (kind, i, name, unit) in enumerate(asked)
    ]
    async with driving(controller, VirtualClock(MORNING)) as driver:
        for _ in range(2):
            readings = await driver.read(points, MORNING)
            assert [r.value for r in readings] == list(asked.values())


class EndlessSegments(Responder):
    """Answers in segments without end, whatever is acknowledged."""

    def __init__(self) -> None:
        super().__init__(lambda *_: None)
        self.pouring: asyncio.Task[None] | None = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.peer = addr
        if data[6] >> 4 == 0 and self.pouring is None:
            self.pouring = asyncio.create_task(self._pour(data[8], data[9]))

    async def _pour(self, invoke: int, service: int) -> None:
        for number in range(4_000):
            self.send(bytes((0x3C, invoke, number & 0xFF, 16, service)) + b"\x55" * 1_400)
            if number % 20 == 0:
                await asyncio.sleep(0.002)


async def test_segments_without_end_cost_a_time_out_and_leave_nothing_behind() -> None:
    link, responder = BacnetLink(), EndlessSegments()
    async with listening(responder) as port:
        with pytest.raises(NoReply):
            await link.confirmed(Peer("127.0.0.1", port), 12, b"", 0.5, segmented=True)
        assert responder.pouring is not None
        await asyncio.gather(responder.pouring)
        (local,) = link._ports.values()
        assert not local.stack.asap.clientTransactions
        assert not local.transactions.stack_peers
        await link.close()
