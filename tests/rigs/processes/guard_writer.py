"""A writer process for the tests of the guard: writes one leased value, then waits to be killed.

Call: ``guard_writer.py JOURNAL CLOCK_FILE PORT [STOP]``. Says ``written`` once the device has the
value. With STOP it stops itself (SIGSTOP) between journal and device: ``before`` its last look at
the clock, or ``after`` it; then it says what became of the write when it goes on.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bms.clock import FileClock
from bms.journal import FileJournal
from bms.model.assets.address import ModbusAddress, Table
from bms.model.assets.device import Device
from bms.model.assets.point import Point, Role
from bms.model.assets.write_rule import Release, ReleaseKind, WriteRule
from bms.model.control.command import Accepted, AnyReceipt, Command, Receipt, ReleaseReceipt
from bms.model.control.command_state import CommandState
from bms.model.readings.units import Unit
from bms.ports.departure import leaving_while
from bms.services.control.write_path import WriteOrder, carry_out
from bms.services.guard.launcher import GuardLauncher
from bms.store.memory.store import MemoryStore
from drivers.registry import NetworkDrivers
from tests.rigs.fakes.ports import control_ports

SETPOINT, ENABLE = 100, 150
LEASE = timedelta(minutes=30)
GUARD = (sys.executable, "-m", "bms.guard", "--check-seconds", "0.1")


def device(port: int) -> Device:
    return Device(
        id="hut/modbus", site="hut", protocol="modbus", host="127.0.0.1", port=port, timeout_s=1.0
    )


def point() -> Point:
    enable = ModbusAddress(table=Table.HOLDING, address=ENABLE)
    release = Release(kind=ReleaseKind.REMOTE_ENABLE, enable=enable)
    return Point(
        id="hut/hall.setpoint",
        site="hut",
        device="hut/modbus",
        role=Role.ZONE_SETPOINT,
        unit=Unit.DEG_C,
        address=ModbusAddress(table=Table.HOLDING, address=SETPOINT, scale=0.1),
        write=WriteRule(
            minimum=13.0,
            maximum=23.0,
            release=release,
            hold_safe=(13.0, 22.0),
            writes_lifetime=1000,
        ),
    )


class Stopping:
    """Drivers of a process that is stopped on the way to the device; after the last look at the
    clock it stalls once more when the write has landed."""

    def __init__(self, inner: NetworkDrivers, target: Device, where: str) -> None:
        self._inner = inner.driver(target)
        self._late = where == "after"

    def driver(self, device: Device) -> Stopping:
        return self

    async def write(self, point: Point, command: Command) -> Receipt:
        os.kill(os.getpid(), signal.SIGSTOP)
        if not self._late:
            return await self._inner.write(point, command)
        with leaving_while(lambda: True):
            await self._inner.write(point, command)
        await asyncio.sleep(60)
        raise AssertionError("nobody has ended this process")

    async def release(self, point: Point, at: datetime) -> ReleaseReceipt:
        return await self._inner.release(point, at)


async def write(journal: Path, clock_file: Path, port: int, where: str = "") -> None:
    clock = FileClock(clock_file)
    now = clock.now()
    command = Command(
        id="c1",
        point=point().id,
        value=18.5,
        issued_at=now,
        lease_end=now + LEASE,
        reason="test",
        actor="plan",
    )
    network = NetworkDrivers(clock)
    drivers: Any = Stopping(network, device(port), where) if where else network
    ports = control_ports(
        MemoryStore(),
        drivers=drivers,
        journal=FileJournal(journal),
        keeper=GuardLauncher(journal, clock_file, GUARD, deadline_s=20),
        clock=clock,
    )
    (state,) = await network.driver(device(port)).command_states([point()], now)
    assert isinstance(state, CommandState), state
    order = WriteOrder(
        command=command,
        point=point(),
        device=device(port),
        issued=clock.elapsed(),
        state=state,
    )
    outcomes: list[AnyReceipt] = []
    await carry_out([order], now=now, ports=ports, told=outcomes.append)
    assert where or isinstance(outcomes[0], Accepted), outcomes
    sys.stdout.write("written\n" if not where else f"{type(outcomes[0]).__name__}\n")
    sys.stdout.flush()
    await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:]))
