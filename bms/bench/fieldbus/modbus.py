"""Modbus: how fast, how many requests, how much of a processor, each against a rival."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

from bms.bench.fieldbus.modbus_responder import DEAD_UNIT, SWITCH_UNIT
from bms.bench.fieldbus.poll_planners import RIVAL_GAPS, our_requests, rival_requests
from bms.bench.figure import Figure, Progress
from bms.clock import SystemClock
from bms.model.assets.address import DataType, ModbusAddress, Table
from bms.model.assets.device import Device, DeviceTemplate
from bms.model.assets.point import Point, Role
from bms.model.readings.units import Unit
from drivers.modbus.connection import Endpoint
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.frames import read, write_registers
from drivers.modbus.link import ModbusLink
from drivers.simulator.reference_clients import ReferenceModbusClient
from drivers.templates import load_templates

REGISTERS = 125
ROUNDS, READS = 20, 200
DEVICES, BLOCKS, PER_BLOCK = 500, 4, 25
POLL_S = 60.0
MOST_CPU = 0.4
"""Processor time of a read of 125 registers, as a part of pymodbus's [1]."""
_BARE_REQUEST = struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 0, REGISTERS)
_BARE_REPLY = 9 + 2 * REGISTERS
MODBUS_PROCESSOR = "modbus processor for 500 devices x 100 points each minute"
MODBUS_MEMORY = "modbus memory per point"
GATEWAY_DELAY_MS = 3.0
GATEWAY_ROUNDS = 40
PROBE_SHARE = 2 / 42  # a time-out and as long in silence, then forty time-outs of rest


def bench_drivers_modbus(report: Progress) -> list[Figure]:
    """All figures of the Modbus driver. Raises OSError when loopback cannot be used."""
    figures = requests_per_poll()
    report("reads on one connection", 0.1)
    with _responder() as port:
        figures += asyncio.run(reads_per_second(port))
    report("a dead unit behind a gateway", 0.4)
    with _responder(GATEWAY_DELAY_MS) as port:
        figures.append(asyncio.run(live_units_rate(port)))
    report("five hundred devices", 0.6)
    with _responder() as port:
        figures += asyncio.run(city_load(port))
    report("Modbus", 1.0)
    return figures


# Requests per poll


def requests_per_poll() -> list[Figure]:
    """Every shipped Modbus device, all its points in one poll."""
    devices = {
        name: addresses
        for name, template in load_templates().items()
        if (addresses := _addresses(template))
    }
    traits = {name: template.traits for name, template in load_templates().items()}
    ours = {name: our_requests(a, traits[name]) for name, a in devices.items()}
    rivals = {
        rival: {name: rival_requests(a, gap, traits[name]) for name, a in devices.items()}
        for rival, gap in RIVAL_GAPS.items()
    }
    figures = [_requests_figure(name, ours[name], rivals) for name in devices]
    total = sum(ours.values())
    for rival, counts in rivals.items():
        figures.append(
            _fewer(
                "modbus requests per poll, all shipped devices", total, rival, sum(counts.values())
            )
        )
    return figures


def _requests_figure(name: str, ours: int, rivals: dict[str, dict[str, int]]) -> Figure:
    best = min(rivals, key=lambda rival: rivals[rival][name])
    return _fewer(f"modbus requests per poll, {name}", ours, best, rivals[best][name])


def _fewer(name: str, ours: int, rival: str, theirs: int) -> Figure:
    return Figure(
        name=name,
        value=ours,
        unit="requests",
        ok=ours <= theirs,
        at_least="no more than the rival",
        rival=rival,
        rival_value=theirs,
    )


def _addresses(template: DeviceTemplate) -> list[ModbusAddress]:
    """Where a poll of all points reads; a SunSpec model lies somewhere, with its number first."""
    found = [p.address for p in template.values() if isinstance(p.address, ModbusAddress)]
    exponents = [replace(a, address=a.exponent) for a in found if a.exponent is not None]
    numbers = {replace(a, address=0) for a in found if a.model is not None}
    single = [replace(a, type=DataType.INT16, bit=None) for a in (*exponents, *numbers)]
    return found + single


# Speed


async def reads_per_second(port: int) -> list[Figure]:
    """125 registers, one after the other on one connection, decoded to numbers; best rounds.

    In lock-step the server, the kernel and the event loop take most of the time; what the client
    itself costs shows in the processor time per read. The same octets over a bare socket, and over
    a bare protocol of asyncio, show what no client can save.
    """
    link = ModbusLink(Endpoint("127.0.0.1", port))
    stock = ReferenceModbusClient("127.0.0.1", port)
    await stock.connect()
    request = read(1, Table.HOLDING, 0, REGISTERS)
    expected = list(range(REGISTERS))

    async def ours() -> list[int]:
        return list(struct.unpack(f">{REGISTERS}H", await link.exchange(request, 1.0)))

    async def theirs() -> list[int]:
        return await stock.read(1, 0, REGISTERS)

    wire = socket.create_connection(("127.0.0.1", port))

    async def socket_alone() -> list[int]:
        wire.sendall(_BARE_REQUEST)
        return _words_of(wire.recv(_BARE_REPLY))

    _, bare = await asyncio.get_running_loop().create_connection(_BareProtocol, "127.0.0.1", port)
    asked = {"ours": ours, "theirs": theirs, "socket": socket_alone, "asyncio": bare.read}
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    for _ in range(ROUNDS):  # by turns, so that a busy moment hits all
        for name, ask in asked.items():
            rounds[name].append(await _seconds(ask, expected))
    await link.close()
    stock.close()
    wire.close()
    bare.close()
    return _of_reads(rounds)


class _BareProtocol(asyncio.Protocol):
    """Asks and hands on whatever comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._reply.set_result(data)

    async def read(self) -> list[int]:
        self._reply = asyncio.get_running_loop().create_future()
        self._transport.write(_BARE_REQUEST)
        return _words_of(await self._reply)

    def close(self) -> None:
        self._transport.close()


def _words_of(reply: bytes) -> list[int]:
    return list(struct.unpack_from(f">{REGISTERS}H", reply, _BARE_REPLY - 2 * REGISTERS))


def _of_reads(rounds: Mapping[str, Sequence[tuple[float, float]]]) -> list[Figure]:
    """The best of rounds, each the seconds and the processor seconds of :data:`READS` reads."""
    wall = {name: READS / min(took for took, _ in found) for name, found in rounds.items()}
    cpu = {name: min(used for _, used in found) / READS for name, found in rounds.items()}
    return [
        Figure(
            name="modbus reads of 125 registers, one connection",
            value=round(wall["ours"]),
            unit="reads/s",
            ok=wall["ours"] >= wall["theirs"],
            rival="pymodbus async",
            rival_value=round(wall["theirs"]),
        ),
        Figure(
            name="modbus reads against pymodbus async",
            value=round(wall["ours"] / wall["theirs"], 2),
            unit="times",
            ok=wall["ours"] >= wall["theirs"],
            at_least="1",
            stretch="3",
        ),
        Figure(
            name="modbus processor time of such a read",
            value=round(cpu["ours"] * 1e6, 1),
            unit="us",
            ok=cpu["ours"] <= cpu["theirs"],
            at_least="no more than the rival",
            rival="pymodbus async",
            rival_value=round(cpu["theirs"] * 1e6, 1),
        ),
        Figure(
            name="modbus processor time against pymodbus async",
            value=round(cpu["ours"] / cpu["theirs"], 2),
            unit="times",
            ok=cpu["ours"] <= MOST_CPU * cpu["theirs"],
            at_least=f"<= {MOST_CPU:.2f}",
            stretch="0.33",
        ),
        *(
            Figure(
                name=f"modbus processor time of the same octets, bare {name}",
                value=round(cpu[name] * 1e6, 1),
                unit="us",
                ok=True,
                rival="pymodbus async",
                rival_value=round(cpu["theirs"] * 1e6, 1),
            )
            for name in ("socket", "asyncio")
        ),
    ]


async def _seconds(
    ask: Callable[[], Awaitable[list[int]]], expected: list[int]
) -> tuple[float, float]:
    """Wall and processor time of a round [s]."""
    started, used = time.perf_counter(), time.process_time()
    for _ in range(READS):
        if await ask() != expected:
            raise AssertionError("the bench's server answered something else")
    return time.perf_counter() - started, time.process_time() - used


async def live_units_rate(port: int) -> Figure:
    """Nine live units beside a dead one, after its breaker opened, probes included."""
    link = ModbusLink(Endpoint("127.0.0.1", port))
    units = [_driver(port, number, link, timeout_s=0.1) for number in range(1, DEAD_UNIT + 1)]
    points = [_point(0)]
    await _round(units, points)
    alive = await _live_rate(units, points)
    await link.exchange(write_registers(SWITCH_UNIT, 0, b"\x00\x01"), 1.0)
    for _ in range(2):
        await _round(units, points)
    beside = await _live_rate(units, points)
    await link.close()
    share = 100 * min(1.0, beside / alive) * (1 - PROBE_SHARE)
    return Figure(
        name="modbus rate of nine live units beside a dead one",
        value=round(share, 1),
        unit="%",
        ok=share >= 90,
        at_least=">= 90 %",
    )


async def _round(units: list[ModbusDriver], points: list[Point]) -> None:
    now = SystemClock().now()
    await asyncio.gather(*(unit.read(points, now) for unit in units))


async def _live_rate(units: list[ModbusDriver], points: list[Point]) -> float:
    """Readings per second of the live units in the median round [1/s]."""
    took = []
    for _ in range(GATEWAY_ROUNDS):
        started = time.perf_counter()
        await _round(units, points)
        took.append(time.perf_counter() - started)
    return (len(units) - 1) / sorted(took)[len(took) // 2]


# A city


async def city_load(port: int) -> list[Figure]:
    """Processor and memory of 500 devices with 100 points in 4 blocks, once a minute."""
    gc.collect()
    before = _resident_bytes()
    links = [ModbusLink(Endpoint("127.0.0.1", port)) for _ in range(DEVICES)]
    fleet = [
        (_driver(port, 1, link, timeout_s=10.0), _points(number))
        for number, link in enumerate(links)
    ]
    kept = await _poll_all(fleet)  # connects and plans
    gc.collect()
    per_point = (_resident_bytes() - before) / (DEVICES * BLOCKS * PER_BLOCK)
    started = time.process_time()
    rounds = 2
    for _ in range(rounds):
        kept = await _poll_all(fleet)
    share = 100 * (time.process_time() - started) / rounds / POLL_S
    if kept != DEVICES * BLOCKS * PER_BLOCK:
        raise AssertionError(f"only {kept} points had a value")
    await asyncio.gather(*(link.close() for link in links))
    return [
        Figure(
            name=MODBUS_PROCESSOR,
            value=round(share, 2),
            unit="% of a core",
            ok=share <= 25,
            at_least="<= 50 % together with 500 BACnet devices",
            stretch="<= 20 % together",
        ),
        Figure(
            name=MODBUS_MEMORY,
            value=round(per_point),
            unit="bytes",
            ok=per_point <= 5000,
            at_least="<= 5000 (500 MB for 100 000 points)",
            stretch="<= 2000",
        ),
    ]


async def _poll_all(fleet: list[tuple[ModbusDriver, list[Point]]]) -> int:
    now = SystemClock().now()
    polls = await asyncio.gather(*(driver.read(points, now) for driver, points in fleet))
    return sum(reading.value is not None for readings in polls for reading in readings)


def _driver(port: int, unit: int, link: ModbusLink, timeout_s: float) -> ModbusDriver:
    device = Device(
        id=f"bench/{unit}",
        site="bench",
        protocol="modbus",
        host="127.0.0.1",
        port=port,
        unit=unit,
        timeout_s=timeout_s,
    )
    return ModbusDriver(device, link, SystemClock(), "Europe/Copenhagen")


def _points(device: int) -> list[Point]:
    starts = range(0, 1000 * BLOCKS, 1000)
    return [_point(start + i, f"{device}") for start in starts for i in range(PER_BLOCK)]


def _point(address: int, device: str = "0") -> Point:
    return Point(
        id=f"bench/{device}.{address}",
        site="bench",
        device=f"bench/{device}",
        role=Role.OTHER,
        unit=Unit.DEG_C,
        address=ModbusAddress(table=Table.HOLDING, address=address, scale=0.1),
        low=-40.0,
        high=4000.0,
    )


def _resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * 4096


@contextmanager
def _responder(delay_ms: float = 0.0) -> Iterator[int]:
    command = [
        sys.executable,
        "-m",
        "bms.bench.fieldbus.modbus_responder",
        "--delay-ms",
        str(delay_ms),
    ]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(timeout=10)
