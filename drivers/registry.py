"""Which driver speaks to which device, and the connections that they share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bms.errors import ConfigError
from bms.model.site import Device
from bms.ports import Clock, Driver
from drivers.bacnet import BacnetLink
from drivers.bacnet_device import BacnetDriver
from drivers.modbus import ModbusLink
from drivers.modbus_device import ModbusDriver


@dataclass(slots=True)
class _Links:
    """Connections by endpoint. Opened at the first request, not here."""

    clock: Clock
    timezone: str
    bacnet: BacnetLink
    modbus: dict[tuple[str, int], ModbusLink] = field(default_factory=dict)


def _modbus(device: Device, links: _Links) -> Driver:
    link = links.modbus.setdefault((device.host, device.port), ModbusLink(device.host, device.port))
    return ModbusDriver(device, link, links.clock, links.timezone)


def _bacnet(device: Device, links: _Links) -> Driver:
    return BacnetDriver(device, links.bacnet, links.clock)


DRIVERS: Mapping[str, Callable[[Device, _Links], Driver]] = {
    "modbus": _modbus,
    "bacnet": _bacnet,
}


class NetworkDrivers:
    """Drivers of real devices (``bms.ports.Drivers``).

    ``timezone`` is the local time of the buildings, in which a ``timetable`` way back is read.
    ``bacnet_bind`` is the local BACnet/IP address ``ip/prefix:port``, where the choice of
    ``drivers.bacnet.BacnetLink`` does not suit. Making one opens nothing.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        timezone: str = "Europe/Copenhagen",
        bacnet_bind: str | None = None,
    ) -> None:
        self._links = _Links(clock, timezone, BacnetLink(bacnet_bind))
        self._drivers: dict[Device, Driver] = {}

    def driver(self, device: Device) -> Driver:
        """The one driver of a device. Raises ``ConfigError`` for a protocol that nobody speaks."""
        known = self._drivers.get(device)
        if known is not None:
            return known
        build = DRIVERS.get(device.protocol)
        if build is None:
            raise ConfigError(
                f"{device.id}: protocol {device.protocol!r} is none of {', '.join(DRIVERS)}"
            )
        return self._drivers.setdefault(device, build(device, self._links))

    async def close(self) -> None:
        """Close every connection. Requests in flight end with a quality or a failed receipt."""
        links: list[ModbusLink | BacnetLink] = [*self._links.modbus.values(), self._links.bacnet]
        await asyncio.gather(*(link.close() for link in links))
        self._drivers.clear()
