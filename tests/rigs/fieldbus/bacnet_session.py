"""Small BACnet devices on loopback, with and without a router."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from bms.clock import VirtualClock
from bms.model.assets.address import BacnetAddress
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.readings.measurement import Quality, Reading
from drivers.bacnet.driver import BacnetDriver
from drivers.bacnet.link import BacnetLink
from tests.rigs.fieldbus.bacnet_responder import (
    Responder,
    TinyDevice,
    ack,
    enumerated,
    error,
    listening,
    real,
    unsigned,
)
from tests.rigs.fieldbus.driver_rigs import MORNING, point, rule

TIMEOUT_S = 0.4


def device(
    port: int,
    instance: int | None = 77,
    timeout_s: float = TIMEOUT_S,
    host: str = "127.0.0.1",
    **more: Any,
) -> Device:
    return Device(
        id="site/controller",
        site="site",
        protocol="bacnet",
        host=host,
        port=port,
        instance=instance,
        timeout_s=timeout_s,
        **more,
    )


def inputs(count: int) -> list[Point]:
    return [
        point(f"i{n}", BacnetAddress(object_type="analog-input", instance=n))
        for n in range(1, count + 1)
    ]


def tiny(count: int = 5, **knobs: object) -> TinyDevice:
    found = TinyDevice(**knobs)  # type: ignore[arg-type]
    for n in range(1, count + 1):
        found.properties[0, n, 85] = real(n)
    return found


class Router(Responder):
    """Device 1, and device 77 with MAC 5 in network 2001 behind it."""

    def __init__(self, inner: TinyDevice) -> None:
        super().__init__(lambda i, s, p: error(i, s, 1, 31))
        self.inner = inner
        self.waiting = self.most = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not data[5] & 0x20:
            super().datagram_received(data, addr)
            return
        network, length = struct.unpack_from(">HB", data, 6)
        apdu = data[10 + length :]
        assert data[9 + length] > 0  # hops
        if network == 0xFFFF and apdu[:2] == b"\x10\x08":
            self._back(self.inner.i_am(), addr)
        elif network == 2001 and data[9 : 9 + length] == b"\x05":
            self.waiting += 1
            self.most = max(self.most, self.waiting)
            answer = self.inner._answer(apdu[2], apdu[3], apdu[4:])
            asyncio.get_running_loop().call_later(0.01, self._done, answer, addr)

    def _done(self, answer: bytes | None, addr: tuple[str, int]) -> None:
        self.waiting -= 1
        if answer is not None:
            self._back(answer, addr)

    def _back(self, apdu: bytes, addr: tuple[str, int]) -> None:
        npdu = b"\x01\x08" + struct.pack(">HB", 2001, 1) + b"\x05"
        frame = struct.pack(">BBH", 0x81, 0x0A, 4 + len(npdu) + len(apdu)) + npdu + apdu
        self.transport.sendto(frame, addr)


@asynccontextmanager
async def driving(responder: TinyDevice) -> AsyncIterator[BacnetDriver]:
    link = BacnetLink()
    async with listening(responder) as port:
        try:
            yield BacnetDriver(device(port), link, VirtualClock(MORNING))
        finally:
            await link.close()


# Setpoints

CONSTANT = Release(kind=ReleaseKind.CONSTANT, value=20.0)
FAHRENHEIT = 64


def setpoint(release: Release = CONSTANT, name: str = "setpoint", **stated: object) -> Point:
    """A point in degC at analog value 1; ``stated`` is what the site file says of its number."""
    where = BacnetAddress(object_type="analog-value", instance=1, **stated)  # type: ignore[arg-type]
    return point(name, where, rule(release))


def thermostat(unit: int | None = FAHRENHEIT, slots: dict[int, bytes] | None = None) -> TinyDevice:
    """Analog value 1 at 68 degF; with ``slots`` it has a priority array."""
    found = tiny(0)
    found.properties[2, 1, 85] = real(68.0)
    if unit is not None:
        found.properties[2, 1, 117] = enumerated(unit)
    if slots is not None:
        found.properties[2, 1, 87] = [slots.get(n, b"\x00") for n in range(1, 17)]
    return found


# Changes of value


class Heard:
    def __init__(self) -> None:
        self.readings: list[Reading] = []

    def __call__(self, reading: Reading) -> None:
        self.readings.append(reading)

    @property
    def values(self) -> list[float | None]:
        return [reading.value for reading in self.readings]

    def has(self, quality: Quality) -> bool:
        """Whether the newest reading, if there is one, is of this quality."""
        return bool(self.readings) and self.readings[-1].quality is quality

    async def until(self, count: int) -> None:
        async with asyncio.timeout(2):
            while len(self.readings) < count:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def watching(
    responder: TinyDevice, points: list[Point], **knobs: object
) -> AsyncIterator[tuple[Heard, BacnetDriver]]:
    heard = Heard()
    async with driving(responder) as driver:
        task = asyncio.create_task(driver.watch(points, heard, **knobs))  # type: ignore[arg-type]
        try:
            yield heard, driver
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(2):
        while not holds():
            await asyncio.sleep(0.005)


# Trend logs


class Logger(TinyDevice):
    """A device with trend log 1 of REALs, one each quarter hour; the first is number 1.

    ``start`` is what its wall clock shows; its time zone is not meant.
    """

    total = 0
    kept = 10_000
    purged_at = 0
    start = datetime(2019, 1, 16, 0, 0, tzinfo=UTC)

    def read_range(self, invoke: int, payload: bytes) -> bytes | None:
        assert payload[:7] == b"\x0c" + struct.pack(">I", 20 << 22 | 1) + b"\x19\x83"
        at = 8 + 1 + (payload[8] & 7)
        first = int.from_bytes(payload[9:at], "big")
        count = int.from_bytes(payload[at + 1 : -1], "big")
        oldest = self.total - min(self.kept, self.total) + 1
        numbers = [n for n in range(first, first + count) if oldest <= n <= self.total]
        entries = b"".join(self.entry(n) for n in numbers)
        last = bool(numbers) and numbers[-1] == self.total
        flags = bytes((5, (numbers[:1] == [oldest]) << 7 | last << 6 | (not last) << 5))
        tail = b"\x6c" + struct.pack(">I", numbers[0]) if numbers else b""
        return ack(
            invoke,
            26,
            payload[:7]
            + b"\x3a"
            + flags
            + bytes((0x49, len(numbers)))
            + b"\x5e"
            + entries
            + b"\x5f"
            + tail,
        )

    def entry(self, number: int) -> bytes:
        moment = self.start + timedelta(minutes=15 * number)
        day = bytes((moment.year - 1900, moment.month, moment.day, moment.isoweekday()))
        stamp = b"\x0e\xa4" + day + b"\xb4" + bytes((moment.hour, moment.minute, 0, 0)) + b"\x0f"
        if number == self.purged_at:
            return stamp + b"\x1e\x0a\x05\x40\x1f"  # log status, buffer purged
        return stamp + b"\x1e\x2c" + struct.pack(">f", number) + b"\x1f\x2a\x04\x00"

    def grow(self, total: int) -> None:
        self.total = total
        self.properties[20, 1, 141] = unsigned(min(total, self.kept))
        self.properties[20, 1, 145] = unsigned(total)


# Clocks


def clockwork(shown: datetime, offset: int = -60) -> TinyDevice:
    responder = tiny(0)
    day = bytes((shown.year - 1900, shown.month, shown.day, shown.isoweekday()))
    at = bytes((shown.hour, shown.minute, shown.second, 0))
    responder.properties[8, 77, 56] = b"\xa4" + day
    responder.properties[8, 77, 57] = b"\xb4" + at
    responder.properties[8, 77, 119] = b"\x31" + offset.to_bytes(1, "big", signed=True)
    return responder


@asynccontextmanager
async def asking(responder: TinyDevice, now: datetime) -> AsyncIterator[BacnetDriver]:
    """Its driver at that moment."""
    link = BacnetLink()
    async with listening(responder) as port:
        try:
            yield BacnetDriver(device(port), link, VirtualClock(now))
        finally:
            await link.close()
