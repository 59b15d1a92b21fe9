"""Clients of pymodbus and bacpypes3, to compare the drivers with in benches."""

from __future__ import annotations

import asyncio

from bacpypes3.app import Application
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject
from bacpypes3.pdu import Address, IPv4Address
from pymodbus.client import AsyncModbusTcpClient

from drivers.simulator.servers.loopback_ports import HOST, probe_udp

_PATIENCE_S = 20.0


class ReferenceBacnetClient:
    """bacpypes3 with an application of its own, reading from the device at ``port``."""

    def __init__(self, port: int) -> None:
        self._device = Address(f"{HOST}:{port}")
        self._application = Application.from_object_list(
            [
                DeviceObject(
                    objectIdentifier=("device", 4_000_001),
                    objectName="rival",
                    vendorIdentifier=999,
                    maxApduLengthAccepted=1476,
                    segmentationSupported="segmentedBoth",
                    maxSegmentsAccepted=64,
                ),
                NetworkPortObject(
                    IPv4Address(f"{HOST}:{probe_udp(0)}"),
                    objectIdentifier=("network-port", 1),
                    objectName="port",
                    networkNumber=0,
                    networkNumberQuality="unknown",
                ),
            ]
        )

    async def read(self, batch: int) -> int:
        """The count of present values that came, with their status flags, in one request for those
        of analog inputs 1 to ``batch``."""
        wanted: list[object] = []
        for instance in range(1, batch + 1):
            wanted += [f"analog-input,{instance}", ["present-value", "status-flags"]]
        answers = await asyncio.wait_for(
            self._application.read_property_multiple(self._device, wanted), _PATIENCE_S
        )
        return len(answers) // 2

    def close(self) -> None:
        """Close its socket."""
        self._application.close()


class ReferenceModbusClient:
    """The asynchronous client of pymodbus, as its documentation uses it."""

    def __init__(self, host: str, port: int, timeout_s: float = 1.0) -> None:
        self._client = AsyncModbusTcpClient(host, port=port, timeout=timeout_s, retries=0)

    async def connect(self) -> None:
        """Connect. Raises ConnectionError."""
        if not await self._client.connect():
            raise ConnectionError("the stock client could not connect")

    async def read(self, unit: int, address: int, count: int) -> list[int]:
        """The values of holding registers. Raises ConnectionError for an error reply."""
        reply = await self._client.read_holding_registers(address, count=count, device_id=unit)
        if reply.isError():
            raise ConnectionError(str(reply))
        return list(reply.registers)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
