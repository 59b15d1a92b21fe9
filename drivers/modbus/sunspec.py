"""Finds the SunSpec models of a device: they follow one another from a known address.

Source: SunSpec Device Information Model Specification: "SunS", then models, each with its number
and its length; number 0xFFFF ends the list.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bms.errors import PermanentError
from bms.model.assets.address import DataType, ModbusAddress, Table
from drivers.fieldbus.errors import DeviceRefusal

BASES = (40000, 0, 50000)
"""Where the models may begin, in the order of how often they do."""
_MARK = b"SunS"
_COMMON = b"\x00\x01"
_END = 0xFFFF
_MOST_MODELS = 64
_HEAD = 2

ReadRegisters = Callable[[Table, int, int], Awaitable[bytes]]
"""(table, address, count) → the bytes of ``count`` registers."""


class NoSunSpec(PermanentError):
    """The device has no SunSpec models at any address where they belong."""


async def find_base(read_registers: ReadRegisters) -> int:
    """The address of the mark before the models. Raises ``NoSunSpec``, ``DeviceError``."""
    refusal: DeviceRefusal | None = None
    for base in BASES:
        try:
            if await read_registers(Table.HOLDING, base, _HEAD) == _MARK:
                return base
        except DeviceRefusal as error:
            refusal = error
    tried = ", ".join(map(str, BASES))
    raise NoSunSpec(f"no SunSpec mark in the holding registers {tried}") from refusal


async def find_models(read_registers: ReadRegisters) -> dict[int, int]:
    """Address of the first register of each model by its number; of equal numbers the first.

    Raises ``NoSunSpec``, and what ``read_registers`` raises.
    """
    base = await find_base(read_registers)
    models: dict[int, int] = {}
    address = base + _HEAD
    for _ in range(_MOST_MODELS):
        head = await read_registers(Table.HOLDING, address, _HEAD)
        number, length = int.from_bytes(head[:2], "big"), int.from_bytes(head[2:], "big")
        if number == _END:
            return models
        models.setdefault(number, address)
        address += _HEAD + length
        if address + _HEAD > 0x10000:
            break
    raise NoSunSpec(f"the list of SunSpec models at {base} has no end")


def common_block(image: bytes) -> bytes:
    """The common block (model 1) of the registers from their mark on. Raises ``NoSunSpec``."""
    if image[:4] != _MARK or image[4:6] != _COMMON:
        raise NoSunSpec("no SunSpec common block behind the mark")
    return image[4:]


def resolve_address(address: ModbusAddress, models: dict[int, int]) -> ModbusAddress | None:
    """The absolute address of a register of a model; None when the device has no such model.

    An address without a model is absolute already.
    """
    if address.model is None:
        return address
    start = models.get(address.model)
    if start is None:
        return None
    exponent = None if address.exponent is None else start + address.exponent
    return replace(address, address=start + address.address, exponent=exponent)


def model_id_address(start: int, table: Table) -> ModbusAddress:
    """The address of the model's number, its first register, to check that it has not moved."""
    return ModbusAddress(table=table, address=start, type=DataType.UINT16)
