"""The BACnet driver against the stock library, and a city of 500 devices in one process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

from bms.bench.figure import Figure, Progress
from bms.clock import SystemClock
from bms.errors import BmsError
from bms.model.assets.address import BacnetAddress
from bms.model.assets.device import Device
from bms.model.assets.point import Point, Role
from bms.model.readings.measurement import Quality
from bms.model.readings.units import Unit
from drivers.bacnet.driver import BacnetDriver
from drivers.bacnet.link import BacnetLink
from drivers.simulator.reference_clients import ReferenceBacnetClient

Read = Callable[[], Awaitable[int]]
"""Reads once and returns how many values came [1]."""

DEVICES, POINTS = 500, 100
_DEVICE_PATIENCE_S = 15.0
"""Time-out of a device [s]: on a busy machine datagrams are lost, and CPU is what is measured."""
BATCH = 64
SECONDS, TURNS = 4.0, 4
ROUNDS = 2
_AT = datetime(2019, 1, 14, tzinfo=UTC)
_MINUTE_S = 60.0
_PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Rate:
    """Present values with status flags per second on the clock [1/s], and CPU time of one [us]."""

    per_s: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Fleet:
    """``cpu_s`` [s] for one round of all points, and the memory that they take [octets]."""

    cpu_s: float
    wall_s: float
    octets: float
    points: int


def bench_drivers_bacnet(report: Progress) -> list[Figure]:
    """Bulk reads, ours and stock in turn, then the fleet in a process of its own."""
    report("BACnet bulk reads", 0.0)
    with light_devices(1) as ports:
        ours, stock = asyncio.run(_bulk(ports[0]))
    report("500 BACnet devices", 0.5)
    return [*_bulk_figures(ours, stock), *_fleet_figures(fleet_in_child())]


def _bulk_figures(ours: Rate, stock: Rate) -> list[Figure]:
    ratio = ours.per_s / stock.per_s
    return [
        Figure(
            name="BACnet bulk read",
            value=ours.per_s,
            unit="values/s",
            rival="bacpypes3",
            rival_value=stock.per_s,
            ok=ratio >= 20,
        ),
        Figure(
            name="BACnet bulk read against stock bacpypes3",
            value=ratio,
            unit="times",
            at_least="20",
            stretch="50",
            ok=ratio >= 20,
        ),
        Figure(
            name="CPU of a BACnet value",
            value=ours.cpu_us,
            unit="us",
            rival="bacpypes3",
            rival_value=stock.cpu_us,
            at_least="<= 1/40 of bacpypes3",
            stretch="1/50",
            ok=ours.cpu_us * 40 <= stock.cpu_us,
        ),
    ]


def _fleet_figures(fleet: Fleet) -> list[Figure]:
    share = 100 * fleet.cpu_s / _MINUTE_S
    return [
        Figure(
            name=f"{DEVICES} BACnet devices x {POINTS} points each minute, CPU",
            value=share,
            unit="% of a core",
            at_least="<= 25 (half of 50 for both protocols)",
            stretch="<= 10",
            ok=share <= 25,
        ),
        Figure(
            name="memory of a BACnet point",
            value=fleet.octets / fleet.points,
            unit="octets",
            at_least="<= 5000 (500 MB for 100 000)",
            stretch="<= 2000",
            ok=fleet.octets / fleet.points <= 5000,
        ),
    ]


async def _bulk(port: int) -> tuple[Rate, Rate]:
    """(ours, stock), measured in turn a few times, as the machine may be busy; in the middle."""
    rates: tuple[list[Rate], list[Rate]] = ([], [])
    async with our_reads(port) as ours, stock_reads(port) as stock:
        for _ in range(TURNS):
            for read, found in zip((ours, stock), rates, strict=True):
                found.append(await _timed(read, SECONDS / TURNS))
    return _middle(rates[0]), _middle(rates[1])


async def _timed(read: Read, seconds: float) -> Rate:
    """Reads one after another for ``seconds`` [s]."""
    count, cpu, started = 0, time.process_time(), time.perf_counter()
    while time.perf_counter() - started < seconds:
        count += await read()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - started
    return Rate(count / wall, 1e6 * cpu / count)


def _middle(rates: Sequence[Rate]) -> Rate:
    return Rate(median(rate.per_s for rate in rates), median(rate.cpu_us for rate in rates))


@asynccontextmanager
async def our_reads(port: int) -> AsyncIterator[Read]:
    """A read of present values with their status flags through ``BacnetDriver.read``, one request
    after another; the first, which also asks for units, has been made. A read raises ``ValueError``
    where a value is wrong."""
    link = BacnetLink()
    driver, points = _driver(link, 1, port, 10 * BATCH)
    driver.session.capabilities.max_outstanding = 1

    async def read() -> int:
        readings = await driver.read(points, _AT)
        if readings[-1].value != len(readings):
            raise ValueError("the driver under measurement read a wrong value")
        return len(readings)

    try:
        readings = await driver.read(points, _AT)
        if any(reading.value != n for n, reading in enumerate(readings, 1)):
            raise ValueError("the driver under measurement read a wrong value")
        yield read
    finally:
        await link.close()


@asynccontextmanager
async def stock_reads(port: int) -> AsyncIterator[Read]:
    """The same through bacpypes3; the first read has been made."""
    client = ReferenceBacnetClient(port)
    try:
        await client.read(BATCH)
        yield partial(client.read, BATCH)
    finally:
        client.close()


async def fleet(ports: Sequence[int], points: int) -> Fleet:
    """One driver per port, all polled at once, ``ROUNDS`` times after the first."""
    link = BacnetLink()
    before = _resident()
    drivers = [_driver(link, n, port, points) for n, port in enumerate(ports, 1)]
    await _round(drivers)
    octets = _resident() - before
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(ROUNDS):
        await _round(drivers)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    await link.close()
    return Fleet(cpu / ROUNDS, wall / ROUNDS, octets, len(ports) * points)


async def _round(drivers: Sequence[tuple[BacnetDriver, list[Point]]]) -> None:
    gate = asyncio.Semaphore(50)

    async def one(driver: BacnetDriver, points: list[Point]) -> None:
        async with gate:
            readings = await driver.read(points, _AT)
        if any(reading.quality is not Quality.GOOD for reading in readings):
            raise ValueError("a device of the fleet did not answer")

    await asyncio.gather(*(one(driver, points) for driver, points in drivers))


def _driver(
    link: BacnetLink, number: int, port: int, count: int
) -> tuple[BacnetDriver, list[Point]]:
    device = Device(
        id=f"bench/d{number}",
        site="bench",
        protocol="bacnet",
        host="127.0.0.1",
        port=port,
        instance=number,
        timeout_s=_DEVICE_PATIENCE_S,
    )
    points = [
        Point(
            id=f"bench/d{number}.p{instance}",
            site="bench",
            device=device.id,
            role=Role.OTHER,
            unit=Unit.DEG_C,
            address=BacnetAddress(object_type="analog-input", instance=instance),
        )
        for instance in range(1, count + 1)
    ]
    return BacnetDriver(device, link, SystemClock()), points


def _resident() -> float:
    """Resident memory of this process [octets]; NaN where the system does not tell."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return float("nan")
    return int(statm.read_text().split()[1]) * 4096.0


@contextmanager
def light_devices(count: int) -> Iterator[list[int]]:
    """The ports of ``count`` small devices in a process of their own."""
    command = [sys.executable, "-m", "drivers.simulator.servers.minimal_bacnet", str(count)]
    process = subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield [int(port) for port in process.stdout.readline().split()]
    finally:
        process.stdin.close()
        process.wait(timeout=10)
        process.stdout.close()


def fleet_in_child() -> Fleet:
    """The fleet measured in a process that has done nothing else. Raises ``BmsError``."""
    command = [sys.executable, "-m", "bms.bench.fieldbus.bacnet"]
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
    )
    if done.returncode:
        raise BmsError(f"the fleet of devices: {done.stderr.strip().rpartition(chr(10))[2]}")
    return Fleet(**json.loads(done.stdout))


if __name__ == "__main__":
    with light_devices(DEVICES) as found:
        sys.stdout.write(json.dumps(asdict(asyncio.run(fleet(found, POINTS)))))
