"""A Modbus TCP server of register images, by pymodbus."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from pymodbus.simulator.simdevice import SimAction

from bms.model.assets.address import Table
from drivers.simulator.servers.loopback_ports import HOST, probe_tcp
from drivers.simulator.servers.modbus_registers import RegisterImage

_READS = {3: Table.HOLDING, 4: Table.INPUT}
_WRITES = (6, 16)
# pymodbus reports every refused request of a client as an error of its own
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)


class ModbusServer:
    """Several units on one loopback port, as behind a gateway."""

    def __init__(self, images: Sequence[RegisterImage]) -> None:
        self._images = images
        self._server: ModbusTcpServer | None = None

    async def start(self, port: int) -> int:
        """Listen on ``port`` (0 = any free one) and return the port.

        Raises ``bms.errors.ConfigError`` when it is in use.
        """
        port = probe_tcp(port)
        devices = [_device(image) for image in self._images]
        self._server = ModbusTcpServer([*devices, _nobody()], address=(HOST, port))
        await self._server.serve_forever(background=True)
        return port

    async def close(self) -> None:
        """Close the server."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]


def _device(image: RegisterImage) -> SimDevice:
    blocks = (_bits(), _bits(), _block(image, Table.HOLDING), _block(image, Table.INPUT))
    return SimDevice(id=image.map.unit, simdata=blocks, action=_action(image))


def _bits() -> list[SimData]:
    """pymodbus wants all four tables; the action refuses the two that the device has not."""
    return [SimData(0, values=[False] * 16, datatype=DataType.BITS)]


def _block(image: RegisterImage, table: Table) -> list[SimData]:
    addresses = image.addresses(table) or [0]
    return [SimData(a, values=0, datatype=DataType.REGISTERS) for a in addresses]


def _action(image: RegisterImage) -> SimAction:
    async def action(
        code: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if code in _WRITES:
            return _write(image, address, values)
        if code not in _READS:
            return ExcCodes.ILLEGAL_ADDRESS
        words = image.read(_READS[code], address, count)
        if not isinstance(words, list):
            return ExcCodes(words)
        registers[address - start : address - start + count] = words
        return None

    return action


def _write(image: RegisterImage, address: int, values: Sequence[int] | None) -> ExcCodes | None:
    if values is None:  # the echo of a write; it repeats the word that was sent
        return None
    refusal = image.write(address, values)
    return None if refusal is None else ExcCodes(refusal)


def _nobody() -> SimDevice:
    """Replies for units that do not exist with exception 0x0B, as a gateway does."""

    async def action(
        code: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        return ExcCodes.GATEWAY_NO_RESPONSE

    everything = SimData(0, count=65536, values=0, datatype=DataType.REGISTERS)
    return SimDevice(id=0, simdata=[everything], action=action)
