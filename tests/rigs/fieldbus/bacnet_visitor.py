"""A plain bacpypes3 client with bounded patience."""

from __future__ import annotations

import asyncio
from typing import Any

from bacpypes3.apdu import ErrorRejectAbortNack
from bacpypes3.app import Application
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject
from bacpypes3.pdu import Address, IPv4Address
from bacpypes3.primitivedata import ObjectIdentifier

from drivers.simulator.servers.loopback_ports import probe_udp


class Visitor:
    """A building's visitor with a bounded patience."""

    def __init__(self, port: int) -> None:
        self._device = Address(f"127.0.0.1:{port}")
        self._app = Application.from_object_list(
            [
                DeviceObject(
                    objectIdentifier=("device", 4000000),
                    objectName="visitor",
                    vendorIdentifier=999,
                    apduTimeout=1000,
                    numberOfApduRetries=1,
                ),
                NetworkPortObject(
                    IPv4Address(f"127.0.0.1:{probe_udp(0)}"),
                    objectIdentifier=("network-port", 1),
                    objectName="np",
                    networkNumber=0,
                    networkNumberQuality="unknown",
                ),
            ]
        )

    async def read(self, target: str, prop: str = "present-value") -> Any:
        return await asyncio.wait_for(self._app.read_property(self._device, target, prop), 5)

    async def write(self, target: str, value: Any, priority: int | None = None) -> str | None:
        """The refusal in the device's words, None when it took the value."""
        return await self.write_property(target, "present-value", value, priority)

    async def write_property(
        self, target: str, prop: str, value: Any, priority: int | None = None
    ) -> str | None:
        """The refusal in the device's words, None when it took the value."""
        try:
            answer = await asyncio.wait_for(
                self._app.write_property(self._device, target, prop, value, priority=priority), 5
            )
        except ErrorRejectAbortNack as error:
            return str(error)
        return None if answer is None else str(answer)

    async def request(self, apdu: Any) -> str:
        """The answer to a confirmed request, in words."""
        apdu.pduDestination = self._device
        try:
            return str(await asyncio.wait_for(self._app.request(apdu), 5))
        except ErrorRejectAbortNack as error:
            return str(error)

    async def announce(self, apdu: Any) -> None:
        """Send an unconfirmed request."""
        apdu.pduDestination = self._device
        await self._app.request(apdu)

    async def slots(self, target: str) -> dict[int, float]:
        entries = await self.read(target, "priority-array")
        return {
            i: float(getattr(entry, entry._choice))
            for i, entry in enumerate(entries, start=1)
            if entry._choice != "null"
        }

    def changes(self, target: str) -> Any:
        return self._app.change_of_value(self._device, ObjectIdentifier(target), None, False, 60)

    def close(self) -> None:
        self._app.close()
