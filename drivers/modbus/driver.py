"""The Driver of one Modbus unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from bms.errors import DeviceError
from bms.model.assets.address import TextAddress
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.control.command import Command, Receipt, ReleaseReceipt
from bms.model.readings.reading import Reading
from bms.ports.clock import Clock
from drivers.fieldbus.availability import DeviceHealth
from drivers.fieldbus.reading import reading
from drivers.fieldbus.write_budget_log import MemoryWear, WearBook
from drivers.modbus.frames import read
from drivers.modbus.link import ModbusLink
from drivers.modbus.poller import Poller
from drivers.modbus.register_codec import decode_text
from drivers.modbus.trace import Exchange
from drivers.modbus.unit import ModbusUnit
from drivers.modbus.writer import ModbusWriter


class ModbusDriver:
    """Reads, writes and releases the points of one unit (``bms.ports.drivers.Driver``)."""

    def __init__(
        self,
        device: Device,
        link: ModbusLink,
        clock: Clock,
        timezone: str,
        wear: WearBook | None = None,
    ) -> None:
        self._unit = ModbusUnit(device, link, clock)
        self._poller = Poller(self._unit)
        self._writer = ModbusWriter(self._unit, timezone, wear or MemoryWear())

    async def read(self, points: Sequence[Point], at: datetime) -> list[Reading]:
        """One reading per point, in their order. Points of another protocol get an error."""
        outcome = await self._poller.values(points)
        received = self._unit.clock.now()
        return [
            reading(point, decoded, at, received)
            for point, decoded in zip(points, outcome, strict=True)
        ]

    async def write(self, point: Point, command: Command) -> Receipt:
        """Write, read back, and toggle the device's heartbeat where it has one."""
        return await self._writer.write(point, command)

    async def release(self, point: Point, at: datetime) -> ReleaseReceipt:
        """Give the point back the way that it declares."""
        return await self._writer.release(point, at)

    async def texts(self, addresses: Mapping[str, TextAddress]) -> dict[str, str | None]:
        """What the device says of itself (maker, serial number); None where it says nothing."""
        return {name: await self._text(address) for name, address in addresses.items()}

    @property
    def health(self) -> DeviceHealth:
        """How the unit has been doing."""
        return self._unit.health

    def trace(self) -> tuple[Exchange, ...]:
        """The last exchanges with the unit, oldest first."""
        return self._unit.link.trace.of(self._unit.device.unit)

    async def close(self) -> None:
        """Nothing of its own to close: the link belongs to the endpoint."""

    async def _text(self, address: TextAddress) -> str | None:
        try:
            start = await self._poller.start_of(address)
            request = read(self._unit.device.unit, address.table, start, address.registers)
            return decode_text(address, await self._unit.ask(request))
        except DeviceError:
            return None
