"""M-Bus: how much of a slow line's time is used. The line is simulated in real time at 2 400 Bd."""

from __future__ import annotations

import asyncio
import resource
from datetime import UTC, datetime

from bms.bench.figure import Figure, Progress
from bms.clock import SystemClock
from bms.model.assets.address import MbusAddress, MbusQuantity
from bms.model.assets.device import Device
from bms.model.assets.point import Point, Role
from bms.model.readings.units import Unit
from drivers.registry import NetworkDrivers
from drivers.simulator.servers import mbus_telegrams as telegrams
from drivers.simulator.servers.mbus import LineMeter, MeterLine

METERS = 100
BAUD = 2400
DELAY_S = 0.03
"""How long a meter takes to begin its answer [s]: of 11 bit times to 330 and 50 ms."""
LEAST_USE = 90.0


def bench_drivers_mbus(report: Progress, meters: int = METERS) -> list[Figure]:
    """The line's use while every meter is read once. Raises OSError without loopback."""
    report("M-Bus", 0.0)
    used, answered, processor_s = asyncio.run(_read_all(report, meters))
    return [
        Figure(
            name=f"M-Bus line of {meters} meters at {BAUD} Bd, used of what the protocol allows",
            value=round(used, 1),
            unit="%",
            ok=used >= LEAST_USE and answered == meters,
            at_least=f">= {LEAST_USE:g}, every meter answered",
        ),
        Figure(
            name="M-Bus processor time of a meter's read, simulated line included",
            value=round(1e3 * processor_s / meters, 2),
            unit="ms",
            ok=True,
        ),
    ]


async def _read_all(report: Progress, meters: int) -> tuple[float, int, float]:
    """Use of the line [%], how many meters gave their value [1], and processor time [s]."""
    line = MeterLine([_meter(number) for number in range(1, meters + 1)], baud=BAUD)
    port = await line.start()
    drivers = NetworkDrivers(SystemClock())
    loop, done = asyncio.get_running_loop(), 0

    async def read(number: int) -> bool:
        nonlocal done
        device, point = _point(number, port)
        (reading,) = await drivers.driver(device).read([point], datetime.now(UTC))
        done += 1
        report("M-Bus", done / meters)
        return reading.value == number

    for number in range(1, meters + 1):
        drivers.driver(_point(number, port)[0])  # so that each knows how many wait
    began, processor = loop.time(), _processor_s()
    answered = sum(await asyncio.gather(*(read(number) for number in range(1, meters + 1))))
    took_s, processor_s = loop.time() - began, _processor_s() - processor
    await drivers.close()
    await line.close()
    return 100 * line.busy_s / took_s, answered, processor_s


def _meter(number: int) -> LineMeter:
    """A heat meter with what such meters send."""
    who = telegrams.MeterIdentity(f"{number:08d}", "KAM", 27, 4)
    vifs = (b"\x14", b"\x3b", b"\x2b", b"\x5a", b"\x5e", b"\x61", b"\x22")
    records = [telegrams.bcd(b"\x06", number), *(telegrams.integer(vif, 1, 4) for vif in vifs)]
    sent = telegrams.telegrams(who, records)
    return LineMeter(number, who.secondary, lambda: sent, delay_s=DELAY_S)


def _point(number: int, port: int) -> tuple[Device, Point]:
    device = Device(
        id=f"bench/m{number}",
        site="bench",
        protocol="mbus",
        host="127.0.0.1",
        port=port,
        primary=number,
    )
    point = Point(
        id=f"bench/m{number}.energy",
        site="bench",
        device=device.id,
        role=Role.OTHER,
        unit=Unit.KWH,
        address=MbusAddress(quantity=MbusQuantity.ENERGY),
    )
    return device, point


def _processor_s() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime
