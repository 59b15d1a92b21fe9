"""Devices that answer at once with a plausible value, or not at all: no network, no physics."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bms.clock import VirtualClock
from bms.config import Settings
from bms.errors import PermanentError
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.control.command import Command, Receipt, Released, ReleaseReceipt
from bms.model.control.command_state import CommandState, NoCommandState
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.units import Unit
from bms.ports.drivers import DeviceHealth, Exchange
from bms.runtime.city import City
from bms.runtime.wire import wire

VALUES: Mapping[Unit, float] = {Unit.DEG_C: 20.5, Unit.KW: 12.0, Unit.KWH: 1000.0}
SILENCE_S = 3600.0
START = datetime(2019, 1, 14, 6, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class EchoDriver:
    """Implements ``bms.ports.drivers.Driver`` for reading. ``silent``: it never answers."""

    device: Device
    silent: bool

    async def read(self, points: Sequence[Point], at: datetime) -> list[Reading]:
        """One plausible reading a point."""
        if self.silent:
            await asyncio.sleep(SILENCE_S)
        return [Reading(p.id, at, VALUES.get(p.unit, 0.5), Quality.GOOD, at) for p in points]

    async def command_states(
        self, points: Sequence[Point], at: datetime
    ) -> list[CommandState | NoCommandState]:
        """Every point is under its own control."""
        if self.silent:
            await asyncio.sleep(SILENCE_S)
        return [
            CommandState(point=p.id, at=at, effective=VALUES.get(p.unit, 0.5), own=None)
            for p in points
        ]

    async def write(self, point: Point, command: Command) -> Receipt:
        """Nothing is written in this bench. Raises ``PermanentError``."""
        raise PermanentError(f"{self.device.id} is read only")

    async def release(self, point: Point, at: datetime) -> ReleaseReceipt:
        """Nothing is written in this bench: the point is free."""
        return Released(point.id, VALUES.get(point.unit, 0.5))

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(slots=True)
class EchoDrivers:
    """Implements ``bms.ports.drivers.Drivers``. ``silent``: devices that do not answer."""

    silent: Collection[str] = field(default_factory=frozenset)

    def driver(self, device: Device) -> EchoDriver:
        """The driver of a device."""
        return EchoDriver(device, device.id in self.silent)

    def health(self) -> dict[str, DeviceHealth]:
        """Empty: there is no network."""
        return {}

    def trace(self, device_id: str) -> tuple[Exchange, ...]:
        """Empty: there is no network."""
        return ()

    async def keep_only(self, devices: Collection[Device]) -> None:
        """Nothing is open."""

    async def close(self) -> None:
        """Nothing is open."""


@contextmanager
def echo_city(sites: Sequence[Site], drivers: EchoDrivers) -> Iterator[tuple[City, VirtualClock]]:
    """A wired city of these devices on a winter's morning, with SQLite in a folder of its own."""
    with TemporaryDirectory() as home:
        clock = VirtualClock(START)
        city = wire(Settings(home=Path(home)), sites=sites, clock=clock, drivers=drivers)
        try:
            yield city, clock
        finally:
            city.stores.close()
