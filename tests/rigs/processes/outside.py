"""What can be seen and done from outside a running backend: processes, files, and the wire."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from pymodbus.client import AsyncModbusTcpClient

from bms.model.assets.address import BacnetAddress, ModbusAddress
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.assets.write_rule import ReleaseKind
from bms.runtime.municipality import EXAMPLES
from tests.rigs.fieldbus.bacnet_visitor import Visitor
from tests.rigs.paths import ROOT

BMS = str(Path(sys.executable).with_name("bms"))
PORT = re.compile(r"protocol: (\w+), host: 127\.0\.0\.1, port: \d+")


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> set[int]:
    """The processes that a process has started."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found |= {int(word) for word in task.read_text().split()}
    return found


def soon(
    true: Callable[[], object],
    seconds: float,
    what: str,
    process: subprocess.Popen[bytes] | None = None,
) -> None:
    """Wait until something is true. Fails after ``seconds`` [s], and when ``process`` has ended."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        assert process is None or process.poll() is None, f"it has ended before: {what}"
        time.sleep(0.05)


def building_time(clock: Path) -> datetime:
    """The time that the simulator wrote last."""
    return datetime.fromisoformat(json.loads(clock.read_text())["time"])


@contextlib.contextmanager
def bms(
    *arguments: str, log: Path, cwd: Path, env: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """The ``bms`` command as a process; it and all that it started are ended afterwards."""
    ours: set[int] = set()
    with log.open("ab") as file:
        process = _started(arguments, file, cwd, env)
        try:
            yield process
        finally:
            ours |= children(process.pid)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(20)
                process.kill()
                process.wait()
            end(ours)


def _started(
    arguments: tuple[str, ...], file: IO[bytes], cwd: Path, env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [BMS, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=file,
        stderr=file,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
    )


def end(pids: Iterable[int]) -> None:
    """End processes that a test has seen start."""
    for pid in pids:
        if alive(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def site_files(folder: Path, ports: Mapping[str, Mapping[str, int]]) -> Path:
    """The example site files with the ports of a running simulator."""
    folder.mkdir()
    for site, by_protocol in ports.items():
        text = (EXAMPLES / f"{site}.yaml").read_text()

        def port(found: re.Match[str], of: Mapping[str, int] = by_protocol) -> str:
            return f"protocol: {found[1]}, host: 127.0.0.1, port: {of[found[1]]}"

        changed, count = PORT.subn(port, text)
        assert count >= 1, site
        (folder / f"{site}.yaml").write_text(changed)
    return folder


Held = dict[str, str]


async def held_on_the_wire(sites: Iterable[Site], now: Callable[[], datetime]) -> Held:
    """What is not under a building's own control: point → what stands there.

    Asked with plain clients: every BACnet slot, every enable, every register that is released by
    writing a value. ``now`` tells the building time at which a timetable is looked up.
    """
    found: Held = {}
    for site in sites:
        for device in site.devices:
            levers = [p for p in site.points if p.device == device.id and p.write is not None]
            if device.protocol == "bacnet":
                found |= await _bacnet(device, levers)
            elif levers:
                found |= await _modbus(device, levers, site, now)
    return found


async def _bacnet(device: Device, levers: Iterable[Point]) -> Held:
    visitor, found = Visitor(device.port), {}
    try:
        for point in levers:
            assert isinstance(point.address, BacnetAddress)
            target = f"{point.address.object_type},{point.address.instance}"
            slots = await visitor.slots(target)
            if slots:
                found[point.id] = str(slots)
    finally:
        visitor.close()
    return found


async def _modbus(
    device: Device, levers: Iterable[Point], site: Site, now: Callable[[], datetime]
) -> Held:
    client, found = AsyncModbusTcpClient(device.host, port=device.port), {}
    await client.connect()

    async def value(address: ModbusAddress) -> float:
        answer = await client.read_holding_registers(
            address.address, count=1, device_id=device.unit
        )
        assert not answer.isError(), answer
        return round(int(answer.registers[0]) * address.scale + address.offset, 6)

    try:
        for point in levers:
            assert point.write is not None
            release = point.write.release
            match release.kind:
                case ReleaseKind.REMOTE_ENABLE:
                    assert release.enable is not None
                    stands, own = await value(release.enable), 0.0
                case ReleaseKind.TIMETABLE:
                    assert isinstance(point.address, ModbusAddress)
                    assert release.timetable is not None
                    local = now().astimezone(ZoneInfo(site.timezone))
                    stands, own = await value(point.address), release.timetable.value_at(local)
                case _:
                    assert isinstance(point.address, ModbusAddress)
                    stands, own = await value(point.address), release.value or 0.0
            if stands != own:
                found[point.id] = f"{stands:g} instead of {own:g}"
    finally:
        client.close()
    return found


def on_the_wire(sites: Iterable[Site], now: Callable[[], datetime]) -> Held:
    return asyncio.run(held_on_the_wire(sites, now))
