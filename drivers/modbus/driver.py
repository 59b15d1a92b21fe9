"""The Driver of one Modbus unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from bms.errors import DeviceError
from bms.model.assets.address import TextAddress
from bms.model.assets.device import Device, Fingerprint
from bms.model.assets.point import Point
from bms.model.control.command import Command, Receipt, ReleaseReceipt
from bms.model.control.command_state import CommandState, NoCommandState
from bms.model.readings.measurement import Reading
from bms.ports.clock import Clock
from drivers.fieldbus.availability import HealthCounters
from drivers.fieldbus.errors import quality_of
from drivers.fieldbus.reading import Decoded, reading
from drivers.fieldbus.receipts import failed, no_command_state, no_reply, still_held
from drivers.fieldbus.release_values import home_values
from drivers.fieldbus.write_budget_log import MemoryWriteCounter, WriteCounter
from drivers.modbus.frames import read
from drivers.modbus.identification.fingerprint import UnitIdentity, fingerprint_of
from drivers.modbus.link import ModbusLink
from drivers.modbus.poller import Poller
from drivers.modbus.register_codec import decode_text
from drivers.modbus.trace import ModbusExchange
from drivers.modbus.unit import ModbusUnit
from drivers.modbus.writer import ModbusWriter


class ModbusDriver:
    """Reads, writes and releases the points of one unit (``bms.ports.drivers.Driver``).

    The fingerprint of the site file is compared before each of them (CONTRACT, W1).
    """

    def __init__(
        self,
        device: Device,
        link: ModbusLink,
        clock: Clock,
        timezone: str,
        write_counter: WriteCounter | None = None,
    ) -> None:
        self._unit = ModbusUnit(device, link, clock)
        self._identity = UnitIdentity(self._unit)
        self._zone = ZoneInfo(timezone)
        self._poller = Poller(self._unit)
        self._writer = ModbusWriter(self._unit, timezone, write_counter or MemoryWriteCounter())

    @property
    def patience_s(self) -> float:
        """How long a call may take while the others of the line are served [s]."""
        return self._unit.link.patience_s

    async def read(self, points: Sequence[Point], at: datetime) -> list[Reading]:
        """One reading per point, in their order. Points of another protocol get an error."""
        outcome = await self._values(points)
        received = self._unit.clock.now()
        return [
            reading(point, decoded, at, received)
            for point, decoded in zip(points, outcome, strict=True)
        ]

    async def command_states(
        self, points: Sequence[Point], at: datetime
    ) -> list[CommandState | NoCommandState]:
        """Each register, with its enable bit where it has one. Never raises ``DeviceError``."""
        try:
            await self._identity.verify()
        except DeviceError as error:
            device = self._unit.device.id
            return [no_command_state(point.id, device, error) for point in points]
        enables = {
            point.id: replace(point, id=f"{point.id} enable", address=point.write.release.enable)
            for point in points
            if point.write is not None and point.write.release.enable is not None
        }
        asked = (*points, *enables.values())
        outcome = await self._poller.values(asked)
        found = dict(zip((point.id for point in asked), outcome, strict=True))
        return [self._state(point, found, enables.get(point.id), at) for point in points]

    def _state(
        self, point: Point, found: Mapping[str, Decoded], enable: Point | None, at: datetime
    ) -> CommandState | NoCommandState:
        read = [found[each.id] for each in (point, enable) if each is not None]
        missing = next((each for each in read if each.value is None), None)
        if missing is not None:
            return no_reply(point.id, self._unit.device.id, missing)
        return CommandState(
            point=point.id,
            at=at,
            effective=read[0].value,
            doubt=read[0].doubt,
            own=read[0].value,
            home=() if point.write is None else home_values(point.write, at, self._zone),
            enabled=None if enable is None else read[1].value != 0,
            silent_at=self._unit.health.silent_at,
        )

    async def write(self, point: Point, command: Command) -> Receipt:
        """Write, read back, and toggle the heartbeat register where the device has one."""
        try:
            await self._identity.verify()
        except DeviceError as error:
            return failed(command, self._unit.device.id, error)
        return await self._writer.write(point, command)

    async def release(self, point: Point, at: datetime) -> ReleaseReceipt:
        """Release the point as it declares."""
        try:
            await self._identity.verify()
        except DeviceError as error:
            return still_held(point.id, self._unit.device.id, error)
        return await self._writer.release(point, at)

    async def fingerprint(self) -> Fingerprint | None:
        """What the unit says it is; None where it says nothing or does not answer."""
        return await fingerprint_of(self._identity)

    async def beat(self, at: datetime) -> None:
        """Toggle the heartbeat register, where the device has one, once for each ``at``."""
        await self._writer.beat(at)

    async def texts(self, addresses: Mapping[str, TextAddress]) -> dict[str, str | None]:
        """The device's texts (maker, serial number) by name; None where one cannot be read."""
        return {name: await self._text(address) for name, address in addresses.items()}

    @property
    def health(self) -> HealthCounters:
        """Counters of the unit's replies and errors."""
        return self._unit.health

    def trace(self) -> tuple[ModbusExchange, ...]:
        """The last exchanges with the unit, oldest first."""
        return self._unit.link.trace.of(self._unit.device.unit)

    async def close(self) -> None:
        """Do nothing: the link belongs to all units of the endpoint."""

    async def _values(self, points: Sequence[Point]) -> list[Decoded]:
        if not self._unit.left_alone:
            try:
                await self._identity.verify()
            except DeviceError as error:
                return [Decoded(None, quality_of(error), str(error))] * len(points)
        return await self._poller.values(points)

    async def _text(self, address: TextAddress) -> str | None:
        try:
            start = await self._poller.start_of(address)
            request = read(self._unit.device.unit, address.table, start, address.registers)
            return decode_text(address, await self._unit.exchange(request))
        except DeviceError:
            return None
