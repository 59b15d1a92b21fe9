"""Creates the driver of each device by its protocol, and keeps the connections that they share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from bms.errors import ConfigError
from bms.model.assets.device import Bbmd, Device
from bms.ports.clock import Clock
from bms.ports.drivers import DeviceHealth, Driver, Exchange
from drivers.bacnet.driver import BacnetDriver
from drivers.bacnet.link import BacnetLink
from drivers.fieldbus.write_budget_log import MemoryWriteCounter, WriteCounter
from drivers.mbus import link as mbus
from drivers.mbus.driver import MbusDriver
from drivers.mbus.kept_telegrams import MemoryTelegrams, TelegramKeeper
from drivers.mbus.link import MbusLink
from drivers.modbus.connection import endpoint_of
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.link import ModbusLink
from drivers.mqtt.driver import MqttDriver
from drivers.mqtt.link import BrokerKey, MqttLink


@dataclass(slots=True)
class _Links:
    """Connections by endpoint. Opened at the first request, not here."""

    clock: Clock
    timezone: str
    write_counter: WriteCounter
    meter_answers: TelegramKeeper
    bacnet: BacnetLink
    bind: str | None = None
    foreign: dict[Bbmd, BacnetLink] = field(default_factory=dict)
    """BACnet links that are registered at a BBMD."""
    modbus: dict[tuple[str, int], ModbusLink] = field(default_factory=dict)
    mbus: dict[tuple[str, int], MbusLink] = field(default_factory=dict)

    mqtt: dict[BrokerKey, MqttLink] = field(default_factory=dict)

    def all(self) -> tuple[ModbusLink | MbusLink | MqttLink | BacnetLink, ...]:
        """Every connection, of every protocol."""
        lines: tuple[ModbusLink | MbusLink, ...] = (*self.modbus.values(), *self.mbus.values())
        return (*lines, *self.mqtt.values(), *self.foreign.values(), self.bacnet)

    async def close_unused(self, devices: Collection[Device]) -> None:
        """Close the connections that none of these devices is reached over; that of BACnet, which
        is everybody's, stays."""
        of = {name: [d for d in devices if d.protocol == name] for name in DRIVERS}
        unused: list[_Link] = [
            *_taken(self.modbus, {endpoint_of(d).exclusive_key for d in of["modbus"]}),
            *_taken(self.mbus, {mbus.endpoint_of(d).exclusive_key for d in of["mbus"]}),
            *_taken(self.mqtt, {BrokerKey.of(d) for d in of["mqtt"]}),
            *_taken(self.foreign, {d.bbmd for d in of["bacnet"] if d.bbmd is not None}),
        ]
        await asyncio.gather(*(link.close() for link in unused))


class _Link(Protocol):
    async def close(self) -> None: ...


K = TypeVar("K")
L = TypeVar("L", bound=_Link)


def _taken(links: dict[K, L], used: Collection[K]) -> list[L]:
    """The connections that are not used, out of the table of those that are."""
    return [links.pop(key) for key in tuple(links) if key not in used]


class _NetworkDriver(Driver, Protocol):
    """A driver with health counters and a trace of its device."""

    @property
    def health(self) -> DeviceHealth: ...

    def trace(self) -> Sequence[Exchange]: ...


def _modbus(device: Device, links: _Links) -> _NetworkDriver:
    try:
        endpoint = endpoint_of(device)
    except ValueError as error:
        raise ConfigError(f"{device.id}: {error}") from error
    link = links.modbus.setdefault(endpoint.exclusive_key, ModbusLink(endpoint, links.clock))
    if not link.endpoint.can_share_with(endpoint):
        raise ConfigError(
            f"{device.id}: another device of {endpoint.name} has another framing or line setting"
        )
    link.require_pause(device.line_pause_s)
    return ModbusDriver(device, link, links.clock, links.timezone, links.write_counter)


def _bacnet(device: Device, links: _Links) -> _NetworkDriver:
    link = links.bacnet
    if device.bbmd is not None:
        link = links.foreign.setdefault(device.bbmd, BacnetLink(links.bind, device.bbmd))
    return BacnetDriver(device, link, links.clock, links.timezone)


def _mbus(device: Device, links: _Links) -> _NetworkDriver:
    if (device.primary is None) == (device.secondary is None):
        raise ConfigError(f"{device.id}: needs either a primary or a secondary address")
    endpoint = mbus.endpoint_of(device)
    link = links.mbus.setdefault(endpoint.exclusive_key, MbusLink(endpoint, links.clock))
    if link.endpoint != endpoint:
        raise ConfigError(f"{device.id}: another meter of {endpoint.name} has another line setting")
    return MbusDriver(
        device, link, links.clock, links.timezone, links.write_counter, links.meter_answers
    )


def _mqtt(device: Device, links: _Links) -> _NetworkDriver:
    key = BrokerKey.of(device)
    return MqttDriver(device, links.mqtt.setdefault(key, MqttLink(key)), links.clock)


DRIVERS: Mapping[str, Callable[[Device, _Links], _NetworkDriver]] = {
    "modbus": _modbus,
    "bacnet": _bacnet,
    "mbus": _mbus,
    "mqtt": _mqtt,
}


class NetworkDrivers:
    """Drivers of real devices (``bms.ports.drivers.Drivers``).

    ``timezone`` is the local time of the buildings, in which release timetables are read.
    ``bacnet_bind`` is the local BACnet/IP address ``ip/prefix:port``; without it
    ``drivers.bacnet.link.BacnetLink`` chooses one. ``write_counter`` keeps the counts of writes
    over restarts, ``meter_answers`` the last answers of meters that are asked rarely; without them
    both are kept in memory. Making one opens nothing.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        timezone: str = "Europe/Copenhagen",
        bacnet_bind: str | None = None,
        write_counter: WriteCounter | None = None,
        meter_answers: TelegramKeeper | None = None,
    ) -> None:
        self._links = _Links(
            clock,
            timezone,
            write_counter or MemoryWriteCounter(),
            meter_answers or MemoryTelegrams(),
            BacnetLink(bacnet_bind),
            bacnet_bind,
        )
        self._drivers: dict[Device, _NetworkDriver] = {}

    def driver(self, device: Device) -> Driver:
        """The one driver of a device. Raises ``ConfigError`` for an unknown protocol."""
        known = self._drivers.get(device)
        if known is not None:
            return known
        build = DRIVERS.get(device.protocol)
        if build is None:
            raise ConfigError(
                f"{device.id}: protocol {device.protocol!r} is none of {', '.join(DRIVERS)}"
            )
        return self._drivers.setdefault(device, build(device, self._links))

    def health(self) -> dict[str, DeviceHealth]:
        """The health counters of every device that has a driver, by device id."""
        return {device.id: driver.health for device, driver in tuple(self._drivers.items())}

    def trace(self, device_id: str) -> Sequence[Exchange]:
        """The last exchanges with a device, oldest first; empty for one that has no driver."""
        for device, driver in tuple(self._drivers.items()):
            if device.id == device_id:
                return driver.trace()
        return ()

    async def keep_only(self, devices: Collection[Device]) -> None:
        """See ``Drivers``. Requests in flight to others end with a quality or a failed receipt."""
        wanted = set(devices)
        for device in tuple(self._drivers):
            if device not in wanted:
                await self._drivers.pop(device).close()
        await self._links.close_unused(tuple(self._drivers))

    async def close(self) -> None:
        """Close every connection. Requests in flight end with a quality or a failed receipt."""
        await asyncio.gather(*(link.close() for link in self._links.all()))
        self._drivers.clear()
