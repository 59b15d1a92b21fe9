"""The BACnet driver against the stock library, and a city of 500 devices in one process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

from bms.bench.figure import Figure, Progress
from bms.clock import SystemClock
from bms.model.assets.address import BacnetAddress
from bms.model.assets.device import Device
from bms.model.assets.point import Point, Role
from bms.model.readings.measurement import Quality
from bms.model.readings.units import Unit
from drivers.bacnet.driver import BacnetDriver
from drivers.bacnet.link import BacnetLink
from drivers.simulator.reference_clients import reference_reads

DEVICES, POINTS = 500, 100
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
            ok=ours.cpu_us * 20 <= stock.cpu_us,
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
    """(ours, stock), measured in turn a few times, as the machine may be busy."""
    ours, stock = [], []
    for _ in range(TURNS):
        ours.append(await _timed(our_reads(port, SECONDS / TURNS)))
        stock.append(await _timed(reference_reads(port, BATCH, SECONDS / TURNS)))
    return _mean(ours), _mean(stock)


async def _timed(reads: Awaitable[int]) -> Rate:
    cpu, wall = time.process_time(), time.perf_counter()
    count = await reads
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Rate(count / wall, 1e6 * cpu / count)


def _mean(rates: Sequence[Rate]) -> Rate:
    return Rate(mean(rate.per_s for rate in rates), mean(rate.cpu_us for rate in rates))


async def our_reads(port: int, seconds: float) -> int:
    """Present values that became readings out of ``BacnetDriver.read`` in ``seconds`` [s], with
    their status flags, one request after another; the first read, which also asks for units, is not
    counted. Raises ``ValueError`` when one is wrong."""
    link = BacnetLink()
    driver, points = _driver(link, 1, port, 10 * BATCH)
    driver.session.capabilities.max_outstanding = 1
    try:
        await driver.read(points, _AT)
        count, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            readings = await driver.read(points, _AT)
            count += len(readings)
    finally:
        await link.close()
    if any(reading.value != n for n, reading in enumerate(readings, 1)):
        raise ValueError("the driver under measurement read a wrong value")
    return count


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
    """The fleet measured in a process that has done nothing else."""
    command = [sys.executable, "-m", "bms.bench.fieldbus.bacnet"]
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, timeout=_PATIENCE_S, check=True
    )
    return Fleet(**json.loads(done.stdout))


if __name__ == "__main__":
    with light_devices(DEVICES) as found:
        sys.stdout.write(json.dumps(asdict(asyncio.run(fleet(found, POINTS)))))
